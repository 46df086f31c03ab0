"""A customer's order, and the wish to cancel (part of) it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from crossdock_schemas.base import (
    Address,
    Attribute,
    Canonical,
    Currency,
    ExactDecimal,
    Gtin,
    Id,
    Instant,
    Money,
    Name,
    Reference,
    Sku,
    Text,
    Units,
    Weight,
)

__all__ = [
    "Buyer",
    "Cancellation",
    "CancelledLine",
    "DeliveryKind",
    "Destination",
    "Discount",
    "FinancialStatus",
    "Gift",
    "Order",
    "OrderLine",
    "OrderStatus",
    "Promise",
    "ShippingLine",
    "TaxLine",
    "Totals",
]


class OrderStatus(StrEnum):
    """How the order stands at the channel."""

    PENDING = "pending"
    """Reserve stock, but do not ship: payment or checks are outstanding."""
    OPEN = "open"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class FinancialStatus(StrEnum):
    """How the payment stands."""

    PENDING = "pending"
    AUTHORISED = "authorised"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    UNKNOWN = "unknown"


class DeliveryKind(StrEnum):
    """How the goods get to the buyer."""

    SHIP = "ship"
    PICK_UP = "pick_up"
    """Picked up by the buyer at ``location``."""
    SHIP_TO_STORE = "ship_to_store"
    LOCAL = "local"
    """Delivered by the store itself."""


class TaxLine(Canonical):
    """One tax. ``rate`` is a fraction (0.0825 for 8.25 %)."""

    title: Name
    amount: Money
    rate: Annotated[ExactDecimal, Field(ge=0)] | None = None
    included: bool | None = None
    """Whether the price already holds it."""
    jurisdiction: Name | None = None
    withheld: bool | None = None
    """Collected and remitted by the channel (marketplace facilitator)."""


class Discount(Canonical):
    """One discount; ``amount`` is positive."""

    amount: Money
    code: Name | None = None
    title: Name | None = None
    kind: Name | None = None
    """As the channel calls it: ``fixed_amount``, ``percentage``, ``shipping``, ``coupon``."""
    value: ExactDecimal | None = None
    """Percent or amount before it was shared out."""


class Gift(Canonical):
    """Gift options."""

    message: Text | None = None
    wrap: Name | None = None
    wrap_price: Money | None = None


class Buyer(Canonical):
    """Who bought."""

    external_id: Id | None = None
    name: Name | None = None
    email: Name | None = None
    phone: Name | None = None
    company: Name | None = None
    company_id: Id | None = None
    company_location_id: Id | None = None
    tax_id: Name | None = None
    accepts_marketing: bool | None = None
    tags: tuple[Name, ...] = ()
    locale: Name | None = None


class Destination(Canonical):
    """Where lines go. An order has one, or several when it ships to several places."""

    id: Id
    kind: DeliveryKind = DeliveryKind.SHIP
    address: Address | None = None
    """Absent for a pick-up and for pending orders of marketplaces that hold it back."""
    location: Id | None = None
    """For a pick-up or ship-to-store: the store, as the channel names it."""


class Promise(Canonical):
    """What was promised or asked for. Dates of day granularity are widened by the mapping to instants."""

    ship_after: Instant | None = None
    ship_by: Instant | None = None
    deliver_after: Instant | None = None
    deliver_by: Instant | None = None
    service: Name | None = None
    """Shipping service level, such as ``standard``, ``expedited``, ``next_day``."""


class OrderLine(Canonical):
    """One line. Quantities are base units."""

    external_id: Id
    sku: Sku
    quantity: Annotated[Units, Field(ge=1)]
    """Units still wanted: ordered less what the channel has already cancelled or refunded before shipping."""
    quantity_ordered: Units | None = None
    quantity_fulfilled: Units | None = None
    """Units that were shipped before Crossdock knew of the order; they are not shipped again."""
    name: Name | None = None
    variant: Name | None = None
    vendor: Name | None = None
    product_id: Id | None = None
    variant_id: Id | None = None
    gtin: Gtin | None = None
    barcode: Name | None = None
    unit: Name = "EA"
    unit_price: Money | None = None
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    duties: tuple[TaxLine, ...] = ()
    taxable: bool | None = None
    requires_shipping: bool = True
    gift_card: bool = False
    gift: Gift | None = None
    weight: Weight | None = None
    """Of one unit."""
    destination: Id | None = None
    """``Destination.id``; the first one where absent."""
    group: Id | None = None
    """Lines of one group (a kit, a bundle, a set) ship together."""
    kit: Id | None = None
    """SKU of the kit that this line is a component of."""
    pre_order: bool = False
    available_from: Instant | None = None
    """Pre-order: not to be shipped before."""
    promise: Promise | None = None
    fulfilment_service: Name | None = None
    properties: tuple[Attribute, ...] = ()
    references: tuple[Reference, ...] = ()


class ShippingLine(Canonical):
    """What the buyer pays for shipping, and the service bought with it."""

    external_id: Id | None = None
    code: Name | None = None
    title: Name | None = None
    carrier: Name | None = None
    service: Name | None = None
    price: Money | None = None
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    destination: Id | None = None
    removed: bool = False
    phone: Name | None = None


class Totals(Canonical):
    """The channel's own totals; Crossdock never recomputes them, only compares."""

    lines: Money | None = None
    """Sum of lines before discounts."""
    discounts: Money | None = None
    shipping: Money | None = None
    taxes: Money | None = None
    duties: Money | None = None
    tips: Money | None = None
    total: Money | None = None
    outstanding: Money | None = None


class Order(Canonical):
    """A customer's order as it stands at its channel now.

    ``version`` orders the states of one order: a state with a lower version never overwrites a higher one.
    """

    external_id: Id
    number: Name | None = None
    """What the buyer sees."""
    version: Annotated[str, Field(min_length=1, max_length=64)]
    """Sorts as text in the order of changes; usually the channel's ``updated_at`` as an instant in UTC."""
    status: OrderStatus = OrderStatus.OPEN
    financial_status: FinancialStatus = FinancialStatus.UNKNOWN
    placed_at: Instant
    updated_at: Instant | None = None
    closed_at: Instant | None = None
    cancelled_at: Instant | None = None
    cancel_reason: Name | None = None
    currency: Currency
    presentment_currency: Currency | None = None
    """The currency the buyer saw, if another."""
    buyer: Buyer | None = None
    bill_to: Address | None = None
    destinations: tuple[Destination, ...] = ()
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=5_000)]
    shipping: tuple[ShippingLine, ...] = ()
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[TaxLine, ...] = ()
    taxes_included: bool | None = None
    tax_exempt: bool | None = None
    totals: Totals | None = None
    promise: Promise | None = None
    gift: Gift | None = None
    purchase_order: Name | None = None
    """The buyer's own purchase order number (B2B)."""
    payment_terms: Name | None = None
    payment_due: date | None = None
    payment_gateways: tuple[Name, ...] = ()
    sales_channel: Name | None = None
    """Where inside the channel it was sold: ``web``, ``pos``, a marketplace's site id."""
    programs: tuple[Name, ...] = ()
    """Programmes that bind the fulfilment, such as ``prime``."""
    origin_location: Id | None = None
    """Location the channel has assigned or the store that sold it."""
    note: Text | None = None
    tags: tuple[Name, ...] = ()
    risk: Name | None = None
    test: bool = False
    attributes: tuple[Attribute, ...] = ()
    references: tuple[Reference, ...] = ()

    @model_validator(mode="after")
    def _lines_and_destinations_fit(self) -> Order:
        seen: set[str] = set()
        for line in self.lines:
            if line.external_id in seen:
                raise ValueError(f"line {line.external_id} stands twice in the order: line ids must differ")
            seen.add(line.external_id)
        known = {destination.id for destination in self.destinations}
        for line in self.lines:
            if line.destination is not None and line.destination not in known:
                raise ValueError(
                    f"line {line.external_id} goes to destination {line.destination}, which is not listed"
                )
        return self


class CancelledLine(Canonical):
    """How much of one line is to be cancelled."""

    external_id: Id
    quantity: Annotated[Units, Field(ge=1)]


class Cancellation(Canonical):
    """The channel asks to cancel an order, or some of its lines.

    What a node has already shipped can't be cancelled any more: that is refused, and the channel told.
    """

    external_id: Id
    """The order's id at the channel."""
    version: Annotated[str, Field(min_length=1, max_length=64)]
    requested_at: Instant
    lines: tuple[CancelledLine, ...] = ()
    """Empty: the whole order."""
    reason: Name | None = None
    restock: bool | None = None
    references: tuple[Reference, ...] = ()

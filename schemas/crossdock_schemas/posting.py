"""What the ERP is told, and what it answers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crossdock_schemas.base import (
    Address,
    Canonical,
    Currency,
    Id,
    Instant,
    Money,
    Name,
    Reference,
    Sku,
    Units,
)
from crossdock_schemas.order import Buyer, Discount, TaxLine

__all__ = ["InvoicePosting", "PostingKind", "PostingLine", "PostingResult"]


class PostingKind(StrEnum):
    """What kind of business document is posted."""

    SALES_ORDER = "sales_order"
    INVOICE = "invoice"
    FULFILMENT = "fulfilment"
    CREDIT_NOTE = "credit_note"
    PURCHASE_ORDER = "purchase_order"
    """Of a ``PostingResult`` only: its document is a ``PurchaseOrder``."""


class PostingLine(Canonical):
    """One line as it is to stand in the books. Amounts are of the whole line."""

    order_line: Id
    sku: Sku
    quantity: Annotated[Units, Field(ge=1)]
    name: Name | None = None
    unit_price: Money | None = None
    net: Money | None = None
    discounts: tuple[Discount, ...] = ()
    taxes: tuple[TaxLine, ...] = ()


class InvoicePosting(Canonical):
    """What was shipped (or ordered, or credited), to be posted to the ERP once.

    ``external_id`` is ours and is the idempotency key at the ERP.
    """

    external_id: Id
    kind: PostingKind
    order: Id
    order_number: Name | None = None
    channel: Id
    posted_at: Instant
    currency: Currency
    buyer: Buyer | None = None
    bill_to: Address | None = None
    ship_to: Address | None = None
    shipment: Id | None = None
    fulfilment_order: Id | None = None
    node: Id | None = None
    tracking_numbers: tuple[Id, ...] = ()
    lines: Annotated[tuple[PostingLine, ...], Field(min_length=1)]
    shipping: Money | None = None
    """What the buyer pays for shipping: in a sales order only, however it is split."""
    shipping_taxes: tuple[TaxLine, ...] = ()
    """Taxes on ``shipping``."""
    purchase_order: Name | None = None
    total: Money | None = None
    references: tuple[Reference, ...] = ()


class PostingResult(Canonical):
    """The ERP's document for a posting."""

    external_id: Id
    document: Id
    kind: PostingKind | None = None
    references: tuple[Reference, ...] = ()

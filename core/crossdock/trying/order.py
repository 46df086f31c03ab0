"""An order to try: the few things that routing reads, or a whole canonical order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from crossdock.store.catalogue import Component
from crossdock_schemas.order import DeliveryKind, Order, OrderLine

__all__ = ["AddressToTry", "LineToTry", "OrderToTry", "canonical_order", "with_components"]

_encode = msgspec.json.Encoder(decimal_format="string").encode
_END_OF_DAY = time(23, 59, 59, tzinfo=UTC)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class AddressToTry(_Strict):
    """Where the goods go. Without latitude and longitude the post code or the city says where that is."""

    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    region: str | None = None
    """State or province, as an ISO 3166-2 suffix: ``CA``."""
    postal_code: str | None = None
    city: str | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None


class LineToTry(_Strict):
    """One order line."""

    sku: Annotated[str, Field(min_length=1)]
    quantity: Annotated[int, Field(ge=1, le=2_000_000_000)] = 1
    id: str | None = None
    """By default its place in the order: ``1``, ``2``, ..."""
    unit_price: Annotated[Decimal, Field(ge=0, max_digits=28)] | None = None
    """In the currency of the order."""
    weight_grams: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    """Of one unit, where the product says none."""
    kit: str | None = None
    """SKU of the kit that it is a component of: lines of one kit are of one group of kind ``kit``."""
    group: str | None = None
    """Lines of one group are of kind ``set``, unless they belong to a kit."""


class OrderToTry(_Strict):
    """An order to try: ``lines`` and where they go, or a canonical order as ``document``."""

    id: Annotated[str, Field(min_length=1, max_length=64)] = "1"
    channel: str | None = None
    """May be left out where there is only one."""
    ship_to: AddressToTry | None = None
    pick_up_at: str | None = None
    """Instead of ``ship_to``: the node, or the channel's own id of it."""
    lines: tuple[LineToTry, ...] = ()
    deliver_by: AwareDatetime | date | None = None
    """What the buyer was promised; by default what the channel promises (``ship_within``)."""
    placed_at: AwareDatetime | None = None
    """By default the instant of the trial."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    """By default the hub's."""
    service: str | None = None
    """The service level that the buyer asked for."""
    tags: tuple[str, ...] = ()
    document: Mapping[str, Any] | None = None
    """A canonical order (docs/reference/schemas.md), for several destinations and all the rest; ``external_id``,
    ``version``, ``placed_at`` and ``currency`` may be left out."""
    exclude_nodes: tuple[str, ...] = ()
    """Nodes that were tried already."""

    @model_validator(mode="after")
    def _one_way(self) -> OrderToTry:
        if self.document is not None:
            kept = {"id", "channel", "document", "exclude_nodes", "expect"}
            both = sorted(self.model_fields_set - kept)
            if both:
                raise ValueError(f"document holds the whole order; move {', '.join(both)} into it")
            return self
        if not self.lines:
            raise ValueError("give lines, or a document")
        if (self.ship_to is None) == (self.pick_up_at is None):
            raise ValueError("give ship_to, or pick_up_at, or a document")
        return self


def canonical_order(tried: OrderToTry, now: datetime, currency: str) -> Order:
    """The canonical order of ``tried``; ``currency`` is for an order that names none.

    Raises:
        pydantic.ValidationError: ``document`` is no canonical order.
    """
    head = {"external_id": tried.id, "version": "1", "placed_at": now, "currency": currency}
    body = dict(tried.document) if tried.document is not None else _short(tried, currency)
    return Order.model_validate_json(_encode({**head, **body}))


def with_components(order: Order, kits: Mapping[str, Sequence[Component]]) -> Order:
    """The order with the components of its kits in place of them, as the hub takes it in; ``kits`` are by SKU."""
    if not any(line.sku in kits for line in order.lines):
        return order
    lines = [part for line in order.lines for part in _components(line, kits.get(line.sku, ()))]
    return order.model_copy(update={"lines": tuple(lines)})


def _components(line: OrderLine, parts: Sequence[Component]) -> Sequence[OrderLine]:
    if not parts:
        return [line]
    return [
        line.model_copy(
            update={
                "external_id": f"{line.external_id}/{part.sku}",
                "sku": part.sku,
                "quantity": line.quantity * part.units,
                "quantity_fulfilled": (line.quantity_fulfilled or 0) * part.units,
                "group": line.external_id,
                "kit": line.sku,
                "unit_price": None,
                "weight": None,
            }
        )
        for part in parts
    ]


def _short(tried: OrderToTry, currency: str) -> dict[str, object]:
    currency = tried.currency or currency
    where: dict[str, object] = {"id": "1"}
    if tried.ship_to is not None:
        where["address"] = tried.ship_to.model_dump(exclude_none=True)
    else:
        where |= {"kind": DeliveryKind.PICK_UP.value, "location": tried.pick_up_at}
    order: dict[str, object] = {
        "currency": currency,
        "destinations": [where],
        "lines": [_line(line, number, currency) for number, line in enumerate(tried.lines, start=1)],
        "tags": tried.tags,
        "promise": {"service": tried.service, "deliver_by": _instant(tried.deliver_by)},
    }
    return order if tried.placed_at is None else {**order, "placed_at": tried.placed_at}


def _line(line: LineToTry, number: int, currency: str) -> dict[str, object]:
    found: dict[str, object] = {
        "external_id": line.id or str(number),
        "sku": line.sku,
        "quantity": line.quantity,
        "kit": line.kit,
        "group": line.group,
    }
    if line.unit_price is not None:
        found["unit_price"] = {"amount": line.unit_price, "currency": currency}
    if line.weight_grams is not None:
        found["weight"] = {"grams": line.weight_grams}
    return found


def _instant(at: datetime | date | None) -> datetime | None:
    if at is None or isinstance(at, datetime):
        return at
    return datetime.combine(at, _END_OF_DAY)

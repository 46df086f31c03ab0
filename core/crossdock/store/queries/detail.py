"""One order as it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from crossdock.store.metadata import decode_json
from crossdock.store.order_book import StoredOrder, load_orders

__all__ = ["DetailLine", "OrderDetail", "describe", "detail_of"]


@dataclass(frozen=True, slots=True)
class DetailLine:
    """An order line and where its units are."""

    line: str
    sku: str
    ordered: int
    cancelled: int
    allocated: int
    requested: int
    shipped: int
    short: int
    returned: int
    over_shipped: int


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """An order as it stands; ``document`` is its canonical document."""

    id: str
    connection: str
    channel: str
    external_id: str
    number: str | None
    version: str
    state: str
    hold: str | None
    reason: str | None
    placed_at: datetime
    deliver_by: datetime | None
    lines: tuple[DetailLine, ...]
    document: Mapping[str, object]


def describe(connection: Connection, order_id: str) -> OrderDetail | None:
    """An order as it stands; None where there is no such order."""
    order = load_orders(connection, [order_id], lock=False).get(order_id)
    return None if order is None else detail_of(order)


def detail_of(order: StoredOrder) -> OrderDetail:
    """An order that is loaded, as it is shown."""
    return OrderDetail(
        id=order.id,
        connection=order.connection,
        channel=order.channel,
        external_id=order.external_id,
        number=order.number,
        version=order.version,
        state=order.state.value,
        hold=order.hold,
        reason=order.reason,
        placed_at=order.placed_at,
        deliver_by=order.deliver_by,
        lines=tuple(DetailLine(line.line_id, line.sku, **_units(line.quantities)) for line in order.lines),
        document=decode_json(order.document),
    )


def _units(quantities: object) -> dict[str, int]:
    names = [name for name in DetailLine.__dataclass_fields__ if name not in ("line", "sku")]
    return {name: getattr(quantities, name) for name in names}

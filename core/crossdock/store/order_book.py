"""Orders with their lines: loaded and written a whole batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, convert
from sqlalchemy import Connection, FromClause, Select, Table, Text, select

from crossdock.orders.holds import Hold, Holds
from crossdock.orders.kits import Part
from crossdock.orders.life_cycles import OrderState
from crossdock.orders.quantities import LineQuantities
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.order_tables import order_lines, orders

__all__ = [
    "StoredLine",
    "StoredOrder",
    "load_orders",
    "save_orders",
]


class StoredLine(Struct, frozen=True):
    """One order line; ``position`` is its place in the order.

    Of a component of a kit ``kit_line`` is the channel's line, and ``per_kit`` how many units are in one kit.
    """

    line_id: str
    position: int
    sku: str
    quantities: LineQuantities
    kit_line: str | None = None
    per_kit: int = 1


class StoredOrder(Struct, frozen=True):
    """An order as the hub knows it.

    Attributes:
        id: ``connection:external_id``.
        version: Of the canonical document, which is kept as ``document`` (JSON).
        holds: Why nothing is sent to nodes; those that ended too.
        reason: Why it is where it is, in words: of a cancellation, of what can't be placed.
        decisions: How many routing decisions were made.
        route_at: When its unallocated units are to be routed (again); None when there is nothing to route.
        route_until: Until when that is tried.
    """

    id: str
    connection: str
    channel: str
    external_id: str
    number: str | None
    version: str
    state: OrderState
    holds: Holds
    reason: str | None
    priority: int
    placed_at: datetime
    deliver_by: datetime | None
    document: bytes
    raw_id: str | None
    correlation_id: str
    decisions: int
    route_at: datetime | None
    route_until: datetime | None
    created_at: datetime
    ship_by: datetime | None = None
    lines: tuple[StoredLine, ...] = ()

    @property
    def quantities(self) -> dict[str, LineQuantities]:
        """The units of each line."""
        return {line.line_id: line.quantities for line in self.lines}

    @property
    def parts(self) -> tuple[Part, ...]:
        """The lines' places in the channel's order."""
        return tuple([Part(line.line_id, line.kit_line or line.line_id, line.per_kit) for line in self.lines])

    @property
    def hold(self) -> str | None:
        """The names of the holds whose end has not been noted, for lists."""
        return ", ".join([hold.name for hold in self.holds if hold.ended_at is None]) or None

    @property
    def hold_until(self) -> datetime | None:
        """When the first of them ends by itself."""
        return min(
            (at for hold in self.holds if hold.ended_at is None and (at := hold.expires_at)), default=None
        )


_ORDER = tuple(name for name in StoredOrder.__struct_fields__ if name != "lines")
_UNITS = LineQuantities.__struct_fields__
_LINE = ("order_id", "line_id", "position", "sku", "kit_line", "per_kit", *_UNITS)


def _upsert(table: Table, columns: Sequence[str], key: Sequence[str], changing: Sequence[str]) -> InsertMany:
    return InsertMany(table, columns, conflict=key, update=lambda new: {name: new[name] for name in changing})


_save_orders = _upsert(
    orders,
    (*_ORDER, "hold", "hold_until", "updated_at"),
    ("id",),
    (
        "number",
        "version",
        "state",
        "holds",
        "hold",
        "hold_until",
        "reason",
        "priority",
        "deliver_by",
        "document",
        "raw_id",
        "decisions",
        "route_at",
        "route_until",
        "updated_at",
    ),
)
_save_lines = _upsert(order_lines, _LINE, ("order_id", "line_id"), ("sku", *_UNITS))


def _order_rows(wanted: FromClause) -> Select[Any]:
    return (
        select(*(orders.c[name] for name in _ORDER))
        .select_from(wanted)
        .join(orders, orders.c.id == wanted.c.value)
        .order_by(orders.c.id)
    )


_VALUE = {"value": Text()}
_orders = SelectMany(_VALUE, _order_rows)
_locked_orders = SelectMany(_VALUE, lambda wanted: _order_rows(wanted).with_for_update(of=orders))
_lines = SelectMany(
    _VALUE,
    lambda known: (
        select(*(order_lines.c[name] for name in _LINE))
        .select_from(known)
        .join(order_lines, order_lines.c.order_id == known.c.value)
        .order_by(order_lines.c.order_id, order_lines.c.position)
    ),
)


def load_orders(connection: Connection, ids: Iterable[str], *, lock: bool = True) -> dict[str, StoredOrder]:
    """Orders with their lines, by id; unknown ids are missing. ``lock`` holds them until the commit."""
    query = _locked_orders if lock else _orders
    rows = query(connection, [(each,) for each in sorted(set(ids))])
    lines: dict[str, list[StoredLine]] = {}
    found = _lines(connection, [(row.id,) for row in rows])
    for order_id, line_id, position, sku, kit_line, per_kit, *units in found:
        line = StoredLine(line_id, position, sku, LineQuantities(*units), kit_line, per_kit)
        lines.setdefault(order_id, []).append(line)
    return {row.id: _order(row, tuple(lines.get(row.id, ()))) for row in rows}


def save_orders(connection: Connection, changed: Sequence[StoredOrder], now: datetime) -> None:
    """Insert or update orders and their lines."""
    _save_orders(
        connection,
        [
            (*(getattr(order, name) for name in _ORDER), order.hold, order.hold_until, now)
            for order in changed
        ],
    )
    _save_lines(
        connection,
        [
            (
                order.id,
                line.line_id,
                line.position,
                line.sku,
                line.kit_line,
                line.per_kit,
                *(getattr(line.quantities, name) for name in _UNITS),
            )
            for order in changed
            for line in order.lines
        ],
    )


def _order(row: Any, lines: tuple[StoredLine, ...]) -> StoredOrder:
    values = row._asdict()
    values["state"] = OrderState(values["state"])
    values["holds"] = convert(values["holds"], tuple[Hold, ...]) if values["holds"] else ()
    return StoredOrder(**values, lines=lines)

"""Orders with their lines and fulfilment orders: loaded and written a whole batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, FromClause, Select, Table, Text, select

from crossdock.orders.fulfilment import Fulfilment, FulfilmentLine
from crossdock.orders.life_cycles import FulfilmentState, OrderState
from crossdock.orders.quantities import LineQuantities
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders, order_lines, orders

__all__ = [
    "StoredFulfilment",
    "StoredLine",
    "StoredOrder",
    "load_fulfilments",
    "load_fulfilments_of_orders",
    "load_orders",
    "save_fulfilments",
    "save_orders",
]


class StoredLine(Struct, frozen=True):
    """One order line; ``position`` is its place in the order."""

    line_id: str
    position: int
    sku: str
    quantities: LineQuantities


class StoredOrder(Struct, frozen=True):
    """An order as the hub knows it.

    Attributes:
        id: ``connection:external_id``.
        version: Of the canonical document, which is kept as ``document`` (JSON).
        hold: Why nothing is sent to nodes, such as ``pending``; empty when nothing holds it.
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
    hold: str | None
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
    lines: tuple[StoredLine, ...] = ()

    @property
    def quantities(self) -> dict[str, LineQuantities]:
        """The units of each line."""
        return {line.line_id: line.quantities for line in self.lines}


class StoredFulfilment(Struct, frozen=True):
    """A fulfilment order and what the hub notes beside its life cycle."""

    fulfilment: Fulfilment
    number: int
    connection: str | None
    attempt: int
    service: str
    carrier: str | None
    ship_by: datetime | None
    deliver_by: datetime | None
    costs: Mapping[str, Any]
    decision_id: str | None
    destination: str | None
    requested_at: datetime | None
    known_from: datetime | None
    created_at: datetime

    @property
    def id(self) -> str:
        """Of the fulfilment order."""
        return self.fulfilment.id


_ORDER = tuple(name for name in StoredOrder.__struct_fields__ if name != "lines")
_UNITS = LineQuantities.__struct_fields__
_LINE = ("order_id", "line_id", "position", "sku", *_UNITS)
_FULFILMENT = (
    "id",
    "order_id",
    "number",
    "node",
    "connection",
    "state",
    "attempt",
    "service",
    "carrier",
    "ship_by",
    "deliver_by",
    "costs",
    "decision_id",
    "destination",
    "tried_nodes",
    "messages",
    "requested_at",
    "known_from",
    "created_at",
)
_COUNTS = ("shipped", "rejected", "short", "cancelled", "to_cancel")
_FULFILMENT_LINE = ("id", "fulfilment_order_id", "order_line", "sku", "quantity", *_COUNTS, "open")


def _upsert(table: Table, columns: Sequence[str], key: Sequence[str], changing: Sequence[str]) -> InsertMany:
    return InsertMany(table, columns, conflict=key, update=lambda new: {name: new[name] for name in changing})


_save_orders = _upsert(
    orders,
    (*_ORDER, "updated_at"),
    ("id",),
    (
        "number",
        "version",
        "state",
        "hold",
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
_save_fulfilments = _upsert(
    fulfilment_orders,
    (*_FULFILMENT, "updated_at"),
    ("id",),
    ("state", "messages", "requested_at", "known_from", "updated_at"),
)
_save_fulfilment_lines = _upsert(fulfilment_order_lines, _FULFILMENT_LINE, ("id",), (*_COUNTS, "open"))


def _order_rows(wanted: FromClause) -> Select[Any]:
    return (
        select(*(orders.c[name] for name in _ORDER))
        .select_from(wanted)
        .join(orders, orders.c.id == wanted.c.value)
        .order_by(orders.c.id)
    )


def _fulfilment_rows(key: str) -> SelectMany:
    return SelectMany(
        _VALUE,
        lambda wanted: (
            select(*(fulfilment_orders.c[name] for name in _FULFILMENT))
            .select_from(wanted)
            .join(fulfilment_orders, fulfilment_orders.c[key] == wanted.c.value)
            .order_by(fulfilment_orders.c.order_id, fulfilment_orders.c.number)
        ),
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
_fulfilments_by = {key: _fulfilment_rows(key) for key in ("id", "order_id")}
_fulfilment_lines = SelectMany(
    _VALUE,
    lambda known: (
        select(*(fulfilment_order_lines.c[name] for name in _FULFILMENT_LINE))
        .select_from(known)
        .join(fulfilment_order_lines, fulfilment_order_lines.c.fulfilment_order_id == known.c.value)
        .order_by(fulfilment_order_lines.c.id)
    ),
)


def load_orders(connection: Connection, ids: Iterable[str], *, lock: bool = True) -> dict[str, StoredOrder]:
    """Orders with their lines, by id; unknown ids are missing. ``lock`` holds them until the commit."""
    query = _locked_orders if lock else _orders
    rows = query(connection, [(each,) for each in sorted(set(ids))])
    lines: dict[str, list[StoredLine]] = {}
    for order_id, line_id, position, sku, *units in _lines(connection, [(row.id,) for row in rows]):
        line = StoredLine(line_id, position, sku, LineQuantities(*units))
        lines.setdefault(order_id, []).append(line)
    return {row.id: _order(row, tuple(lines.get(row.id, ()))) for row in rows}


def save_orders(connection: Connection, changed: Sequence[StoredOrder], now: datetime) -> None:
    """Insert or update orders and their lines."""
    _save_orders(connection, [(*(getattr(order, name) for name in _ORDER), now) for order in changed])
    _save_lines(
        connection,
        [
            (order.id, line.line_id, line.position, line.sku, *(getattr(line.quantities, n) for n in _UNITS))
            for order in changed
            for line in order.lines
        ],
    )


def load_fulfilments(connection: Connection, ids: Iterable[str]) -> dict[str, StoredFulfilment]:
    """Fulfilment orders with their lines, by id; unknown ids are missing."""
    return _fulfilments(connection, "id", ids)


def load_fulfilments_of_orders(
    connection: Connection, order_ids: Iterable[str]
) -> dict[str, list[StoredFulfilment]]:
    """Fulfilment orders with their lines, by order, in the order in which they were made."""
    by_order: dict[str, list[StoredFulfilment]] = {}
    for stored in _fulfilments(connection, "order_id", order_ids).values():
        by_order.setdefault(stored.fulfilment.order, []).append(stored)
    for group in by_order.values():
        group.sort(key=lambda stored: stored.number)
    return by_order


def save_fulfilments(connection: Connection, changed: Sequence[StoredFulfilment], now: datetime) -> None:
    """Insert or update fulfilment orders and their lines."""
    _save_fulfilments(connection, [(*_fulfilment_row(stored), now) for stored in changed])
    _save_fulfilment_lines(
        connection,
        [
            (
                line.id,
                stored.id,
                line.order_line,
                line.sku,
                line.quantity,
                *(getattr(line, name) for name in _COUNTS),
                line.open,
            )
            for stored in changed
            for line in stored.fulfilment.lines
        ],
    )


def _fulfilment_row(stored: StoredFulfilment) -> tuple[Any, ...]:
    fulfilment = stored.fulfilment
    return (
        fulfilment.id,
        fulfilment.order,
        stored.number,
        fulfilment.node,
        stored.connection,
        fulfilment.state,
        stored.attempt,
        stored.service,
        stored.carrier,
        stored.ship_by,
        stored.deliver_by,
        stored.costs,
        stored.decision_id,
        stored.destination,
        sorted(fulfilment.tried_nodes),
        sorted(fulfilment.messages),
        stored.requested_at,
        stored.known_from,
        stored.created_at,
    )


def _fulfilments(connection: Connection, key: str, values: Iterable[str]) -> dict[str, StoredFulfilment]:
    rows = _fulfilments_by[key](connection, [(each,) for each in sorted(set(values))])
    lines: dict[str, list[FulfilmentLine]] = {}
    for name, of, order_line, sku, quantity, *counts, _ in _fulfilment_lines(
        connection, [(row.id,) for row in rows]
    ):
        lines.setdefault(of, []).append(FulfilmentLine(name, order_line, sku, quantity, *counts))
    return {row.id: _stored(row, tuple(lines.get(row.id, ()))) for row in rows}


def _order(row: Any, lines: tuple[StoredLine, ...]) -> StoredOrder:
    values = row._asdict()
    return StoredOrder(**{**values, "state": OrderState(values["state"])}, lines=lines)


def _stored(row: Any, lines: tuple[FulfilmentLine, ...]) -> StoredFulfilment:
    return StoredFulfilment(
        fulfilment=Fulfilment(
            id=row.id,
            order=row.order_id,
            node=row.node,
            state=FulfilmentState(row.state),
            lines=lines,
            tried_nodes=frozenset(row.tried_nodes),
            messages=frozenset(row.messages),
        ),
        number=row.number,
        connection=row.connection,
        attempt=row.attempt,
        service=row.service,
        carrier=row.carrier,
        ship_by=row.ship_by,
        deliver_by=row.deliver_by,
        costs=row.costs,
        decision_id=row.decision_id,
        destination=row.destination,
        requested_at=row.requested_at,
        known_from=row.known_from,
        created_at=row.created_at,
    )

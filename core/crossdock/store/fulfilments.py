"""Fulfilment orders with their lines: loaded and written a whole batch at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Text, select

from crossdock.orders.fulfilment import Fulfilment, FulfilmentLine
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders

__all__ = ["StoredFulfilment", "load_fulfilments", "load_fulfilments_of_orders", "save_fulfilments"]


class StoredFulfilment(Struct, frozen=True):
    """A fulfilment order and what the hub notes beside its life cycle.

    Attributes:
        cancel_reason: What the channel is told when the node agrees to cancel; None where the channel asked itself.
        collect_by: When a pick-up that is ready is called off, unless the buyer collects it.
        release_at: When the node is asked; None: as soon as no hold forbids it. Kept only until then.
        evaluate_at: When it is routed again, unless the node was asked before.
    """

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
    cancel_reason: str | None = None
    collect_by: datetime | None = None
    release_at: datetime | None = None
    evaluate_at: datetime | None = None

    @property
    def id(self) -> str:
        """Of the fulfilment order."""
        return self.fulfilment.id


_FULFILMENT = (
    "id",
    "order_id",
    "number",
    "node",
    "to_node",
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
    "cancel_reason",
    "collect_by",
    "release_at",
    "evaluate_at",
)
_CHANGING = (
    "state",
    "messages",
    "requested_at",
    "known_from",
    "cancel_reason",
    "collect_by",
    "release_at",
    "evaluate_at",
    "updated_at",
)
_COUNTS = ("shipped", "rejected", "short", "cancelled", "to_cancel")
_ON_THE_WAY = ("awaits", "to_come", "arrived")
_FULFILMENT_LINE = (
    "id",
    "fulfilment_order_id",
    "order_line",
    "sku",
    "quantity",
    *_COUNTS,
    "open",
    "lot",
    *_ON_THE_WAY,
)


_save_fulfilments = InsertMany(
    fulfilment_orders,
    (*_FULFILMENT, "updated_at"),
    conflict=("id",),
    update=lambda new: {name: new[name] for name in _CHANGING},
)
_save_fulfilment_lines = InsertMany(
    fulfilment_order_lines,
    _FULFILMENT_LINE,
    conflict=("id",),
    update=lambda new: {name: new[name] for name in (*_COUNTS, "open", "to_come", "arrived")},
)


_VALUE = {"value": Text()}


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


_rows_by = {key: _fulfilment_rows(key) for key in ("id", "order_id")}
_fulfilment_lines = SelectMany(
    _VALUE,
    lambda known: (
        select(*(fulfilment_order_lines.c[name] for name in _FULFILMENT_LINE))
        .select_from(known)
        .join(fulfilment_order_lines, fulfilment_order_lines.c.fulfilment_order_id == known.c.value)
        .order_by(fulfilment_order_lines.c.id)
    ),
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
                line.lot,
                *(getattr(line, name) for name in _ON_THE_WAY),
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
        fulfilment.to_node or None,
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
        stored.cancel_reason,
        stored.collect_by,
        None if fulfilment.requested else stored.release_at,
        None if fulfilment.requested else stored.evaluate_at,
    )


def _fulfilments(connection: Connection, key: str, values: Iterable[str]) -> dict[str, StoredFulfilment]:
    rows = _rows_by[key](connection, [(each,) for each in sorted(set(values))])
    lines: dict[str, list[FulfilmentLine]] = {}
    for row in _fulfilment_lines(connection, [(row.id,) for row in rows]):
        # All but ``open``, which follows from the others.
        line = FulfilmentLine(row[0], *row[2:10], *row[11:])
        lines.setdefault(row.fulfilment_order_id, []).append(line)
    return {row.id: _stored(row, tuple(lines.get(row.id, ()))) for row in rows}


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
            to_node=row.to_node or "",
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
        cancel_reason=row.cancel_reason,
        collect_by=row.collect_by,
        release_at=row.release_at,
        evaluate_at=row.evaluate_at,
    )

"""How much of everything there is: for ``crossdock status``, the metrics, the end of a demo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Connection, Table, and_, func, select

from crossdock.store.order_tables import fulfilment_orders, order_lines, orders, shipments, work_items
from crossdock.store.plumbing import commands, dead_letters, messages, processor_cursors
from crossdock.store.relaying import NO_TOPICS
from crossdock.store.stock_tables import positions

__all__ = ["CommandCount", "Totals", "Waiting", "load_totals"]


@dataclass(frozen=True, slots=True)
class CommandCount:
    """Commands of one connection, name and state."""

    connection: str
    name: str
    state: str
    count: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages that a processor has still to handle, and since when the first of them waits."""

    processor: str
    topic: str
    messages: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts by state; units are sums over all order lines and positions."""

    orders: Mapping[str, int]
    fulfilment_orders: Mapping[str, int]
    shipments: Mapping[str, int]
    units: Mapping[str, int]
    stock: Mapping[str, int]
    commands: tuple[CommandCount, ...]
    work_items: Mapping[str, int]
    dead_letters: Mapping[str, int]
    waiting: tuple[Waiting, ...]


_UNITS = ("ordered", "cancelled", "allocated", "shipped", "short", "returned", "over_shipped")
_BUCKETS = ("on_hand", "reserved", "allocated", "quarantined", "shortfall")


def load_totals(connection: Connection) -> Totals:
    """Count everything."""
    return Totals(
        orders=_by(connection, orders.c.state),
        fulfilment_orders=_by(connection, fulfilment_orders.c.state),
        shipments=_by(connection, shipments.c.state),
        units=_sums(connection, order_lines, _UNITS),
        stock=_sums(connection, positions, _BUCKETS),
        commands=_commands(connection),
        work_items=_by(connection, work_items.c.cause, work_items.c.state == "open"),
        dead_letters=_by(connection, dead_letters.c.stage, dead_letters.c.state == "open"),
        waiting=_waiting(connection),
    )


def _by(connection: Connection, column: Column[str], *conditions: object) -> dict[str, int]:
    counted = select(column, func.count()).where(*conditions).group_by(column).order_by(column)  # type: ignore[arg-type]
    return {row[0]: row[1] for row in connection.execute(counted)}


def _sums(connection: Connection, table: Table, names: tuple[str, ...]) -> dict[str, int]:
    row = connection.execute(select(*(func.coalesce(func.sum(table.c[name]), 0) for name in names))).one()
    return dict(zip(names, map(int, row), strict=True))


def _commands(connection: Connection) -> tuple[CommandCount, ...]:
    key = (commands.c.connection, commands.c.name, commands.c.state)
    rows = connection.execute(select(*key, func.count()).group_by(*key).order_by(*key))
    return tuple(CommandCount(*row) for row in rows)


def _waiting(connection: Connection) -> tuple[Waiting, ...]:
    behind = and_(messages.c.topic == processor_cursors.c.topic, messages.c.id > processor_cursors.c.position)
    rows = connection.execute(
        select(
            processor_cursors.c.processor,
            processor_cursors.c.topic,
            func.count(messages.c.id),
            func.min(messages.c.created_at, type_=messages.c.created_at.type),
        )
        .select_from(processor_cursors.outerjoin(messages, behind))
        .where(processor_cursors.c.topic.not_in(NO_TOPICS))
        .group_by(processor_cursors.c.processor, processor_cursors.c.topic)
        .order_by(processor_cursors.c.processor)
    )
    return tuple(Waiting(*row) for row in rows)

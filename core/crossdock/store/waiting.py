"""What waits: orders for stock, fulfilment orders for an answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select

from crossdock.store.order_tables import fulfilment_orders, orders

__all__ = [
    "DueOrder",
    "due_evaluations",
    "due_orders",
    "due_releases",
    "expired_holds",
    "silent_fulfilments",
    "uncollected",
    "waiting_by_channel",
]


class DueOrder(NamedTuple):
    """An order that is to be looked at again, since ``due_at``."""

    id: str
    connection: str
    correlation_id: str
    due_at: datetime


def due_orders(connection: Connection, now: datetime, limit: int) -> list[DueOrder]:
    """Orders whose time to be routed (again) has come: the longest waiting first, those of one run the most urgent
    first: by the day to ship by, else to deliver by, then by when they were placed.
    """
    by = func.coalesce(orders.c.ship_by, orders.c.deliver_by, type_=orders.c.ship_by.type)
    return _due(connection, orders.c.route_at, now, limit, by.asc().nulls_last(), orders.c.placed_at)


def waiting_by_channel(connection: Connection) -> dict[str, int]:
    """How many orders of each channel wait to be routed (again)."""
    rows = connection.execute(
        select(orders.c.channel, func.count())
        .where(orders.c.route_at.is_not(None))
        .group_by(orders.c.channel)
    )
    return {row[0]: row[1] for row in rows}


def expired_holds(connection: Connection, now: datetime, limit: int) -> list[DueOrder]:
    """Orders with a hold that has expired, the first to expire first."""
    return _due(connection, orders.c.hold_until, now, limit)


def _due(
    connection: Connection, at: ColumnElement[Any], now: datetime, limit: int, *then: ColumnElement[Any]
) -> list[DueOrder]:
    rows = connection.execute(
        select(orders.c.id, orders.c.connection, orders.c.correlation_id, at)
        .where(at.is_not(None), at <= now)
        .order_by(at, *then, orders.c.id)
        .limit(limit)
    )
    return [DueOrder(*row) for row in rows]


def due_releases(connection: Connection, now: datetime, limit: int) -> list[DueOrder]:
    """Orders with a fulfilment order that its node is to be asked for now, the longest due first."""
    return _unreleased(connection, fulfilment_orders.c.release_at, ("scheduled",), now, limit)


def due_evaluations(connection: Connection, now: datetime, limit: int) -> list[DueOrder]:
    """Orders with unreleased fulfilment orders that are to be routed again, the longest due first."""
    return _unreleased(connection, fulfilment_orders.c.evaluate_at, ("scheduled", "on_hold"), now, limit)


def _unreleased(
    connection: Connection, at: ColumnElement[Any], states: Sequence[str], now: datetime, limit: int
) -> list[DueOrder]:
    due = func.min(at, type_=at.type)
    rows = connection.execute(
        select(orders.c.id, orders.c.connection, orders.c.correlation_id, due)
        .join(fulfilment_orders, fulfilment_orders.c.order_id == orders.c.id)
        .where(at.is_not(None), at <= now, fulfilment_orders.c.state.in_(states))
        .group_by(orders.c.id, orders.c.connection, orders.c.correlation_id)
        .order_by(due, orders.c.id)
        .limit(limit)
    )
    return [DueOrder(*row) for row in rows]


def uncollected(connection: Connection, now: datetime, limit: int) -> list[str]:
    """Fulfilment orders that stand ready for the buyer, who has not come in time."""
    at = fulfilment_orders.c.collect_by
    rows = connection.execute(
        select(fulfilment_orders.c.id).where(at.is_not(None), at <= now).order_by(at).limit(limit)
    )
    return list(rows.scalars())


def silent_fulfilments(connection: Connection, before: datetime, limit: int) -> list[str]:
    """Fulfilment orders that a node was asked for ``before`` an instant and has said nothing of."""
    rows = connection.execute(
        select(fulfilment_orders.c.id)
        .where(
            fulfilment_orders.c.state.in_(["requested", "cancel_requested"]),
            fulfilment_orders.c.updated_at <= before,
        )
        .order_by(fulfilment_orders.c.updated_at)
        .limit(limit)
    )
    return list(rows.scalars())

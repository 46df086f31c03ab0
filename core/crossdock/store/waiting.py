"""What waits: orders for stock, fulfilment orders for an answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, select

from crossdock.store.order_tables import fulfilment_orders, orders

__all__ = ["DueOrder", "due_orders", "expired_holds", "silent_fulfilments", "uncollected"]


class DueOrder(NamedTuple):
    """An order that is to be looked at again, since ``due_at``."""

    id: str
    connection: str
    correlation_id: str
    due_at: datetime


def due_orders(connection: Connection, now: datetime, limit: int) -> list[DueOrder]:
    """Orders whose time to be tried again has come, the longest waiting first."""
    return _due(connection, orders.c.route_at, now, limit)


def expired_holds(connection: Connection, now: datetime, limit: int) -> list[DueOrder]:
    """Orders with a hold that has expired, the first to expire first."""
    return _due(connection, orders.c.hold_until, now, limit)


def _due(connection: Connection, at: ColumnElement[Any], now: datetime, limit: int) -> list[DueOrder]:
    rows = connection.execute(
        select(orders.c.id, orders.c.connection, orders.c.correlation_id, at)
        .where(at.is_not(None), at <= now)
        .order_by(at, orders.c.id)
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

"""What waits: orders for stock, fulfilment orders for an answer."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, select

from crossdock.store.order_tables import fulfilment_orders, orders

__all__ = ["DueOrder", "due_orders", "silent_fulfilments"]


class DueOrder(NamedTuple):
    """An order whose rest is to be routed again now."""

    id: str
    connection: str
    correlation_id: str
    route_at: datetime


def due_orders(connection: Connection, now: datetime, limit: int) -> list[DueOrder]:
    """Orders whose time to be tried again has come, the longest waiting first."""
    rows = connection.execute(
        select(orders.c.id, orders.c.connection, orders.c.correlation_id, orders.c.route_at)
        .where(orders.c.route_at.is_not(None), orders.c.route_at <= now)
        .order_by(orders.c.route_at, orders.c.id)
        .limit(limit)
    )
    return [DueOrder(*row) for row in rows]


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

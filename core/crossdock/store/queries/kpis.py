"""Five numbers that say how well the network fulfils; docs/kpis.md defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from statistics import median

from sqlalchemy import Connection, and_, case, func, select

from crossdock.store.order_tables import fulfilment_orders, orders, shipments, work_items
from crossdock.store.stock_tables import feeds

__all__ = ["Kpis", "Ratio", "load_kpis"]

_WHOLE = ("shipped", "closed")
_BROKEN = ("rejected", "short", "incomplete")
_COST_TERMS = ("shipping_cost", "handling_cost")


@dataclass(frozen=True, slots=True)
class Ratio:
    """``part`` of ``whole``; ``share`` (0 to 1, four digits) is None where there is nothing to divide by."""

    part: int
    whole: int
    share: Decimal | None

    @classmethod
    def of(cls, part: int, whole: int) -> Ratio:
        """The ratio of two counts."""
        return cls(part, whole, (Decimal(part) / whole).quantize(Decimal("0.0001")) if whole else None)


@dataclass(frozen=True, slots=True)
class Kpis:
    """The five, over the orders placed in a span of time.

    Attributes:
        routing_accuracy: Fulfilment orders that the node first asked shipped whole, of all that came to an end.
        cost_to_serve: Freight and handling of an order that shipped, in the hub's currency; mean.
        cycle_time_hours: From being placed to having shipped whole; median.
        inventory_accuracy: Counted positions that were as the ledger said; a node's first count is left out.
        exception_rate: Orders that somebody had to look at, of all orders.
    """

    routing_accuracy: Ratio
    cost_to_serve: Decimal | None
    cycle_time_hours: Decimal | None
    inventory_accuracy: Ratio
    exception_rate: Ratio


def load_kpis(connection: Connection, since: datetime, until: datetime) -> Kpis:
    """The KPIs of the orders placed from ``since`` to before ``until``, and of the counts taken in that time."""
    placed = and_(orders.c.placed_at >= since, orders.c.placed_at < until)
    return Kpis(
        routing_accuracy=_routing_accuracy(connection, since, until),
        cost_to_serve=_cost_to_serve(connection, since, until),
        cycle_time_hours=_cycle_time(connection, since, until),
        inventory_accuracy=_inventory_accuracy(connection, since, until),
        exception_rate=Ratio.of(
            connection.execute(
                select(func.count(func.distinct(orders.c.id)))
                .select_from(orders.join(work_items, work_items.c.order_id == orders.c.id))
                .where(placed)
            ).scalar_one(),
            connection.execute(select(func.count()).select_from(orders).where(placed)).scalar_one(),
        ),
    )


def _routing_accuracy(connection: Connection, since: datetime, until: datetime) -> Ratio:
    whole = func.coalesce(func.sum(case((fulfilment_orders.c.state.in_(_WHOLE), 1), else_=0)), 0)
    row = connection.execute(
        select(whole, func.count())
        .select_from(fulfilment_orders.join(orders, orders.c.id == fulfilment_orders.c.order_id))
        .where(
            orders.c.placed_at >= since,
            orders.c.placed_at < until,
            fulfilment_orders.c.state.in_((*_WHOLE, *_BROKEN)),
        )
    ).one()
    return Ratio.of(int(row[0]), row[1])


def _cost_to_serve(connection: Connection, since: datetime, until: datetime) -> Decimal | None:
    """What routing reckoned for the fulfilment orders that shipped."""
    rows = connection.execute(
        select(fulfilment_orders.c.order_id, fulfilment_orders.c.costs)
        .select_from(fulfilment_orders.join(orders, orders.c.id == fulfilment_orders.c.order_id))
        .where(orders.c.placed_at >= since, orders.c.placed_at < until, fulfilment_orders.c.state.in_(_WHOLE))
    )
    by_order: dict[str, Decimal] = {}
    for order_id, costs in rows:
        cost = sum((Decimal(costs[term]) for term in _COST_TERMS if term in costs), Decimal(0))
        by_order[order_id] = by_order.get(order_id, Decimal(0)) + cost
    if not by_order:
        return None
    return (sum(by_order.values(), Decimal(0)) / len(by_order)).quantize(Decimal("0.01"))


def _cycle_time(connection: Connection, since: datetime, until: datetime) -> Decimal | None:
    left = func.max(shipments.c.shipped_at, type_=shipments.c.shipped_at.type)
    rows = connection.execute(
        select(orders.c.placed_at, left)
        .select_from(orders.join(shipments, shipments.c.order_id == orders.c.id))
        .where(
            orders.c.placed_at >= since,
            orders.c.placed_at < until,
            orders.c.state.in_(("shipped", "closed")),
            shipments.c.shipped_at.is_not(None),
        )
        .group_by(orders.c.id, orders.c.placed_at)
    )
    # a node that tells the minute only seems to ship before the order was placed in it
    hours: Sequence[Decimal] = [
        Decimal(max(0, int((last - placed_at).total_seconds()))) / 3600 for placed_at, last in rows
    ]
    return median(hours).quantize(Decimal("0.01")) if hours else None


def _inventory_accuracy(connection: Connection, since: datetime, until: datetime) -> Ratio:
    earlier = feeds.alias("earlier")
    not_the_first = (
        select(earlier.c.node).where(earlier.c.node == feeds.c.node, earlier.c.as_of < feeds.c.as_of).exists()
    )
    row = connection.execute(
        select(
            func.coalesce(func.sum(feeds.c.mentioned), 0), func.coalesce(func.sum(feeds.c.drift_lines), 0)
        ).where(feeds.c.state == "closed", feeds.c.as_of >= since, feeds.c.as_of < until, not_the_first)
    ).one()
    counted, drifted = int(row[0]), int(row[1])
    return Ratio.of(max(0, counted - drifted), counted)

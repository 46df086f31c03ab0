"""Orders as they are listed and looked up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, func, literal, or_, select, tuple_

from crossdock.store.metadata import Instant
from crossdock.store.order_tables import order_lines, orders

__all__ = ["OrderFilter", "OrderPage", "OrderSummary", "Place", "find_orders", "list_orders"]


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders are wanted; what is empty does not restrict."""

    state: str | None = None
    connection: str | None = None
    channel: str | None = None
    external_id: str | None = None
    sku: str | None = None
    created_from: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended: the next one begins after this order."""

    created_at: datetime
    id: str


@dataclass(frozen=True, slots=True)
class OrderSummary:
    """An order in a list. Units are sums over its lines."""

    id: str
    channel: str
    connection: str
    external_id: str
    number: str | None
    state: str
    hold: str | None
    reason: str | None
    placed_at: datetime
    deliver_by: datetime | None
    created_at: datetime
    updated_at: datetime
    units_ordered: int
    units_allocated: int
    units_shipped: int
    units_cancelled: int


@dataclass(frozen=True, slots=True)
class OrderPage:
    """Orders, the newest first; ``next`` is None on the last page."""

    orders: tuple[OrderSummary, ...]
    next: Place | None


_SUMMARY = (
    "id",
    "channel",
    "connection",
    "external_id",
    "number",
    "state",
    "hold",
    "reason",
    "placed_at",
    "deliver_by",
    "created_at",
    "updated_at",
)
_UNITS = ("ordered", "allocated", "shipped", "cancelled")


def list_orders(
    connection: Connection, wanted: OrderFilter, *, after: Place | None = None, limit: int = 50
) -> OrderPage:
    """One page of orders, the newest first. Pages are cut by key: what arrives meanwhile moves nothing."""
    found = select(*(orders.c[name] for name in _SUMMARY)).where(*_conditions(wanted))
    if after is not None:
        ended = tuple_(literal(after.created_at, Instant()), literal(after.id, Text()))
        found = found.where(tuple_(orders.c.created_at, orders.c.id) < ended)
    page = found.order_by(orders.c.created_at.desc(), orders.c.id.desc()).limit(limit + 1).subquery("page")
    statement = (
        select(page, *(func.coalesce(func.sum(order_lines.c[name]), 0) for name in _UNITS))
        .select_from(page.outerjoin(order_lines, order_lines.c.order_id == page.c.id))
        .group_by(*page.c)
    )
    rows = connection.execute(statement.order_by(page.c.created_at.desc(), page.c.id.desc())).all()
    summaries = tuple(OrderSummary(*row[: len(_SUMMARY)], *map(int, row[len(_SUMMARY) :])) for row in rows)
    if len(summaries) <= limit:
        return OrderPage(summaries, None)
    last = summaries[limit - 1]
    return OrderPage(summaries[:limit], Place(last.created_at, last.id))


def find_orders(connection: Connection, reference: str, *, limit: int = 10) -> Sequence[str]:
    """Ids of the orders that people may mean by ``reference``: the hub's id, the channel's, or the number.

    An exact id of the hub is alone.
    """
    exact = connection.execute(select(orders.c.id).where(orders.c.id == reference)).scalar_one_or_none()
    if exact is not None:
        return [exact]
    numbers = [reference, f"#{reference}"]
    rows = connection.execute(
        select(orders.c.id)
        .where(or_(orders.c.external_id == reference, orders.c.number.in_(numbers)))
        .order_by(orders.c.created_at.desc(), orders.c.id)
        .limit(limit)
    )
    return list(rows.scalars())


def _conditions(wanted: OrderFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        orders.c[name] == value
        for name in ("state", "connection", "channel", "external_id")
        if (value := getattr(wanted, name)) is not None
    ]
    if wanted.created_from is not None:
        conditions.append(orders.c.created_at >= wanted.created_from)
    if wanted.created_before is not None:
        conditions.append(orders.c.created_at < wanted.created_before)
    if wanted.sku is not None:
        conditions.append(
            select(order_lines.c.order_id)
            .where(order_lines.c.order_id == orders.c.id, order_lines.c.sku == wanted.sku)
            .exists()
        )
    return conditions

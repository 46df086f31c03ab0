"""What every node may still promise, for a batch of orders, in one query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Text, bindparam, case, cast, func, literal_column, select

from crossdock.store.bulk import SelectMany
from crossdock.store.metadata import Instant, RowId
from crossdock.store.stock_tables import positions, reservations

__all__ = ["available_to_route"]

_NONE: ColumnElement[int] = literal_column("0")
_LAPSED: ColumnElement[int] = case(
    (
        positions.c.reserved > _NONE,
        select(cast(func.coalesce(func.sum(reservations.c.quantity), _NONE), RowId))
        .where(
            reservations.c.sku == positions.c.sku,
            reservations.c.node == positions.c.node,
            reservations.c.state == literal_column("'active'"),
            reservations.c.expires_at <= bindparam("at", type_=Instant()),
        )
        .correlate(positions)
        .scalar_subquery(),
    ),
    else_=_NONE,
)
"""Units that are still in ``reserved`` and hold nothing any more."""
_FREE = (
    positions.c.on_hand
    - positions.c.quarantined
    - positions.c.reserved
    - positions.c.allocated
    + positions.c.cover
    + _LAPSED
)
_available = SelectMany(
    {"sku": Text()},
    lambda wanted: (
        select(
            positions.c.sku,
            positions.c.node,
            _FREE,
            positions.c.on_hand - positions.c.quarantined,
            positions.c.fenced,
            _LAPSED,
        )
        .select_from(wanted)
        .join(positions, positions.c.sku == wanted.c.sku)
        .where(_FREE > _NONE)
    ),
)


def available_to_route(
    connection: Connection, skus: Iterable[str], now: datetime
) -> Sequence[tuple[str, str, int, int, int, int]]:
    """What every node may still promise of ``skus``, before safety stock and ring-fences:
    (SKU, node, units, sellable units on hand, units in ring-fences, units of lapsed reservations).

    ``units`` count what lapsed reservations hold; nodes that have none are left out.
    """
    return _available(connection, [(sku,) for sku in sorted(set(skus))], at=now)

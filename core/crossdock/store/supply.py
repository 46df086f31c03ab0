"""What every node may still promise, for a batch of orders: one query, and two more where something is held back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Text, bindparam, case, func, literal_column, select

from crossdock.inventory.lots import LotStock
from crossdock.inventory.ring_fences import RingFence
from crossdock.store import lots, ring_fences
from crossdock.store.bulk import SelectMany
from crossdock.store.metadata import Instant
from crossdock.store.stock_tables import positions, reservations

__all__ = ["StockRow", "Supply", "available_to_route", "lock_special"]

Key = tuple[str, str]
StockRow = tuple[str, str, int, int, int]
"""SKU, node, units that may be promised, sellable units on hand, and what is not zero where a second look is needed."""


class Supply(NamedTuple):
    """What may be promised before safety stock and ring-fences.

    Attributes:
        rows: A row for each position that has something; what lapsed reservations hold counts.
        lapsed: Positions with lapsed reservations: they have to be booked before somebody else has the units.
        fences: Of positions that have any.
        lots: Of positions that have any.
    """

    rows: Sequence[StockRow]
    lapsed: frozenset[Key]
    fences: dict[Key, list[RingFence]]
    lots: LotStock


_NONE: ColumnElement[int] = literal_column("0")
_BY_LOT: ColumnElement[int] = literal_column("-1")
_FREE = (
    positions.c.on_hand
    - positions.c.quarantined
    - positions.c.reserved
    - positions.c.allocated
    + positions.c.cover
)
_available = SelectMany(
    {"sku": Text()},
    lambda wanted: (
        select(
            positions.c.sku,
            positions.c.node,
            _FREE,
            positions.c.on_hand - positions.c.quarantined,
            # Units in reservations and ring-fences, or -1 for lots: a sixth column would cost all the others more.
            case((positions.c.by_lot > _NONE, _BY_LOT), else_=positions.c.fenced + positions.c.reserved),
        )
        .select_from(wanted)
        .join(positions, positions.c.sku == wanted.c.sku)
        .where((_FREE > _NONE) | (positions.c.reserved > _NONE))
    ),
)
_lapsed = SelectMany(
    {"sku": Text(), "node": Text()},
    lambda wanted: (
        select(reservations.c.sku, reservations.c.node, func.sum(reservations.c.quantity))
        .select_from(wanted)
        .join(
            reservations,
            (reservations.c.sku == wanted.c.sku)
            & (reservations.c.node == wanted.c.node)
            & (reservations.c.state == literal_column("'active'")),
        )
        .where(reservations.c.expires_at <= bindparam("at", type_=Instant()))
        .group_by(reservations.c.sku, reservations.c.node)
    ),
)
_locked_special = SelectMany(
    {"sku": Text(), "node": Text()},
    lambda wanted: (
        select(positions.c.sku, positions.c.node, _FREE, positions.c.fenced + positions.c.by_lot)
        .select_from(wanted)
        .join(positions, (positions.c.sku == wanted.c.sku) & (positions.c.node == wanted.c.node))
        .order_by(positions.c.sku, positions.c.node)
        .with_for_update(of=positions)
    ),
)
_HELD = itemgetter(4)


def available_to_route(connection: Connection, skus: Iterable[str], now: datetime) -> Supply:
    """What every node may still promise of ``skus``; nodes that have none may be left out."""
    rows = _available(connection, [(sku,) for sku in sorted(set(skus))])
    second = list(filter(_HELD, rows))
    if not second:
        return Supply(rows, frozenset(), {}, LotStock())
    held = [(row[0], row[1]) for row in second]
    by_lot = lots.load(connection, [(row[0], row[1]) for row in second if row[4] < 0])
    lapsed = {(row[0], row[1]): int(row[2]) for row in _lapsed(connection, held, at=now)}
    return Supply(_with_lapsed(rows, lapsed), frozenset(lapsed), ring_fences.load(connection, held), by_lot)


def lock_special(connection: Connection, keys: Sequence[Key]) -> dict[Key, int]:
    """Hold positions until the commit; returns the free units of those that have ring-fences or lots."""
    return {(sku, node): free for sku, node, free, special in _locked_special(connection, keys) if special}


def _with_lapsed(rows: Iterable[StockRow], lapsed: Mapping[Key, int]) -> list[StockRow]:
    return [
        (sku, node, units + (lapsed.get((sku, node), 0) if special else 0), sellable, special)
        for sku, node, units, sellable, special in rows
    ]

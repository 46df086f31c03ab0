"""Lots of positions. Whoever changes one holds the row lock of its position first.

What fulfilment orders are to take from a lot is read from their lines, so it is kept nowhere twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, Text, bindparam, case, func, literal_column, null, select, update

from crossdock.inventory.lots import Lot, LotMovement, LotStock, SinceCount
from crossdock.store.bulk import InsertMany, SelectMany, UpdateMany
from crossdock.store.metadata import Instant, RowId
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders
from crossdock.store.stock_tables import lot_movements, lots, positions

__all__ = ["book", "load", "mark_expired", "moved_since", "named_by_lines"]

Key = tuple[str, str]
_KEY = {"sku": Text(), "node": Text()}

_open = InsertMany(
    lots, ("sku", "node", "lot", "expires_on", "on_hand", "quarantined", "updated_at"), ignore=True
)
_add = UpdateMany(
    lots,
    ("sku", "node", "lot"),
    {"expires_on": Text(), "on_hand": RowId, "quarantined": RowId, "updated_at": Instant()},
    lambda new: {
        "expires_on": func.coalesce(new.expires_on, lots.c.expires_on),
        "on_hand": lots.c.on_hand + new.on_hand,
        "quarantined": lots.c.quarantined + new.quarantined,
        "noted_on": case((new.expires_on != lots.c.expires_on, null()), else_=lots.c.noted_on),
        "updated_at": new.updated_at,
    },
)
_record = InsertMany(lot_movements, (*LotMovement._fields, "recorded_at"))
_by_lot = UpdateMany(positions, ("sku", "node"), {}, lambda new: {"by_lot": literal_column("1")})
_lots_at = SelectMany(
    _KEY,
    lambda wanted: (
        select(lots.c.sku, lots.c.node, lots.c.lot, lots.c.expires_on, lots.c.on_hand, lots.c.quarantined)
        .select_from(wanted)
        .join(lots, (lots.c.sku == wanted.c.sku) & (lots.c.node == wanted.c.node))
        .order_by(lots.c.sku, lots.c.node, lots.c.lot)
    ),
)
_allocated_at = SelectMany(
    _KEY,
    lambda wanted: (
        select(
            fulfilment_order_lines.c.sku,
            fulfilment_orders.c.node,
            fulfilment_order_lines.c.lot,
            func.sum(fulfilment_order_lines.c.open),
        )
        .select_from(wanted)
        .join(
            fulfilment_order_lines,
            (fulfilment_order_lines.c.sku == wanted.c.sku)
            & (fulfilment_order_lines.c.open > literal_column("0"))
            & fulfilment_order_lines.c.lot.is_not(None),
        )
        .join(
            fulfilment_orders,
            (fulfilment_orders.c.id == fulfilment_order_lines.c.fulfilment_order_id)
            & (fulfilment_orders.c.node == wanted.c.node),
        )
        .group_by(fulfilment_order_lines.c.sku, fulfilment_orders.c.node, fulfilment_order_lines.c.lot)
    ),
)
_since = SelectMany(
    _KEY,
    lambda wanted: (
        select(
            lot_movements.c.sku,
            lot_movements.c.lot,
            func.sum(lot_movements.c.on_hand),
            func.sum(lot_movements.c.quarantined),
        )
        .select_from(wanted)
        .join(
            lot_movements,
            (lot_movements.c.sku == wanted.c.sku) & (lot_movements.c.node == wanted.c.node),
        )
        .where(
            lot_movements.c.as_of > bindparam("after", type_=Instant()),
            lot_movements.c.kind != literal_column("'counted'"),
        )
        .group_by(lot_movements.c.sku, lot_movements.c.lot)
    ),
)
_of_lines = SelectMany(
    {"id": Text()},
    lambda wanted: (
        select(fulfilment_order_lines.c.id, fulfilment_order_lines.c.lot)
        .select_from(wanted)
        .join(fulfilment_order_lines, fulfilment_order_lines.c.id == wanted.c.id)
        .where(fulfilment_order_lines.c.lot.is_not(None))
    ),
)


def load(connection: Connection, keys: Iterable[Key]) -> LotStock:
    """The lots of positions, empty ones included, with what fulfilment orders are to take from them."""
    wanted = sorted(set(keys))
    rows = _lots_at(connection, wanted)
    if not rows:
        return LotStock()
    held = {(row[0], row[1], row[2]): int(row[3]) for row in _allocated_at(connection, wanted)}
    stock = LotStock()
    for sku, node, lot, expires_on, on_hand, quarantined in rows:
        day = date.fromisoformat(expires_on) if expires_on else None
        found = Lot(sku, node, lot, day, on_hand, quarantined, held.get((sku, node, lot), 0))
        stock.lots.setdefault((sku, node), []).append(found)
    return stock


def book(
    connection: Connection,
    movements: Sequence[LotMovement],
    expiries: Mapping[tuple[str, str, str], date | None],
    now: datetime,
) -> None:
    """Add movements to their lots and write them down; a lot that did not exist is made.

    ``expiries`` names the last day of use of a lot, by SKU, node and lot, where it is heard of.
    """
    if not movements:
        return
    sums: dict[tuple[str, str, str], list[int]] = {}
    for each in movements:
        total = sums.setdefault((each.sku, each.node, each.lot), [0, 0])
        total[0] += each.on_hand
        total[1] += each.quarantined
    days = {key: day.isoformat() if (day := expiries.get(key)) else None for key in sums}
    keys = sorted(sums)
    # An insert's CHECK looks at the row as it comes: units are added to it after.
    _open(connection, [(*key, days[key], 0, 0, now) for key in keys])
    _add(connection, [(*key, days[key], *sums[key], now) for key in keys])
    _record(connection, [(*each, now) for each in movements])
    _by_lot(connection, sorted({(sku, node) for sku, node, _ in sums}))


def moved_since(
    connection: Connection, node: str, skus: Iterable[str], after: datetime
) -> dict[str, dict[str, SinceCount]]:
    """What moved in lots of ``node`` after an instant, by SKU and lot, counts left out."""
    found: dict[str, dict[str, SinceCount]] = {}
    for sku, lot, on_hand, quarantined in _since(
        connection, [(sku, node) for sku in sorted(set(skus))], after=after
    ):
        found.setdefault(sku, {})[lot] = SinceCount(int(on_hand), int(quarantined))
    return found


def named_by_lines(connection: Connection, lines: Iterable[str]) -> dict[str, str]:
    """The lots that lines of fulfilment orders are to be picked from, by line; a line without one is missing."""
    return {row[0]: row[1] for row in _of_lines(connection, [(line,) for line in sorted(set(lines))])}


def mark_expired(connection: Connection, today: date, limit: int) -> list[tuple[str, str, str]]:
    """SKU, node and name of lots whose last day is over and was not noted yet; they are noted now."""
    over = (lots.c.noted_on.is_(None), lots.c.expires_on < today.isoformat())
    rows = connection.execute(
        select(lots.c.sku, lots.c.node, lots.c.lot, lots.c.on_hand)
        .where(*over)
        .order_by(lots.c.expires_on, lots.c.sku, lots.c.node)
        .limit(limit)
    ).all()
    for sku, node, lot, _ in rows:
        connection.execute(
            update(lots)
            .where(lots.c.sku == sku, lots.c.node == node, lots.c.lot == lot)
            .values(noted_on=today.isoformat())
        )
    return [(sku, node, lot) for sku, node, lot, on_hand in rows if on_hand]

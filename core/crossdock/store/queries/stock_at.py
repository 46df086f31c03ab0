"""The stock of one SKU at any instant: the sum of its ledger."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Text, and_, case, func, literal_column, select

from crossdock.store.bulk import SelectMany
from crossdock.store.metadata import Instant
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders
from crossdock.store.queries.stock import (
    LotOfStock,
    NodeStock,
    PromisedStock,
    PromiseKind,
    SkuStock,
    restrictions_of,
)
from crossdock.store.stock_tables import ledger, lot_movements, lots, reservations

__all__ = ["load_stock_at"]


def load_stock_at(connection: Connection, sku: str, at: datetime) -> SkuStock:
    """The stock of ``sku`` as it was at ``at``, by all that is known of that instant now: the sum of the ledger."""
    restrictions = restrictions_of(connection, sku)
    counted = case((ledger.c.kind == literal_column("'counted'"), ledger.c.as_of))
    sums = (
        select(
            ledger.c.node,
            *(func.sum(ledger.c[name]) for name in ("on_hand", "reserved", "allocated", "quarantined")),
            func.max(counted, type_=Instant()),
        )
        .where(ledger.c.sku == sku, ledger.c.as_of <= at)
        .group_by(ledger.c.node)
        .order_by(ledger.c.node)
    )
    nodes = []
    for node, *units, as_of in map(tuple, connection.execute(sums)):
        on_hand, reserved, allocated, quarantined = map(int, units)
        free = on_hand - quarantined - reserved - allocated
        nodes.append(
            NodeStock(node, on_hand, reserved, allocated, quarantined, max(0, free), 0, max(0, -free), as_of)
        )
    return SkuStock(
        sku,
        at,
        restrictions is not None,
        tuple(restrictions or ()),
        tuple(nodes),
        _promised_at(connection, sku, at),
        lots=_lots_at(connection, sku, at),
    )


def _lots_at(connection: Connection, sku: str, at: datetime) -> tuple[LotOfStock, ...]:
    """The lots as the sum of their own ledger, with the expiry dates that are known now."""
    of_lot = (lots.c.sku == lot_movements.c.sku) & (lots.c.node == lot_movements.c.node)
    sums = (
        select(
            lot_movements.c.lot,
            lot_movements.c.node,
            lots.c.expires_on,
            func.sum(lot_movements.c.on_hand),
            func.sum(lot_movements.c.quarantined),
        )
        .join(lots, of_lot & (lots.c.lot == lot_movements.c.lot))
        .where(lot_movements.c.sku == sku, lot_movements.c.as_of <= at)
        .group_by(lot_movements.c.lot, lot_movements.c.node, lots.c.expires_on)
        .order_by(lot_movements.c.node, lot_movements.c.lot)
    )
    found = []
    for lot, node, expires_on, on_hand, quarantined in connection.execute(sums):
        day = date.fromisoformat(expires_on) if expires_on else None
        expired = day is not None and day < at.date()
        if on_hand:
            found.append(LotOfStock(lot, node, day, int(on_hand), int(quarantined), 0, expired))
    return tuple(found)


_BUCKETS = ((PromiseKind.RESERVATION, 2), (PromiseKind.ALLOCATION, 3))
_orders_of = SelectMany(
    {"line": Text()},
    lambda wanted: (
        select(fulfilment_order_lines.c.id, fulfilment_orders.c.order_id)
        .select_from(wanted)
        .join(fulfilment_order_lines, fulfilment_order_lines.c.id == wanted.c.line)
        .join(fulfilment_orders, fulfilment_orders.c.id == fulfilment_order_lines.c.fulfilment_order_id)
    ),
)
_expiries_of = SelectMany(
    {"key": Text(), "sku": Text()},
    lambda wanted: (
        select(reservations.c.key, reservations.c.expires_at)
        .select_from(wanted)
        .join(reservations, and_(reservations.c.key == wanted.c.key, reservations.c.sku == wanted.c.sku))
    ),
)


def _promised_at(connection: Connection, sku: str, at: datetime) -> tuple[PromisedStock, ...]:
    """Whom units were promised to: the id of a movement begins with its promise, before a ``|``, ``>`` or ``@``."""
    rows = connection.execute(
        select(ledger.c.node, ledger.c.external_id, func.sum(ledger.c.reserved), func.sum(ledger.c.allocated))
        .where(
            ledger.c.sku == sku,
            ledger.c.as_of <= at,
            (ledger.c.reserved != literal_column("0")) | (ledger.c.allocated != literal_column("0")),
        )
        .group_by(ledger.c.node, ledger.c.external_id)
    )
    units: dict[tuple[PromiseKind, str, str], int] = {}
    for row in rows:
        for kind, column in _BUCKETS:
            holder = (kind, row.node, _promise_of(kind, row.external_id))
            units[holder] = units.get(holder, 0) + int(row[column])
    open_units = {holder: quantity for holder, quantity in sorted(units.items()) if quantity}
    keys = sorted({key for _, _, key in open_units})
    orders = {row.id: row.order_id for row in _orders_of(connection, [(key,) for key in keys])}
    expiries: dict[str, Any] = {
        row.key: row.expires_at for row in _expiries_of(connection, [(key, sku) for key in keys])
    }
    return tuple(
        PromisedStock(
            kind,
            key,
            node,
            quantity,
            orders.get(key),
            expiries.get(key) if kind is PromiseKind.RESERVATION else None,
        )
        for (kind, node, key), quantity in open_units.items()
    )


def _promise_of(kind: PromiseKind, external_id: str) -> str:
    if kind is PromiseKind.ALLOCATION:
        return external_id.partition("|")[0]
    return external_id.partition(">")[0].partition("@")[0]

"""Supply that is due, and who waits for it. Whoever changes either holds the row lock of the position first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, delete, literal_column, select

from crossdock.inventory.back_orders import BackOrder
from crossdock.inventory.inbound import Inbound
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.stock_tables import back_orders, inbound

__all__ = ["load", "of_orders", "of_positions", "of_skus", "remove", "save", "save_back_orders", "waiting_at"]

Key = tuple[str, str]
_INBOUND = ("id", "sku", "node", "quantity", "due")
_BACK_ORDER = ("key", "order_id", "line_id", "sku", "node", "quantity", "to_come", "created_at")
_POSITION = {"sku": Text(), "node": Text()}

_save = InsertMany(
    inbound,
    (*_INBOUND, "updated_at"),
    conflict=("id",),
    update=lambda new: {name: new[name] for name in ("quantity", "due", "updated_at")},
)
_save_back_orders = InsertMany(
    back_orders, _BACK_ORDER, conflict=("key",), update=lambda new: {"to_come": new.to_come}
)
_supply_of_skus = SelectMany(
    {"sku": Text()},
    lambda wanted: (
        select(*(inbound.c[name] for name in _INBOUND))
        .select_from(wanted)
        .join(inbound, inbound.c.sku == wanted.c.sku)
        .where(inbound.c.quantity > literal_column("0"))
        .order_by(inbound.c.due, inbound.c.id)
    ),
)
_supply_at = SelectMany(
    _POSITION,
    lambda wanted: (
        select(*(inbound.c[name] for name in _INBOUND))
        .select_from(wanted)
        .join(inbound, (inbound.c.sku == wanted.c.sku) & (inbound.c.node == wanted.c.node))
        .where(inbound.c.quantity > literal_column("0"))
    ),
)
_waiting_at = SelectMany(
    _POSITION,
    lambda wanted: (
        select(*(back_orders.c[name] for name in _BACK_ORDER))
        .select_from(wanted)
        .join(back_orders, (back_orders.c.sku == wanted.c.sku) & (back_orders.c.node == wanted.c.node))
    ),
)
_of_orders = SelectMany(
    {"order": Text()},
    lambda wanted: (
        select(*(back_orders.c[name] for name in _BACK_ORDER))
        .select_from(wanted)
        .join(back_orders, back_orders.c.order_id == wanted.c.order)
        .order_by(back_orders.c.created_at, back_orders.c.key)
    ),
)


def load(connection: Connection, inbound_id: str) -> Inbound | None:
    """A row of supply; None where there is none of this id."""
    row = connection.execute(
        select(*(inbound.c[name] for name in _INBOUND)).where(inbound.c.id == inbound_id)
    ).one_or_none()
    return Inbound(*row) if row else None


def save(connection: Connection, rows: Sequence[Inbound], now: datetime) -> None:
    """Insert or update supply; SKU and node of a row stay."""
    _save(connection, [(row.id, row.sku, row.node, row.quantity, row.due, now) for row in rows])


def of_skus(connection: Connection, skus: Iterable[str]) -> list[Inbound]:
    """Supply of SKUs that has not arrived, soonest first."""
    return [Inbound(*row) for row in _supply_of_skus(connection, [(sku,) for sku in sorted(set(skus))])]


def of_positions(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[Inbound]]:
    """Supply by position; one that expects none is missing."""
    found: dict[Key, list[Inbound]] = {}
    for row in _supply_at(connection, sorted(set(keys))):
        found.setdefault((row.sku, row.node), []).append(Inbound(*row))
    return found


def waiting_at(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[BackOrder]]:
    """Back-orders by position; one without any is missing."""
    found: dict[Key, list[BackOrder]] = {}
    for row in _waiting_at(connection, sorted(set(keys))):
        found.setdefault((row.sku, row.node), []).append(BackOrder(*row))
    return found


def of_orders(connection: Connection, orders: Iterable[str]) -> list[BackOrder]:
    """Back-orders of orders, the oldest first."""
    return [BackOrder(*row) for row in _of_orders(connection, [(each,) for each in sorted(set(orders))])]


def save_back_orders(connection: Connection, changed: Sequence[BackOrder]) -> None:
    """Insert back-orders, or update what is still to come of them."""
    rows: list[tuple[Any, ...]] = [tuple(getattr(each, name) for name in _BACK_ORDER) for each in changed]
    _save_back_orders(connection, rows)


def remove(connection: Connection, keys: Iterable[str]) -> None:
    """Forget back-orders: they have their units, or need none any more."""
    connection.execute(delete(back_orders).where(back_orders.c.key.in_(sorted(keys))))

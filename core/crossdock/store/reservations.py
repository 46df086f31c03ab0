"""Soft reservations.

Whoever changes a reservation holds the row lock of its position first, and reads the reservation after that: so two
changes of one reservation come one after the other, and the second sees what the first has made of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, bindparam, case, delete, literal_column, select, text

from crossdock.inventory.position import Movement, Position
from crossdock.inventory.promises import Reservation, ReservationState, expire
from crossdock.store import ring_fences
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.metadata import Instant
from crossdock.store.stock import book_promises, load_positions
from crossdock.store.stock_tables import reservations

__all__ = ["add", "lapsed", "load", "lock_key", "lock_positions", "move", "order_of", "save"]

Key = tuple[str, str]
_COLUMNS = ("key", "sku", "node", "quantity", "expires_at", "state", "channel")
_ACTIVE = reservations.c.state == literal_column("'active'")

_KEY_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

_add = InsertMany(reservations, (*_COLUMNS, "updated_at"))
_save = InsertMany(
    reservations,
    (*_COLUMNS, "order_id", "updated_at"),
    conflict=("key", "sku", "node"),
    update=lambda new: {name: new[name] for name in ("expires_at", "state", "order_id", "updated_at")},
)
_arrive = InsertMany(
    reservations,
    (*_COLUMNS, "updated_at"),
    conflict=("key", "sku", "node"),
    update=lambda new: {
        # A line that holds nothing any more, because its node had less than was promised, holds what arrives.
        "quantity": new.quantity + case((_ACTIVE, reservations.c.quantity), else_=literal_column("0")),
        **{name: new[name] for name in ("expires_at", "state", "updated_at")},
    },
)
_of_keys = SelectMany(
    {"wanted": Text()},
    lambda wanted: (
        select(*(reservations.c[name] for name in _COLUMNS))
        .select_from(wanted)
        .join(reservations, reservations.c.key == wanted.c.wanted)
        .order_by(reservations.c.key, reservations.c.sku, reservations.c.node)
    ),
)
_lapsed_at = SelectMany(
    {"sku": Text(), "node": Text()},
    lambda wanted: (
        select(*(reservations.c[name] for name in _COLUMNS))
        .select_from(wanted)
        .join(
            reservations,
            (reservations.c.sku == wanted.c.sku) & (reservations.c.node == wanted.c.node) & _ACTIVE,
        )
        .where(reservations.c.expires_at <= bindparam("at", type_=Instant()))
        .order_by(reservations.c.expires_at, reservations.c.key)
    ),
)


def load(connection: Connection, keys: Iterable[str]) -> dict[str, list[Reservation]]:
    """Reservations by key, one for each SKU and node, sorted by them."""
    found: dict[str, list[Reservation]] = {}
    for row in _of_keys(connection, [(key,) for key in sorted(set(keys))]):
        found.setdefault(row.key, []).append(_reservation(row))
    return found


def order_of(connection: Connection, key: str) -> str | None:
    """The order that the reservation of ``key`` was confirmed for."""
    return connection.execute(
        select(reservations.c.order_id).where(reservations.c.key == key).limit(1)
    ).scalar_one_or_none()


def lapsed(connection: Connection, now: datetime, limit: int) -> list[Key]:
    """Positions with active reservations that hold nothing any more, the oldest first."""
    rows = connection.execute(
        select(reservations.c.sku, reservations.c.node)
        .where(_ACTIVE, reservations.c.expires_at <= now)
        .order_by(reservations.c.expires_at)
        .limit(limit)
    )
    return sorted({(row.sku, row.node) for row in rows})


def lock_positions(connection: Connection, keys: Sequence[Key], now: datetime) -> dict[Key, Position]:
    """Positions, locked until the commit; what has lapsed there is booked: until then it stands in ``reserved``, and
    the CHECK counts it. Positions that do not exist are missing.
    """
    positions = load_positions(connection, keys, lock=True)
    if not any(position.reserved for position in positions.values()):
        return positions
    ended: list[Reservation] = []
    movements: list[Movement] = []
    for row in _lapsed_at(connection, sorted(positions), at=now):
        each = _reservation(row)
        result = expire(positions[each.sku, each.node], each, now, "hub")
        positions[each.sku, each.node] = result.positions[0]
        movements.extend(result.movements)
        ended.append(result.reservation)
    if ended:
        book_promises(connection, movements, now)
        ring_fences.give_back(
            connection, [(each.key, each.sku, each.node, each.quantity) for each in ended], now
        )
        save(connection, ended, now)
    return positions


def lock_key(connection: Connection, key: str) -> None:
    """Let nobody else make a reservation of ``key`` before the commit; SQLite has one writer anyhow."""
    if connection.dialect.name == "postgresql":
        connection.execute(_KEY_LOCK, {"key": f"reservation:{key}"})


def add(connection: Connection, new: Sequence[Reservation], now: datetime) -> None:
    """Insert reservations of keys that are locked and that nobody has."""
    _add(connection, [(*_values(each), now) for each in new])


def move(connection: Connection, leaving: Sequence[Reservation], node: str, now: datetime) -> None:
    """Hold at ``node`` what was held elsewhere, together with what is held there already under the same key."""
    for each in leaving:
        of_key = (reservations.c.key == each.key) & (reservations.c.sku == each.sku)
        connection.execute(delete(reservations).where(of_key, reservations.c.node == each.node))
        _arrive(connection, [(*_values(replace(each, node=node)), now)])


def save(
    connection: Connection,
    changed: Sequence[Reservation],
    now: datetime,
    orders: Mapping[str, str] | None = None,
) -> None:
    """Update reservations; ``orders`` names by key what they were confirmed for."""
    of_key = orders or {}
    _save(connection, [(*_values(each), of_key.get(each.key), now) for each in changed])


def _values(each: Reservation) -> tuple[Any, ...]:
    return (each.key, each.sku, each.node, each.quantity, each.expires_at, each.state.value, each.channel)


def _reservation(row: Any) -> Reservation:
    state = ReservationState(row.state)
    return Reservation(row.key, row.sku, row.node, row.quantity, row.expires_at, state, row.channel)

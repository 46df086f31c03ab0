"""Soft reservations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Text, literal_column, select

from crossdock.inventory.promises import Reservation, ReservationState
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.stock_tables import reservations

__all__ = ["lapsed", "load", "save"]

_COLUMNS = ("key", "sku", "node", "quantity", "expires_at", "state")
_save = InsertMany(
    reservations,
    (*_COLUMNS, "updated_at"),
    conflict=("key", "sku"),
    update=lambda new: {name: new[name] for name in ("node", "expires_at", "state", "updated_at")},
)


_of_keys = SelectMany(
    {"wanted": Text()},
    lambda wanted: (
        select(*(reservations.c[name] for name in _COLUMNS))
        .select_from(wanted)
        .join(reservations, reservations.c.key == wanted.c.wanted)
        .order_by(reservations.c.key, reservations.c.sku)
    ),
)


def load(connection: Connection, keys: Sequence[str]) -> dict[str, list[Reservation]]:
    """Reservations by key, one for each SKU."""
    found: dict[str, list[Reservation]] = {}
    for row in _of_keys(connection, [(key,) for key in sorted(set(keys))]):
        found.setdefault(row.key, []).append(_reservation(row))
    return found


def lapsed(connection: Connection, now: datetime, limit: int) -> list[Reservation]:
    """Active reservations that hold nothing any more, the oldest first."""
    rows = connection.execute(
        select(*(reservations.c[name] for name in _COLUMNS))
        .where(reservations.c.state == literal_column("'active'"), reservations.c.expires_at <= now)
        .order_by(reservations.c.expires_at)
        .limit(limit)
    )
    return [_reservation(row) for row in rows]


def save(connection: Connection, changed: Sequence[Reservation], now: datetime) -> None:
    """Insert or update reservations."""
    _save(
        connection,
        [
            (each.key, each.sku, each.node, each.quantity, each.expires_at, each.state.value, now)
            for each in changed
        ],
    )


def _reservation(row: Any) -> Reservation:
    return Reservation(row.key, row.sku, row.node, row.quantity, row.expires_at, ReservationState(row.state))

"""Returns: what buyers want to send back, and what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, Text, select

from crossdock.orders.life_cycles import ReturnState
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.order_tables import return_lines, returns

__all__ = ["StoredReturn", "StoredReturnLine", "load_returns", "save_returns"]


class StoredReturnLine(Struct, frozen=True):
    """Units of one SKU in one condition."""

    number: int
    order_line: str | None
    sku: str
    requested: int
    received: int
    condition: str | None = None
    disposition: str | None = None


class StoredReturn(Struct, frozen=True):
    """A return; a blind one has no order the hub knows of."""

    id: str
    order_id: str | None
    connection: str
    external_id: str
    node: str | None
    state: ReturnState
    document: bytes
    created_at: datetime
    lines: tuple[StoredReturnLine, ...] = ()


_RETURN = tuple(name for name in StoredReturn.__struct_fields__ if name != "lines")
_LINE = StoredReturnLine.__struct_fields__

_save = InsertMany(
    returns,
    (*_RETURN, "updated_at"),
    conflict=("id",),
    update=lambda new: {name: new[name] for name in ("order_id", "node", "state", "document", "updated_at")},
)
_save_lines = InsertMany(
    return_lines,
    ("return_id", *_LINE),
    conflict=("return_id", "number"),
    update=lambda new: {name: new[name] for name in _LINE[1:]},
)


_WANTED = {"value": Text()}
_returns = SelectMany(
    _WANTED,
    lambda wanted: (
        select(*(returns.c[name] for name in _RETURN))
        .select_from(wanted)
        .join(returns, returns.c.id == wanted.c.value)
    ),
)
_lines = SelectMany(
    _WANTED,
    lambda wanted: (
        select(return_lines.c.return_id, *(return_lines.c[name] for name in _LINE))
        .select_from(wanted)
        .join(return_lines, return_lines.c.return_id == wanted.c.value)
        .order_by(return_lines.c.return_id, return_lines.c.number)
    ),
)


def load_returns(connection: Connection, ids: Iterable[str]) -> dict[str, StoredReturn]:
    """Returns with their lines, by id; unknown ids are missing."""
    wanted = [(each,) for each in sorted(set(ids))]
    rows = _returns(connection, wanted)
    lines: dict[str, list[StoredReturnLine]] = {}
    for return_id, *values in _lines(connection, wanted):
        lines.setdefault(return_id, []).append(StoredReturnLine(*values))
    return {row.id: _stored(row, tuple(lines.get(row.id, ()))) for row in rows}


def save_returns(connection: Connection, changed: Sequence[StoredReturn], now: datetime) -> None:
    """Insert or update returns and their lines."""
    _save(connection, [(*(getattr(each, name) for name in _RETURN), now) for each in changed])
    _save_lines(
        connection,
        [(each.id, *(getattr(line, name) for name in _LINE)) for each in changed for line in each.lines],
    )


def _stored(row: Any, lines: tuple[StoredReturnLine, ...]) -> StoredReturn:
    values = row._asdict()
    return StoredReturn(**{**values, "state": ReturnState(values["state"])}, lines=lines)

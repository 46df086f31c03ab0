"""Returns: what buyers want to send back, and what came."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Connection, FromClause, Select, Text, delete, or_, select, update

from crossdock.orders.life_cycles import ReturnState
from crossdock.orders.returning import Received, ReturnedLine
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.return_tables import return_lines, return_receipts, returns
from crossdock_schemas.returns import Condition, Disposition

__all__ = [
    "ReceiptLine",
    "StoredReturn",
    "add_receipts",
    "adopt",
    "awaiting",
    "find_returns",
    "grade",
    "load_receipt",
    "load_receipts",
    "load_returns",
    "save_returns",
]


class StoredReturn(Struct, frozen=True):
    """A return; a blind one has no order the hub knows of.

    Attributes:
        id: ``connection:external_id`` of the request, or of the first receipt of a blind one.
        node: Which takes it, or has taken it.
        awaits: The request that a receipt named and that has not come yet.
        refunded_at: When the channel first paid something back.
        closed_at: When a person said that nothing more is expected.
    """

    id: str
    order_id: str | None
    connection: str
    external_id: str
    node: str | None
    state: ReturnState
    document: bytes
    created_at: datetime
    awaits: str | None = None
    refunded_at: datetime | None = None
    closed_at: datetime | None = None
    lines: tuple[ReturnedLine, ...] = ()


class ReceiptLine(Struct, frozen=True):
    """A line of what a node received; ``source``, ``node``, ``external_id`` and ``number`` make it known again."""

    source: str
    node: str
    external_id: str
    number: int
    return_id: str
    order_line: str | None
    sku: str
    quantity: int
    condition: str
    disposition: str
    received_at: datetime

    @property
    def received(self) -> Received:
        """What came."""
        return Received(
            self.order_line, self.sku, self.quantity, Condition(self.condition), Disposition(self.disposition)
        )


_RETURN = tuple(name for name in StoredReturn.__struct_fields__ if name != "lines")
_LINE = ReturnedLine.__struct_fields__
_RECEIPT = ReceiptLine.__struct_fields__
_CHANGING = ("order_id", "node", "state", "document", "awaits", "refunded_at", "closed_at", "updated_at")

_save = InsertMany(
    returns,
    (*_RETURN, "updated_at"),
    conflict=("id",),
    update=lambda new: {name: new[name] for name in _CHANGING},
)
_save_lines = InsertMany(
    return_lines,
    ("return_id", *_LINE),
    conflict=("return_id", "number"),
    update=lambda new: {name: new[name] for name in _LINE[1:]},
)
_add_receipts = InsertMany(return_receipts, _RECEIPT)


_WANTED = {"value": Text()}


def _return_rows(wanted: FromClause) -> Select[Any]:
    return (
        select(*(returns.c[name] for name in _RETURN))
        .select_from(wanted)
        .join(returns, returns.c.id == wanted.c.value)
        .order_by(returns.c.id)
    )


_returns = SelectMany(_WANTED, _return_rows)
_locked_returns = SelectMany(_WANTED, lambda wanted: _return_rows(wanted).with_for_update(of=returns))
_lines = SelectMany(
    _WANTED,
    lambda wanted: (
        select(return_lines.c.return_id, *(return_lines.c[name] for name in _LINE))
        .select_from(wanted)
        .join(return_lines, return_lines.c.return_id == wanted.c.value)
        .order_by(return_lines.c.return_id, return_lines.c.number)
    ),
)


def load_returns(connection: Connection, ids: Iterable[str], *, lock: bool = True) -> dict[str, StoredReturn]:
    """Returns with their lines, by id; unknown ids are missing. ``lock`` holds them until the commit."""
    wanted = [(each,) for each in sorted(set(ids))]
    query = _locked_returns if lock else _returns
    rows = query(connection, wanted)
    lines: dict[str, list[ReturnedLine]] = {}
    for return_id, number, order_line, sku, requested, received, condition, disposition in _lines(
        connection, wanted
    ):
        line = ReturnedLine(
            number,
            order_line,
            sku,
            requested,
            received,
            Condition(condition) if condition else None,
            Disposition(disposition) if disposition else None,
        )
        lines.setdefault(return_id, []).append(line)
    return {row.id: _stored(row, tuple(lines.get(row.id, ()))) for row in rows}


def find_returns(connection: Connection, name: str) -> list[str]:
    """Ids of the returns that a node means by ``name``: the hub's id, or what the channel calls its request."""
    found = connection.execute(
        select(returns.c.id)
        .where(or_(returns.c.id == name, returns.c.external_id == name, returns.c.awaits == name))
        .order_by(returns.c.id)
        .limit(2)
    )
    return list(found.scalars())


def awaiting(connection: Connection, names: Sequence[str]) -> list[str]:
    """Ids of returns whose receipts named a request of one of these names before it came."""
    return list(
        connection.execute(
            select(returns.c.id).where(returns.c.awaits.in_(names)).order_by(returns.c.id)
        ).scalars()
    )


def save_returns(connection: Connection, changed: Sequence[StoredReturn], now: datetime) -> None:
    """Insert or update returns and their lines."""
    _save(connection, [(*(getattr(each, name) for name in _RETURN), now) for each in changed])
    _save_lines(
        connection,
        [(each.id, *(getattr(line, name) for name in _LINE)) for each in changed for line in each.lines],
    )
    for each in changed:
        gone = return_lines.c.number > len(each.lines)
        connection.execute(delete(return_lines).where(return_lines.c.return_id == each.id, gone))


def adopt(connection: Connection, blind: str, name: str) -> None:
    """Give what was received for the blind return to the return ``name``, and forget the blind one."""
    connection.execute(
        update(return_receipts).where(return_receipts.c.return_id == blind).values(return_id=name)
    )
    connection.execute(delete(return_lines).where(return_lines.c.return_id == blind))
    connection.execute(delete(returns).where(returns.c.id == blind))


def add_receipts(connection: Connection, lines: Sequence[ReceiptLine]) -> None:
    """Keep what came."""
    _add_receipts(connection, [tuple(getattr(line, name) for name in _RECEIPT) for line in lines])


def grade(connection: Connection, lines: Sequence[ReceiptLine]) -> None:
    """Keep in which condition units are that were not looked at when they came."""
    for line in lines:
        connection.execute(
            update(return_receipts)
            .where(*(return_receipts.c[name] == getattr(line, name) for name in _RECEIPT[:4]))
            .values(condition=line.condition, disposition=line.disposition)
        )


def load_receipt(connection: Connection, source: str, node: str, external_id: str) -> dict[int, ReceiptLine]:
    """The known lines of one receipt, by number."""
    rows = connection.execute(
        select(*(return_receipts.c[name] for name in _RECEIPT)).where(
            return_receipts.c.source == source,
            return_receipts.c.node == node,
            return_receipts.c.external_id == external_id,
        )
    )
    return {row.number: ReceiptLine(*row) for row in rows}


def load_receipts(connection: Connection, return_id: str) -> list[ReceiptLine]:
    """All that came of a return, in an order that does not depend on when it was heard of."""
    rows = connection.execute(
        select(*(return_receipts.c[name] for name in _RECEIPT)).where(
            return_receipts.c.return_id == return_id
        )
    )
    found = [ReceiptLine(*row) for row in rows]
    return sorted(
        found, key=lambda line: (line.received_at, line.source, line.node, line.external_id, line.number)
    )


def _stored(row: Any, lines: tuple[ReturnedLine, ...]) -> StoredReturn:
    values = row._asdict()
    return StoredReturn(**{**values, "state": ReturnState(values["state"])}, lines=lines)

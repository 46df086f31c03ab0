"""Dead letters: what could not be handled, kept whole, to be mended and replayed. Each open one is a work item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy import insert as sql_insert

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.worklist import Cause, open_item
from crossdock.store import log
from crossdock.store.plumbing import dead_letters
from crossdock.store.worklist import raise_items, settle

__all__ = [
    "DeadLetterRow",
    "DeadLetterState",
    "StoredDeadLetter",
    "count_open",
    "discard",
    "edit",
    "insert",
    "list_letters",
    "load",
    "replay",
]


class DeadLetterState(StrEnum):
    """Where a dead letter stands."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


class DeadLetterRow(NamedTuple):
    """One dead letter as it is stored; the ``original_…`` are those of the message to emit again."""

    stage: str
    code: str
    message: str
    path: str
    body: bytes
    raw_id: str | None
    mapping: str | None
    connection: str | None
    original_topic: str | None
    original_id: str | None
    original_key: str | None
    original_headers: str | None
    original_body: bytes | None
    state: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class StoredDeadLetter:
    """One dead letter as it is loaded."""

    id: int
    stage: str
    code: str
    message: str
    path: str
    body: bytes
    raw_id: str | None
    mapping: str | None
    connection: str | None
    original_topic: str | None
    original_id: str | None
    original_key: str | None
    original_headers: str | None
    original_body: bytes | None
    state: DeadLetterState
    replays: int
    created_at: datetime
    updated_at: datetime


_columns = [dead_letters.c[name] for name in StoredDeadLetter.__dataclass_fields__]


def insert(
    connection: Connection, rows: Sequence[DeadLetterRow], *, due: Mapping[Cause, timedelta] | None = None
) -> None:
    """Store dead letters, each with its work item.

    Args:
        connection: Of the transaction that gives up.
        rows: What is given up.
        due: Times until due of work items that replace those of the rules.
    """
    if not rows:
        return
    returning = dead_letters.c.id
    statement = sql_insert(dead_letters).returning(returning, sort_by_parameter_order=True)
    ids = connection.execute(statement, [row._asdict() for row in rows]).scalars()
    items = [
        (open_item(Cause.DATA_INVALID, _subject(letter), _said(row), row.created_at, due=due), None)
        for letter, row in zip(ids, rows, strict=True)
    ]
    raise_items(connection, items, rows[0].created_at)


def _subject(letter: int) -> str:
    return f"dead_letter:{letter}"


def _said(row: DeadLetterRow) -> str:
    source = f"{row.connection}: " if row.connection else ""
    place = f" at {row.path}" if row.path and row.path not in row.message else ""
    return f"{source}{row.stage} gave up{place}: {row.message}"


def list_letters(
    connection: Connection,
    *,
    state: DeadLetterState | None = DeadLetterState.OPEN,
    stage: str | None = None,
    partner: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[StoredDeadLetter]:
    """Dead letters, oldest first, from id ``after`` on; ``partner`` is the connection's name."""
    statement = select(*_columns).where(dead_letters.c.id > after).order_by(dead_letters.c.id).limit(limit)
    if state is not None:
        statement = statement.where(dead_letters.c.state == state)
    if stage is not None:
        statement = statement.where(dead_letters.c.stage == stage)
    if partner is not None:
        statement = statement.where(dead_letters.c.connection == partner)
    return [_stored(row) for row in connection.execute(statement)]


def load(connection: Connection, letter_id: int) -> StoredDeadLetter | None:
    """One dead letter."""
    row = connection.execute(select(*_columns).where(dead_letters.c.id == letter_id)).one_or_none()
    return None if row is None else _stored(row)


def count_open(connection: Connection) -> int:
    """How many wait for somebody."""
    waiting = select(func.count()).where(dead_letters.c.state == DeadLetterState.OPEN)
    return connection.execute(waiting).scalar_one()


def edit(connection: Connection, letter_id: int, body: bytes, now: datetime) -> None:
    """Replace the body that a replay will emit; the bytes as given up stay in ``body``.

    Raises:
        RecordRejectedError: There is no such open letter, or it has no message to emit again.
    """
    _replayable(_open(connection, letter_id))
    _set(connection, letter_id, original_body=body, updated_at=now)


def replay(connection: Connection, letter_id: int, now: datetime) -> str:
    """Emit the original message again under a new id; returns its topic.

    The new id is ``<id>#replay-<letter>-<n>``: the inbox would drop the old one.

    Raises:
        RecordRejectedError: There is no such open letter, or it has no message to emit again.
    """
    letter = _open(connection, letter_id)
    row = _replayable(letter)
    message_id = f"{row.message_id}#replay-{letter.id}-{letter.replays + 1}"
    log.append(connection, [row._replace(message_id=message_id, created_at=now)])
    _set(connection, letter_id, state=DeadLetterState.REPLAYED, replays=letter.replays + 1, updated_at=now)
    settle(connection, [_subject(letter_id)], "the letter was replayed", now)
    return row.topic


def discard(connection: Connection, letter_id: int, now: datetime) -> None:
    """Give it up for good; it stays readable until it is pruned.

    Raises:
        RecordRejectedError: There is no such open letter.
    """
    _open(connection, letter_id)
    _set(connection, letter_id, state=DeadLetterState.DISCARDED, updated_at=now)
    settle(connection, [_subject(letter_id)], "the letter was discarded", now)


def _open(connection: Connection, letter_id: int) -> StoredDeadLetter:
    letter = load(connection, letter_id)
    if letter is None:
        raise _refusal("missing", f"there is no dead letter {letter_id}: list them to see their ids")
    if letter.state is not DeadLetterState.OPEN:
        raise _refusal("closed", f"dead letter {letter_id} is {letter.state} already")
    return letter


def _replayable(letter: StoredDeadLetter) -> log.LogRow:
    if (
        letter.original_topic is None
        or letter.original_id is None
        or letter.original_key is None
        or letter.original_headers is None
        or letter.original_body is None
    ):
        raise _refusal(
            "no_message", f"dead letter {letter.id} holds bytes but no message to emit: it can't be replayed"
        )
    return log.LogRow(
        letter.original_topic,
        letter.original_id,
        letter.original_key,
        letter.original_headers,
        letter.original_body,
        letter.created_at,
    )


def _refusal(code: str, message: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection(f"dead_letter.{code}", message))


def _set(connection: Connection, letter_id: int, **values: object) -> None:
    connection.execute(update(dead_letters).where(dead_letters.c.id == letter_id).values(**values))


def _stored(row: Row[Any]) -> StoredDeadLetter:
    values = {**row._mapping, "state": DeadLetterState(row.state)}
    return StoredDeadLetter(**values)

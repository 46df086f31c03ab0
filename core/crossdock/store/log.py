"""The message log, the inbox that makes handling idempotent, and how far each processor has read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Executable, FromClause, Text, bindparam, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.plumbing import inbox, messages, processor_cursors

__all__ = [
    "LogRow",
    "Logged",
    "append",
    "backlog",
    "behind",
    "claim",
    "create_cursor",
    "load_cursor",
    "move_cursor",
    "read_after",
]

_LOG_LOCK = 0x43726F73
"""PostgreSQL advisory lock: whoever appends holds it until the commit, so ids become visible in their order."""


class LogRow(NamedTuple):
    """One message as it is appended; ``headers`` is JSON text."""

    topic: str
    message_id: str
    key: str
    headers: str
    body: bytes
    created_at: datetime


class Logged(NamedTuple):
    """One message as it is read; ``id`` is its position in the log."""

    id: int
    topic: str
    message_id: str
    key: str
    headers: str
    body: bytes


_append = InsertMany(messages, LogRow._fields, ignore=True)
_read_after = (
    select(
        messages.c.id,
        messages.c.topic,
        messages.c.message_id,
        messages.c.key,
        messages.c.headers,
        messages.c.body,
    )
    .where(messages.c.topic == bindparam("topic"), messages.c.id > bindparam("position"))
    .order_by(messages.c.id)
    .limit(bindparam("limit"))
)


def _claiming(insert: Any) -> SelectMany:
    """Rows of the inbox that were not there, by the ``insert`` of a dialect."""

    def build(incoming: FromClause) -> Executable:
        rows = select(
            bindparam("processor", type_=Text()),
            incoming.c.message_id,
            bindparam("now", type_=inbox.c.handled_at.type),
            # SQLite takes ON CONFLICT for a join's ON where the SELECT has no WHERE.
        ).where(incoming.c.message_id.is_not(None))
        statement: Executable = (
            insert(inbox)
            .from_select(["processor", "message_id", "handled_at"], rows)
            .on_conflict_do_nothing()
            .returning(inbox.c.message_id)
        )
        return statement

    return SelectMany({"message_id": Text()}, build)


_claim = {"sqlite": _claiming(sqlite.insert), "postgresql": _claiming(postgresql.insert)}


def append(connection: Connection, rows: Sequence[LogRow]) -> int:
    """Append to the log as the last thing before the commit; an id already on its topic is dropped.

    Returns how many were new. On PostgreSQL appending waits for other appending transactions: a reader that has seen
    an id will never see a smaller one appear.
    """
    if rows and connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOG_LOCK)))
    return _append(connection, rows)


def read_after(connection: Connection, topic: str, position: int, limit: int) -> list[Logged]:
    """The next messages of ``topic`` in log order."""
    rows = connection.execute(_read_after, {"topic": topic, "position": position, "limit": limit})
    return [Logged._make(row) for row in rows.all()]


def claim(connection: Connection, processor: str, message_ids: Sequence[str], now: datetime) -> set[str]:
    """Put ids into the inbox of ``processor``; returns those that were not there: the messages not handled before."""
    rows = [(message_id,) for message_id in message_ids]
    new = _claim[connection.dialect.name](connection, rows, processor=processor, now=now)
    return {message_id for (message_id,) in new}


def load_cursor(connection: Connection, processor: str) -> int:
    """The log position up to which ``processor`` has handled its topic; 0 before the first message."""
    found = connection.execute(
        select(processor_cursors.c.position).where(processor_cursors.c.processor == processor)
    ).scalar_one_or_none()
    return found or 0


def create_cursor(connection: Connection, processor: str, topic: str, now: datetime) -> None:
    """Let ``processor`` begin at the start of ``topic``, unless it has begun before."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    connection.execute(
        insert(processor_cursors)
        .values(processor=processor, topic=topic, position=0, updated_at=now)
        .on_conflict_do_nothing()
    )


_move_cursor = (
    update(processor_cursors)
    .where(
        processor_cursors.c.processor == bindparam("of"),
        processor_cursors.c.position < bindparam("to"),
    )
    .values(position=bindparam("to"), updated_at=bindparam("now"))
)


def move_cursor(connection: Connection, processor: str, to: int, now: datetime) -> bool:
    """Move the cursor forward to ``to``; false when it is there or further: another worker has handled all that.

    Holds the cursor's row until the commit: two workers never handle one processor's messages at the same time.
    """
    return connection.execute(_move_cursor, {"of": processor, "to": to, "now": now}).rowcount == 1


def _waiting(processors: FromClause) -> Executable:
    known = processors.outerjoin(processor_cursors, processor_cursors.c.processor == processors.c.name)
    unread = (
        select(messages.c.id)
        .where(
            messages.c.topic == processors.c.topic,
            messages.c.id > func.coalesce(processor_cursors.c.position, 0),
        )
        .limit(bindparam("at_most"))
        .correlate(processors, processor_cursors)
        .subquery()
    )
    count = select(func.count()).select_from(unread).scalar_subquery()
    return select(processors.c.name, count).select_from(known)


_backlog = SelectMany({"name": Text(), "topic": Text()}, _waiting)


def backlog(connection: Connection, processors: Sequence[tuple[str, str]], at_most: int) -> dict[str, int]:
    """How many messages wait for each of ``processors`` (name, topic); counting one stops at ``at_most``."""
    return dict(_backlog(connection, processors, at_most=at_most))


def behind(connection: Connection, topics: Collection[str], position: int) -> list[str]:
    """The processors of ``topics`` that have not handled every message up to ``position``."""
    unread = (
        select(messages.c.id)
        .where(
            messages.c.topic == processor_cursors.c.topic,
            messages.c.id > processor_cursors.c.position,
            messages.c.id <= position,
        )
        .exists()
    )
    found = (
        select(processor_cursors.c.processor)
        .where(processor_cursors.c.topic.in_(topics), unread)
        .order_by(processor_cursors.c.processor)
    )
    return list(connection.execute(found).scalars())

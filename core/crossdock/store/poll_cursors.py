"""Poll cursors as people see and set them; the poller itself goes by ``crossdock.store.ingest``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, insert, select

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.store import leases
from crossdock.store.ingest import delete_poll_cursor, load_poll_cursor, save_poll_cursor
from crossdock.store.plumbing import poll_cursor_changes, poll_cursors

__all__ = ["CursorChange", "CursorRow", "list_changes", "list_cursors", "poll_lease", "set_cursor"]

_OWNER = "crossdock cursor set"


class CursorRow(NamedTuple):
    """Where a poll stream stands; ``watermark`` is the instant up to which nothing is missing."""

    connection: str
    stream: str
    cursor: Mapping[str, Any] | None
    watermark: datetime | None
    updated_at: datetime


class CursorChange(NamedTuple):
    """One time that somebody set a cursor; ``None`` is the beginning."""

    connection: str
    stream: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    changed_by: str
    changed_at: datetime


def poll_lease(partner: str, stream: str) -> str:
    """The lease of whoever polls a stream."""
    return f"poll:{partner}/{stream}"


def list_cursors(
    connection: Connection, partner: str | None = None, stream: str | None = None
) -> list[CursorRow]:
    """All cursors, or those of a connection or stream."""
    statement = select(*(poll_cursors.c[name] for name in CursorRow._fields)).order_by(
        poll_cursors.c.connection, poll_cursors.c.stream
    )
    if partner is not None:
        statement = statement.where(poll_cursors.c.connection == partner)
    if stream is not None:
        statement = statement.where(poll_cursors.c.stream == stream)
    return [CursorRow(*row) for row in connection.execute(statement)]


def list_changes(
    connection: Connection, partner: str | None = None, stream: str | None = None
) -> list[CursorChange]:
    """When cursors were set by people, the newest first."""
    columns = (poll_cursor_changes.c[name] for name in CursorChange._fields)
    statement = select(*columns).order_by(poll_cursor_changes.c.id.desc())
    if partner is not None:
        statement = statement.where(poll_cursor_changes.c.connection == partner)
    if stream is not None:
        statement = statement.where(poll_cursor_changes.c.stream == stream)
    return [CursorChange(*row) for row in connection.execute(statement)]


def set_cursor(
    connection: Connection,
    partner: str,
    stream: str,
    cursor: Mapping[str, Any] | None,
    by: str,
    now: datetime,
) -> None:
    """Set where the next poll begins, and record who did; ``None`` lets it begin as if it had never polled.

    Raises:
        RecordRejectedError: A running hub polls the stream: it would write its own cursor over this one.
    """
    lease = poll_lease(partner, stream)
    if not leases.take(connection, lease, _OWNER, now, 60.0):
        raise RecordRejectedError(
            Rejection(
                "cursor.in_use",
                f"the hub polls {partner}/{stream} and would write its own cursor over this one: stop the hub "
                "(after a crash wait for two minutes), set the cursor, and start it again",
            )
        )
    before = load_poll_cursor(connection, partner, stream)
    # With the cursor goes the watermark: nobody knows any more what is missing.
    delete_poll_cursor(connection, partner, stream)
    if cursor is not None:
        save_poll_cursor(connection, partner, stream, cursor, None, now)
    connection.execute(
        insert(poll_cursor_changes).values(
            connection=partner,
            stream=stream,
            before=before.cursor if before else None,
            after=cursor,
            changed_by=by,
            changed_at=now,
        )
    )
    leases.release(connection, lease, _OWNER)

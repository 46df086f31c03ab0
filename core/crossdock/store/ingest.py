"""What the edges remember: how far a poll has come, which files were read, whose id is whose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Text, and_, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.plumbing import cross_references, file_ledger, poll_cursors

__all__ = [
    "CrossReference",
    "FileRow",
    "PollCursor",
    "canonical_ids",
    "delete_poll_cursor",
    "external_ids",
    "file_known",
    "link",
    "load_poll_cursor",
    "mark_disposed",
    "record_file",
    "save_poll_cursor",
    "undisposed_files",
]


@dataclass(frozen=True, slots=True)
class PollCursor:
    """Where a poll stands; ``watermark`` is the instant up to which nothing is missing."""

    cursor: Mapping[str, Any] | None
    watermark: datetime | None
    updated_at: datetime


def load_poll_cursor(connection: Connection, partner: str, stream: str) -> PollCursor | None:
    """The cursor of a stream; ``None`` before its first page."""
    row = connection.execute(
        select(poll_cursors.c.cursor, poll_cursors.c.watermark, poll_cursors.c.updated_at).where(
            poll_cursors.c.connection == partner, poll_cursors.c.stream == stream
        )
    ).one_or_none()
    return None if row is None else PollCursor(row.cursor, row.watermark, row.updated_at)


def save_poll_cursor(
    connection: Connection,
    partner: str,
    stream: str,
    cursor: Mapping[str, Any] | None,
    watermark: datetime | None,
    now: datetime,
) -> None:
    """Store the cursor, in the transaction that stores the page's records. A ``None`` watermark keeps the old one."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(poll_cursors).values(
        connection=partner, stream=stream, cursor=cursor, watermark=watermark, updated_at=now
    )
    changed: dict[str, Any] = {
        "cursor": statement.excluded.cursor,
        "updated_at": statement.excluded.updated_at,
    }
    if watermark is not None:
        changed["watermark"] = statement.excluded.watermark
    connection.execute(statement.on_conflict_do_update(index_elements=["connection", "stream"], set_=changed))


def delete_poll_cursor(connection: Connection, partner: str, stream: str) -> None:
    """Let the stream be polled from its beginning again."""
    connection.execute(
        delete(poll_cursors).where(poll_cursors.c.connection == partner, poll_cursors.c.stream == stream)
    )


class FileRow(NamedTuple):
    """A file whose bytes are stored; it is known by its name and content."""

    connection: str
    stream: str
    name: str
    sha256: str
    size_bytes: int
    modified_at: datetime | None
    raw_id: str
    state: str
    updated_at: datetime


_record_file = InsertMany(file_ledger, FileRow._fields, ignore=True)


def record_file(connection: Connection, row: FileRow) -> bool:
    """Remember a file as ``stored``; false when the same name with the same content was read before."""
    return _record_file(connection, [row]) == 1


def file_known(
    connection: Connection,
    partner: str,
    stream: str,
    name: str,
    size_bytes: int,
    modified_at: datetime | None,
) -> bool:
    """Whether a file that looks the same has been read: then it need not be fetched to find out."""
    if modified_at is None:
        return False
    found = connection.execute(
        select(file_ledger.c.raw_id)
        .where(
            file_ledger.c.connection == partner,
            file_ledger.c.stream == stream,
            file_ledger.c.name == name,
            file_ledger.c.size_bytes == size_bytes,
            file_ledger.c.modified_at == modified_at,
        )
        .limit(1)
    )
    return found.one_or_none() is not None


def mark_disposed(
    connection: Connection,
    partner: str,
    stream: str,
    name: str,
    sha256: str,
    modified_at: datetime | None,
    now: datetime,
) -> None:
    """Remember that the partner's copy, as of ``modified_at``, has been archived or deleted, or is to stay."""
    connection.execute(
        update(file_ledger)
        .where(
            file_ledger.c.connection == partner,
            file_ledger.c.stream == stream,
            file_ledger.c.name == name,
            file_ledger.c.sha256 == sha256,
        )
        .values(state="disposed", modified_at=modified_at, updated_at=now)
    )


def undisposed_files(connection: Connection, partner: str, stream: str) -> list[FileRow]:
    """Files stored but, because of a crash in between, not yet disposed of at the partner."""
    columns = [file_ledger.c[name] for name in FileRow._fields]
    rows = connection.execute(
        select(*columns)
        .where(
            file_ledger.c.connection == partner,
            file_ledger.c.stream == stream,
            file_ledger.c.state == "stored",
        )
        .order_by(file_ledger.c.updated_at)
    )
    return [FileRow(*row) for row in rows]


class CrossReference(NamedTuple):
    """The partner's ``external_id`` of our ``canonical_id``."""

    connection: str
    kind: str
    external_id: str
    canonical_id: str
    created_at: datetime


_link = InsertMany(
    cross_references,
    CrossReference._fields,
    conflict=("connection", "kind", "external_id"),
    update=lambda new: {"canonical_id": new.canonical_id},
)


def link(connection: Connection, references: Sequence[CrossReference]) -> None:
    """Remember references; the newest word on an external id holds."""
    _link(connection, list({reference[:3]: reference for reference in references}.values()))


_EXTERNAL = {"connection": Text(), "kind": Text(), "external_id": Text()}
_canonical_ids = SelectMany(
    _EXTERNAL,
    lambda wanted: (
        select(*(cross_references.c[name] for name in _EXTERNAL), cross_references.c.canonical_id)
        .select_from(wanted)
        .join(cross_references, and_(*(cross_references.c[name] == wanted.c[name] for name in _EXTERNAL)))
    ),
)
_external_ids = SelectMany(
    {"connection": Text(), "canonical_id": Text()},
    lambda wanted: (
        select(cross_references.c.canonical_id, cross_references.c.kind, cross_references.c.external_id)
        .select_from(wanted)
        .join(
            cross_references,
            and_(
                cross_references.c.canonical_id == wanted.c.canonical_id,
                cross_references.c.connection == wanted.c.connection,
            ),
        )
    ),
)


def canonical_ids(
    connection: Connection, wanted: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], str]:
    """Canonical id by (connection, kind, external id); unknown ones are missing."""
    rows = _canonical_ids(connection, wanted)
    return {(row.connection, row.kind, row.external_id): row.canonical_id for row in rows}


def external_ids(
    connection: Connection, partner: str, canonical_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """The partner's ids by kind, of each canonical id."""
    found: dict[str, dict[str, str]] = {}
    rows = _external_ids(connection, [(partner, each) for each in canonical_ids])
    for canonical_id, kind, external_id in rows:
        found.setdefault(canonical_id, {})[kind] = external_id
    return found

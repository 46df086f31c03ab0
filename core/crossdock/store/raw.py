"""Raw records: what a partner sent, byte by byte, before anybody looked inside.

Small bodies lie in the table. Large ones (files) lie beside the database under their hash, written whole or not at all,
and are read in chunks.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import Connection, select

from crossdock.errors import BugError
from crossdock.store.bulk import InsertMany
from crossdock.store.plumbing import raw_records

__all__ = [
    "INLINE_BYTES",
    "BodyStore",
    "Raw",
    "StoredBody",
    "load",
    "named_paths",
    "raw_id",
    "raw_row",
    "store",
]

INLINE_BYTES = 256 * 1024
"""Bodies up to this size lie in the table."""

_COPY_BYTES = 1024 * 1024
_LOCK = ".lock"


class RawRow(NamedTuple):
    """One raw record as it is stored."""

    id: str
    connection: str
    stream: str
    key: str
    dedupe: str
    received_at: datetime
    occurred_at: datetime | None
    media_type: str
    headers: Mapping[str, str]
    sha256: str
    size_bytes: int
    body: bytes | None
    path: str | None


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A body in the body store. ``path`` is relative to the store's folder."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Raw:
    """One raw record as it is loaded; ``body`` is ``None`` for a large one: read it through the ``BodyStore``."""

    id: str
    connection: str
    stream: str
    key: str
    received_at: datetime
    occurred_at: datetime | None
    media_type: str
    headers: Mapping[str, str]
    sha256: str
    size_bytes: int
    body: bytes | None
    path: str | None


_insert = InsertMany(raw_records, RawRow._fields, ignore=True)
_columns = [raw_records.c[name] for name in Raw.__dataclass_fields__]


def raw_id(connection: str, stream: str, dedupe: str) -> str:
    """The id of the record: the same delivery always has the same id, so storing it twice is once."""
    return hashlib.sha256(f"{connection}\n{stream}\n{dedupe}".encode()).hexdigest()[:32]


def raw_row(
    connection: str,
    stream: str,
    key: str,
    dedupe: str,
    body: bytes | StoredBody,
    *,
    received_at: datetime,
    occurred_at: datetime | None = None,
    media_type: str = "application/json",
    headers: Mapping[str, str] | None = None,
) -> RawRow:
    """The row of one record; a body above ``INLINE_BYTES`` must be in the body store already."""
    if isinstance(body, bytes):
        if len(body) > INLINE_BYTES:
            raise BugError(f"a body of {len(body)} bytes belongs into the body store: put it there first")
        sha256, size, inline, path = hashlib.sha256(body).hexdigest(), len(body), body, None
    else:
        sha256, size, inline, path = body.sha256, body.size_bytes, None, body.path
    return RawRow(
        id=raw_id(connection, stream, dedupe),
        connection=connection,
        stream=stream,
        key=key,
        dedupe=dedupe,
        received_at=received_at,
        occurred_at=occurred_at,
        media_type=media_type,
        headers=headers or {},
        sha256=sha256,
        size_bytes=size,
        body=inline,
        path=path,
    )


def store(connection: Connection, rows: Sequence[RawRow]) -> int:
    """Store records; one that is there already is dropped. Returns how many were new."""
    return _insert(connection, rows)


def load(connection: Connection, ids: Sequence[str]) -> dict[str, Raw]:
    """Records by id; what has been pruned is missing."""
    rows = connection.execute(select(*_columns).where(raw_records.c.id.in_(ids)))
    return {row.id: Raw(**row._mapping) for row in rows}


def named_paths(connection: Connection, paths: Sequence[str]) -> set[str]:
    """Those of ``paths`` in the body store that a raw record names."""
    found = connection.execute(select(raw_records.c.path).where(raw_records.c.path.in_(paths)))
    return set(found.scalars())


class BodyStore:
    """Large bodies in a folder, each under the SHA-256 of its content: ``ab/cdef…``."""

    def __init__(self, folder: Path) -> None:
        """Use ``folder``; it is made on the first write."""
        self._folder = folder

    def put(self, chunks: Iterable[bytes]) -> StoredBody:
        """Write a body; when this returns, its bytes are on the disk. The same content is stored once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        size = 0
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix="incoming-", delete=False) as file:
            try:
                for chunk in chunks:
                    file.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
                file.flush()
                os.fsync(file.fileno())
                return self._keep(Path(file.name), digest.hexdigest(), size)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise

    def chunk(self, path: str, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``; fewer at the end."""
        with (self._folder / path).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    def chunks(self, path: str) -> Iterator[bytes]:
        """The body in pieces of 1 MiB."""
        with (self._folder / path).open("rb") as file:
            while piece := file.read(_COPY_BYTES):
                yield piece

    def older_than(self, age: timedelta) -> list[str]:
        """The paths of all files that were written longer than ``age`` ago, by the clock of the file system.

        Also what a crash has left half-written.
        """
        if not self._folder.is_dir():
            return []
        limit = self._now() - age.total_seconds()
        files = (Path(folder, name) for folder, _, names in os.walk(self._folder) for name in names)
        return sorted(
            file.relative_to(self._folder).as_posix()
            for file in files
            if file.name != _LOCK and _is_older(file, limit)
        )

    def delete_old(self, paths: Sequence[str], age: timedelta) -> int:
        """Delete bodies that are still older than ``age``; returns how many.

        One that has just come again is young: nobody can write it meanwhile.
        """
        count = 0
        limit = self._now() - age.total_seconds()
        for path in paths:
            file = self._folder / path
            with self._locked():
                if _is_older(file, limit):
                    file.unlink()
                    count += 1
        return count

    def _now(self) -> float:
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix="clock-") as file:
            return os.fstat(file.fileno()).st_mtime

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Between this and every other process and thread that works in the folder."""
        with (self._folder / _LOCK).open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _keep(self, written: Path, sha256: str, size: int) -> StoredBody:
        path = f"{sha256[:2]}/{sha256[2:]}"
        target = self._folder / path
        target.parent.mkdir(exist_ok=True)
        with self._locked():
            written.replace(target)
        _sync_folder(target.parent)
        _sync_folder(self._folder)
        return StoredBody(path=path, sha256=sha256, size_bytes=size)


def _is_older(file: Path, limit: float) -> bool:
    """Whether ``file`` is there and was written before ``limit``, a Unix time."""
    try:
        return file.stat().st_mtime < limit
    except FileNotFoundError:
        return False


def _sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

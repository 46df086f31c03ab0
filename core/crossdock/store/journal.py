"""A SQLite file in which arrivals lie safe until the store has them.

SQLite has one writer at a time: who commits to the store waits for whoever holds it, a processor's batch or a feed's
part. What a partner waits for is therefore committed to a file of its own, which nobody holds for longer than that
takes, and is moved to the store behind the answer. PostgreSQL has many writers and needs none of this.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from crossdock.errors import UnreachableError

__all__ = ["Entry", "Journal"]

_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 1000", "cache_size = -4096")
_TABLE = "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)"


class Entry(NamedTuple):
    """What was appended; ``id`` counts up in the order of the commits."""

    id: int
    body: bytes


_Work = Callable[[sqlite3.Connection], list[int]]
_Job = tuple[_Work, "Future[list[int]]"]


class Journal:
    """The file and the one thread that writes it; whatever waits for that shares a commit."""

    def __init__(self, file: Path) -> None:
        """Open ``file``, or make it, and start the thread."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(_TABLE)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._closed = False
        self._thread = Thread(target=self._run, name="crossdock-journal", daemon=True)
        self._thread.start()

    async def append(self, bodies: Sequence[bytes]) -> list[int]:
        """Append; they are on the disk when this returns. Returns the ids of their entries.

        Raises:
            UnreachableError: The journal is closed.
            sqlite3.Error: They are not stored (disk full).
        """
        return await asyncio.wrap_future(self._submit(lambda connection: _insert(connection, bodies)))

    def forget(self, ids: Sequence[int]) -> None:
        """Delete entries, with the next commit; after a crash before it they are there again."""
        self._submit(lambda connection: _delete(connection, ids))

    def entries(self) -> list[Entry]:
        """What an earlier process left; call it before anything is appended."""
        rows = self._connection.execute("SELECT id, body FROM entries ORDER BY id")
        return [Entry(*row) for row in rows]

    def close(self) -> None:
        """Write what waits, then close the file."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            self._thread.join()
            self._connection.close()

    def _submit(self, work: _Work) -> Future[list[int]]:
        if self._closed:
            raise UnreachableError("the journal of arrivals is closed: nothing can be taken in any more")
        future: Future[list[int]] = Future()
        self._jobs.put((work, future))
        return future

    def _run(self) -> None:
        ended = False
        while not ended:
            jobs = [self._jobs.get()]
            while not self._jobs.empty():
                jobs.append(self._jobs.get())
            ended = None in jobs
            self._commit([job for job in jobs if job is not None])

    def _commit(self, queued: Sequence[_Job]) -> None:
        jobs = [job for job in queued if job[1].set_running_or_notify_cancel()]
        if not jobs:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                results = [work(self._connection) for work, _ in jobs]
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        except Exception as error:  # noqa: BLE001 - whoever awaits the futures gets it
            for _, future in jobs:
                future.set_exception(error)
        else:
            for (_, future), result in zip(jobs, results, strict=True):
                future.set_result(result)


def _insert(connection: sqlite3.Connection, bodies: Sequence[bytes]) -> list[int]:
    insert = "INSERT INTO entries (body) VALUES (?)"
    return [int(connection.execute(insert, (body,)).lastrowid or 0) for body in bodies]


def _delete(connection: sqlite3.Connection, ids: Sequence[int]) -> list[int]:
    connection.executemany("DELETE FROM entries WHERE id = ?", [(each,) for each in ids])
    return []

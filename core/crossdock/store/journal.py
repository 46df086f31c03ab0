"""A SQLite file in which arrivals lie safe until the store has them.

SQLite has one writer at a time: who commits to the store waits for whoever holds it, a processor's batch or a feed's
part. What a partner waits for is therefore committed to a file of its own, which nobody holds for longer than that
takes, and is moved to the store behind the answer. PostgreSQL has many writers and needs none of this.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import NamedTuple

from crossdock.errors import UnreachableError

__all__ = ["Entry", "Journal"]

_PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 1000", "cache_size = -4096")
_MOST_TOGETHER = 250
_FORGOTTEN_TOGETHER = 500
_TABLE = "CREATE TABLE IF NOT EXISTS entries (id INTEGER PRIMARY KEY AUTOINCREMENT, body BLOB NOT NULL)"


class Entry(NamedTuple):
    """What was appended; ``id`` counts up in the order of the commits."""

    id: int
    body: bytes


class _Append(NamedTuple):
    bodies: Sequence[bytes]
    ids: asyncio.Future[Sequence[int]]


_Settled = Sequence[tuple[asyncio.Future[Sequence[int]], Sequence[int] | Exception]]


class Journal:
    """The file and the one thread that writes it; whatever waits for that shares a commit."""

    def __init__(self, file: Path) -> None:
        """Open ``file``, or make it, and start the thread."""
        file.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute(_TABLE)
        self._appends: SimpleQueue[_Append | None] = SimpleQueue()
        self._forgotten: deque[int] = deque()
        self._closed = False
        self._thread = Thread(target=self._run, name="crossdock-journal", daemon=True)
        self._thread.start()

    async def append(self, bodies: Sequence[bytes]) -> Sequence[int]:
        """Append; they are on the disk when this returns. Returns the ids of their entries.

        Raises:
            UnreachableError: The journal is closed.
            sqlite3.Error: They are not stored (disk full).
        """
        if self._closed:
            raise UnreachableError("the journal of arrivals is closed: nothing can be taken in any more")
        append = _Append(bodies, asyncio.get_running_loop().create_future())
        self._appends.put(append)
        return await append.ids

    def forget(self, ids: Sequence[int]) -> None:
        """Delete entries, some time later; after a crash before that they are there again."""
        self._forgotten.extend(ids)

    def entries(self) -> list[Entry]:
        """What an earlier process left; call it before anything is appended."""
        rows = self._connection.execute("SELECT id, body FROM entries ORDER BY id")
        return [Entry(*row) for row in rows]

    def close(self) -> None:
        """Write what waits, then close the file."""
        if not self._closed:
            self._closed = True
            self._appends.put(None)
            self._thread.join()
            self._delete()
            self._connection.close()

    def _run(self) -> None:
        ended = False
        while not ended:
            taken = [self._appends.get()]
            while not self._appends.empty() and len(taken) < _MOST_TOGETHER:
                taken.append(self._appends.get())
            ended = None in taken
            self._insert([each for each in taken if each and not each.ids.cancelled()])
            if len(self._forgotten) >= _FORGOTTEN_TOGETHER:
                self._delete()

    def _insert(self, appends: Sequence[_Append]) -> None:
        """One statement that is its own transaction: the thread gives the interpreter away, and asks for it, once."""
        bodies = [body for append in appends for body in append.bodies]
        if not bodies:
            return
        try:
            values = ", ".join(["(?)"] * len(bodies))
            inserted = self._connection.execute(f"INSERT INTO entries (body) VALUES {values}", bodies)
            last = inserted.lastrowid or 0
        except Exception as error:  # noqa: BLE001 - whoever awaits the futures gets it
            _tell([(append.ids, error) for append in appends])
            return
        first = last - len(bodies) + 1
        settled = []
        for append in appends:
            settled.append((append.ids, range(first, first + len(append.bodies))))
            first += len(append.bodies)
        _tell(settled)

    def _delete(self) -> None:
        """Delete what was forgotten; what can't be deleted now is a duplicate for the next process at worst."""
        ids = [self._forgotten.popleft() for _ in range(len(self._forgotten))]
        with suppress(sqlite3.Error):
            self._connection.execute(f"DELETE FROM entries WHERE id IN ({', '.join(map(str, ids))})")


def _tell(settled: _Settled) -> None:
    """Wake those who wait: all of a loop at once, as each call from another thread costs more than the commit."""
    for loop in {ids.get_loop() for ids, _ in settled}:
        with suppress(RuntimeError):  # a closed loop: nobody waits any more
            loop.call_soon_threadsafe(_settle, [each for each in settled if each[0].get_loop() is loop])


def _settle(settled: _Settled) -> None:
    for ids, outcome in settled:
        if ids.done():
            continue
        if isinstance(outcome, Exception):
            ids.set_exception(outcome)
        else:
            ids.set_result(outcome)

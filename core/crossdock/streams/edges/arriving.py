"""Arrivals by way of a journal, so that whoever sent them does not wait for the store."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Protocol

import msgspec

from crossdock.store.journal import Journal
from crossdock.streams.edges.intake import Arrival
from crossdock.streams.services import Service

__all__ = ["Arrivals", "JournaledArrivals"]

_BATCH = 250
_MOST_WAITING = 5_000

_encode = msgspec.msgpack.Encoder().encode
_decoder = msgspec.msgpack.Decoder(Arrival)


class Arrivals(Protocol):
    """Keeps what has arrived: ``Gathering`` in the store, ``JournaledArrivals`` in the journal first."""

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        """Keep ``arrivals``; they survive a power cut when this returns."""
        ...


class JournaledArrivals:
    """Into the journal; ``service`` moves them to the store in their order, many in one transaction.

    A crash between the two leaves them in the journal, and the next start moves them; one that was moved already is
    recognised by its id, as every duplicate is.
    """

    def __init__(self, journal: Journal, store: Arrivals) -> None:
        """Keep in ``journal``, then in ``store``, beginning with what an earlier process has left."""
        self._journal = journal
        self._store = store
        self._waiting = deque((entry.id, _decoder.decode(entry.body)) for entry in journal.entries())
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self.service = Service("arrivals", self._run)

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        """Keep ``arrivals``; waits first where the store is far behind.

        Raises:
            sqlite3.Error: They can't be stored (disk full).
        """
        await self._room.wait()
        ids = await self._journal.append([_encode(each) for each in arrivals])
        self._waiting.extend(zip(ids, arrivals, strict=True))
        self._note_change()

    async def _run(self, stop: asyncio.Event) -> None:
        """Move what waits, until ``stop``; what fails stays and is moved by the next attempt."""
        stopping = asyncio.create_task(stop.wait())
        stopping.add_done_callback(lambda _: self._changed.set())
        try:
            while self._waiting or not stop.is_set():
                self._changed.clear()
                if self._waiting:
                    await self._move(list(islice(self._waiting, _BATCH)))
                else:
                    await self._changed.wait()
        finally:
            stopping.cancel()

    async def _move(self, batch: Sequence[tuple[int, Arrival]]) -> None:
        await self._store.keep([arrival for _, arrival in batch])
        for _ in batch:
            self._waiting.popleft()
        self._journal.forget([number for number, _ in batch])
        self._note_change()

    def _note_change(self) -> None:
        self._changed.set()
        if len(self._waiting) < _MOST_WAITING:
            self._room.set()
        else:
            self._room.clear()

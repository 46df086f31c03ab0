"""The embedded runtime: all processors, timers and services in one process; the topics are rows of the same database.

Each processor reads its topic in log order, and its cursor moves in the transaction that handles the batch: after a
crash it goes on exactly where the last commit was. Batches are cut so that each holds the writer for a short slice of
time: a webhook that has to commit waits for one slice at most. Several processes may run on one PostgreSQL; a
processor's batches are then handled by one of them at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from sqlalchemy import Connection

from crossdock.store import log
from crossdock.streams.batch import SupersededError, handle_batch
from crossdock.streams.host import Host, Hosted, HostSettings
from crossdock.streams.processor import Message, Processor, Timer, Transaction
from crossdock.streams.services import Service
from crossdock.streams.transaction import Transactions, message_of

__all__ = ["EmbeddedRuntime", "EmbeddedSettings"]

_LEAST_BATCH = 16
"""Below this the commit costs more than the messages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings(HostSettings):
    """How the embedded runtime runs.

    Attributes:
        slice_seconds: How long a batch should hold the writer: what is shorter costs commits, what is longer keeps
            everybody else who writes waiting.
    """

    slice_seconds: float = 0.2


class EmbeddedRuntime(Hosted):
    """Runs processors, timers and services until it is told to stop."""

    def __init__(
        self,
        transactions: Transactions,
        processors: Sequence[Processor],
        *,
        timers: Sequence[Timer] = (),
        services: Sequence[Service] = (),
        settings: EmbeddedSettings | None = None,
        owner: str = "embedded",
    ) -> None:
        """Keep what to run; ``owner`` names this process in leases."""
        self._settings = settings or EmbeddedSettings()
        self._host = Host(
            transactions,
            processors,
            timers=timers,
            services=services,
            settings=self._settings,
            owner=owner,
        )
        self._transactions = transactions
        self._database = transactions.database
        self._clock = transactions.clock
        self._processors = processors
        self._news = {each.name: asyncio.Event() for each in processors}
        transactions.listen(self._wake)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then stop gracefully: services first, then each processor after its batch.

        Raises:
            Exception: What an essential service failed with; everything else has been stopped.
        """
        workers = {f"processor {each.name}": partial(self._process, each) for each in self._processors}
        await self._host.run(stop, workers, self._wake_all)

    def _wake_all(self) -> None:
        for news in self._news.values():
            news.set()

    def _wake(self, topics: frozenset[str]) -> None:
        for each in self._processors:
            if each.topic in topics:
                self._news[each.name].set()

    async def _process(self, processor: Processor, stopping: asyncio.Event) -> None:
        news = self._news[processor.name]
        slices = _Slices(processor.batch, self._settings.slice_seconds)
        position = await self._load_cursor(processor)
        while not stopping.is_set():
            news.clear()
            rows = await self._next(processor, position, slices.limit)
            if rows and len(rows) < slices.limit and processor.linger_seconds:
                await self._clock.sleep(processor.linger_seconds)
                rows = await self._next(processor, position, slices.limit)
            if not rows:
                await self._wait_for(news)
                continue
            cursor = _Cursor(processor.name, rows)
            messages = [message_of(row) for row in rows]
            await handle_batch(
                self._transactions,
                processor,
                messages,
                advance=cursor.advance,
                backoff=self._settings.backoff,
            )
            slices.learn(len(rows), perf_counter() - cursor.began)
            position = rows[-1].id

    async def _next(self, processor: Processor, position: int, limit: int) -> list[log.Logged]:
        def read(connection: Connection) -> list[log.Logged]:
            return log.read_after(connection, processor.topic, position, limit)

        return await self._host.patiently(f"read {processor.topic}", lambda: self._database.read(read))

    async def _load_cursor(self, processor: Processor) -> int:
        def read(connection: Connection) -> int:
            return log.load_cursor(connection, processor.name)

        return await self._host.patiently("read a cursor", lambda: self._database.read(read))

    async def _wait_for(self, news: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(news.wait(), self._settings.idle_seconds)
        except TimeoutError:
            return


class _Cursor:
    """Moves a processor's cursor past the messages of one batch, and notes when that began."""

    def __init__(self, processor: str, rows: Sequence[log.Logged]) -> None:
        self._processor = processor
        self._positions = {row.message_id: row.id for row in rows}
        self.began = perf_counter()

    def advance(self, transaction: Transaction, last: Message) -> None:
        """Move to ``last``, as the first step of its transaction."""
        self.began = perf_counter()
        to = self._positions[last.id]
        if not log.move_cursor(transaction.connection, self._processor, to, transaction.now):
            raise SupersededError(f"{self._processor} is past {last.id}")


class _Slices:
    """Finds the batch size that holds the writer for the wanted time."""

    def __init__(self, most: int, slice_seconds: float) -> None:
        self._most = most
        self._least = min(_LEAST_BATCH, most)
        self._slice_seconds = slice_seconds
        self.limit = self._least

    def learn(self, count: int, seconds: float) -> None:
        """Take in that ``count`` messages took ``seconds``."""
        if seconds > self._slice_seconds:
            self.limit = max(self._least, int(count * self._slice_seconds / seconds))
        elif count == self.limit:
            self.limit = min(
                self._most, self.limit * 2 if seconds * 2 < self._slice_seconds else self.limit + 8
            )

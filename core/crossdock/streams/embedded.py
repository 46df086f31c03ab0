"""The embedded runtime: all processors, timers and services in one process; the topics are rows of the same database.

Each processor reads its topic in log order, and its cursor moves in the transaction that handles the batch:
after a crash it
goes on exactly where the last commit was. Batches are cut so that each holds the writer for a short slice of
time: a webhook
that has to commit waits for one slice at most. Several processes may run on one PostgreSQL; a processor's
batches are then
handled by one of them at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeVar

import structlog
from sqlalchemy import Connection

from crossdock.errors import MisconfiguredError
from crossdock.store import log
from crossdock.store.leases import wait_for_turn
from crossdock.streams import metrics
from crossdock.streams.batch import Backoff, SupersededError, handle_batch
from crossdock.streams.processor import Message, Processor, Timer, Transaction
from crossdock.streams.services import Service, supervise
from crossdock.streams.transaction import Transactions, message_of

__all__ = ["EmbeddedRuntime", "EmbeddedSettings"]

T = TypeVar("T")

_LEAST_BATCH = 16
"""Below this the commit costs more than the messages."""


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """How the embedded runtime runs.

    Attributes:
        slice_seconds: How long a batch should hold the writer.
        backlog_messages: A topic with more messages waiting than this is full: whoever fills it has to wait.
        backlog_seconds: How often the backlog is counted.
        idle_seconds: How often an idle processor looks for what another process has emitted.
        stop_seconds: How long a graceful stop may take before what still runs is cancelled.
        backoff: The waits between repetitions.
    """

    slice_seconds: float = 0.1
    backlog_messages: int = 10_000
    backlog_seconds: float = 0.25
    idle_seconds: float = 1.0
    stop_seconds: float = 10.0
    backoff: Backoff = field(default_factory=Backoff)


class EmbeddedRuntime:
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
        names = [each.name for each in processors]
        if len(set(names)) != len(names):
            raise MisconfiguredError(f"two processors have the same name: {sorted(names)}")
        self._transactions = transactions
        self._database = transactions.database
        self._clock = transactions.clock
        self._processors = processors
        self._timers = timers
        self._services = services
        self._settings = settings or EmbeddedSettings()
        self._owner = owner
        self._log = structlog.get_logger(__name__)
        self._stopping = asyncio.Event()
        self._news = {each.name: asyncio.Event() for each in processors}
        self._room = {each.topic: asyncio.Event() for each in processors}
        for event in self._room.values():
            event.set()
        transactions.listen(self._wake)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then stop gracefully: services first, then each processor after its batch.

        Raises:
            Exception: What an essential service failed with; everything else has been stopped.
        """
        await self._patiently("create cursors", lambda: self._database.write(self._create_cursors))
        background = [
            asyncio.create_task(self._tick(each), name=f"timer {each.name}") for each in self._timers
        ]
        background.append(asyncio.create_task(self._watch_backlog(), name="backlog"))
        processors = [
            asyncio.create_task(self._process(each), name=f"processor {each.name}")
            for each in self._processors
        ]
        services = [
            asyncio.create_task(
                supervise(each, self._stopping, self._clock, self._settings.backoff), name=each.name
            )
            for each in self._services
        ]
        stopped = asyncio.create_task(stop.wait())
        try:
            await _first_failure_or(stopped, [*background, *processors, *services])
        finally:
            self._stopping.set()
            stopped.cancel()
            for task in background:
                task.cancel()
            await self._finish(services)
            for event in (*self._news.values(), *self._room.values()):
                event.set()
            await self._finish(processors)
            await asyncio.gather(*background, return_exceptions=True)

    async def room(self, topic: str) -> None:
        """Wait until ``topic`` has room.

        Back-pressure for pollers and file readers. A topic nobody reads has room.
        """
        event = self._room.get(topic)
        if event is not None:
            await event.wait()

    def is_full(self, topic: str) -> bool:
        """Whether ``topic`` has no room: a webhook is then answered 503, and the partner sends it again."""
        event = self._room.get(topic)
        return event is not None and not event.is_set()

    async def backlog(self) -> dict[str, int]:
        """How many messages wait for each processor, counted up to the limit and one."""
        return await self._database.read(self._count_backlog)

    def _wake(self, topics: frozenset[str]) -> None:
        for each in self._processors:
            if each.topic in topics:
                self._news[each.name].set()

    async def _finish(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Let ``tasks`` end by themselves; cancel those that take too long."""
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=self._settings.stop_seconds)
        for task in late:
            self._log.warning(
                "stopping took too long", task=task.get_name(), seconds=self._settings.stop_seconds
            )
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _process(self, processor: Processor) -> None:
        news = self._news[processor.name]
        slices = _Slices(processor.batch, self._settings.slice_seconds)
        position = await self._load_cursor(processor)
        while not self._stopping.is_set():
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

        return await self._patiently(f"read {processor.topic}", lambda: self._database.read(read))

    async def _load_cursor(self, processor: Processor) -> int:
        def read(connection: Connection) -> int:
            return log.load_cursor(connection, processor.name)

        return await self._patiently("read a cursor", lambda: self._database.read(read))

    async def _wait_for(self, news: asyncio.Event) -> None:
        try:
            await asyncio.wait_for(news.wait(), self._settings.idle_seconds)
        except TimeoutError:
            return

    async def _tick(self, timer: Timer) -> None:
        """Run ``timer`` whenever it is this process's turn."""

        def run(transaction: Transaction) -> float:
            wait_seconds = wait_for_turn(
                transaction.connection,
                f"timer:{timer.name}",
                self._owner,
                transaction.now,
                timer.interval_seconds,
            )
            if not wait_seconds:
                timer.handler(transaction)
            return wait_seconds

        while True:
            try:
                wait_seconds = await self._transactions.transact(run)
            except Exception:  # noqa: BLE001 - a timer may fail, the runtime goes on
                # Undone, the turn included. The next interval is soon enough: a timer that can't run must not spin.
                self._log.exception("timer failed", timer=timer.name)
                metrics.TIMER_FAILURES.labels(timer.name).inc()
                wait_seconds = timer.interval_seconds
            await self._clock.sleep(wait_seconds or timer.interval_seconds)

    async def _watch_backlog(self) -> None:
        while True:
            waiting = await self._patiently("count the backlog", self.backlog)
            full = {
                each.topic
                for each in self._processors
                if waiting[each.name] > self._settings.backlog_messages
            }
            for topic, room in self._room.items():
                if topic in full:
                    room.clear()
                else:
                    room.set()
            await self._clock.sleep(self._settings.backlog_seconds)

    def _count_backlog(self, connection: Connection) -> dict[str, int]:
        processors = [(each.name, each.topic) for each in self._processors]
        waiting = log.backlog(connection, processors, self._settings.backlog_messages + 1)
        for name, count in waiting.items():
            metrics.BACKLOG.labels(name).set(count)
        return waiting

    def _create_cursors(self, connection: Connection) -> None:
        for each in self._processors:
            log.create_cursor(connection, each.name, each.topic, self._clock.now())

    async def _patiently(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Await ``attempt``, again and again while the database can't."""
        failures = 0
        while True:
            try:
                return await attempt()
            except Exception as error:  # noqa: BLE001 - logged and repeated for ever: the database comes back
                failures += 1
                wait_seconds = self._settings.backoff.seconds(failures)
                self._log.warning("database not ready", to=what, wait_seconds=wait_seconds, error=repr(error))
            await self._clock.sleep(wait_seconds)


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


async def _first_failure_or(stopped: asyncio.Task[bool], tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for ``stopped``; raises what a task failed with before."""
    pending: set[asyncio.Task[bool] | asyncio.Task[None]] = {stopped, *tasks}
    while not stopped.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()

"""What every runtime does beside its processors: timers, services, back-pressure, and stopping in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol, TypeVar

import structlog
from sqlalchemy import Connection

from crossdock.errors import MisconfiguredError
from crossdock.store import log
from crossdock.store.leases import wait_for_turn
from crossdock.streams import metrics
from crossdock.streams.batch import Backoff
from crossdock.streams.processor import Processor, Timer, Transaction
from crossdock.streams.services import Service, supervise
from crossdock.streams.transaction import Transactions

__all__ = ["Host", "HostSettings", "Hosted", "Runtime", "Worker"]

T = TypeVar("T")

Worker = Callable[[asyncio.Event], Coroutine[None, None, None]]
"""What a runtime runs for a processor; it ends soon after the event it is given is set, its batch committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    """How a runtime runs.

    Attributes:
        backlog_messages: A topic with more messages waiting than this is full: whoever fills it has to wait.
        backlog_seconds: How often the backlog is counted.
        idle_seconds: How often somebody idle looks for what another process has emitted.
        stop_seconds: How long a graceful stop may take before what still runs is cancelled.
        backoff: The waits between repetitions.
    """

    backlog_messages: int = 10_000
    backlog_seconds: float = 0.25
    idle_seconds: float = 1.0
    stop_seconds: float = 10.0
    backoff: Backoff = field(default_factory=Backoff)


class Runtime(Protocol):
    """What runs the hub's services and processors."""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then stop gracefully."""
        ...

    async def room(self, topic: str) -> None:
        """Wait until ``topic`` has room."""
        ...

    def is_full(self, topic: str) -> bool:
        """Whether ``topic`` has no room."""
        ...


class Host:
    """Runs timers and services beside the workers of a runtime, and knows which topics are full."""

    def __init__(
        self,
        transactions: Transactions,
        processors: Sequence[Processor],
        *,
        timers: Sequence[Timer] = (),
        services: Sequence[Service] = (),
        settings: HostSettings,
        owner: str,
    ) -> None:
        """Keep what to run; ``processors`` are all of the hub, whoever runs them; ``owner`` names this process in
        leases.
        """
        names = [each.name for each in processors]
        if len(set(names)) != len(names):
            raise MisconfiguredError(f"two processors have the same name: {sorted(names)}")
        self._transactions = transactions
        self._database = transactions.database
        self._clock = transactions.clock
        self._processors = processors
        self._timers = timers
        self._services = services
        self._settings = settings
        self._owner = owner
        self._log = structlog.get_logger(__name__)
        self._room = {each.topic: asyncio.Event() for each in processors}
        for event in self._room.values():
            event.set()

    async def run(
        self,
        stop: asyncio.Event,
        workers: Mapping[str, Worker] = MappingProxyType({}),
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """Run until ``stop`` is set, then stop gracefully: services first, then each worker after its batch.

        ``wake`` is called before workers are waited for: those that wait for messages see that they have to stop.

        Raises:
            Exception: What an essential service failed with; everything else has been stopped.
        """
        await self.patiently("create cursors", lambda: self._database.write(self._create_cursors))
        stopping = asyncio.Event()
        background = [
            asyncio.create_task(self._tick(each), name=f"timer {each.name}") for each in self._timers
        ]
        background.append(asyncio.create_task(self._watch_backlog(), name="backlog"))
        working = [asyncio.create_task(worker(stopping), name=name) for name, worker in workers.items()]
        services = [
            asyncio.create_task(
                supervise(each, stopping, self._clock, self._settings.backoff), name=each.name
            )
            for each in self._services
        ]
        stopped = asyncio.create_task(stop.wait())
        try:
            await _first_failure_or(stopped, [*background, *working, *services])
        finally:
            stopping.set()
            stopped.cancel()
            for task in background:
                task.cancel()
            await self._finish(services)
            for event in self._room.values():
                event.set()
            wake()
            await self._finish(working)
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

    async def patiently(self, what: str, attempt: Callable[[], Awaitable[T]]) -> T:
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
            waiting = await self.patiently("count the backlog", self.backlog)
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


async def _first_failure_or(stopped: asyncio.Task[bool], tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for ``stopped``; raises what a task failed with before."""
    pending: set[asyncio.Task[bool] | asyncio.Task[None]] = {stopped, *tasks}
    while not stopped.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


class Hosted:
    """A runtime's answers that its host knows."""

    _host: Host

    async def room(self, topic: str) -> None:
        """Wait until ``topic`` has room.

        Back-pressure for pollers and file readers. A topic nobody reads has room.
        """
        await self._host.room(topic)

    def is_full(self, topic: str) -> bool:
        """Whether ``topic`` has no room: a webhook is then answered 503, and the partner sends it again."""
        return self._host.is_full(topic)

    async def backlog(self) -> dict[str, int]:
        """How many messages wait for each processor, counted up to the limit and one."""
        return await self._host.backlog()

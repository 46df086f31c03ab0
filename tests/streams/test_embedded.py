from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import pytest

from crossdock.sdk.clock import SystemClock
from crossdock.store.engine import Database
from crossdock.streams.batch import Backoff
from crossdock.streams.embedded import EmbeddedRuntime, EmbeddedSettings
from crossdock.streams.processor import Message, Processor, Timer
from crossdock.streams.transaction import Transactions
from tests.streams.conformance import RuntimeConformance
from tests.streams.effects import create_effects


class EmbeddedHub:
    """The embedded runtime for the conformance suite."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._transactions = Transactions(database, SystemClock())
        self._numbers = count()

    @asynccontextmanager
    async def running(
        self, *processors: Processor, backlog_messages: int = 10_000, timers: Sequence[Timer] = ()
    ) -> AsyncIterator[EmbeddedRuntime]:
        settings = EmbeddedSettings(
            backlog_messages=backlog_messages,
            backlog_seconds=0.02,
            idle_seconds=0.2,
            backoff=Backoff(0.01, 0.1),
        )
        runtime = EmbeddedRuntime(
            self._transactions,
            processors,
            timers=timers,
            settings=settings,
            owner=f"embedded-{next(self._numbers)}",
        )
        stop = asyncio.Event()
        task = asyncio.create_task(runtime.run(stop))
        try:
            yield runtime
        finally:
            stop.set()
            await task

    async def emit(self, messages: Sequence[Message]) -> None:
        await self._transactions.write(lambda transaction: transaction.emit(*messages))


@pytest.fixture
def hub(database: Database) -> EmbeddedHub:
    create_effects(database)
    return EmbeddedHub(database)


class TestEmbeddedConformance(RuntimeConformance):
    """Every rule of the suite, on SQLite and on PostgreSQL."""

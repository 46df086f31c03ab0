"""A Kafka runtime on topics of its own, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count

from crossdock.sdk.clock import SystemClock
from crossdock.store.engine import Database
from crossdock.streams.batch import Backoff
from crossdock.streams.host import HostSettings
from crossdock.streams.kafka.runtime import KafkaRuntime
from crossdock.streams.kafka.settings import KafkaSettings, KafkaTopic
from crossdock.streams.kafka.topics import open_topics
from crossdock.streams.processor import Message, Processor, Timer
from crossdock.streams.topics import EVENTS, ORDERS, STOCK
from crossdock.streams.transaction import Transactions

PARTITIONS = 3
_workers = count()


def settings(
    bootstrap: str, prefix: str, *, partitions: int = PARTITIONS, session_seconds: float = 10.0
) -> KafkaSettings:
    """Three topics."""
    topics = tuple(KafkaTopic(name, partitions, timedelta(days=1)) for name in (ORDERS, STOCK, EVENTS))
    return KafkaSettings(bootstrap, prefix, topics, session_seconds=session_seconds)


async def make_topics(kafka: KafkaSettings) -> None:
    async with open_topics(kafka) as topics:
        await topics.apply(await topics.changes())


class KafkaHub:
    """The Kafka runtime for the conformance suite."""

    def __init__(self, database: Database, kafka: KafkaSettings) -> None:
        self.database = database
        self.kafka = kafka
        self._transactions = Transactions(database, SystemClock())

    @asynccontextmanager
    async def running(
        self,
        *processors: Processor,
        backlog_messages: int = 10_000,
        timers: Sequence[Timer] = (),
        only: Collection[str] | None = None,
    ) -> AsyncIterator[KafkaRuntime]:
        """A worker, which stops gracefully in the end."""
        runtime = KafkaRuntime(
            Transactions(self.database, SystemClock()),
            processors,
            kafka=self.kafka,
            owner=f"worker-{next(_workers)}",
            only=only,
            timers=timers,
            settings=HostSettings(
                backlog_messages=backlog_messages, backlog_seconds=0.02, backoff=Backoff(0.01, 0.1)
            ),
        )
        stop = asyncio.Event()
        task = asyncio.create_task(runtime.run(stop))
        try:
            yield runtime
        finally:
            stop.set()
            await task

    async def emit(self, messages: Sequence[Message]) -> None:
        """As a process does that runs no worker."""
        await self._transactions.write(lambda transaction: transaction.emit(*messages))

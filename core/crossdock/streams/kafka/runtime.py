"""The Kafka runtime: a worker among many, with as many processors as it is asked to run."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog

from crossdock.errors import MisconfiguredError, UnreachableError
from crossdock.store import relaying
from crossdock.streams.host import Host, Hosted, HostSettings
from crossdock.streams.kafka.consuming import Consumption
from crossdock.streams.kafka.relay import relay_service
from crossdock.streams.kafka.settings import KafkaSettings
from crossdock.streams.kafka.topics import open_topics
from crossdock.streams.processor import Processor, Timer, Transaction
from crossdock.streams.services import Service
from crossdock.streams.transaction import Transactions

__all__ = ["KafkaRuntime"]

_SETTLE_SECONDS = 0.25


class KafkaRuntime(Hosted):
    """Runs processors on partitions of Kafka, timers and services by turns, and the relay, until told to stop."""

    def __init__(
        self,
        transactions: Transactions,
        processors: Sequence[Processor],
        *,
        kafka: KafkaSettings,
        owner: str,
        only: Collection[str] | None = None,
        timers: Sequence[Timer] = (),
        services: Sequence[Service] = (),
        settings: HostSettings | None = None,
    ) -> None:
        """Keep what to run.

        Args:
            transactions: On PostgreSQL, which all workers share.
            processors: All of the hub.
            kafka: The cluster; its topics are there already.
            owner: Names this worker in leases; no other has the same.
            only: Names of the processors that this worker runs; all without.
            timers: Run by one worker at a time.
            services: Run beside.
            settings: Limits and waits.

        Raises:
            MisconfiguredError: A name in ``only`` is no processor's.
        """
        unknown = sorted(set(only or ()) - {each.name for each in processors})
        if unknown:
            known = ", ".join(each.name for each in processors)
            raise MisconfiguredError(f"there is no processor {', '.join(unknown)}; there are: {known}")
        settings = settings or HostSettings()
        self._chosen = [each for each in processors if only is None or each.name in only]
        self._transactions = transactions
        self._kafka = kafka
        self._backoff = settings.backoff
        self._host = Host(
            transactions,
            processors,
            timers=[*timers, settling_timer(processors)],
            services=[*services, relay_service(transactions, kafka, owner, settings.backoff)],
            settings=settings,
            owner=owner,
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then stop gracefully: services first, then each processor after its batch.

        Raises:
            MisconfiguredError: A topic is missing.
            Exception: What an essential service failed with; everything else has been stopped.
        """
        await self._refuse_missing_topics()
        workers = {
            f"processor {each.name}": Consumption(self._transactions, each, self._kafka, self._backoff).run
            for each in self._chosen
        }
        await self._host.run(stop, workers)

    async def _refuse_missing_topics(self) -> None:
        """Brokers that do not answer are no reason not to start: they come back."""
        try:
            async with open_topics(self._kafka) as topics:
                missing = [each.topic for each in await topics.changes() if each.what == "topic"]
        except UnreachableError as error:
            structlog.get_logger(__name__).warning("brokers not ready", error=error.message)
            return
        if missing:
            names = ", ".join(self._kafka.topic(each) for each in missing)
            raise MisconfiguredError(
                f"Kafka at {self._kafka.bootstrap} has no topic {names}: `crossdock topics apply` makes it",
                path="kafka",
            )


def settling_timer(processors: Sequence[Processor]) -> Timer:
    """Moves the processors' cursors past what has been handled, whichever worker did it."""

    def settle(tx: Transaction) -> None:
        for each in processors:
            relaying.settle_cursor(tx.connection, each.name, each.topic, tx.now)

    return Timer("settle cursors", _SETTLE_SECONDS, settle)

"""One processor on its topic: a Faust agent around ``handle_batch``, which has all delivery semantics.

Faust may deliver a message again, to this worker or to another, at any time; it must never leave one out. So every
batch is handled to the end whatever happens, and only then acknowledged, strictly in order, one batch at a time. Then,
whoever handles a message, now or later, has all that is before it in its partition behind it: handled by itself, or
found in the inbox, or committed by whoever had the partition. Nothing here depends on who owns a partition.

How Faust has to be set up for that stands in ``make_app``; tests/streams/test_faust.py holds it.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import faust
import structlog
from faust.types import EventT
from msgspec.structs import replace

from crossdock.store import relaying
from crossdock.streams import metrics
from crossdock.streams.batch import Backoff, handle_batch
from crossdock.streams.edges.intake import pause
from crossdock.streams.kafka.records import is_claim_check, message_of_record
from crossdock.streams.kafka.settings import KafkaSettings
from crossdock.streams.processor import Message, Processor
from crossdock.streams.transaction import Transactions

__all__ = ["Consumption", "make_app"]

_LINGER_SECONDS = 0.02
"""How long Faust gathers a batch that is not full."""
_MOST_POLL_SECONDS = 3600.0
"""A batch may wait that long for a database that is away, before brokers take the worker's partitions from it."""

_METADATA_MS = 10_000
"""How soon new partitions are found."""


@dataclass(frozen=True, slots=True)
class Consumption:
    """Runs ``processor`` on the partitions that its consumer group gives to this worker."""

    transactions: Transactions
    processor: Processor
    settings: KafkaSettings
    backoff: Backoff

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set and the batch in hand is committed; a consumer that fails is started again."""
        log = structlog.get_logger(__name__).bind(processor=self.processor.name)
        failures = 0
        while not stop.is_set():
            agent = _Agent(self, stop)
            try:
                if await agent.run():
                    return
                failures = 0
                error: BaseException | None = agent.crash_reason
            except Exception as failed:  # noqa: BLE001 - logged and repeated for ever: the brokers come back
                failures += 1
                error = failed
            metrics.CONSUMER_FAILURES.labels(self.processor.name).inc()
            wait_seconds = self.backoff.seconds(failures + 1)
            log.warning("consumer will be started again", wait_seconds=wait_seconds, error=repr(error))
            await pause(self.transactions.clock, wait_seconds, stop)


class _Agent:
    """One life of a consumer."""

    def __init__(self, of: Consumption, stop: asyncio.Event) -> None:
        self._of = of
        self._stop = stop
        self._idle = asyncio.Event()
        self._idle.set()
        self._app = make_app(of.settings, of.processor.name)
        name = of.settings.topic(of.processor.topic)
        topic = self._app.topic(name, key_serializer="raw", value_serializer="raw")
        self._app.agent(topic, name=of.processor.name, concurrency=1)(self._consume)

    @property
    def crash_reason(self) -> BaseException | None:
        """What the consumer failed with."""
        return self._app.crash_reason

    async def run(self) -> bool:
        """Consume until told to stop; false when Faust has given up before."""
        try:
            await self._app.start()
            await self._app.wait_for_stopped(self._stop.wait())
            # What is in hand is finished; what is not begun is left to whoever has the partitions next.
            await self._idle.wait()
            return self._stop.is_set()
        finally:
            await self._app.stop()

    async def _consume(self, channel: faust.StreamT[bytes]) -> None:
        within = max(self._of.processor.linger_seconds, _LINGER_SECONDS)
        # Its interface does not know of ``noack_take``, and the types of that not of events.
        stream = cast(Any, channel)
        async for events in stream.noack_take(self._of.processor.batch, within=within):
            if self._stop.is_set():
                await asyncio.Event().wait()  # until Faust cancels it: to leave would let Faust start it anew
            self._idle.clear()
            try:
                await self._handle(events)
                for event in events:
                    await stream.ack(event)
            finally:
                self._idle.set()

    async def _handle(self, events: Sequence[EventT[bytes]]) -> None:
        """Nothing but a cancellation leaves this before all is committed."""
        of, failures = self._of, 0
        while True:
            try:
                messages = [message_of_record(event.message, of.processor.topic) for event in events]
                messages = await self._whole(messages)
                return await handle_batch(of.transactions, of.processor, messages, backoff=of.backoff)
            except Exception as error:  # noqa: BLE001 - an agent that fails would have lost the batch
                failures += 1
                wait_seconds = of.backoff.seconds(failures)
                log = structlog.get_logger(__name__)
                log.warning(
                    "batch not read",
                    processor=of.processor.name,
                    wait_seconds=wait_seconds,
                    error=repr(error),
                )
            await of.transactions.clock.sleep(wait_seconds)

    async def _whole(self, messages: list[Message]) -> list[Message]:
        """``messages`` with the bodies that lie in the log."""
        wanted = [message.id for message in messages if is_claim_check(message)]
        if not wanted:
            return messages
        topic = self._of.processor.topic
        bodies = await self._of.transactions.database.read(
            lambda connection: relaying.load_bodies(connection, topic, wanted)
        )
        return [replace(each, body=bodies.get(each.id, each.body)) for each in messages]


def make_app(settings: KafkaSettings, processor: str) -> faust.App:
    """Faust in the subset that loses nothing.

    Set is what differs from its defaults and why: no tables, leaders, web server, topics made in passing; a
    rebalance that waits for nobody, for a batch may wait for the database; short buffers, to deliver little twice.
    """
    group = settings.group(processor)
    return faust.App(
        group,
        broker=[f"kafka://{address.strip()}" for address in settings.bootstrap.split(",")],
        broker_credentials=settings.credentials(),
        broker_client_id="crossdock",
        broker_commit_interval=1.0,
        broker_heartbeat_interval=settings.session_seconds / 5,
        broker_max_poll_interval=_MOST_POLL_SECONDS,
        broker_max_poll_records=500,
        broker_session_timeout=settings.session_seconds,
        consumer_auto_offset_reset="earliest",
        consumer_metadata_max_age_ms=_METADATA_MS,
        consumer_group_instance_id=settings.instance,
        key_serializer="raw",
        value_serializer="raw",
        stream_buffer_maxsize=1000,
        stream_wait_empty=False,
        table_standby_replicas=0,
        topic_allow_declare=False,
        topic_disable_leader=True,
        autodiscover=False,
        web_enabled=False,
        store="memory://",
        datadir=Path(tempfile.gettempdir()) / "crossdock-faust",
    )

"""Puts messages on topics, each partition strictly in the order given.

A partition has one batch under way at a time, and a batch is stored whole or not at all. So nothing overtakes
anything, whatever fails; what nobody knows of is sent again, and recognised by its id.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.producer.message_accumulator import BatchBuilder

from crossdock.errors import UnreachableError
from crossdock.store.log import Logged
from crossdock.streams.kafka.records import CLAIM_CHECK_BYTES, Headers, encode
from crossdock.streams.kafka.settings import KafkaSettings

__all__ = ["Publisher"]

_BATCH_BYTES = CLAIM_CHECK_BYTES + 128 * 1024
"""More than the largest record, less than what brokers take."""
_REQUEST_MS = 10_000

_Encoded = tuple[bytes, bytes, Headers]


class Publisher:
    """A producer for as long as nothing goes wrong: after an error make a new one."""

    def __init__(self, settings: KafkaSettings) -> None:
        """Connect on entering."""
        self._settings = settings
        self._partition_of = DefaultPartitioner()

    async def __aenter__(self) -> Self:
        """Connect.

        Raises:
            KafkaError: No broker answers.
        """
        self._producer = AIOKafkaProducer(
            **self._settings.client(),
            enable_idempotence=True,
            max_batch_size=_BATCH_BYTES,
            request_timeout_ms=_REQUEST_MS,
        )
        try:
            await self._producer.start()
        except BaseException:
            await self._producer.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._producer.stop()

    async def publish(self, rows: Sequence[Logged]) -> None:
        """Returns when every one of ``rows`` is on its topic, on as many brokers as the cluster wants.

        Raises:
            KafkaError: Some may be there and some not: publish all again, with a new publisher.
            UnreachableError: A topic has no partitions.
        """
        waiting: dict[tuple[str, int], list[_Encoded]] = defaultdict(list)
        partitions: dict[str, list[int]] = {}
        for row in rows:
            if row.topic not in partitions:
                partitions[row.topic] = await self._partitions(row.topic)
            known = partitions[row.topic]
            encoded = encode(row)
            waiting[(row.topic, self._partition_of(encoded[0], known, known))].append(encoded)
        sending = (self._send(topic, partition, records) for (topic, partition), records in waiting.items())
        # All have ended, one way or the other, before anything is sent again.
        for result in await asyncio.gather(*sending, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result

    async def _partitions(self, topic: str) -> list[int]:
        name = self._settings.topic(topic)
        found = await self._producer.partitions_for(name)
        if not found:
            raise UnreachableError(f"topic {name} is not there: `crossdock topics apply` makes it")
        return sorted(found)

    async def _send(self, topic: str, partition: int, records: Sequence[_Encoded]) -> None:
        batch = self._producer.create_batch()
        for record in records:
            if not _append(batch, record):
                await self._deliver(batch, topic, partition)
                batch = self._producer.create_batch()
                _append(batch, record)
        await self._deliver(batch, topic, partition)

    async def _deliver(self, batch: BatchBuilder, topic: str, partition: int) -> None:
        batch.close()
        delivered = await self._producer.send_batch(batch, self._settings.topic(topic), partition=partition)
        await delivered


def _append(batch: BatchBuilder, record: _Encoded) -> bool:
    key, value, headers = record
    return batch.append(timestamp=None, key=key, value=value, headers=headers) is not None

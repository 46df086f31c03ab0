"""How far consumers are behind, by topic and partition, as brokers tell it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from crossdock.errors import UnreachableError
from crossdock.streams.kafka.settings import KafkaSettings

__all__ = ["PartitionLag", "load_lags"]


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """One partition as one processor reads it.

    Attributes:
        topic: As processors know it.
        committed: The offset of the next message to be handled; none before the first.
        end: The offset that the next message will get.
        lag: Messages in between, of which those handled in the last second may be some.
    """

    processor: str
    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int


async def load_lags(settings: KafkaSettings, processors: Sequence[tuple[str, str]]) -> list[PartitionLag]:
    """The lag of each of ``processors`` (name, topic) on each partition of its topic.

    Raises:
        UnreachableError: No broker answers.
    """
    admin = AIOKafkaAdminClient(**settings.client())
    reader = AIOKafkaConsumer(**settings.client(), enable_auto_commit=False)
    try:
        await admin.start()
        await reader.start()
        await asyncio.sleep(0)  # it can't be stopped before its tasks have begun
        found = []
        for name, topic in processors:
            found += await _lags(admin, reader, settings, name, topic)
    except KafkaError as error:
        raise UnreachableError(
            f"Kafka at {settings.bootstrap} does not answer as it should: {error!r}\nCheck kafka.bootstrap"
        ) from error
    finally:
        await reader.stop()
        await admin.close()
    return found


async def _lags(
    admin: AIOKafkaAdminClient, reader: AIOKafkaConsumer, settings: KafkaSettings, name: str, topic: str
) -> list[PartitionLag]:
    on_cluster = settings.topic(topic)
    described = await admin.describe_topics([on_cluster])
    numbers = sorted(each["partition"] for each in described[0]["partitions"])
    partitions = [TopicPartition(on_cluster, number) for number in numbers]
    begins = await reader.beginning_offsets(partitions)
    ends = await reader.end_offsets(partitions)
    committed = await admin.list_consumer_group_offsets(settings.group(name))
    lags = []
    for partition in partitions:
        known = committed.get(partition)
        at = known.offset if known is not None and known.offset >= 0 else None
        begin, end = begins[partition], ends[partition]
        lags.append(
            PartitionLag(
                name, topic, partition.partition, at, end, end - max(begin, at if at is not None else begin)
            )
        )
    return lags

"""The points of Faust and aiokafka that the Kafka runtime relies on. When a new version is taken, these decide."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import faust
import pytest
from aiokafka import AIOKafkaProducer
from faust.types.enums import ProcessingGuarantee

from crossdock.streams.kafka.consuming import make_app
from crossdock.streams.kafka.lag import load_lags
from crossdock.streams.kafka.settings import KafkaSettings
from crossdock.streams.topics import ORDERS
from tests.servers.kafka import KAFKA, KafkaCluster
from tests.streams.kafka_hub import make_topics, settings

_WAIT_SECONDS = 60.0
_GROUP = "group"


def test_the_versions_are_pinned_exactly() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"]
    assert f"faust-streaming=={version('faust-streaming')}" in wanted
    assert f"aiokafka=={version('aiokafka')}" in wanted


@pytest.fixture
def kafka(kafka_broker: KafkaCluster, kafka_prefix: str) -> KafkaSettings:
    made = settings(kafka_broker.bootstrap, kafka_prefix, partitions=1)
    asyncio.run(make_topics(made))
    return made


@dataclass(slots=True)
class Reader:
    """What an agent has been given, batch by batch; ``handle`` says what it does with one."""

    handle: Callable[[Any, list[Any]], Awaitable[None]]
    batches: list[list[int]] = field(default_factory=list)
    values: list[bytes | None] = field(default_factory=list)

    @property
    def offsets(self) -> list[int]:
        return [offset for batch in self.batches for offset in batch]


@asynccontextmanager
async def reading(kafka: KafkaSettings, reader: Reader, *, most: int = 10) -> AsyncIterator[faust.App]:
    """An application as the runtime makes it."""
    app = make_app(kafka, _GROUP)
    topic = app.topic(kafka.topic(ORDERS), key_serializer="raw", value_serializer="raw")

    async def agent(stream: Any) -> None:
        async for events in stream.noack_take(most, within=0.02):
            reader.batches.append([event.message.offset for event in events])
            reader.values += [event.message.value for event in events]
            await reader.handle(stream, events)

    app.agent(topic, name="agent", concurrency=1)(agent)
    await app.start()
    try:
        yield app
    finally:
        await app.stop()


async def send(kafka: KafkaSettings, *values: bytes | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    for value in values:
        await producer.send_and_wait(kafka.topic(ORDERS), value, key=b"key")
    await producer.stop()


async def committed(kafka: KafkaSettings) -> int:
    (lag,) = await load_lags(kafka, [(_GROUP, ORDERS)])
    return lag.committed or 0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - there is nobody to set an event
            await asyncio.sleep(0.02)


async def leave(stream: Any, events: list[Any]) -> None:
    """Do nothing, and acknowledge nothing."""


async def acknowledge(stream: Any, events: list[Any]) -> None:
    for event in events:
        await stream.ack(event)


@KAFKA
class TestContract:
    def test_taking_acknowledges_nothing_and_what_is_not_acknowledged_comes_again(
        self, kafka: KafkaSettings
    ) -> None:
        async def scenario() -> None:
            await send(kafka, *(b"%d" % number for number in range(25)))
            first = Reader(leave)
            async with reading(kafka, first) as app:
                await until(lambda: len(first.offsets) == 25)
                await app.consumer.commit()
            assert await committed(kafka) == 0
            again = Reader(leave)
            async with reading(kafka, again):
                await until(lambda: len(again.offsets) == 25)
            assert again.offsets == list(range(25))

        asyncio.run(scenario())

    def test_what_is_acknowledged_in_order_is_committed_at_the_latest_by_stopping(
        self, kafka: KafkaSettings
    ) -> None:
        async def scenario() -> None:
            await send(kafka, *(b"%d" % number for number in range(25)))

            async def only_the_first(stream: Any, events: list[Any]) -> None:
                if len(reader.batches) == 1:
                    await acknowledge(stream, events)

            reader = Reader(only_the_first)
            async with reading(kafka, reader):
                await until(lambda: len(reader.offsets) == 25)
            assert await committed(kafka) == len(reader.batches[0])
            rest = Reader(acknowledge)
            async with reading(kafka, rest):
                await until(lambda: len(rest.offsets) == 25 - len(reader.batches[0]))
            assert rest.offsets == list(range(len(reader.batches[0]), 25))
            assert await committed(kafka) == 25

        asyncio.run(scenario())

    def test_a_batch_holds_no_more_than_asked_for_in_order(self, kafka: KafkaSettings) -> None:
        async def scenario() -> None:
            await send(kafka, *(b"%d" % number for number in range(40)))
            reader = Reader(acknowledge)
            async with reading(kafka, reader, most=7):
                await until(lambda: len(reader.offsets) == 40)
            assert reader.offsets == list(range(40))
            assert max(map(len, reader.batches)) <= 7

        asyncio.run(scenario())

    def test_bytes_come_as_they_are(self, kafka: KafkaSettings) -> None:
        values = [b"\xff\x00", b"", None, b"{not json", b'{"a": 1}']

        async def scenario() -> None:
            await send(kafka, *values)
            reader = Reader(acknowledge)
            async with reading(kafka, reader):
                await until(lambda: len(reader.offsets) == len(values))
            assert reader.values == values

        asyncio.run(scenario())

    def test_stopping_does_not_wait_for_a_handler_that_hangs(self, kafka: KafkaSettings) -> None:
        async def scenario() -> None:
            async def hang(stream: Any, events: list[Any]) -> None:
                await asyncio.Event().wait()

            await send(kafka, b"1")
            reader = Reader(hang)
            async with asyncio.timeout(_WAIT_SECONDS):
                async with reading(kafka, reader):
                    await until(lambda: bool(reader.offsets))
            assert await committed(kafka) == 0

        asyncio.run(scenario())

    def test_what_is_dangerous_is_off(self, kafka: KafkaSettings) -> None:
        async def scenario() -> None:
            conf: Any = make_app(kafka, _GROUP).conf
            assert not conf.web_enabled
            assert not conf.topic_allow_declare
            assert conf.topic_disable_leader
            assert not conf.stream_wait_empty
            assert conf.table_standby_replicas == 0
            assert conf.processing_guarantee is ProcessingGuarantee.AT_LEAST_ONCE

        asyncio.run(scenario())

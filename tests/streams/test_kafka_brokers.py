"""Three brokers, each partition on all of them: one may fail at any time."""

from __future__ import annotations

import asyncio

import pytest

from crossdock.store.engine import open_database
from crossdock.streams.kafka.topics import open_topics
from crossdock.streams.topics import ORDERS
from tests.servers.kafka import KAFKA, KafkaCluster
from tests.streams.conformance import handled, noting, until
from tests.streams.effects import by_key, create_effects, noted, numbered
from tests.streams.kafka_hub import KafkaHub, make_topics, settings


@KAFKA
@pytest.mark.slow
def test_a_broker_that_fails_stops_nothing(
    kafka_brokers: KafkaCluster, kafka_prefix: str, postgres_url: str
) -> None:
    kafka = settings(kafka_brokers.bootstrap, kafka_prefix)
    database = open_database(postgres_url)
    create_effects(database)
    hub = KafkaHub(database, kafka)
    messages = numbered(ORDERS, 150)

    async def scenario() -> None:
        await make_topics(kafka)
        async with open_topics(kafka) as topics:
            assert {state.replicas for state in await topics.states()} == {3}
        async with hub.running(noting("one")):
            await hub.emit(messages[:50])
            await until(lambda: handled(hub, "one") >= 50)
            await asyncio.to_thread(kafka_brokers.brokers[2].kill)
            await hub.emit(messages[50:])
            await until(lambda: handled(hub, "one") >= 150)

    asyncio.run(scenario())
    assert noted(database, "one") == by_key(messages)
    database.close()

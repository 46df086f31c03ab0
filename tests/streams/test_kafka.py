from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from crossdock.store.engine import open_database
from tests.servers.kafka import KAFKA, KafkaCluster
from tests.streams.conformance import RuntimeConformance
from tests.streams.effects import create_effects
from tests.streams.kafka_hub import KafkaHub, make_topics, settings

pytestmark = KAFKA


@pytest.fixture
def hub(kafka_broker: KafkaCluster, kafka_prefix: str, postgres_url: str) -> Iterator[KafkaHub]:
    kafka = settings(kafka_broker.bootstrap, kafka_prefix)
    asyncio.run(make_topics(kafka))
    database = open_database(postgres_url)
    create_effects(database)
    yield KafkaHub(database, kafka)
    database.close()


class TestKafkaConformance(RuntimeConformance):
    """Every rule of the suite, on Kafka and PostgreSQL."""

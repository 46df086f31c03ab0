"""The hub shows a real broker who it is, over an encrypted line."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from crossdock.config.model import Config
from crossdock.errors import UnreachableError
from crossdock.store.engine import open_database
from crossdock.streams.kafka.lag import load_lags
from crossdock.streams.kafka.settings import KafkaSettings, kafka_settings
from crossdock.streams.topics import ORDERS
from tests.servers.kafka import KAFKA, PASSWORD, USER, KafkaCluster
from tests.streams.conformance import handled, noting, until
from tests.streams.effects import by_key, create_effects, noted, numbered
from tests.streams.kafka_hub import KafkaHub, make_topics

pytestmark = KAFKA


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD)
    return path


def secured(cluster: KafkaCluster, prefix: str, secret: Path) -> KafkaSettings:
    """As ``crossdock.yaml`` says it."""
    (broker,) = cluster.brokers
    security = {
        "protocol": "SASL_SSL",
        "mechanism": "SCRAM-SHA-512",
        "username": USER,
        "password": f"${{file:{secret}}}",
        "ca_file": str(broker.certificate),
    }
    kafka = {
        "bootstrap": f"127.0.0.1:{broker.secure_port}",
        "prefix": prefix,
        "partitions": 2,
        "security": security,
    }
    return kafka_settings(Config.model_validate({"kafka": kafka}))


def test_topics_relay_and_consumers_are_let_in(
    kafka_broker: KafkaCluster, kafka_prefix: str, postgres_url: str, secret: Path
) -> None:
    kafka = secured(kafka_broker, kafka_prefix, secret)
    database = open_database(postgres_url)
    create_effects(database)
    hub = KafkaHub(database, kafka)
    messages = numbered(ORDERS, 40)

    async def scenario() -> None:
        await make_topics(kafka)
        async with hub.running(noting("one")):
            await hub.emit(messages)
            await until(lambda: handled(hub, "one") >= 40)
        assert sum(each.end for each in await load_lags(kafka, [("one", ORDERS)])) == 40

    asyncio.run(scenario())
    assert noted(database, "one") == by_key(messages)
    database.close()


def test_a_wrong_password_is_told(kafka_broker: KafkaCluster, kafka_prefix: str, secret: Path) -> None:
    secret.write_text("wrong")
    with pytest.raises(UnreachableError, match=r"Check kafka\.bootstrap and kafka\.security"):
        asyncio.run(make_topics(secured(kafka_broker, kafka_prefix, secret)))

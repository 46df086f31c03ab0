from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crossdock.config.model import Config
from crossdock.errors import MisconfiguredError
from crossdock.opening import retention_of
from crossdock.part import check_runtime, everything, worker
from crossdock.streams.kafka.settings import kafka_settings
from crossdock.streams.topics import TOPICS


def config(**kafka: Any) -> Config:
    return Config.model_validate({"hub": {"name": "hub", "runtime": "kafka"}, "kafka": kafka})


def test_every_topic_has_its_own_settings_or_the_common_ones() -> None:
    settings = kafka_settings(
        config(partitions=3, topics={"orders": {"partitions": 6}, "events": {"cleanup": "compact"}})
    )
    topics = {each.name: each for each in settings.topics}
    assert tuple(topics) == TOPICS
    assert (topics["orders"].partitions, topics["raw"].partitions) == (6, 3)
    assert [name for name, each in topics.items() if each.compacted] == ["events"]
    assert (settings.topic("orders"), settings.group("route")) == ("hub.orders", "hub.route")


@pytest.mark.parametrize(
    ("kafka", "path"),
    [
        ({"topics": {"order": {}}}, "kafka.topics.order"),
        ({"topics": {"orders": {"cleanup": "compact"}}}, "kafka.topics.orders.cleanup"),
        ({"security": {"protocol": "SASL_PLAINTEXT"}}, "kafka.security.username"),
        ({"security": {"protocol": "SSL", "ca_file": "/nowhere"}}, "kafka.security"),
    ],
)
def test_what_can_not_work_is_refused(kafka: dict[str, Any], path: str) -> None:
    with pytest.raises(MisconfiguredError) as refused:
        kafka_settings(config(**kafka))
    assert refused.value.path == path


def test_the_inbox_remembers_longer_than_a_topic_keeps() -> None:
    kept = retention_of(config(retention="60d"))
    assert timedelta(days=kept.inbox_days) > timedelta(days=60)


def test_many_processes_need_a_database_that_they_share() -> None:
    with pytest.raises(MisconfiguredError, match=r"hub\.database"):
        check_runtime(config(), "sqlite", everything())
    check_runtime(config(), "postgresql", worker())
    with pytest.raises(MisconfiguredError, match="embedded runs everything in one process"):
        check_runtime(Config(), "sqlite", worker())

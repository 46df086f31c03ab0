"""``kill -9`` at random moments: nothing lost, nothing done twice, order kept per key."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.context import ForkServerProcess

import pytest

from crossdock.sdk.clock import SystemClock
from crossdock.store.engine import Database, open_database
from crossdock.streams.kafka.settings import KafkaSettings
from crossdock.streams.transaction import Transactions
from tests.servers.kafka import KAFKA, KafkaCluster
from tests.servers.processes import processes
from tests.streams.crashing_worker import MESSAGES, ingest, messages, work
from tests.streams.effects import by_key, create_effects, noted
from tests.streams.kafka_hub import make_topics, settings

_KILLS = 12
_MOST_KILLS = 60
_KILLS_ON_KAFKA = 3
_FINISH_SECONDS = 120.0


def start(
    url: str, mode: str, kafka: KafkaSettings | None = None, *, inbox: bool = True
) -> ForkServerProcess:
    """A worker that has its first batch in hand, or has found nothing left to do."""
    hears, tells = processes.Pipe(duplex=False)
    worker = processes.Process(target=work, args=(url, mode, kafka), kwargs={"inbox": inbox, "told": tells})
    worker.start()
    tells.close()
    with hears, suppress(EOFError):
        hears.recv()
    return worker


def kill_soon(worker: ForkServerProcess, chance: random.Random) -> bool:
    """Kill after a random while; false when the worker had ended before."""
    time.sleep(chance.uniform(0.0, 0.06))
    at_work = worker.is_alive()
    worker.kill()
    worker.join()
    return at_work


def finish(url: str, mode: str, kafka: KafkaSettings | None = None, *, inbox: bool = True) -> None:
    """Let a worker do what is left."""
    worker = start(url, mode, kafka, inbox=inbox)
    worker.join(_FINISH_SECONDS)
    assert worker.exitcode == 0


def handled(database: Database, processor: str) -> list[str]:
    return [message_id for ids in noted(database, processor).values() for message_id in ids]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["embedded", "redelivering"])
def test_killed_workers_lose_and_repeat_nothing(database: Database, database_url: str, mode: str) -> None:
    create_effects(database)
    if mode == "redelivering":
        asyncio.run(ingest(Transactions(database, SystemClock())))
    kill_at_work(database, _KILLS, lambda: start(database_url, mode))
    finish(database_url, mode)
    assert_exact(database)


@KAFKA
@pytest.mark.slow
def test_killed_workers_on_kafka_lose_and_repeat_nothing(
    postgres_url: str, kafka_broker: KafkaCluster, kafka_prefix: str
) -> None:
    kafka = settings(kafka_broker.bootstrap, kafka_prefix)
    asyncio.run(make_topics(kafka))
    database = open_database(postgres_url)
    create_effects(database)
    kill_at_work(database, _KILLS_ON_KAFKA, lambda: start(postgres_url, "kafka", kafka))
    finish(postgres_url, "kafka", kafka)
    assert_exact(database)
    database.close()


def kill_at_work(database: Database, kills: int, begin: Callable[[], ForkServerProcess]) -> None:
    """Start workers and kill them, until so many were killed that had done something."""
    chance = random.Random(20261123)
    kills_at_work, before = 0, 0
    while kills_at_work < kills:
        assert kill_soon(begin(), chance), "all was done before the last kill"
        after = len(handled(database, "route"))
        kills_at_work += before < after < MESSAGES
        before = after


def assert_exact(database: Database) -> None:
    expected = by_key(messages())
    assert noted(database, "route") == expected
    assert noted(database, "track") == {
        key: [f"{each}-event" for each in ids] for key, ids in expected.items()
    }


@pytest.mark.slow
def test_without_the_inbox_the_same_kills_repeat_effects(database: Database, database_url: str) -> None:
    """Proves that the test above can fail."""
    create_effects(database)
    asyncio.run(ingest(Transactions(database, SystemClock())))
    chance = random.Random(20261123)
    ids: list[str] = []
    for _ in range(_MOST_KILLS):
        kill_soon(start(database_url, "redelivering", inbox=False), chance)
        ids = handled(database, "route")
        if len(ids) > len(set(ids)):
            break
    assert len(ids) > len(set(ids))

"""Workers that join, leave and stand still: no partition waits for long, and no effect is repeated."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from crossdock.store.engine import open_database
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.topics import ORDERS
from tests.servers.kafka import KAFKA, KafkaCluster
from tests.streams.conformance import handled, noting, until
from tests.streams.effects import by_key, create_effects, noted, numbered
from tests.streams.kafka_hub import KafkaHub, make_topics, settings
from tests.streams.test_crash import assert_exact, start
from tests.streams.test_kafka import hub

__all__ = ["hub"]

pytestmark = [KAFKA, pytest.mark.slow]

_LONGEST_SECONDS = 10.0
_SESSION_SECONDS = 6.0


def test_no_partition_stands_still_while_a_third_worker_joins_and_leaves(hub: KafkaHub) -> None:
    sent: dict[str, float] = {}
    took: dict[str, float] = {}
    everything: list[Message] = []

    at_work: set[str] = set()

    def worker(name: str) -> Processor:
        def look(_: Transaction, batch: Sequence[Message]) -> None:
            at_work.add(name)
            for each in batch:
                took.setdefault(each.id, time.monotonic() - sent[each.id])

        return noting("one", before=look)

    async def load(over: asyncio.Event) -> None:
        """A message for each of 31 keys, and so for every partition, again and again."""
        while not over.is_set():
            more = numbered(ORDERS, 31, keys=31, start=len(everything))
            everything.extend(more)
            sent.update(dict.fromkeys((each.id for each in more), time.monotonic()))
            await hub.emit(more)
            await asyncio.sleep(0.1)

    async def grown(by: int) -> None:
        wanted = handled(hub, "one") + by
        await until(lambda: handled(hub, "one") >= wanted)

    async def scenario() -> None:
        over = asyncio.Event()
        async with hub.running(worker("first")), hub.running(worker("second")):
            loading = asyncio.create_task(load(over))
            await grown(300)
            async with hub.running(worker("third")):
                await until(lambda: at_work == {"first", "second", "third"})
                await grown(300)
            await grown(600)
            over.set()
            await loading
            await until(lambda: handled(hub, "one") >= len(everything))

    asyncio.run(scenario())
    assert noted(hub.database, "one") == by_key(everything)
    assert max(took.values()) < _LONGEST_SECONDS


@pytest.mark.timeout(300)
def test_a_worker_that_stood_still_for_longer_than_its_session_repeats_nothing(
    kafka_broker: KafkaCluster, kafka_prefix: str, postgres_url: str, request: pytest.FixtureRequest
) -> None:
    if not float(str(request.config.getoption("--chaos-seconds"))):
        pytest.skip(
            "now and then the worker that goes on does not end in time, and why is open: --chaos-seconds 1"
        )
    kafka = settings(kafka_broker.bootstrap, kafka_prefix, session_seconds=_SESSION_SECONDS)
    asyncio.run(make_topics(kafka))
    database = open_database(postgres_url)
    create_effects(database)
    paused = start(postgres_url, "kafka", replace(kafka, instance="paused"))
    assert paused.pid is not None
    os.kill(paused.pid, signal.SIGSTOP)
    with ThreadPoolExecutor() as threads:
        # It may have to wait for what the other one holds, in the middle of its batch.
        begun = threads.submit(start, postgres_url, "kafka", replace(kafka, instance="other"))
        time.sleep(_SESSION_SECONDS + 4)
        os.kill(paused.pid, signal.SIGCONT)
        other = begun.result()
    for worker in (other, paused):
        worker.join(120)
        assert worker.exitcode == 0
    assert_exact(database)
    database.close()

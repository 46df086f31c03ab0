"""What only happens on Kafka: duplicates on the topic, records of others, rebalances, a relay that is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import Connection

from crossdock.errors import MisconfiguredError, UnreachableError
from crossdock.sdk.clock import SystemClock
from crossdock.store import leases, log, relaying
from crossdock.store.relaying import RELAY
from crossdock.streams.kafka.growing import quiet_topics
from crossdock.streams.kafka.lag import load_lags
from crossdock.streams.kafka.records import CLAIM_CHECK_BYTES
from crossdock.streams.kafka.relay import LEASE
from crossdock.streams.kafka.runtime import KafkaRuntime
from crossdock.streams.processor import Message, Transaction
from crossdock.streams.topics import ORDERS, STOCK
from crossdock.streams.transaction import Transactions
from tests.servers.kafka import KAFKA, KafkaCluster
from tests.streams.conformance import handled, noting, until
from tests.streams.effects import by_key, noted, numbered
from tests.streams.kafka_hub import KafkaHub
from tests.streams.test_kafka import hub

__all__ = ["hub"]

pytestmark = KAFKA


def rewind(database: Connection) -> None:
    relaying.rewind_relay(database, SystemClock().now())


def relayed(hub: KafkaHub) -> int:
    """How far the log is published."""
    return hub.database.read_now(lambda connection: log.load_cursor(connection, RELAY))


def test_what_is_published_again_is_handled_once(hub: KafkaHub) -> None:
    messages = numbered(ORDERS, 60)
    # A processor that nobody runs: everything is published again, because it has handled nothing.
    idle = noting("idle")

    async def scenario() -> None:
        await hub.emit(messages)
        for _ in range(2):
            async with hub.running(noting("one"), idle, only=["one"]):
                await until(lambda: handled(hub, "one") >= 60 and relayed(hub) >= 60)
            await hub.database.transact(rewind)
        async with hub.running(noting("one"), idle, only=["one"]):
            await hub.emit(numbered(ORDERS, 1, start=60))
            await until(lambda: handled(hub, "one") >= 61)
        ends = [lag.end for lag in await load_lags(hub.kafka, [("one", ORDERS)])]
        assert sum(ends) == 3 * 60 + 1

    asyncio.run(scenario())
    assert noted(hub.database, "one") == by_key([*messages, *numbered(ORDERS, 1, start=60)])


def test_a_relay_cut_off_before_it_noted_what_it_published_publishes_again(
    hub: KafkaHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = numbered(ORDERS, 40)
    move_cursor, cut_off = log.move_cursor, iter([True, True])

    def fail_at_first(connection: Connection, processor: str, *others: object) -> bool:
        if processor == RELAY and next(cut_off, False):
            raise UnreachableError("cut off")
        return move_cursor(connection, processor, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(log, "move_cursor", fail_at_first)

    async def scenario() -> None:
        await hub.emit(messages)
        async with hub.running(noting("one")):
            await until(lambda: handled(hub, "one") >= 40)
            await until(lambda: relayed(hub) >= 40)
        assert sum(lag.end for lag in await load_lags(hub.kafka, [("one", ORDERS)])) == 3 * 40

    asyncio.run(scenario())
    assert noted(hub.database, "one") == by_key(messages)


def test_a_large_body_goes_by_claim_check(hub: KafkaHub) -> None:
    large = Message("large", ORDERS, "key", b"x" * (3 * CLAIM_CHECK_BYTES))
    seen: list[int] = []

    def measure(_: Transaction, messages: Sequence[Message]) -> None:
        seen.extend(len(each.body) for each in messages)

    async def scenario() -> None:
        await hub.emit([large, Message("small", ORDERS, "key", b"x" * CLAIM_CHECK_BYTES)])
        async with hub.running(noting("one", before=measure)):
            await until(lambda: handled(hub, "one") >= 2)

    asyncio.run(scenario())
    assert seen == [3 * CLAIM_CHECK_BYTES, CLAIM_CHECK_BYTES]


def test_records_of_others_are_handled_by_their_place(hub: KafkaHub) -> None:
    async def scenario() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=hub.kafka.bootstrap)
        await producer.start()
        name = hub.kafka.topic(ORDERS)
        await producer.send_and_wait(name, b"not ours", key=b"\xff", partition=0)
        await producer.send_and_wait(name, b"odd", key=None, partition=0, headers=[("odd", b"\xff")])
        await producer.stop()
        async with hub.running(noting("one")):
            await until(lambda: handled(hub, "one") >= 2)

    asyncio.run(scenario())
    name = hub.kafka.topic(ORDERS)
    assert noted(hub.database, "one") == {"\ufffd": [f"kafka:{name}:0:0"], "": [f"kafka:{name}:0:1"]}


def test_a_worker_runs_the_processors_it_is_asked_for(hub: KafkaHub) -> None:
    async def scenario() -> None:
        orders, stock = noting("orders"), noting("stock", STOCK)
        async with hub.running(orders, stock, only=["orders"]):
            await hub.emit([*numbered(ORDERS, 5), *numbered(STOCK, 5)])
            await until(lambda: handled(hub, "orders") >= 5)
            assert handled(hub, "stock") == 0
            async with hub.running(orders, stock, only=["stock"]):
                await until(lambda: handled(hub, "stock") >= 5)

    asyncio.run(scenario())


def test_an_unknown_processor_is_refused(hub: KafkaHub) -> None:
    with pytest.raises(MisconfiguredError, match="there is no processor two; there are: one"):
        KafkaRuntime(
            Transactions(hub.database, SystemClock()),
            [noting("one")],
            kafka=hub.kafka,
            owner="worker",
            only=["two"],
        )


def test_brokers_that_come_back_are_used_again(hub: KafkaHub, kafka_broker: KafkaCluster) -> None:
    messages = numbered(ORDERS, 120)

    async def scenario() -> None:
        async with hub.running(noting("one")):
            await hub.emit(messages[:40])
            await until(lambda: handled(hub, "one") >= 40)
            (broker,) = kafka_broker.brokers
            await asyncio.to_thread(broker.kill)
            await hub.emit(messages[40:80])
            broker.start()
            await asyncio.to_thread(broker.wait)
            await hub.emit(messages[80:])
            await until(lambda: handled(hub, "one") >= 120)

    asyncio.run(scenario())
    assert noted(hub.database, "one") == by_key(messages)


def test_topics_at_rest_have_nothing_under_way(hub: KafkaHub) -> None:
    async def scenario() -> None:
        async with AsyncExitStack() as workers:
            await workers.enter_async_context(hub.running(noting("one")))
            await hub.emit(numbered(ORDERS, 50))
            await until(lambda: handled(hub, "one") >= 1)
            async with quiet_topics(hub.database, [ORDERS], 60.0):
                assert handled(hub, "one") == 50
                await hub.emit(numbered(ORDERS, 50, start=50))
                (relay,) = (
                    each for each in await hub.database.read(leases.list_leases) if each.name == LEASE
                )
                assert relay.owner == "crossdock topics apply"
                assert handled(hub, "one") == 50
            await until(lambda: handled(hub, "one") >= 100)

    asyncio.run(scenario())
    assert noted(hub.database, "one") == by_key(numbered(ORDERS, 100))

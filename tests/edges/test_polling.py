"""Polls: records and cursor in one commit, one worker at a time, errors told once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

from prometheus_client import REGISTRY
from sqlalchemy import select

from crossdock.sdk.errors import UnauthorisedError
from crossdock.store import leases
from crossdock.store.engine import Database
from crossdock.store.ingest import load_poll_cursor
from crossdock.store.plumbing import raw_records
from crossdock.store.worklist import list_items
from crossdock.streams.edges.health import Activity, State
from crossdock.streams.edges.polling import poll_service
from crossdock.streams.services import Service
from crossdock.streams.topics import ORDERS
from tests.edges.builders import Hub, hub, order
from tests.edges.partner import Partner


def service(it: Hub) -> Service:
    connection = it.connections.open["shop"]
    return poll_service(connection, connection.streams["orders"], it.around)


def stored(it: Hub) -> list[str]:
    with it.database.engine.connect() as connection:
        return list(connection.execute(select(raw_records.c.key).order_by(raw_records.c.key)).scalars())


def gap() -> float:
    return (
        REGISTRY.get_sample_value("crossdock_webhook_gap_total", {"connection": "shop", "stream": "orders"})
        or 0
    )


def test_all_pages_are_taken_and_the_gap_is_counted(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    partner.records = [json.loads(order(number)) for number in range(5)]
    it = hub(database, tmp_path, partner.url)
    before = gap()

    async def story() -> None:
        await it.call(order(0))
        await it.normalise()
        await it.run([service(it)], lambda: len(stored(it)) == 6)
        await it.normalise()

    asyncio.run(story())
    assert len(it.emitted(ORDERS)) == 5
    assert gap() - before == 4
    cursor = database.read_now(lambda c: load_poll_cursor(c, "shop", "orders"))
    assert cursor is not None
    assert cursor.cursor == {"after": 5}
    assert cursor.watermark is not None
    health = it.around.board.health(Activity("shop", "poll", "orders"))
    assert (health.state, health.records) == (State.OK, 5)


def test_a_bell_has_the_stream_asked_at_once(database: Database, tmp_path: Path, partner: Partner) -> None:
    it = hub(database, tmp_path, partner.url)

    async def story() -> None:
        polling = asyncio.ensure_future(it.run([service(it)], lambda: len(stored(it)) == 2))
        activity = Activity("shop", "poll", "orders")
        while it.around.board.health(activity).state is not State.OK:  # noqa: ASYNC110 - the board rings no bell
            await asyncio.sleep(0.01)
        partner.records = [json.loads(order(1))]
        before = gap()
        assert (await it.call(b"ring", topic="bell")).status == 200
        await polling
        await it.normalise()
        assert gap() == before

    asyncio.run(story())
    assert [message.key for message in it.emitted(ORDERS)] == ["shop:o1"]


def test_another_worker_has_the_turn(database: Database, tmp_path: Path, partner: Partner) -> None:
    partner.records = [json.loads(order(1))]
    it = hub(database, tmp_path, partner.url)
    now = it.transactions.clock.now()
    database.transact_now(lambda c: leases.take(c, "poll:shop/orders", "worker-2", now, 60))

    async def story() -> None:
        await it.run([service(it)], _after(0.3))

    asyncio.run(story())
    assert stored(it) == []


def test_refused_credentials_are_told_once_and_settled(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    it = hub(database, tmp_path, partner.url)
    activity = Activity("shop", "poll", "orders")

    async def story() -> None:
        for _ in range(3):
            assert await it.around.board.failed(activity, UnauthorisedError("token refused")) >= 60

    asyncio.run(story())
    (item,) = database.read_now(lambda c: list_items(c))
    assert item.subject == "connection:shop/poll/orders"
    assert "token refused" in item.message
    assert it.around.board.health(activity).failures == 3
    asyncio.run(it.around.board.succeeded(activity))
    assert database.read_now(lambda c: list_items(c)) == []


def test_an_unreachable_partner_is_asked_again(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path, "http://127.0.0.1:9")
    activity = Activity("shop", "poll", "orders")
    asyncio.run(it.run([service(it)], lambda: it.around.board.health(activity).failures > 0, 60))
    health = it.around.board.health(activity)
    assert health.state is State.RETRYING
    assert health.next_attempt_at is not None


def _after(seconds: float) -> Callable[[], bool]:
    end = time.monotonic() + seconds
    return lambda: time.monotonic() > end

"""A hub that a test kills at any moment: it fetches files, polls, normalises and delivers."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import structlog
from sqlalchemy import func, select

from crossdock.store.commands import CommandRow, enqueue
from crossdock.store.engine import Database, open_database
from crossdock.store.plumbing import commands
from crossdock.streams.edges.delivering import DeliverySettings
from crossdock.streams.edges.normalise import normalise_processor
from crossdock.streams.edges.running import edge_services
from crossdock.streams.edges.sending import Backoffs
from crossdock.streams.embedded import EmbeddedRuntime, EmbeddedSettings
from crossdock.streams.topics import ORDERS, STOCK
from tests.edges.builders import NOW, Hub, hub

ORDERS_POLLED = 40
FILES = 12
ROWS = 200
COMMANDS = 320
_NAMES = ("thing.request", "thing.find")
_DELIVERY = DeliverySettings(
    idle_seconds=0.02, limit_seconds=5.0, backoffs=Backoffs(first_seconds=0.02, most_seconds=0.1, give_up=100)
)


def fill_outbox(database: Database) -> None:
    rows = [
        CommandRow(
            "shop",
            _NAMES[number % 2],
            f"key-{number % 40}",
            f"command-{number}",
            b'{"id": "n"}',
            {},
            "story",
            NOW,
        )
        for number in range(COMMANDS)
    ]
    database.transact_now(lambda connection: enqueue(connection, rows))


def finished(it: Hub) -> bool:
    """Whether all commands are done, all orders are there, and all rows of all files."""
    unfinished = select(func.count()).where(commands.c.state != "applied")
    if it.database.read_now(lambda connection: connection.execute(unfinished).scalar_one()):
        return False
    return len(it.emitted(ORDERS)) == ORDERS_POLLED and len(it.emitted(STOCK)) == FILES


def work(url: str, folder: str, partner: str) -> None:
    """The life of a worker: it ends when everything has been done, or by ``kill -9``."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    database = open_database(url)
    short = {"interval_seconds": 0.05}
    streams = {
        "orders": short,
        "stock": {**short, "defaults": {"node": "DC-1"}},
        "advice": short,
        "x12": short,
    }
    it = hub(database, Path(folder), partner, streams=streams)
    asyncio.run(_run(it))
    database.close()


async def _run(it: Hub) -> None:
    runtime = EmbeddedRuntime(
        it.transactions,
        [normalise_processor(it.connections, it.around.bodies)],
        services=edge_services(it.connections, it.around, _DELIVERY),
        settings=EmbeddedSettings(idle_seconds=0.05),
    )
    it.around.pressure.source = runtime
    stop = asyncio.Event()
    running = asyncio.create_task(runtime.run(stop))
    while not await asyncio.to_thread(finished, it):  # noqa: ASYNC110 - what others have written rings no bell
        await asyncio.sleep(0.05)
    stop.set()
    await running
    await it.connections.close()

"""Orders end to end on SQLite: ``python -m benchmarks.end_to_end``.

From the bytes of a signed Shopify webhook to the command for the warehouse in the outbox: verified, durable, mapped,
validated, routed over 60 nodes, allocated. The floor parses the same bytes and commits the same rows, in as many
transactions, with no logic.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import uvloop
from sqlalchemy import Connection, func, select

from benchmarks.orders import hub_document, signed_webhooks, stock_feeds
from crossdock.app import Application
from crossdock.collecting import calm_collector
from crossdock.config.model import Config
from crossdock.demo.world import World, make_world
from crossdock.geography import load_places
from crossdock.sdk.connector import RawRequest
from crossdock.store.engine import open_database
from crossdock.store.migrations import migrate
from crossdock.store.plumbing import inbox
from crossdock.store.schema import metadata
from crossdock.store.stock_tables import positions
from crossdock.streams.embedded import EmbeddedRuntime

ORDERS = 4_000
IN_FLIGHT = 64
BATCH = 50
_LOOK_SECONDS = 0.1


def measure() -> list[dict[str, object]]:
    """Orders a second, ours and the floor's, in one run: in one process, and with one for mapping beside it."""
    world = make_world(1, ORDERS)
    calls = signed_webhooks(world)
    load_places()
    return [
        _measured("in one process", world, calls, mapping_process=False),
        _measured("with a mapping process", world, calls, mapping_process=True),
    ]


def _measured(
    how: str, world: World, calls: Sequence[RawRequest], *, mapping_process: bool
) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = hub_document(folder)
        document["hub"]["mapping_process"] = mapping_process
        application = Application.open(Config.model_validate(document))
        calm_collector()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            ours = runner.run(_sustained(application, calls, world))
        rows = application.database.read_now(_rows)
        application.close()
        floor = _floor(folder, calls, rows)
    return {
        "name": f"orders end to end, webhook bytes to outbox, SQLite, 60 nodes, {how}",
        "unit": "orders/s",
        "ours": ORDERS / ours,
        "other": ORDERS / floor,
        "other_name": "floor: same bytes parsed, same rows committed",
        "ratio": floor / ours,
    }


async def _sustained(application: Application, calls: Sequence[RawRequest], world: World) -> float:
    """Seconds from the first webhook until the last order is decided and its commands are in the outbox."""
    stop = asyncio.Event()
    preparation = application.preparation
    services = [*application.arriving, *([preparation.service] if preparation else [])]
    runtime = EmbeddedRuntime(application.transactions, application.processors, services=services)
    running = asyncio.create_task(runtime.run(stop))
    while preparation and not preparation.process.is_ready:  # noqa: ASYNC110 - another process is starting
        await asyncio.sleep(_LOOK_SECONDS)
    await application.transactions.write(lambda tx: tx.emit(*stock_feeds(world)))
    await _until(application, _positions, sum(len(units) for units in world.stock.values()))
    limit = asyncio.Semaphore(IN_FLIGHT)

    async def post(call: RawRequest) -> None:
        async with limit:
            answer = await application.receiver.receive("shop", call)
            if answer.status != 200:
                raise RuntimeError(f"a webhook was answered {answer.status}: {answer.body!r}")

    began = perf_counter()
    await asyncio.gather(*map(post, calls))
    await _until(application, _routed, len(calls))
    took = perf_counter() - began
    stop.set()
    await running
    return took


async def _until(application: Application, count: Any, wanted: int) -> None:
    while await application.database.read(count) < wanted:  # noqa: ASYNC110 - another thread's rows
        await asyncio.sleep(_LOOK_SECONDS)


def _positions(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(positions)).scalar_one()


def _routed(connection: Connection) -> int:
    routed = select(func.count()).select_from(inbox).where(inbox.c.processor == "route")
    return connection.execute(routed).scalar_one()


def _rows(connection: Connection) -> dict[str, list[tuple[Any, ...]]]:
    """Every row that the orders have made, as the driver gives it."""
    left_out = {"positions", "feeds", "processor_cursors", "network_versions"}
    found = {}
    for table in metadata.sorted_tables:
        if table.name not in left_out:
            chosen = " WHERE kind <> 'counted'" if table.name == "ledger" else ""
            rows = connection.exec_driver_sql(f"SELECT * FROM {table.name}{chosen}").all()
            found[table.name] = [tuple(row) for row in rows]
    return found


def _floor(folder: Path, calls: Sequence[RawRequest], rows: dict[str, list[tuple[Any, ...]]]) -> float:
    """Seconds to parse the same bytes and commit the same rows."""
    database = open_database(f"sqlite:///{folder / 'floor.sqlite'}")
    migrate(database.engine)
    transactions = len(calls) // BATCH
    statements = {
        name: f"INSERT INTO {name} VALUES ({', '.join('?' * len(held[0]))})"
        for name, held in rows.items()
        if held
    }

    def batch(connection: Connection, number: int) -> None:
        for call in calls[number * BATCH : (number + 1) * BATCH]:
            json.loads(call.body)
        for name, statement in statements.items():
            held = rows[name]
            share = held[len(held) * number // transactions : len(held) * (number + 1) // transactions]
            if share:
                connection.exec_driver_sql(statement, share)

    began = perf_counter()
    for number in range(transactions):
        database.transact_now(partial(batch, number=number))
    took = perf_counter() - began
    database.close()
    return took


if __name__ == "__main__":
    json.dump(measure(), sys.stdout, indent=2)

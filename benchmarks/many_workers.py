"""Orders end to end on Kafka and PostgreSQL, with two workers: ``python -m benchmarks.many_workers``.

From the bytes of a signed Shopify webhook to the commands in the outbox: verified, durable, relayed, mapped, validated,
routed over 60 nodes, allocated; the workers deliver files meanwhile. Broker, database and two workers (``crossdock
worker``) share the machine with this process, which takes the webhooks in. The floor has two consumers of aiokafka's
read the same bytes from a topic, parse them and commit the same rows, with no logic.

Latency is that of an open load: from when an order's webhook is due until the database has committed its decision.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg
import uvloop
import yaml
from sqlalchemy import Connection, func, select

from benchmarks.many_workers_floor import floor_seconds
from benchmarks.orders import hub_document, signed_webhooks, stock_feeds
from crossdock.app import Application
from crossdock.collecting import calm_collector
from crossdock.config.load import load_config
from crossdock.demo.world import World, make_world
from crossdock.part import server
from crossdock.sdk.connector import RawRequest
from crossdock.store.plumbing import inbox
from crossdock.store.stock_tables import positions
from crossdock.streams.kafka.settings import kafka_settings
from crossdock.streams.kafka.topics import open_topics
from tests.servers.kafka import KafkaCluster, running_kafka
from tests.servers.postgres import PostgresServer, running_postgres

ORDERS = 4_000
WARM_UP = 400
A_SECOND = 100
SECONDS = 10
IN_FLIGHT = 256
WORKERS = 2
_LOOK_SECONDS = 0.05
_WAIT_SECONDS = 300.0
_LIMIT_MS = 500.0
_MAIN = (sys.executable, "-c", "from crossdock.cli import main; main()")
_DECIDED = """
SELECT orders.external_id, pg_xact_commit_timestamp(decisions.xmin)
FROM decisions JOIN orders ON orders.id = decisions.order_id
"""


def measure() -> list[dict[str, object]]:
    """Orders a second, ours and the floor's, in one run; then latency under a steady load."""
    world = make_world(1, WARM_UP + ORDERS + A_SECOND * SECONDS)
    calls = signed_webhooks(world)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres, kafka = stack.enter_context(running_postgres()), stack.enter_context(running_kafka())
        _note_commits(postgres)
        database = postgres.url(postgres.create_database())
        config = _write_config(folder, database, kafka)
        application = Application.open(load_config(config), part=server())
        asyncio.run(_make_topics(application))
        pids = [each.pid for each in stack.enter_context(_workers(config))]
        calm_collector()
        watched = {
            "workers": pids,
            "database": [_pid(postgres.process)],
            "broker": [_pid(kafka.brokers[0].process)],
        }
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            took, cpu, times = runner.run(_load(application, calls, world, watched))
        application.close()
        late = _latencies(database, times)
        floor = floor_seconds(
            folder,
            postgres,
            database,
            kafka.bootstrap,
            calls[WARM_UP : WARM_UP + ORDERS],
            ORDERS / len(calls),
        )
    for name, seconds in cpu.items():
        print(f"{name}: {seconds / ORDERS * 1e6:.0f} µs of CPU an order", file=sys.stderr)
    return _results(took, floor, sum(cpu.values()), late)


def _results(took: float, floor: float, cpu: float, late: Sequence[float]) -> list[dict[str, object]]:
    what = "orders end to end, webhook bytes to outbox, Kafka and PostgreSQL, 60 nodes, two workers"
    return [
        {
            "name": what,
            "unit": "orders/s",
            "ours": ORDERS / took,
            "other": ORDERS / floor,
            "other_name": "floor: two consumers of aiokafka's, same bytes parsed, same rows committed",
        },
        {
            "name": f"{what}: CPU of all",
            "unit": "µs/order",
            "ours": cpu / ORDERS * 1e6,
            "other": 2 / 600 * 1e6,
            "other_name": "what two cores have for each of 600 orders a second",
        },
        {
            "name": f"p99 until an order is decided, {A_SECOND} a second, Kafka and PostgreSQL, two workers",
            "unit": "ms",
            "ours": late[int(len(late) * 0.99)],
            "other": _LIMIT_MS,
            "other_name": "the limit that is promised",
        },
    ]


def _note_commits(postgres: PostgresServer) -> None:
    postgres.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    postgres.stop()
    postgres.start()


def _write_config(folder: Path, database: str, kafka: KafkaCluster) -> Path:
    document = hub_document(folder)
    document["hub"] |= {"runtime": "kafka", "database": database}
    document["kafka"] = {"bootstrap": kafka.bootstrap, "prefix": "bench.", "partitions": 2 * WORKERS}
    document["web"] = {"port": 0}
    path = folder / "crossdock.yaml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


async def _make_topics(application: Application) -> None:
    async with open_topics(kafka_settings(application.config)) as topics:
        await topics.apply(await topics.changes())


@contextmanager
def _workers(config: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    processes = []
    for number in range(WORKERS):
        with config.with_name(f"worker-{number}.log").open("wb") as log:
            command = [*_MAIN, "worker", "--config", str(config), "--log-level", "warning"]
            processes.append(subprocess.Popen(command, stdout=log, stderr=log))
    try:
        yield processes
    finally:
        for each in processes:
            each.terminate()
        for each in processes:
            each.wait(60)


async def _load(
    application: Application, calls: Sequence[RawRequest], world: World, watched: dict[str, list[int]]
) -> tuple[float, dict[str, float], dict[str, datetime]]:
    """Seconds of the burst, CPU seconds of each part during it, and when each order of the steady load was due."""
    stop = asyncio.Event()
    running = asyncio.create_task(application.run(stop))
    await application.transactions.write(lambda tx: tx.emit(*stock_feeds(world)))
    await _until(application, _positions, sum(len(units) for units in world.stock.values()))
    await _post(application, calls[:WARM_UP])
    await _until(application, _routed, WARM_UP)
    # As the server does it by itself, some minutes after its tables have been filled.
    await application.database.transact(lambda connection: connection.exec_driver_sql("ANALYZE"))
    before, began = _cpu(watched), perf_counter()
    await _post(application, calls[WARM_UP : WARM_UP + ORDERS])
    await _until(application, _routed, WARM_UP + ORDERS)
    took = perf_counter() - began
    cpu = {name: seconds - before[name] for name, seconds in _cpu(watched).items()}
    times = await _steadily(application, calls[WARM_UP + ORDERS :])
    await _until(application, _routed, len(calls))
    stop.set()
    await running
    return took, cpu, times


async def _post(application: Application, calls: Sequence[RawRequest]) -> None:
    limit = asyncio.Semaphore(IN_FLIGHT)

    async def post(call: RawRequest) -> None:
        async with limit:
            await _receive(application, call)

    await asyncio.gather(*map(post, calls))


async def _receive(application: Application, call: RawRequest) -> None:
    answer = await application.receiver.receive("shop", call)
    if answer.status != 200:
        raise RuntimeError(f"a webhook was answered {answer.status}: {answer.body!r}")


async def _steadily(application: Application, calls: Sequence[RawRequest]) -> dict[str, datetime]:
    """When each order was due, by its number."""
    began, due_at, tasks = datetime.now(UTC), {}, []
    for number, call in enumerate(calls):
        due = began + timedelta(seconds=number / A_SECOND)
        await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
        due_at[json.loads(call.body)["admin_graphql_api_id"]] = due
        tasks.append(asyncio.create_task(_receive(application, call)))
    await asyncio.gather(*tasks)
    return due_at


def _latencies(database: str, due_at: dict[str, datetime]) -> list[float]:
    """Milliseconds until the commit of the decision, sorted."""
    with psycopg.connect(database) as connection:
        decided: dict[str, datetime] = dict(connection.execute(_DECIDED).fetchall())
    return sorted((decided[order] - due).total_seconds() * 1000 for order, due in due_at.items())


async def _until(application: Application, count: Any, wanted: int) -> None:
    deadline = perf_counter() + _WAIT_SECONDS
    while (found := await application.database.read(count)) < wanted:
        if perf_counter() > deadline:
            raise TimeoutError(f"{found} of {wanted} after {_WAIT_SECONDS} s")
        await asyncio.sleep(_LOOK_SECONDS)


def _positions(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(positions)).scalar_one()


def _routed(connection: Connection) -> int:
    routed = select(func.count()).select_from(inbox).where(inbox.c.processor == "route")
    return connection.execute(routed).scalar_one()


def _pid(process: subprocess.Popen[bytes] | None) -> int:
    assert process is not None
    return process.pid


def _cpu(watched: dict[str, list[int]]) -> dict[str, float]:
    """CPU seconds so far of each part with its children, and of this process."""
    parents: dict[int, int] = {}
    seconds: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        parents[pid] = int(fields[1])
        seconds[pid] = (int(fields[11]) + int(fields[12]) + int(fields[13]) + int(fields[14])) / os.sysconf(
            "SC_CLK_TCK"
        )
    used = {
        name: sum(seconds[pid] for pid in seconds if pid in pids or parents[pid] in pids)
        for name, pids in watched.items()
    }
    return used | {"webhooks": seconds[os.getpid()]}


if __name__ == "__main__":
    json.dump(measure(), sys.stdout, indent=2)

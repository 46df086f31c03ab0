"""The hub's edges beside their floor: ``python -m benchmarks.edges``.

The floor does the same with no logic: the same bytes parsed, the same number of rows committed in the same batches.
"""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any, ClassVar

import msgspec
import structlog
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, select

from benchmarks.mapping import shop_order
from crossdock.config.model import Config
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.connector import CheckReport, Command, Disposal, FileRef, RawRecord, Receipt
from crossdock.sdk.manifest_file import parse_manifest
from crossdock.sdk.outcomes import AlreadyApplied, Applied, Outcome
from crossdock.sdk.registry import ConnectorPlugin, Registry
from crossdock.sdk.services import Services
from crossdock.store import commands, log
from crossdock.store.engine import Database, open_database
from crossdock.store.leases import SqlTokenStore
from crossdock.store.migrations import migrate
from crossdock.store.plumbing import commands as command_table
from crossdock.store.plumbing import file_ledger
from crossdock.store.raw import BodyStore
from crossdock.streams.batch import handle_batch
from crossdock.streams.edges.connections import Connections, Environment, open_connections
from crossdock.streams.edges.delivering import delivery_service
from crossdock.streams.edges.dropping import drop_service
from crossdock.streams.edges.health import StatusBoard
from crossdock.streams.edges.intake import BackPressure, Bells, arrival, take_in
from crossdock.streams.edges.normalise import normalise_processor
from crossdock.streams.edges.polling import Surroundings
from crossdock.streams.processor import Message
from crossdock.streams.services import Service
from crossdock.streams.topics import RAW
from crossdock.streams.transaction import Transactions, message_of

ORDERS = 4_000
ROWS = 300_000
COMMANDS = 4_000
BATCH = 100
_NOW = datetime(2026, 11, 22, tzinfo=UTC)

MANIFEST = parse_manifest(
    """
id: bench
version: 1.0.0
sdk: ">=1,<2"
status: experimental
streams:
  orders: {role: receive, reconciled_by: polled, emits: order, mapping: shopify/order_webhook}
  polled: {role: poll, emits: order, mapping: shopify/order_webhook, cursor: {field: id}}
  stock: {role: drop, format: csv, emits: stock_feed, mapping: bench/stock}
commands:
  thing.do: {idempotency: native_key}
"""
)
_STOCK = """
mapping: bench/stock
version: 1
from: {format: csv}
to: stock_feed/1
fields:
  feed_id: {path: _hub.feed_id}
  node: {path: _hub.node}
  mode: {const: full}
  meaning: {const: physical}
  as_of: {path: _hub.received_at, as: instant}
  part: {path: _hub.part, as: int}
  last: {path: _hub.last, as: bool}
  lines: {each: rows, fields: {sku: {path: sku, required: true}, quantity: {path: quantity, as: int}}}
"""


class BenchConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")
    file: Path


class Bench:
    """A partner without any delay."""

    Config: ClassVar[type[BaseModel]] = BenchConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        self._config = BenchConfig.model_validate(config)

    async def check(self) -> CheckReport:
        return CheckReport(())

    async def list_files(self, stream: str) -> Sequence[FileRef]:
        path = self._config.file
        return [FileRef(stream, path.name, str(path), path.stat().st_size, _NOW)] if path.is_file() else []

    async def read(self, file: FileRef) -> AsyncIterator[bytes]:
        with Path(file.path).open("rb") as handle:  # noqa: ASYNC230 - a local disk
            while chunk := handle.read(1 << 20):
                yield chunk

    async def dispose(self, file: FileRef, how: Disposal) -> None:
        Path(file.path).unlink(missing_ok=True)  # noqa: ASYNC240 - a local disk

    async def put(self, name: str, content: AsyncIterator[bytes]) -> Receipt:
        raise NotImplementedError

    async def execute(self, command: Command, key: str) -> Outcome:
        return Applied(key)

    async def probe(self, command: Command, key: str) -> Outcome:
        return AlreadyApplied(key)


@dataclass(frozen=True, slots=True)
class Hub:
    database: Database
    transactions: Transactions
    connections: Connections
    around: Surroundings
    file: Path


@contextmanager
def _hub() -> Iterator[Hub]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "mappings/bench").mkdir(parents=True)
        (folder / "mappings/bench/stock.yaml").write_text(_STOCK, encoding="utf-8")
        database = open_database(f"sqlite:///{folder}/bench.sqlite")
        migrate(database.engine)
        clock = SystemClock()
        transactions = Transactions(database, clock)
        environment = Environment(
            registry=Registry({"bench": ConnectorPlugin(MANIFEST, Bench, BenchConfig, "benchmarks")}),
            mappings=MappingLibrary.packaged(FolderReader(folder / "mappings")),
            clock=clock,
            random=Random(1),
            tokens=SqlTokenStore(database, clock.now),
            budgets=MemoryBudgetStore(),
            log=structlog.get_logger("bench"),
        )
        file = folder / "stock.csv"
        shop = {
            "connector": "bench",
            "config": {"file": str(file)},
            "streams": {"stock": {"defaults": {"node": "DC-1"}}},
        }
        opened = open_connections(Config.model_validate({"connections": {"shop": shop}}), environment)
        assert not opened.broken, opened.broken
        board = StatusBoard(transactions, Random(1))
        around = Surroundings(
            transactions, BodyStore(folder / "bodies"), board, Bells(), BackPressure(), "bench"
        )
        yield Hub(database, transactions, opened, around, file)
        database.close()


def order_bytes(number: int) -> bytes:
    """A webhook of about 10 KB."""
    shop = shop_order()
    order = shop | {
        "admin_graphql_api_id": f"gid://shopify/Order/{number}",
        "updated_at": "2026-03-01T12:13:14-05:00",
        "processed_at": "2026-03-01T12:13:14-05:00",
        "discount_applications": [
            {
                "type": "discount_code",
                "code": "SPRING",
                "title": "Spring",
                "value_type": "percentage",
                "value": "5.0",
            }
        ],
        "shipping_lines": [
            {**line, "id": 1, "discount_allocations": [], "discounted_price_set": line["price_set"]}
            for line in shop["shipping_lines"]
        ],
        "tax_lines": [],
        "payment_gateway_names": ["bogus"],
        "current_total_discounts_set": shop["total_discounts_set"],
        "current_total_tax_set": shop["total_tax_set"],
        "current_total_price_set": shop["total_price_set"],
    }
    return msgspec.json.encode(order)


def _messages(hub: Hub) -> list[Message]:
    rows = hub.database.read_now(lambda c: log.read_after(c, RAW, 0, 1_000_000))
    return [message_of(row) for row in rows]


async def _normalise(hub: Hub, messages: Sequence[Message], batch: int) -> None:
    processor = normalise_processor(hub.connections, hub.around.bodies)
    for at in range(0, len(messages), batch):
        await handle_batch(hub.transactions, processor, messages[at : at + batch])


def _run_until(service: Service, done: Callable[[], bool]) -> float:
    async def run() -> float:
        stop = asyncio.Event()
        started = perf_counter()
        task = asyncio.ensure_future(service.run(stop))
        while not await asyncio.to_thread(done):  # noqa: ASYNC110 - the database rings no bell
            await asyncio.sleep(0.01)
        took = perf_counter() - started
        stop.set()
        await task
        return took

    return asyncio.run(run())


def _floor(
    hub: Hub, batches: Sequence[Sequence[bytes]], parse: Callable[[bytes], object], topic: str
) -> float:
    """Parse every body and append it to the log, in the same batches; returns seconds."""
    started = perf_counter()
    for index, batch in enumerate(batches):

        def work(connection: Connection, index: int = index, batch: Sequence[bytes] = batch) -> None:
            names = [f"floor:{topic}:{index}:{at}" for at in range(len(batch))]
            log.claim(connection, "floor", names, _NOW)
            for body in batch:
                parse(body)
            log.append(
                connection,
                [
                    log.LogRow(topic, name, name, "{}", body, _NOW)
                    for name, body in zip(names, batch, strict=True)
                ],
            )

        hub.database.transact_now(work)
    return perf_counter() - started


def normalise_orders(orders: int = ORDERS) -> tuple[float, float]:
    """Orders a second through ``normalise``, and through the floor."""
    with _hub() as hub:
        bodies = [order_bytes(number) for number in range(orders)]
        arrivals = [
            arrival("shop", RawRecord("orders", str(number), str(number), body), body, _NOW)
            for number, body in enumerate(bodies)
        ]
        hub.transactions.transact_now(lambda tx: take_in(tx, arrivals))
        messages = _messages(hub)
        started = perf_counter()
        asyncio.run(_normalise(hub, messages, BATCH))
        ours = orders / (perf_counter() - started)
        _expect(hub, "orders", orders)
        decoder = msgspec.json.Decoder(float_hook=Decimal)
        batches = [bodies[at : at + BATCH] for at in range(0, orders, BATCH)]
        return ours, orders / _floor(hub, batches, decoder.decode, "floor")


def _expect(hub: Hub, topic: str, count: int) -> None:
    found = len(hub.database.read_now(lambda c: log.read_after(c, topic, 0, 1_000_000)))
    assert found == count, f"{found} messages on {topic}, expected {count}"


def normalise_rows(rows: int = ROWS) -> tuple[float, float, float]:
    """Stock rows a second: fetched, stored and cut; through ``normalise``; and through its floor."""
    with _hub() as hub:
        lines = [f"SKU-{number:08},{number % 997}\n" for number in range(rows)]
        hub.file.write_text("sku,quantity\n" + "".join(lines), encoding="utf-8")
        connection = hub.connections.open["shop"]
        service = drop_service(connection, connection.streams["stock"], hub.around)
        disposed = select(func.count()).where(file_ledger.c.state == "disposed")
        fetched = rows / _run_until(
            service, lambda: bool(hub.database.read_now(lambda c: c.execute(disposed).scalar()))
        )
        messages = _messages(hub)
        started = perf_counter()
        asyncio.run(_normalise(hub, messages, 4))
        ours = rows / (perf_counter() - started)
        parts = hub.database.read_now(lambda c: log.read_after(c, "stock", 0, 1_000_000))
        assert sum(len(json.loads(part.body)["lines"]) for part in parts) == rows
        size = -(-rows // len(messages))
        frames = ["".join(lines[at : at + size]).encode() for at in range(0, rows, size)]
        batches = [frames[at : at + 4] for at in range(0, len(frames), 4)]
        floor = rows / _floor(hub, batches, _parse_csv, "floor")
        return fetched, ours, floor


def _parse_csv(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode(), newline="")))


def deliver_commands(count: int = COMMANDS) -> tuple[float, float]:
    """Commands a second to a partner without delay; and claimed and recorded with no call between."""
    with _hub() as hub:
        hub.database.transact_now(lambda c: commands.enqueue(c, _commands(0, count)))
        waiting = select(func.count()).where(command_table.c.state != "applied")
        service = delivery_service(hub.connections.open["shop"], hub.around)
        took = _run_until(service, lambda: not hub.database.read_now(lambda c: c.execute(waiting).scalar()))
        hub.database.transact_now(lambda c: commands.enqueue(c, _commands(count, count)))
        started = perf_counter()
        while claimed := hub.database.transact_now(
            lambda c: commands.claim(c, "shop", "floor", _NOW, lease_seconds=60, limit=64)
        ):
            results = [commands.Result(each.id, commands.CommandState.APPLIED) for each in claimed]
            hub.database.transact_now(lambda c, r=results: commands.record(c, r, "floor", _NOW))  # type: ignore[misc]
        return count / took, count / (perf_counter() - started)


def _commands(first: int, count: int) -> list[commands.CommandRow]:
    return [
        commands.CommandRow("shop", "thing.do", f"k{number}", f"c{number}", b'{"id": "n"}', {}, "story", _NOW)
        for number in range(first, first + count)
    ]


def measure(orders: int = ORDERS, rows: int = ROWS, count: int = COMMANDS) -> list[dict[str, Any]]:
    """Each step of the edges beside its floor."""
    ordered, ordered_floor = normalise_orders(orders)
    fetched, mapped, mapped_floor = normalise_rows(rows)
    delivered, delivered_floor = deliver_commands(count)
    parsed = "the same bytes parsed and committed, no logic"
    found = [
        ("webhook orders normalised (10 KB, SQLite)", "orders/s", ordered, ordered_floor, parsed),
        ("stock rows normalised (CSV, SQLite)", "rows/s", mapped, mapped_floor, parsed),
        ("stock rows fetched, inspected, cut", "rows/s", fetched, mapped_floor, parsed),
        (
            "commands delivered (SQLite)",
            "commands/s",
            delivered,
            delivered_floor,
            "claimed and recorded, no call",
        ),
    ]
    return [
        {
            "name": name,
            "unit": unit,
            "ours": ours,
            "other": other,
            "other_name": other_name,
            "ratio": ours / other,
        }
        for name, unit, ours, other, other_name in found
    ]


if __name__ == "__main__":
    for row in measure():
        sys.stdout.write(json.dumps(row) + "\n")

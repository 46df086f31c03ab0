"""A hub of one connection to the tiny partner."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import structlog
from sqlalchemy import select

from crossdock.config.model import Config
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.connector import RawRequest
from crossdock.sdk.http import HttpSettings
from crossdock.sdk.registry import Registry
from crossdock.store import commands, dead_letters
from crossdock.store.commands import CommandRow
from crossdock.store.engine import Database
from crossdock.store.leases import SqlTokenStore
from crossdock.store.plumbing import commands as command_table
from crossdock.store.plumbing import messages
from crossdock.store.raw import BodyStore
from crossdock.streams.batch import handle_batch
from crossdock.streams.edges.connections import Connections, Environment, open_connections
from crossdock.streams.edges.health import StatusBoard
from crossdock.streams.edges.intake import BackPressure, Bells
from crossdock.streams.edges.normalise import normalise_processor
from crossdock.streams.edges.polling import Surroundings
from crossdock.streams.edges.receive import Receiver
from crossdock.streams.processor import Message
from crossdock.streams.services import Service
from crossdock.streams.topics import RAW
from crossdock.streams.transaction import Transactions
from tests.edges.tiny import PLUGIN, signature

NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)
SECRET = "a very secret secret"


@dataclass
class Hub:
    database: Database
    transactions: Transactions
    connections: Connections
    around: Surroundings
    receiver: Receiver

    async def call(self, body: bytes, delivery: str = "d1", topic: str = "order", **changes: str) -> Any:
        headers = {"signature": signature(SECRET, body), "topic": topic, "delivery": delivery, **changes}
        return await self.receiver.receive(
            "shop", RawRequest("POST", "/webhooks/shop", "", headers, body, NOW)
        )

    async def normalise(self) -> None:
        processor = normalise_processor(self.connections, self.around.bodies)
        await handle_batch(self.transactions, processor, self.emitted(RAW))

    def emitted(self, topic: str) -> list[Message]:
        log = messages.c
        statement = select(log.message_id, log.key, log.body, log.headers)
        with self.database.engine.connect() as connection:
            rows = connection.execute(statement.where(log.topic == topic).order_by(log.id)).all()
        return [Message(row.message_id, topic, row.key, row.body, json.loads(row.headers)) for row in rows]

    def letters(self) -> list[dead_letters.StoredDeadLetter]:
        return self.database.read_now(lambda c: dead_letters.list_letters(c))

    def replay(self, letter: int, body: bytes | None = None) -> None:
        def work(connection: Any) -> None:
            if body is not None:
                dead_letters.edit(connection, letter, body, NOW)
            dead_letters.replay(connection, letter, NOW)

        self.database.transact_now(work)

    def enqueue(self, name: str, count: int = 1, *, keys: int = 0, payload: Any = None) -> None:
        rows = [
            CommandRow(
                "shop",
                name,
                f"key-{number % keys if keys else number}",
                f"{name}:{number}",
                json.dumps(payload if payload is not None else {"id": f"n{number}"}).encode(),
                {"order": f"o{number}"},
                f"story-{number}",
                NOW,
            )
            for number in range(count)
        ]
        self.database.transact_now(lambda c: commands.enqueue(c, rows))

    async def run(self, services: Sequence[Service], done: Callable[[], bool], seconds: float = 20) -> None:
        """Run services until ``done``, then close the connections, in the loop that opened them."""
        try:
            await run_until(services, done, seconds)
        finally:
            await self.connections.close()

    def commands(self) -> list[Any]:
        with self.database.engine.connect() as connection:
            return list(connection.execute(select(command_table).order_by(command_table.c.id)))


def hub(
    database: Database,
    folder: Path,
    url: str = "http://127.0.0.1:9",
    *,
    config: dict[str, Any] | None = None,
    streams: dict[str, Any] | None = None,
    owner: str = "worker-1",
) -> Hub:
    transactions = Transactions(database, SystemClock())
    around = surroundings(transactions, folder, owner)
    opened = open_connections(configuration(folder, url, config, streams), environment(database))
    receiver = Receiver(
        opened,
        transactions,
        around.bodies,
        around.board,
        around.bells,
        around.pressure,
        max_body_bytes=1_000_000,
    )
    return Hub(database, transactions, opened, around, receiver)


def surroundings(transactions: Transactions, folder: Path, owner: str) -> Surroundings:
    board = StatusBoard(transactions, Random(1))
    return Surroundings(transactions, BodyStore(folder / "bodies"), board, Bells(), BackPressure(), owner)


def configuration(
    folder: Path, url: str, config: dict[str, Any] | None = None, streams: dict[str, Any] | None = None
) -> Config:
    files = folder / "partner"
    for name in ("stock", "advice", "x12"):
        (files / name).mkdir(parents=True, exist_ok=True)
    settings = {
        "url": url,
        "secret": "${env:TINY_SECRET}",
        "files": {"kind": "folder", "path": str(files), "settle_seconds": 0},
        **(config or {}),
    }
    merged = {"stock": {"defaults": {"node": "DC-1"}}, **(streams or {})}
    return Config.model_validate(
        {"connections": {"shop": {"connector": "tiny", "config": settings, "streams": merged}}}
    )


def environment(database: Database) -> Environment:
    clock = SystemClock()
    return Environment(
        registry=Registry({"tiny": PLUGIN}),
        mappings=MappingLibrary([FolderReader(Path(__file__).parent / "mappings")]),
        clock=clock,
        random=Random(1),
        tokens=SqlTokenStore(database, clock.now),
        budgets=MemoryBudgetStore(),
        log=structlog.get_logger("tests"),
        variables={"TINY_SECRET": SECRET},
        http=HttpSettings(),
    )


def order(number: int = 1, **changes: Any) -> bytes:
    value = {
        "id": f"o{number}",
        "version": "1",
        "placed_at": "2026-11-23T09:00:00Z",
        "currency": "USD",
        "country": "US",
        "lines": [{"id": "l1", "sku": "A-1", "quantity": 2, "price": "19.90"}],
        **changes,
    }
    return json.dumps(value).encode()


async def run_until(services: Sequence[Service], done: Callable[[], bool], seconds: float = 20) -> None:
    """Run services until ``done``, then stop them gracefully."""
    stop = asyncio.Event()
    tasks = [asyncio.ensure_future(service.run(stop)) for service in services]
    deadline = asyncio.get_running_loop().time() + seconds
    try:
        while not done():
            for task in tasks:
                if task.done():
                    task.result()
            assert asyncio.get_running_loop().time() < deadline, "it took too long"
            await asyncio.sleep(0.01)
    finally:
        stop.set()
        await asyncio.gather(*tasks)

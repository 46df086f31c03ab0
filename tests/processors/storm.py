"""Many writers on the same few SKUs at once: carts, orders, nodes, feeds, expiries; an observer looks on."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from random import Random
from time import monotonic
from typing import Any

from sqlalchemy import Connection, select

from crossdock.doctor.model import Situation
from crossdock.doctor.stock import STOCK_CHECKS
from crossdock.errors import RecordRejectedError
from crossdock.inventory.inbound import Inbound
from crossdock.sdk.clock import SystemClock
from crossdock.store.engine import Database
from crossdock.store.order_tables import fulfilment_orders, orders
from crossdock.store.stock_tables import reservations as reservation_rows
from crossdock.streams.batch import handle_batch
from crossdock.streams.faults import passes
from crossdock.streams.processor import Message
from crossdock.streams.processors import back_ordering, reserving
from crossdock.streams.processors.documents import encode
from crossdock.streams.processors.outgoing import RerouteDocument
from crossdock.streams.processors.reserving import Wanted
from crossdock.streams.topics import ORDERS
from crossdock.streams.transaction import SqlTransaction, Transactions
from crossdock_schemas.registry import ENTITIES
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_order

SKUS = tuple(f"SKU-{number:02}" for number in range(20))
NODES = ("CHI", "NYC")
_CLOCK = SystemClock()
_LONGEST_SECONDS = 60.0
_numbers = count(1)
EVERYTHING = (
    "reserve",
    "extend",
    "release",
    "move",
    "order/1",
    "stock_feed/1",
    "fulfilment_response/1",
    "supply",
    "retry",
    "looked",
)
"""What must have happened, however slow the machine is."""
_oversold = next(check for check in STOCK_CHECKS if check.name == "never_oversold")


@dataclass(slots=True)
class Storm:
    """What happened."""

    done: Counter[str] = field(default_factory=Counter)
    oversold: list[Any] = field(default_factory=list)
    carts: list[str] = field(default_factory=list)

    def goes_on(self, until: float) -> bool:
        """Until the time is up and everything has happened."""
        now = monotonic()
        return now < until or (
            now < until + _LONGEST_SECONDS and not all(self.done[each] for each in EVERYTHING)
        )


class Writer:
    """One of many, on a database that it may share with others."""

    def __init__(self, hub: Harness, random: Random, storm: Storm) -> None:
        self.hub = hub
        self.random = random
        self.storm = storm
        self.transactions = Transactions(hub.database, _CLOCK)

    async def run(self, until: float) -> None:
        steps: list[tuple[Callable[[], Awaitable[None]], int]] = [
            (self.reserve, 5),
            (self.change, 4),
            (self.order, 5),
            (self.answer, 2),
            (self.feed, 1),
            (self.receive, 1),
            (self.expire, 1),
            (self.supply, 1),
            (self.retry, 1),
        ]
        choices, weights = zip(*steps, strict=True)
        while self.storm.goes_on(until):
            (step,) = self.random.choices(choices, weights)
            await step()

    async def reserve(self) -> None:
        """A cart; some come twice at once with the same key."""
        key = f"cart-{next(_numbers)}"
        lines = [
            Wanted(sku, node, self.random.randint(1, 2))
            for sku in self.random.sample(SKUS, self.random.randint(1, 3))
            for node in self.random.sample(NODES, self.random.choice((1, 1, 2)))
        ]
        until = _CLOCK.now() + timedelta(milliseconds=self.random.randint(50, 3000))
        times = self.random.choice((1, 1, 2))
        attempts = [
            self._try("reserve", lambda tx: reserving.reserve(self.hub.hub, tx, key, "web", lines, until))
            for _ in range(times)
        ]
        if any(await asyncio.gather(*attempts)):
            self.storm.carts.append(key)

    async def change(self) -> None:
        """Extend, move or release a cart, which others may be changing too."""
        if not self.storm.carts:
            return
        key = self.random.choice(self.storm.carts[-12:])
        until = _CLOCK.now() + timedelta(milliseconds=300)
        node = self.random.choice(NODES)
        steps: list[tuple[str, Callable[[SqlTransaction], object]]] = [
            ("extend", lambda tx: reserving.extend(tx, key, until)),
            ("release", lambda tx: reserving.release(tx, key)),
            ("move", lambda tx: reserving.move(self.hub.hub, tx, key, node)),
        ]
        await self._try(*self.random.choice(steps))

    async def order(self) -> None:
        lines = tuple(
            a_line(str(index), sku, self.random.randint(1, 2))
            for index, sku in enumerate(self.random.sample(SKUS, self.random.randint(1, 3)))
        )
        named = (
            [{"kind": "reservation", "value": self.random.choice(self.storm.carts[-6:])}]
            if self.storm.carts
            else []
        )
        references = tuple(named if self.random.random() < 0.3 else ())
        document = an_order(external_id=f"order-{next(_numbers)}", lines=lines, references=references)
        await self._send("route", "order/1", document, "shop")

    async def answer(self) -> None:
        """A node ships, refuses or can't find what it was asked for."""

        def asked(connection: Connection) -> Sequence[str]:
            rows = select(fulfilment_orders.c.id).where(fulfilment_orders.c.state == "requested").limit(20)
            return connection.execute(rows).scalars().all()

        found = await self.hub.database.read(asked)
        if not found:
            return
        name = self.random.choice(found)
        document: dict[str, Any] = {
            "external_id": f"answer-{next(_numbers)}",
            "fulfilment_order": name,
            "kind": self.random.choice(("accepted", "rejected", "rejected")),
            "occurred_at": _CLOCK.now(),
        }
        await self._send("fulfil", "fulfilment_response/1", document, "wms")

    async def feed(self) -> None:
        lines = [{"sku": sku, "quantity": self.random.randint(0, 9)} for sku in self.random.sample(SKUS, 9)]
        document = {
            "feed_id": f"feed-{next(_numbers)}",
            "node": self.random.choice(NODES),
            "mode": "full",
            "meaning": "physical",
            "as_of": _CLOCK.now(),
            "lines": lines,
        }
        await self._send("stock", "stock_feed/1", document, "wms")

    async def receive(self) -> None:
        lines = [{"sku": sku, "quantity": 1, "reason": "received"} for sku in self.random.sample(SKUS, 5)]
        document = {
            "external_id": f"receipt-{next(_numbers)}",
            "node": self.random.choice(NODES),
            "occurred_at": _CLOCK.now(),
            "lines": lines,
        }
        await self._send("stock", "stock_movement/1", document, "wms")

    async def supply(self) -> None:
        """More or less is due."""
        node, sku = self.random.choice(NODES), self.random.choice(SKUS)
        due = _CLOCK.now() + timedelta(hours=self.random.randint(1, 99))
        row = Inbound(f"PO-{sku}-{node}", sku, node, self.random.randint(0, 9), due)
        await self._try("supply", lambda tx: back_ordering.set_supply(self.hub.hub, tx, row))

    async def retry(self) -> None:
        """An order that waits is tried again, or cancelled."""

        def due(connection: Connection) -> Sequence[str]:
            rows = select(orders.c.external_id).where(orders.c.route_at.is_not(None)).limit(9)
            return connection.execute(rows).scalars().all()

        waiting = await self.hub.database.read(due)
        if not waiting:
            return
        name = self.random.choice(waiting)
        if self.random.random() < 0.3:
            document = {"external_id": name, "version": "2026-11-23T11:00:00Z", "requested_at": _CLOCK.now()}
            await self._send("route", "cancellation/1", document, "shop")
            return
        number = next(_numbers)
        body = encode(RerouteDocument(f"shop:{name}", (), "waiting"))
        headers = {"schema": "reroute/1", "connection": "shop"}
        await self._handle("route", Message(f"m{number}", ORDERS, f"shop:{name}", body, headers))
        self.storm.done["retry"] += 1

    async def expire(self) -> None:
        await self._try("expire", self.hub.timer("expire"))

    async def _send(self, processor: str, schema: str, document: dict[str, Any], connection: str) -> None:
        """Put a document on its topic, and handle it at once, as one of many workers."""
        body = ENTITIES[schema].model_validate(document).model_dump_json(exclude_defaults=True).encode()
        key = (
            document.get("fulfilment_order")
            or document.get("node")
            or f"{connection}:{document['external_id']}"
        )
        number = next(_numbers)
        headers = {"schema": schema, "connection": connection, "raw_id": f"raw-{number}"}
        message = Message(f"m{number}", self.hub.topic(schema), str(key), body, headers)
        await self._handle(processor, message)
        self.storm.done[schema] += 1

    async def _handle(self, processor: str, message: Message) -> None:
        await self.transactions.transact(lambda tx: tx.emit(message))
        await handle_batch(self.transactions, self.hub.processor(processor), [message])

    async def _try(self, name: str, work: Callable[[SqlTransaction], object]) -> bool:
        """As the API does: a refusal is an answer, a lost race is run again."""
        while True:
            try:
                await self.transactions.transact(work)
            except RecordRejectedError as error:
                self.storm.done[f"{name} refused: {error.rejections[0].code}"] += 1
                return False
            except Exception as error:
                if not passes(error):
                    raise
                self.storm.done[f"{name} again"] += 1
            else:
                self.storm.done[name] += 1
                return True


def _look(connection: Connection) -> list[Any]:
    return list(_oversold.find(connection, Situation(_CLOCK.now())))


async def _observe(database: Database, storm: Storm, until: float) -> None:
    while storm.goes_on(until):
        storm.oversold += await database.read(_look)
        storm.done["looked"] += 1
        await asyncio.sleep(0.02)


def blow(hubs: Sequence[Harness], writers: int, seconds: float, seed: int) -> Storm:
    """Let ``writers`` work for a time, spread over ``hubs``; all are hubs of one database."""
    storm = Storm()
    for hub in hubs:
        hub.clock = _CLOCK  # type: ignore[assignment]
        hub.transactions = Transactions(hub.database, _CLOCK)
    for node in NODES:
        hubs[0].stock(node, dict.fromkeys(SKUS, 4))

    async def all_of_them() -> None:
        until = monotonic() + seconds
        crew = [Writer(hubs[n % len(hubs)], Random(seed + n), storm) for n in range(writers)]
        await asyncio.gather(_observe(hubs[-1].database, storm, until), *(each.run(until) for each in crew))

    asyncio.run(all_of_them())
    return storm


def breaches(hub: Harness) -> list[Any]:
    """What the doctor finds in the books."""
    now = Situation(_CLOCK.now())
    return hub.database.read_now(
        lambda c: [(check.name, dict(row)) for check in STOCK_CHECKS for row in check.find(c, now)]
    )


def states(hub: Harness) -> Counter[str]:
    """How reservations ended."""
    return Counter(row["state"] for row in hub.rows(reservation_rows))

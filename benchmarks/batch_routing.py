"""What routing a batch costs as the batch, the catalogue and the history grow: ``python -m benchmarks.batch_routing``.

Canonical orders over 60 nodes on SQLite: decided, allocated, asked of the warehouses, committed, a batch a transaction.
The history is orders that were routed before. CPU time, since the disk is not what is looked at; all sides are measured
in turns, and the median of their turns is taken.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from time import process_time

from sqlalchemy import func, insert, select

from benchmarks.measurement import Measurement
from benchmarks.orders import PLENTY, hub_document
from crossdock.app import Application
from crossdock.collecting import calm_collector
from crossdock.config.model import Config
from crossdock.store.order_tables import orders as order_rows
from crossdock.store.stock_tables import positions
from crossdock.streams.batch import handle_batch
from crossdock.streams.processor import Message, Transaction
from crossdock.streams.processors.documents import encode
from crossdock.streams.topics import ORDERS

__all__ = ["measure"]

SKUS = 2_000
HISTORY = 2_000
ROUNDS = 9
SMALL, LARGE = 100, 1_000
_ROWS_AT_ONCE = 50_000


@dataclass
class Hub:
    """A hub with stock of ``skus`` everywhere; ``made`` orders were routed so far."""

    application: Application
    skus: int
    random: Random = field(default_factory=lambda: Random(2026))
    made: int = 0

    def route(self, orders: int, batch: int) -> float:
        """CPU seconds for each of so many orders, in batches."""
        seconds = 0.0
        for _ in range(orders // batch):
            messages = [self._order() for _ in range(batch)]
            transactions = self.application.transactions
            transactions.transact_now(partial(_emit, messages))
            processor = next(each for each in self.application.processors if each.name == "route")
            began = process_time()
            asyncio.run(handle_batch(transactions, processor, messages))
            seconds += process_time() - began
        return seconds / orders

    def check(self) -> None:
        """See to it that every order was placed.

        Raises:
            AssertionError: some were not.
        """
        query = select(func.count()).select_from(order_rows).where(order_rows.c.state == "routed")
        routed = self.application.database.read_now(lambda connection: connection.scalar(query))
        if routed != self.made:
            raise AssertionError(f"{routed} of {self.made} orders were routed")

    def _order(self) -> Message:
        self.made += 1
        random, number = self.random, str(self.made)
        address = {
            "name": "Ada Lovelace",
            "lines": ["12 Analytical Way"],
            "city": "Springfield",
            "region": "IL",
            "postal_code": "62701",
            "country": "US",
            "latitude": str(round(random.uniform(29, 47), 4)),
            "longitude": str(round(random.uniform(-122, -72), 4)),
        }
        lines = [
            {
                "external_id": str(place),
                "sku": f"SKU-{sku}",
                "quantity": random.randint(1, 3),
                "unit_price": {"amount": "20.00", "currency": "USD"},
            }
            for place, sku in enumerate(random.sample(range(self.skus), random.choice((1, 1, 2, 3))), start=1)
        ]
        order = {
            "external_id": number,
            "version": "1",
            "placed_at": "2026-11-23T10:00:00Z",
            "currency": "USD",
            "destinations": [{"id": "1", "address": address}],
            "lines": lines,
        }
        headers = {"schema": "order/1", "connection": "shop", "raw_id": f"raw-{number}"}
        return Message(f"order:shop:{number}:1", ORDERS, f"shop:{number}", encode(order), headers)


def measure(skus: int = SKUS, history: int = HISTORY, rounds: int = ROUNDS) -> list[Measurement]:
    """The cost of an order in a large batch, among ten times the SKUs, after ten times the history."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        hubs = [_hub(folder / "few", skus), _hub(folder / "skus", 10 * skus), _hub(folder / "old", skus)]
        for hub, before in zip(hubs, (history, history, 10 * history), strict=True):
            hub.route(before, min(LARGE, before))
        calm_collector()
        turns = [
            [hub.route(LARGE, SMALL) for hub in hubs] + [hubs[0].route(LARGE, LARGE)] for _ in range(rounds)
        ]
        for hub in hubs:
            hub.check()
            hub.application.close()
    small, many, old, large = (statistics.median(each) for each in zip(*turns, strict=True))
    return [
        Measurement(
            name=f"route in a batch of {LARGE:,} orders, 60 nodes, SQLite, CPU time of one",
            unit="µs",
            ours=large * 1e6,
            other=small * 1e6,
            other_name=f"in batches of {SMALL} (limit 1.2)",
        ),
        Measurement(
            name=f"orders routed among {10 * skus:,} SKUs at each node, by CPU time",
            unit="orders/s",
            ours=1 / many,
            other=1 / small,
            other_name=f"among {skus:,} SKUs (limit 0.85)",
        ),
        Measurement(
            name=f"orders routed after {10 * history:,} others, by CPU time",
            unit="orders/s",
            ours=1 / old,
            other=1 / small,
            other_name=f"after {history:,} (limit 0.85)",
        ),
    ]


def _hub(folder: Path, skus: int) -> Hub:
    folder.mkdir()
    application = Application.open(Config.model_validate(hub_document(folder)))
    nodes = [node.id for node in application.hub.config.nodes]
    rows = [
        {
            "sku": f"SKU-{sku}",
            "node": node,
            "on_hand": PLENTY,
            "reserved": 0,
            "allocated": 0,
            "quarantined": 0,
            "feed_id": "first",
            "meaning": "physical",
        }
        for sku in range(skus)
        for node in nodes
    ]
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        some: Sequence[dict[str, object]] = rows[first : first + _ROWS_AT_ONCE]
        application.transactions.transact_now(partial(_fill, some))
    return Hub(application, skus)


def _emit(messages: Sequence[Message], tx: Transaction) -> None:
    tx.emit(*messages)


def _fill(rows: Sequence[dict[str, object]], tx: Transaction) -> None:
    tx.connection.execute(insert(positions), rows)


if __name__ == "__main__":
    found = [row.model_dump() for row in measure()]
    sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")

"""How soon a shop's webhook is answered, 200 a second: ``python -m benchmarks.webhooks [SECONDS]``.

The whole hub runs in a process of its own (``crossdock run``, SQLite, durable commits): it keeps the webhook, answers,
and meanwhile routes the same orders over 60 nodes and puts the warehouses' files. The load is open: each webhook has
its moment, whether the last one was answered or not, and its time runs from that moment.

The floor is the same web server that commits the bytes, many calls in one commit, and does nothing else.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Any

import uvloop

from benchmarks.hub_process import running_hub, write_config
from benchmarks.open_load import OpenLoad
from benchmarks.orders import hub_document, signed_webhooks, stock_feeds
from benchmarks.webhook_floor import running_floor
from crossdock.demo.world import World, make_world
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.connector import RawRequest
from crossdock.store.engine import open_database
from crossdock.store.migrations import migrate
from crossdock.streams.transaction import Transactions

SECONDS = 60
A_SECOND = 200
LIMIT_MILLISECONDS = 50
_WARM_UP_SECONDS = 2
_PATIENCE_SECONDS = 600
_ROUTED = "SELECT count(*) FROM inbox WHERE processor = 'route'"


@dataclass(frozen=True, slots=True)
class Answers:
    """How long webhooks took, from the moment each was due; in milliseconds, in order."""

    times: Sequence[float]

    def percentile(self, percent: int) -> float:
        """The time that ``percent`` of the webhooks did not exceed."""
        return quantiles(self.times, n=100, method="inclusive")[percent - 1]


def measure(seconds: float = SECONDS) -> list[dict[str, object]]:
    """Times of answers beside those of the floor, and beside what is promised."""
    count = int(A_SECOND * (seconds + _WARM_UP_SECONDS))
    world = make_world(1, count)
    calls = signed_webhooks(world)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write_config(folder, _configuration(folder))
        _fill(folder / "hub/crossdock.sqlite", world)
        with running_hub(config) as hub:
            hub.wait_for("SELECT count(*) FROM positions", _positions(world), _PATIENCE_SECONDS)
            ours = load(hub.url, calls)
            hub.wait_for(_ROUTED, count, _PATIENCE_SECONDS)
        with running_floor(folder / "floor.sqlite") as url:
            floor = load(url, calls)
    slower = "floor: the same bytes committed by the same server"
    rows = [(percent, ours.percentile(percent), floor.percentile(percent), slower) for percent in (50, 99)]
    rows.append((99, ours.percentile(99), LIMIT_MILLISECONDS, "the limit that is promised"))
    return [
        {
            "name": f"p{percent} of webhooks answered, {A_SECOND} a second, SQLite, orders routed meanwhile",
            "unit": "ms",
            "ours": mine,
            "other": other,
            "other_name": other_name,
            "ratio": mine / other,
        }
        for percent, mine, other, other_name in rows
    ]


def load(url: str, calls: Sequence[RawRequest]) -> Answers:
    """Post ``calls`` at their moments; those of the first seconds warm up and are not counted.

    Raises:
        RuntimeError: One was not answered with 200.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        times = runner.run(OpenLoad(url, A_SECOND).run([_http(call) for call in calls]))
    return Answers(sorted(times[A_SECOND * _WARM_UP_SECONDS :]))


def _http(call: RawRequest) -> bytes:
    headers = {"host": "localhost", **call.headers, "content-length": str(len(call.body))}
    lines = [f"{call.method} {call.path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + call.body


def _configuration(folder: Path) -> dict[str, Any]:
    """The network, with warehouses that get their orders as CSV."""
    document = hub_document(folder)
    for name, connection in document["connections"].items():
        if name != "shop":
            (folder / "partner" / name).mkdir(parents=True)
            connection["config"]["orders"] = {"folder": name, "repeatable": True}
            connection["commands"] = {"fulfilment.request": "sftp_wms/order"}
    return document


def _fill(file: Path, world: World) -> None:
    """Make the database and hand the stock in."""
    file.parent.mkdir(parents=True)
    database = open_database(f"sqlite:///{file}")
    migrate(database.engine)
    Transactions(database, SystemClock()).transact_now(lambda tx: tx.emit(*stock_feeds(world)))
    database.close()


def _positions(world: World) -> int:
    return sum(len(units) for units in world.stock.values())


if __name__ == "__main__":
    json.dump(measure(*map(float, sys.argv[1:])), sys.stdout, indent=2)

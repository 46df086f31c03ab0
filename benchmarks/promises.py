"""How soon a promise is answered, 200 a second over HTTP: ``python -m benchmarks.promises [SECONDS]``.

500 nodes and 50,000 SKUs, every SKU at one node in ten (2.5 million positions), SQLite. The hub runs in a process of
its own; carts have one to three lines and go to places all over the country.

The other side of the comparison is the hub's health page, which does nothing: the same server, load and connections.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any

import uvloop

from benchmarks.hub_process import running_hub, write_config
from benchmarks.open_load import OpenLoad
from benchmarks.orders import hub_document
from crossdock.sdk.clock import SystemClock
from crossdock.store.engine import open_database
from crossdock.store.migrations import migrate

NODES = 500
SKUS = 50_000
A_NODE_IN = 10
SECONDS = 30
A_SECOND = 200
LIMIT_MILLISECONDS = 10
_TOKEN = "benchmark-token"
_WARM_UP_SECONDS = 3


def measure(seconds: float = SECONDS) -> list[dict[str, object]]:
    """Times of promises beside those of a page that does nothing, and beside what is asked for."""
    count = int(A_SECOND * (seconds + _WARM_UP_SECONDS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        document = _document(folder)
        config = write_config(folder, document)
        _fill(folder / "hub/crossdock.sqlite", [node["id"] for node in document["nodes"]])
        with running_hub(config) as hub:
            idle = load(hub.url, [_request("GET", "/healthz")] * count)
            ours = load(hub.url, _carts(count))
    rows: list[tuple[int, Sequence[float], str]] = [
        (50, idle, "the hub's health page"),
        (99, idle, "the hub's health page"),
        (99, [LIMIT_MILLISECONDS] * 100, "the limit that is asked for"),
    ]
    return [
        {
            "name": f"p{percent} of promises, {A_SECOND} a second over HTTP, {NODES} nodes, {SKUS:,} SKUs, SQLite",
            "unit": "ms",
            "ours": percentile(ours, percent),
            "other": percentile(times, percent),
            "other_name": other_name,
            "ratio": percentile(ours, percent) / percentile(times, percent),
        }
        for percent, times, other_name in rows
    ]


def load(url: str, requests: Sequence[bytes]) -> list[float]:
    """Milliseconds that each took; those of the first seconds warm up and are not counted."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(OpenLoad(url, A_SECOND).run(requests))[A_SECOND * _WARM_UP_SECONDS :]


def percentile(times: Sequence[float], percent: int) -> float:
    """The time that ``percent`` of the calls did not exceed."""
    return quantiles(times, n=100, method="inclusive")[percent - 1]


def _document(folder: Path) -> dict[str, Any]:
    """The network of the other benchmarks, every node many times, each a little way off."""
    document = hub_document(folder)
    random, nodes = Random(1), list(document["nodes"])
    for number in range(NODES - len(nodes)):
        like = nodes[number % len(nodes)]
        position = {
            key: round(float(like["address"][key]) + random.uniform(-1.5, 1.5), 4)
            for key in ("latitude", "longitude")
        }
        address = {**like["address"], **position}
        document["nodes"].append(
            {**like, "id": f"N{number:03}", "external_id": f"N{number:03}", "address": address}
        )
    return {**document, "api": {"bootstrap_token": _TOKEN}}


def _fill(file: Path, nodes: Sequence[str]) -> None:
    """Make the database, every SKU at every tenth node, as counts would have left it."""
    file.parent.mkdir(parents=True)
    database = open_database(f"sqlite:///{file}")
    migrate(database.engine)
    at = SystemClock().now()
    rows = (
        (_sku(number), nodes[place], 40 + number % 60, at.isoformat())
        for number in range(SKUS)
        for place in range(number % A_NODE_IN, NODES, A_NODE_IN)
    )
    with database.engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.executemany(
            "INSERT INTO positions (sku, node, on_hand, reserved, allocated, quarantined, as_of, feed_id, meaning) "
            "VALUES (?, ?, ?, 0, 0, 0, ?, 'first', 'physical')",
            rows,
        )
    database.close()


def _sku(number: int) -> str:
    return f"SKU-{number:05}"


def _carts(count: int) -> list[bytes]:
    random = Random(2)
    requests = []
    for _ in range(count):
        tenth = random.randrange(A_NODE_IN)
        lines = [
            {
                "sku": _sku(random.randrange(SKUS // A_NODE_IN) * A_NODE_IN + tenth),
                "quantity": random.randint(1, 3),
            }
            for _ in range(random.randint(1, 3))
        ]
        ship_to = {
            "country": "US",
            "latitude": round(random.uniform(30, 47), 3),
            "longitude": round(random.uniform(-121, -72), 3),
        }
        order = {"channel": "web", "ship_to": ship_to, "lines": lines}
        requests.append(_request("POST", "/v1/promises", json.dumps({"order": order}).encode()))
    return requests


def _request(method: str, path: str, body: bytes = b"") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {_TOKEN}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    )
    return "\r\n".join([*head, "", ""]).encode() + body


if __name__ == "__main__":
    json.dump(measure(*map(float, sys.argv[1:])), sys.stdout, indent=2)

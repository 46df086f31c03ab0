"""A whole hub, running: real HTTP, a partner's folder, the shop and warehouse connectors that ship with Crossdock."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from crossdock.app import Application
from crossdock.config.load import load_config
from crossdock.store import dead_letters, worklist
from crossdock.store.dead_letters import StoredDeadLetter
from crossdock.store.worklist import ItemRow

TOKEN = "bootstrap"
_SECRET = "hush"
_OFF = {"enabled": False}
_DROPS = {
    "stock_csv": "stock_*.csv",
    "stock_846": "846_*.x12",
    "advice_945": "945_*.x12",
    "advice_csv": "advice_*.csv",
    "movement_947": "947_*.x12",
}
_DEFAULTS = {"stock_csv": {"defaults": {"node": "CHI", "mode": "full", "meaning": "physical"}}}
_NODE = {"kind": "warehouse", "address": {"country": "US", "latitude": 41.88, "longitude": -87.62}}


def configuration(folder: Path) -> dict[str, object]:
    streams = {name: {"interval_seconds": 0.05, **_DEFAULTS.get(name, {})} for name in _DROPS}
    files = {"kind": "folder", "path": str(folder / "partner"), "settle_seconds": 0.3}
    return {
        "hub": {"stop_seconds": 5},
        "web": {"port": 0},
        "api": {"bootstrap_token": TOKEN},
        "connections": {
            "shop": {
                "connector": "shopify",
                "config": {"shop": "acme", "client_secret": _SECRET, "access_token": "shpat"},
                "streams": {"orders": _OFF, "fulfilment_orders": _OFF, "products": _OFF},
                "commands": {"stock.publish": "off", "order.cancel": "off", "shipment.confirm": "off"},
            },
            "wms": {
                "connector": "sftp_wms",
                "config": {
                    "files": files,
                    "inbound": {name: {"folder": name, "pattern": at} for name, at in _DROPS.items()},
                    "orders": {"folder": "out", "repeatable": True},
                    "x12": {"envelope": {"sender": "ACME", "receiver": "WAREHOUSE", "usage": "T"}},
                },
                "streams": streams,
            },
        },
        "channels": {"web": {"connection": "shop"}, "b2b": {"kind": "b2b"}},
        "nodes": [{"id": "CHI", "services": ["ground"], "connection": "wms", **_NODE}],
        "services": [{"id": "ground", "carrier": "ups", "rate_card": "ups", "transit_days": [1, 2]}],
        "rate_cards": [
            {"id": "ups", "weight_breaks_grams": [9000], "rates": [["5"], ["7"]], "distance_bands_km": [500]}
        ],
        "policies": [{"policy": "standard", "version": 1, "objective": ["shipments"]}],
    }


@dataclass
class RunningHub:
    application: Application
    folder: Path

    def order(
        self, body: bytes, delivery: str, topic: str = "orders/create", **changes: str
    ) -> httpx.Response:
        """A webhook of the shop, signed."""
        signature = base64.b64encode(hmac.digest(_SECRET.encode(), body, hashlib.sha256)).decode()
        headers = {"hmac-sha256": signature, "shop-domain": "acme.myshopify.com", "topic": topic}
        headers |= {"webhook-id": delivery, "event-id": delivery, "api-version": "2026-07"}
        headers |= {"triggered-at": "2026-11-23T09:59:58Z", **changes}
        named = {f"x-shopify-{name}": value for name, value in headers.items()}
        return httpx.post(f"{self.application.url}/webhooks/shop", content=body, headers=named, timeout=30)

    def call(self, method: str, path: str, **more: object) -> httpx.Response:
        headers = {"authorization": f"Bearer {TOKEN}", **more.pop("headers", {})}  # type: ignore[dict-item]
        return httpx.request(method, self.application.url + path, headers=headers, timeout=30, **more)  # type: ignore[arg-type]

    def put(self, stream: str, name: str, content: bytes) -> None:
        (self.folder / "partner" / stream / name).write_bytes(content)

    def letters(self, mark: str) -> list[StoredDeadLetter]:
        """The open dead letters that ``mark`` is in: in their words, or in their bytes."""
        found = self.application.database.read_now(lambda c: dead_letters.list_letters(c, limit=1000))
        return [each for each in found if mark in each.message or mark.encode() in (each.body or b"")]

    def items(self, mark: str) -> list[ItemRow]:
        found = self.application.database.read_now(lambda c: worklist.list_items(c, limit=1000))
        return [each for each in found if mark in each.message]

    def on_hand(self) -> dict[str, int]:
        rows = self.application.database.read_now(
            lambda c: c.exec_driver_sql("SELECT sku, on_hand FROM positions").all()
        )
        return {row[0]: row[1] for row in rows}


@contextmanager
def running_hub(folder: Path) -> Iterator[RunningHub]:
    for name in (*_DROPS, "out"):
        (folder / "partner" / name).mkdir(parents=True)
    (folder / "crossdock.yaml").write_text(yaml.safe_dump(configuration(folder)))
    application = Application.open(load_config(folder / "crossdock.yaml"))
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(application.run(stop)))
    thread.start()
    hub = RunningHub(application, folder)
    try:
        until(lambda: bool(application.url) and _answers(application))
        yield hub
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
        application.close()


def until(done: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def _answers(application: Application) -> bool:
    try:
        return httpx.get(f"{application.url}/readyz").status_code == 200
    except httpx.TransportError:
        return False

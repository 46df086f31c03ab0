"""What the benchmarks of orders share: a retailer's network of 60 nodes, its stock, and its shop's signed webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crossdock.demo.dice import Dice
from crossdock.demo.network import configuration, make_places
from crossdock.demo.partners.shop_documents import webhook_order
from crossdock.demo.world import World
from crossdock.sdk.connector import RawRequest
from crossdock.streams.processor import Message
from crossdock.streams.processors.documents import encode
from crossdock.streams.topics import STOCK

__all__ = ["PLENTY", "hub_document", "signed_webhooks", "stock_feeds"]

PLENTY = 100_000
_SECRET = "benchmark"
_SHOP = "benchmark"


def hub_document(folder: Path) -> dict[str, Any]:
    """The configuration of the hub, as ``crossdock.yaml`` holds it."""
    network: dict[str, Any] = configuration(make_places(Dice(1)))
    files = {"kind": "folder", "path": str(folder / "partner")}
    shop = {"shop": _SHOP, "access_token": "t", "client_secret": _SECRET}
    connections: dict[str, Any] = {"shop": {"connector": "shopify", "config": shop}}
    for name in {node["connection"] for node in network["nodes"]}:
        connections[name] = {"connector": "sftp_wms", "config": {"files": files}}
    return {
        **network,
        "safety_stock": [],
        "hub": {"data_dir": str(folder / "hub")},
        "connections": connections,
        "channels": {"web": {"connection": "shop", "publish_stock": False}},
        # A policy for a kind of channel that is not there could never apply, and is refused.
        "policies": [policy for policy in network["policies"] if "when" not in policy],
    }


def signed_webhooks(world: World) -> list[RawRequest]:
    """The world's orders as a shop posts them."""
    made = []
    for order in world.orders:
        body = json.dumps(webhook_order(order, world, "2026-11-23T10:00:00-05:00", None)).encode()
        signature = base64.b64encode(hmac.digest(_SECRET.encode(), body, hashlib.sha256)).decode()
        headers = {
            "content-type": "application/json",
            "x-shopify-topic": "orders/create",
            "x-shopify-shop-domain": f"{_SHOP}.myshopify.com",
            "x-shopify-webhook-id": str(order.number),
            "x-shopify-hmac-sha256": signature,
        }
        made.append(RawRequest("POST", "/webhooks/shop", "", headers, body, datetime.now(UTC)))
    return made


def stock_feeds(world: World) -> list[Message]:
    """Plenty of everything wherever there is any."""
    messages = []
    for node, units in world.stock.items():
        feed = {
            "feed_id": "first",
            "node": node,
            "mode": "full",
            "meaning": "physical",
            "as_of": datetime(2026, 11, 23, tzinfo=UTC),
            "lines": [{"sku": sku, "quantity": PLENTY} for sku in units],
        }
        headers = {"schema": "stock_feed/1", "connection": "benchmark"}
        messages.append(Message(f"feed:{node}", STOCK, node, encode(feed), headers))
    return messages

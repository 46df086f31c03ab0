"""The Shopify connector proves itself against a shop that answers over the vendor's schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import httpx

from crossdock.sdk.connector import RawRequest
from crossdock.sdk.testkit import CommandSample, Partner, Setting, conformance
from crossdock_connectors.shopify import CONNECTOR
from crossdock_connectors.shopify.manifest import STREAM_OF_TOPIC
from tests.connectors.shopify.conftest import CONFIG
from tests.connectors.shopify.return_desk import a_return
from tests.connectors.shopify.shop import Node, Shop, order
from tests.connectors.shopify.test_webhooks import BODY, request

PLACE = "gid://shopify/Location/1"
ITEM = "gid://shopify/InventoryItem/1"
OPEN = "gid://shopify/Order/1"
TENT = "gid://shopify/LineItem/7700000000000001"
REFUND = b"""{"id": 5, "order_id": 9007199254740993, "admin_graphql_api_id": "gid://shopify/Refund/5",
"created_at": "2026-11-23T10:00:00Z", "processed_at": "2026-11-23T10:00:00Z", "note": null, "refund_line_items": [],
"transactions": [{"id": 1, "kind": "refund", "status": "success", "amount": "5.00", "currency": "EUR",
"gateway": "bogus", "admin_graphql_api_id": "gid://shopify/OrderTransaction/1"}], "order_adjustments": []}"""


class Storefront(Partner):
    """A shop with one old open order and one stocked item."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.shop = Shop()
        self.shop.orders[OPEN] = order(1, "2026-01-01T00:00:00Z")
        self.shop.orders[OPEN]["returns"] = [a_return(1, OPEN, (TENT, 1))]
        self.shop.stock = {(ITEM, PLACE): 7}

    def config(self) -> dict[str, object]:
        return {**CONFIG, "api_version": self.shop.version, "orders_per_page": 2}

    def handle(self, request: httpx.Request) -> httpx.Response:
        return self.shop.handle(request)

    def add(self, stream: str, count: int) -> Sequence[str]:
        now = self.clock.now().isoformat().replace("+00:00", "Z")
        if stream == "products":
            first = len(self.shop.variants) + 1
            made = [variant(number, now) for number in range(first, first + count)]
            self.shop.variants += made
            return [one["id"] for one in made]
        first = len(self.shop.orders) + 1
        orders = [order(number, now) for number in range(first, first + count)]
        for one in orders:
            for part in one["fulfillmentOrders"]:
                part["updatedAt"] = now
        self.shop.orders |= {one["id"]: one for one in orders}
        if stream == "returns":
            numbers = range(first, first + count)
            for number, one in zip(numbers, orders, strict=True):
                place = {"id": one["id"], "updatedAt": now}
                one["returns"] = [a_return(number, one["id"], (TENT, 1), order=place)]
            return [one["returns"][0]["id"] for one in orders]
        return [one["id"] for one in orders]

    def call(self, stream: str, body: bytes | None = None) -> RawRequest:
        topic = next(topic for topic, name in STREAM_OF_TOPIC.items() if name == stream)
        genuine = REFUND if stream == "refunds_hook" else BODY
        made = request(genuine if body is None else body, topic=topic)
        headers = {name: value for name, value in made.headers.items() if name != "authorization"}
        return replace(made, headers=headers)

    def command(self, name: str) -> CommandSample:
        refs = {"order": OPEN}
        match name:
            case "stock.publish":
                level = {"sku": "A", "channel": "shop", "quantity": 5, "as_of": "2026-11-23T10:00:00Z",
                         "previous": 7, "references": [{"kind": "inventory_item", "value": ITEM}]}  # fmt: skip
                return CommandSample(level)
            case "order.cancel":
                cancel: Node = {"external_id": OPEN, "version": "1", "requested_at": "2026-11-23T10:00:00Z",
                                "lines": [], "reason": "inventory"}  # fmt: skip
                return CommandSample(
                    cancel, refused={**cancel, "lines": [{"external_id": TENT, "quantity": 99}]}, refs=refs
                )
            case "pick_up.ready":
                collected_in_store(self.shop.orders[OPEN])
                return CommandSample(ready(2), refused=ready(1), refs=refs)
            case "return.refund":
                standing = self.shop.orders[OPEN]["returns"][0]
                standing["status"] = "OPEN"
                return CommandSample(refund(1), refused=refund(99), refs=refs)
            case "return.authorise" | "return.decline" | "return.close":
                standing = self.shop.orders[OPEN]["returns"][0]
                standing["status"] = "OPEN" if name == "return.close" else "REQUESTED"
                request = {"external_id": standing["id"], "order": OPEN, "requested_at": "2026-11-22T09:00:00Z",
                           "lines": [{"sku": "TENT-2P", "quantity": 1}], "reason": "worn"}  # fmt: skip
                unknown = {**request, "external_id": "gid://shopify/Return/99"}
                return CommandSample(request, refused=unknown, refs=refs)
            case _:
                return CommandSample(shipment(1), refused=shipment(99), refs=refs)

    def effects(self) -> int:
        cancelled = [one for one in self.shop.orders.values() if one["cancelledAt"]]
        standing = self.shop.orders[OPEN]
        told = [*standing["fulfillments"], *standing["refunds"], *cancelled]
        sent_back = standing["returns"][0]
        told += sent_back["paid"]
        told += [one for one in standing["fulfillmentOrders"] if one.get("prepared")]
        told += [
            one for one in self.shop.requests if one[0] in ("ApproveReturn", "DeclineReturn", "CloseReturn")
        ]
        return len(told) + (self.shop.stock[ITEM, PLACE] != 7)


def collected_in_store(made: Node) -> None:
    """The buyer collects both tents, and nothing else."""
    (made["fulfillmentOrders"][0]["deliveryMethod"]["methodType"]) = "PICK_UP"
    del made["fulfillmentOrders"][1:]
    made["fulfillmentOrders"][0]["lineItems"] = made["fulfillmentOrders"][0]["lineItems"][:1]
    made["fulfillmentOrders"][0]["lineItems"][0]["remainingQuantity"] = 2


def ready(units: int) -> Node:
    return {
        "external_id": "F-1:ready", "fulfilment_order": "F-1", "kind": "packed", "node": "dc-east",
        "occurred_at": "2026-11-23T10:00:00Z", "lines": [{"order_line": TENT, "sku": "TENT-2P", "quantity": units}],
    }  # fmt: skip


def refund(units: int) -> Node:
    line = {"order_line": TENT, "quantity": units, "cumulative_quantity": units, "restock": "return"}
    return {
        "external_id": "shop:R/CHI/1", "order": OPEN, "refunded_at": "2026-11-23T10:00:00Z", "lines": [line],
        "references": [{"kind": "return", "value": "gid://shopify/Return/1"}],
    }  # fmt: skip


def shipment(quantity: int) -> Node:
    lines = [{"line": "L1", "order_line": TENT, "sku": "TENT-2P", "quantity": quantity}]
    return {
        "external_id": "S-1", "fulfilment_order": "FO-1", "node": "dc-east", "shipped_at": "2026-11-23T10:00:00Z",
        "carrier": "ups", "parcels": [{"tracking_number": "1Z1", "lines": lines}],
    }  # fmt: skip


def variant(number: int, updated_at: str) -> Node:
    item = {"id": f"gid://shopify/InventoryItem/{number}", "countryCodeOfOrigin": "DE", "harmonizedSystemCode": None,
            "requiresShipping": True, "unitCost": None,
            "measurement": {"weight": {"unit": "GRAMS", "value": 2450.0}}}  # fmt: skip
    return {
        "id": f"gid://shopify/ProductVariant/{number:04}", "sku": f"S{number}", "updatedAt": updated_at,
        "barcode": None, "title": "Default Title", "requiresComponents": False, "productVariantComponents": [],
        "product": {"id": "gid://shopify/Product/1", "title": "Tent", "status": "ACTIVE", "vendor": "Falk",
                    "productType": ""},
        "inventoryItem": item,
    }  # fmt: skip


TestShopify = conformance(CONNECTOR, Storefront)

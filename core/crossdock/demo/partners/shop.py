"""The shop: posts signed webhooks and answers the Admin API as Shopify does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crossdock.demo.orders import PlannedOrder
from crossdock.demo.partners.calling import Caller
from crossdock.demo.partners.graphql_service import Fields, GraphqlService, changed, page
from crossdock.demo.partners.hosting import HangUpError, Moods
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.partners.shop_documents import (
    LOCATION,
    graphql_order,
    location_gid,
    order_gid,
    variant_node,
    webhook_order,
)
from crossdock.demo.partners.shop_refunds import refund_once
from crossdock.demo.times import now_text
from crossdock.demo.world import World

__all__ = ["SECRET", "SHOP", "TOKEN", "Shop"]

SHOP: Final = "meridian-outfitters"
SECRET: Final = "demo-webhook-secret"
TOKEN: Final = "shpat_demo"
_VERSION: Final = "2026-07"
_SCOPES: Final = ("write_orders", "read_products", "write_inventory", "read_locations", "write_returns",
                  "write_merchant_managed_fulfillment_orders")  # fmt: skip
_BUCKET: Final = 20_000.0
"""Points of the cost budget, as on Shopify Plus."""


# ruff: noqa: D102 - the methods q_… are named like the fields of the Admin API that they answer
class Shop:
    """One shop. ``told`` is what it was told of each order: tracking number to units by line."""

    def __init__(self, world: World, moods: Moods, journal: Journal) -> None:
        """Open it, with nothing ordered yet."""
        self._world = world
        self._moods = moods
        self._journal = journal
        self._orders: dict[str, Fields] = {}
        self._planned: dict[str, PlannedOrder] = {}
        self._stores = [place.id for place in world.places if place.kind == "store"]
        self._items = {
            product.sku: variant_node(world, product.sku, number)
            for number, product in enumerate(world.catalogue, 1)
        }
        self.levels: dict[str, int] = {}
        self.told: dict[str, dict[str, dict[str, int]]] = {}
        self.cancelled: dict[str, str] = {}
        self._keys: dict[str, tuple[str, Fields]] = {}
        self._deliveries = 0
        self._webhook_url = ""
        self.hub = Caller()
        self._service = GraphqlService(
            {name[2:]: getattr(self, name) for name in dir(self) if name.startswith("q_")}
        )
        self.app = Starlette(
            routes=[Route("/admin/api/{version}/graphql.json", self._graphql, methods=["POST"])]
        )

    def subscribe(self, url: str) -> None:
        """Post webhooks to ``url``."""
        self._webhook_url = url

    # --- placing orders -----------------------------------------------------------------------------------

    async def place(self, order: PlannedOrder) -> None:
        """A buyer orders: kept, and announced unless the webhook gets lost. Returns when the hub has it."""
        at = now_text("seconds")
        gid = order_gid(order.number)
        self._planned[gid] = order
        self._orders[gid] = graphql_order(order, self._world, at)
        self._journal.note("shop", "order", f"#{1000 + order.number} ordered by {order.buyer.name}")
        if order.unannounced:
            self._journal.note(
                "shop", "lost webhook", f"the webhook of #{1000 + order.number} got lost", trouble=True
            )
            return
        body = webhook_order(order, self._world, at, None)
        delivery = await self._post("orders/create", body)
        if self._moods("duplicate webhook", order.number):
            self._journal.note(
                "shop", "duplicate webhook", f"#{1000 + order.number} announced twice", trouble=True
            )
            await self._post("orders/create", body, delivery)

    async def ring(self) -> None:
        """Something about an order changed: the bell that makes the hub read it."""
        gid, order = next((gid, each) for gid, each in self._planned.items() if each.unannounced)
        await self._post("orders/updated", {"admin_graphql_api_id": gid, "id": 5_000_000 + order.number})

    async def cancel(self, order: PlannedOrder) -> None:
        """The buyer changes their mind."""
        gid = order_gid(order.number)
        at = now_text("seconds")
        node = self._orders[gid]
        node |= {"cancelledAt": at, "cancelReason": "CUSTOMER", "updatedAt": at}
        self.cancelled[gid] = "buyer"
        self._journal.note("shop", "cancelled", f"#{1000 + order.number} cancelled by the buyer")
        body = webhook_order(order, self._world, str(node["createdAt"]), at)
        await self._post("orders/cancelled", body)

    async def place_malformed(self) -> None:
        """An order that no mapping can take (a line without a SKU), and one that is signed wrongly."""
        body = webhook_order(self._world.orders[0], self._world, now_text("seconds"), None)
        body |= {"admin_graphql_api_id": "gid://shopify/Order/4999999", "id": 4_999_999, "name": "#999"}
        body["line_items"][0]["sku"] = None
        self._journal.note("shop", "malformed order", "#999 has a line without a SKU", trouble=True)
        await self._post("orders/create", body)
        self._journal.note("shop", "forged webhook", "a webhook with a wrong signature", trouble=True)
        await self._post("orders/create", body, secret="not the secret")

    async def _post(self, topic: str, body: Fields, delivery: str = "", secret: str = SECRET) -> str:
        data = json.dumps(body).encode()
        if not delivery:
            self._deliveries += 1
            delivery = f"d-{topic.replace('/', '-')}-{self._deliveries}"
        digest = hmac.digest(secret.encode(), data, hashlib.sha256)
        headers = {
            "content-type": "application/json",
            "x-shopify-topic": topic,
            "x-shopify-hmac-sha256": base64.b64encode(digest).decode(),
            "x-shopify-shop-domain": f"{SHOP}.myshopify.com",
            "x-shopify-api-version": _VERSION,
            "x-shopify-webhook-id": delivery,
            "x-shopify-triggered-at": now_text("seconds"),
        }
        response = await self.hub.post(self._webhook_url, data, headers)
        if response.status_code >= 500:
            response.raise_for_status()
        return delivery

    # --- the Admin API ------------------------------------------------------------------------------------

    async def _graphql(self, request: Request) -> Response:
        if request.headers.get("x-shopify-access-token") != TOKEN:
            return JSONResponse({"errors": "[API] Invalid API key or access token"}, 401)
        body = await request.json()
        document, variables = body["query"], body.get("variables") or {}
        name = self._service.name_of(document)
        subject = json.dumps(variables, sort_keys=True)
        if self._moods("throttled", name, subject):
            self._journal.note("shop", "throttled", f"{name} throttled", trouble=True)
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return JSONResponse({"errors": [error], "extensions": _cost(50.0)})
        if self._moods("5xx", name, subject):
            self._journal.note("shop", "502", f"{name} answered 502", trouble=True)
            return Response("<html>Bad Gateway</html>", 502, media_type="text/html")
        answer = self._service.answer(document, variables)
        if self._moods("hang up", name, subject):
            self._journal.note("shop", "no answer", f"{name} done, but the line broke", trouble=True)
            raise HangUpError
        return JSONResponse({**answer, "extensions": _cost(_BUCKET)})

    def q_shop(self) -> Fields:
        return {
            "name": "Meridian Outfitters",
            "myshopifyDomain": f"{SHOP}.myshopify.com",
            "currencyCode": "USD",
        }

    def q_currentAppInstallation(self) -> Fields:
        return {"accessScopes": [{"handle": handle} for handle in _SCOPES]}

    def q_locations(self, first: int, after: str | None = None, **_: Any) -> Fields:
        locations = [{"id": LOCATION, "name": "All stock", "isActive": True, "fulfillsOnlineOrders": True}]
        locations += [
            {"id": location_gid(store), "name": store, "isActive": True, "fulfillsOnlineOrders": False}
            for store in self._stores
        ]
        return page(locations, first, after)

    def q_webhookSubscriptions(self, first: int, after: str | None = None) -> Fields:
        return page([], first, after)

    def q_order(self, id: str) -> Fields | None:  # noqa: A002 - Shopify's name
        return self._orders.get(id)

    def q_orders(self, query: str, first: int, after: str | None = None, **_: Any) -> Fields:
        return page(changed(query, list(self._orders.values())), first, after)

    def q_fulfillmentOrder(self, id: str) -> Fields | None:  # noqa: A002
        return self._fulfilment_order(id)

    def q_fulfillmentOrders(self, query: str, first: int, after: str | None = None, **_: Any) -> Fields:
        found = [order["fulfillmentOrders"]["nodes"][0] for order in self._orders.values()]
        return page(changed(query, found), first, after)

    def q_inventoryItems(self, query: str, first: int, after: str | None = None) -> Fields:
        wanted = re.findall(r'sku:"([^"]*)"', query)
        return page([self._items[sku] for sku in wanted if sku in self._items], first, after)

    def q_fulfillmentCreate(self, fulfillment: Fields) -> Fields:
        numbers = fulfillment["trackingInfo"]["numbers"]
        owner: Fields | None = None
        made: list[Fields] = []
        for part in fulfillment["lineItemsByFulfillmentOrder"]:
            found = self._fulfilment_order(part["fulfillmentOrderId"])
            if found is None or found["status"] == "CLOSED":
                return _not_created("Fulfillment order is not fulfillable")
            owner = found["order"]
            lines = {line["id"]: line for line in found["lineItems"]["nodes"]}
            for wanted in part["fulfillmentOrderLineItems"]:
                line = lines[wanted["id"]]
                if wanted["quantity"] > line["remainingQuantity"]:
                    return _not_created("Invalid fulfillment order line item quantity requested.")
                line["remainingQuantity"] -= wanted["quantity"]
                line["lineItem"]["unfulfilledQuantity"] -= wanted["quantity"]
                made.append({"id": line["id"], "quantity": wanted["quantity"], "lineItem": line["lineItem"]})
            found["status"] = (
                "IN_PROGRESS" if any(each["remainingQuantity"] for each in lines.values()) else "CLOSED"
            )
            found["updatedAt"] = now_text("seconds")
        assert owner is not None
        owner["updatedAt"] = now_text("seconds")
        return self._fulfilled(owner, made, numbers)

    def _fulfilled(self, owner: Fields, made: list[Fields], numbers: list[str]) -> Fields:
        fulfilment = {
            "id": f"gid://shopify/Fulfillment/{owner['id'].rpartition('/')[2]}{len(owner['fulfillments'])}",
            "status": "SUCCESS",
            "trackingInfo": [{"number": number} for number in numbers],
            "fulfillmentLineItems": {"nodes": made},
        }
        owner["fulfillments"].append(fulfilment)
        units = {each["lineItem"]["id"]: each["quantity"] for each in made}
        self.told.setdefault(owner["id"], {})[",".join(numbers) or str(fulfilment["id"])] = units
        self._journal.note(
            "shop", "fulfilled", f"{owner['name']} sent with {', '.join(numbers) or 'no number'}"
        )
        return {"fulfillment": fulfilment, "userErrors": []}

    def q_inventorySetQuantities(self, input: Fields, key: str) -> Fields:  # noqa: A002
        content = json.dumps(input, sort_keys=True)
        if key in self._keys:
            before, payload = self._keys[key]
            if before != content:
                return _not_set(
                    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH", None, "the key was used with other parameters"
                )
            return payload
        skus = {item["id"]: item["sku"] for item in self._items.values()}
        errors = []
        for index, each in enumerate(input["quantities"]):
            standing = self.levels.get(skus.get(each["inventoryItemId"], ""), 0)
            if each["changeFromQuantity"] not in (None, standing):
                where = ["input", "quantities", str(index), "changeFromQuantity"]
                errors.append(
                    {"code": "CHANGE_FROM_QUANTITY_STALE", "field": where, "message": f"it is {standing}"}
                )
        if errors:
            return {"inventoryAdjustmentGroup": None, "userErrors": errors}
        self.levels |= {skus[each["inventoryItemId"]]: each["quantity"] for each in input["quantities"]}
        self._journal.note("shop", "stock", f"{len(input['quantities'])} stock levels set")
        group = {"id": f"gid://shopify/InventoryAdjustmentGroup/{len(self._keys) + 1}"}
        payload = {"inventoryAdjustmentGroup": group, "userErrors": []}
        self._keys[key] = (content, payload)
        return payload

    def q_orderCancel(self, orderId: str, reason: str, **_: Any) -> Fields:
        node = self._orders[orderId]
        at = now_text("seconds")
        node |= {"cancelledAt": at, "cancelReason": reason, "updatedAt": at}
        self.cancelled.setdefault(orderId, reason.lower())
        self._journal.note("shop", "cancelled", f"{node['name']} cancelled: {reason.lower()}")
        return {"job": {"id": "gid://shopify/Job/1", "done": True}, "orderCancelUserErrors": []}

    def q_refundCreate(self, input: Fields, key: str) -> Fields:  # noqa: A002
        return refund_once(self._orders[input["orderId"]], input, key, self._keys, self._journal)

    def _fulfilment_order(self, gid: str) -> Fields | None:
        number = int(gid.rpartition("/")[2]) - 6_000_000
        order = self._orders.get(order_gid(number))
        return order["fulfillmentOrders"]["nodes"][0] if order else None


def _cost(available: float) -> Fields:
    status = {"maximumAvailable": _BUCKET, "currentlyAvailable": available, "restoreRate": 1000.0}
    return {"cost": {"requestedQueryCost": 10, "actualQueryCost": 10, "throttleStatus": status}}


def _not_created(message: str) -> Fields:
    return {"fulfillment": None, "userErrors": [{"field": ["fulfillment"], "message": message}]}


def _not_set(code: str, field: list[str] | None, message: str) -> Fields:
    return {
        "inventoryAdjustmentGroup": None,
        "userErrors": [{"code": code, "field": field, "message": message}],
    }

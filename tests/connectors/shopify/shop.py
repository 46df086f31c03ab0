"""A Shopify of our own for tests: it holds orders and stock, and answers over the vendor's own schema.

Every request is validated, executed and completed by graphql-core against the introspected schema, so neither a
query of ours nor an answer of this double can leave the documented shapes.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from graphql import (
    DocumentNode,
    GraphQLResolveInfo,
    GraphQLSchema,
    build_client_schema,
    execute_sync,
    get_named_type,
    get_operation_ast,
    parse,
    validate,
)
from graphql.execution.values import get_directive_values

from tests.connectors.shopify.return_desk import ReturnDesk
from tests.servers.node import contract

FIXTURES = Path(__file__).parent / "fixtures"
VERSIONS = ("2026-01", "2026-04", "2026-07")
Node = dict[str, Any]


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / name).read_text())


@cache
def schema_of(version: str) -> GraphQLSchema:
    """The vendor's schema of an Admin API version; skips where it is not there."""
    path = contract("shopify", f"admin_{version}.json.gz")
    introspection = json.loads(gzip.decompress(path.read_bytes()))
    return build_client_schema(introspection.get("data", introspection), assume_valid=True)


@cache
def valid_document(version: str, query: str) -> DocumentNode:
    """A query, validated against the vendor's schema."""
    document = parse(query)
    problems = validate(schema_of(version), document)
    assert not problems, problems
    return document


def user_error(message: str, *field: str, **more: str) -> Node:
    return {"message": message, "field": list(field) or None, **more}


class Shop(ReturnDesk):
    """One shop; tests change its attributes and read what was done to it.

    Attributes:
        faults: Taken one a request: a response to give in place of the answer, or an exception to raise *after*
            the effect.
        requests: The operations received, with their variables.
    """

    def __init__(self, version: str = "2026-07") -> None:
        self.version = version
        self.token = "shpat_good"
        self.domain = "acme-outdoor.myshopify.com"
        self.scopes = ["write_orders", "read_products", "write_inventory", "read_locations", "write_returns",
                       "write_merchant_managed_fulfillment_orders"]  # fmt: skip
        self.orders: dict[str, Node] = {}
        self.variants: list[Node] = []
        self.stock: dict[tuple[str, str], int] = {}
        self.items: list[Node] = []
        self.locations = [{"id": "gid://shopify/Location/1", "name": "Hamburg", "isActive": True,
                           "fulfillsOnlineOrders": True}]  # fmt: skip
        self.subscriptions: list[Node] = []
        self.faults: list[httpx.Response | Exception | None] = []
        self.requests: list[tuple[str, Node]] = []
        self.keys: dict[str, tuple[str, Node]] = {}
        self.available = 1000.0
        self.stocking = {"gid://shopify/Location/1", "gid://shopify/Location/2"}

    # --- HTTP -------------------------------------------------------------------------------------------

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/admin/oauth/access_token":
            self.requests.append(("token", dict(httpx.QueryParams(request.content.decode()))))
            return httpx.Response(200, json={"access_token": self.token, "expires_in": 86399})
        if request.headers.get("x-shopify-access-token") != self.token:
            return httpx.Response(401, json={"errors": "[API] Invalid API key or access token"})
        assert request.url.path == f"/admin/api/{self.version}/graphql.json"
        body = json.loads(request.content)
        document = valid_document(self.version, body["query"])
        operation = get_operation_ast(document)
        assert operation is not None
        assert operation.name is not None
        self.requests.append((operation.name.value, body["variables"]))
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, httpx.Response):
            return fault
        answer = self._execute(document, body["variables"])
        if fault is not None:
            raise fault
        return httpx.Response(200, json=answer)

    def _execute(self, document: DocumentNode, variables: Node) -> Node:
        result = execute_sync(
            schema_of(self.version),
            document,
            root_value=self,
            variable_values=variables,
            field_resolver=_resolve,
        )
        assert not result.errors, result.errors
        cost = {
            "requestedQueryCost": 10,
            "actualQueryCost": 10,
            "throttleStatus": {
                "maximumAvailable": 2000.0,
                "currentlyAvailable": self.available,
                "restoreRate": 100.0,
            },
        }
        return {"data": result.data, "extensions": {"cost": cost}}

    # --- queries ----------------------------------------------------------------------------------------

    def q_shop(self) -> Node:
        return {"name": "Acme", "myshopifyDomain": self.domain, "currencyCode": "EUR"}

    def q_currentAppInstallation(self) -> Node:
        return {"accessScopes": [{"handle": handle} for handle in self.scopes]}

    def q_locations(self, **_: Any) -> list[Node]:
        return self.locations

    def q_webhookSubscriptions(self, **_: Any) -> list[Node]:
        return self.subscriptions

    def q_order(self, id: str) -> Node | None:  # noqa: A002 - Shopify's name
        return self.orders.get(id)

    def q_orders(self, query: str, sortKey: str, **_: Any) -> list[Node]:
        assert sortKey == "UPDATED_AT"
        narrowed = query.removesuffix(" AND -return_status:no_return")
        orders = self.orders.values()
        return _since(narrowed, [one for one in orders if one["returns"] or narrowed == query])

    def q_fulfillmentOrders(self, query: str, sortKey: str, includeClosed: bool, **_: Any) -> list[Node]:
        assert (sortKey, includeClosed) == ("UPDATED_AT", True)
        return _since(query, [{**one, "order": order} for order, one in self._fulfilment_orders()])

    def q_fulfillmentOrder(self, id: str) -> Node | None:  # noqa: A002
        return next((one for _, one in self._fulfilment_orders() if one["id"] == id), None)

    def q_productVariants(self, query: str, sortKey: str, **_: Any) -> list[Node]:
        assert sortKey == "ID"
        found = _since(query, self.variants)
        return sorted(found, key=lambda one: one["id"])

    def q_inventoryItems(self, query: str, **_: Any) -> list[Node]:
        wanted = {term.lower() for term in re.findall(r'sku:"([^"]*)"', query)}
        return [item for item in self.items if item["sku"].lower() in wanted]

    def _fulfilment_orders(self) -> list[tuple[Node, Node]]:
        return [(order, one) for order in self.orders.values() for one in order["fulfillmentOrders"]]

    # --- mutations --------------------------------------------------------------------------------------

    def q_webhookSubscriptionCreate(self, topic: str, webhookSubscription: Node) -> Node:
        made = {"id": f"gid://shopify/WebhookSubscription/{len(self.subscriptions)}", "topic": topic,
                "uri": webhookSubscription["uri"]}  # fmt: skip
        self.subscriptions.append(made)
        return {"webhookSubscription": made, "userErrors": []}

    def q_webhookSubscriptionDelete(self, id: str) -> Node:  # noqa: A002
        self.subscriptions = [one for one in self.subscriptions if one["id"] != id]
        return {"deletedWebhookSubscriptionId": id, "userErrors": []}

    def q_fulfillmentCreate(self, fulfillment: Node) -> Node:
        parts = fulfillment["lineItemsByFulfillmentOrder"]
        orders = [self.q_fulfillmentOrder(part["fulfillmentOrderId"]) for part in parts]
        if any(order is None or order["status"] == "ON_HOLD" for order in orders):
            return {"fulfillment": None, "userErrors": [user_error("Fulfillment order is not fulfillable")]}
        if len({order["assignedLocation"]["location"]["id"] for order in orders if order}) != 1:
            return {
                "fulfillment": None,
                "userErrors": [user_error("All fulfillment orders must be assigned to the same location")],
            }
        made: list[Node] = []
        for part, order in zip(parts, orders, strict=True):
            assert order is not None
            lines = {line["id"]: line for line in order["lineItems"]}
            for wanted in part["fulfillmentOrderLineItems"]:
                line = lines[wanted["id"]]
                assert wanted["quantity"] <= line["remainingQuantity"]
                line["remainingQuantity"] -= wanted["quantity"]
                made.append({"quantity": wanted["quantity"],
                             "lineItem": {**line["lineItem"], "sku": line["sku"]}})  # fmt: skip
        owner = next(
            order for order, one in self._fulfilment_orders() if one["id"] == parts[0]["fulfillmentOrderId"]
        )
        fulfilment = {
            "id": f"gid://shopify/Fulfillment/{len(owner['fulfillments']) + 1}",
            "status": "SUCCESS",
            "trackingInfo": [{"number": number} for number in fulfillment["trackingInfo"]["numbers"]],
            "fulfillmentLineItems": made,
        }
        owner["fulfillments"].append(fulfilment)
        _count_unfulfilled(owner)
        return {"fulfillment": fulfilment, "userErrors": []}

    def q_fulfillmentOrderMove(
        self,
        id: str,  # noqa: A002
        newLocationId: str,
        fulfillmentOrderLineItems: list[Node],
    ) -> Node:
        """All that is open moves with the order; a part of it becomes an order of its own there."""
        owner, source = next(pair for pair in self._fulfilment_orders() if pair[1]["id"] == id)
        if newLocationId not in self.stocking:
            error = user_error("The location does not stock the item.", "newLocationId")
            return {"movedFulfillmentOrder": None, "userErrors": [error]}
        assert {"action": "MOVE"} in source["supportedActions"]
        wanted = {line["id"]: line["quantity"] for line in fulfillmentOrderLineItems}
        moved = []
        for line in source["lineItems"]:
            quantity = wanted.pop(line["id"], 0)
            assert quantity <= line["remainingQuantity"]
            line["remainingQuantity"] -= quantity
            if quantity:
                moved.append(
                    {**line, "id": f"{line['id']}{len(self.requests)}", "remainingQuantity": quantity}
                )
        assert not wanted
        made = {
            **source,
            "id": f"{id}-{len(self.requests)}",
            "lineItems": moved,
            "assignedLocation": {"location": {"id": newLocationId}},
        }
        owner["fulfillmentOrders"].append(made)
        return {"movedFulfillmentOrder": made, "userErrors": []}

    def q_fulfillmentOrderLineItemsPreparedForPickup(self, input: Node) -> Node:  # noqa: A002
        for part in input["lineItemsByFulfillmentOrder"]:
            one = self.q_fulfillmentOrder(part["fulfillmentOrderId"])
            assert one is not None
            if one.get("prepared"):
                code = "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER"
                return {"userErrors": [user_error("There are no line items to prepare", code=code)]}
            one["prepared"] = True
        return {"userErrors": []}

    def q_refundCreate(self, input: Node, key: str) -> Node:  # noqa: A002
        assert input["currency"] == "EUR"
        if key in self.keys:
            return self.keys[key][1]
        owner = self.orders[input["orderId"]]
        lines = {line["id"]: line for line in owner["lineItems"]}
        for index, wanted in enumerate(input["refundLineItems"]):
            if wanted["quantity"] > lines[wanted["lineItemId"]]["currentQuantity"]:
                said = "Quantity cannot refund more items than were purchased"
                where = ("refundLineItems", str(index), "quantity")
                return {"refund": None, "userErrors": [user_error(said, *where)]}
            lines[wanted["lineItemId"]]["currentQuantity"] -= wanted["quantity"]
            owner["currentSubtotalLineItemsQuantity"] -= wanted["quantity"]
        made = {"id": f"gid://shopify/Refund/{len(owner['refunds']) + 1}", "note": input["note"]}
        owner["refunds"].append(made)
        self.keys[key] = ("", {"refund": made, "userErrors": []})
        return self.keys[key][1]

    def q_inventorySetQuantities(self, input: Node, key: str) -> Node:  # noqa: A002
        assert input["name"] == "available"
        content = json.dumps(input, sort_keys=True)
        if key in self.keys:
            before, payload = self.keys[key]
            if before != content:
                return _stock_errors(user_error("other", code="IDEMPOTENCY_KEY_PARAMETER_MISMATCH"))
            if payload["userErrors"]:
                return _stock_errors(user_error("failed before", code="IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"))
            return payload
        payload = self._set_quantities(input["quantities"])
        self.keys[key] = (content, payload)
        return payload

    def _set_quantities(self, quantities: list[Node]) -> Node:
        errors = []
        for index, one in enumerate(quantities):
            path = ("input", "quantities", str(index))
            place = (one["inventoryItemId"], one["locationId"])
            assert "changeFromQuantity" in one, "must be present from 2026-04, if only as null"
            if place not in self.stock:
                errors.append(
                    user_error("not stocked", *path, "locationId", code="ITEM_NOT_STOCKED_AT_LOCATION")
                )
            elif one["changeFromQuantity"] not in (None, self.stock[place]):
                errors.append(
                    user_error("stale", *path, "changeFromQuantity", code="CHANGE_FROM_QUANTITY_STALE")
                )
        if errors:
            return _stock_errors(*errors)
        self.stock |= {(one["inventoryItemId"], one["locationId"]): one["quantity"] for one in quantities}
        return {
            "inventoryAdjustmentGroup": {"id": "gid://shopify/InventoryAdjustmentGroup/1"},
            "userErrors": [],
        }

    def q_orderCancel(self, orderId: str, **_: Any) -> Node:
        self.orders[orderId]["cancelledAt"] = "2026-11-23T10:00:00Z"
        return {"job": {"id": "gid://shopify/Job/1", "done": False}, "orderCancelUserErrors": []}


def _count_unfulfilled(order: Node) -> None:
    """Each order line says how many of its units nobody has fulfilled yet."""
    open_units: Counter[str] = Counter()
    for one in order["fulfillmentOrders"]:
        for line in one["lineItems"]:
            open_units[line["lineItem"]["id"]] += line["remainingQuantity"]
    for fulfilment in order["fulfillments"]:
        for line in fulfilment["fulfillmentLineItems"]:
            line["lineItem"]["unfulfilledQuantity"] = open_units[line["lineItem"]["id"]]


def _stock_errors(*errors: Node) -> Node:
    return {"inventoryAdjustmentGroup": None, "userErrors": list(errors)}


def _since(query: str, nodes: Any) -> list[Node]:
    match = re.fullmatch(r"updated_at:>='([^']+)'", query)
    assert match, query
    since = match[1].replace("+00:00", "Z")
    found = [node for node in nodes if node["updatedAt"] >= since]
    return sorted(found, key=lambda node: (node["updatedAt"], node["id"]))


def _resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """Fields by their names; a list is cut into pages where the schema says connection."""
    if isinstance(source, Shop):
        schema = schema_of(source.version)
        directive = schema.get_directive("idempotent")
        assert directive
        idempotent = get_directive_values(directive, info.field_nodes[0], info.variable_values)
        method: Callable[..., Any] = getattr(source, f"q_{info.field_name}")
        paging = {name: arguments.pop(name, None) for name in ("first", "after")}
        value = method(**arguments, **(idempotent or {}))
    else:
        value = source[info.field_name]
        if callable(value):
            return value(**arguments)
        paging = arguments
    if isinstance(value, list) and get_named_type(info.return_type).name.endswith("Connection"):
        return _connection(value, paging)
    return value


def _connection(nodes: list[Node], paging: Node) -> Node:
    start = int(paging.get("after") or 0)
    end = start + int(paging["first"])
    return {
        "nodes": nodes[start:end],
        "pageInfo": {"hasNextPage": end < len(nodes), "endCursor": str(end) if nodes else None},
    }


def order(number: int, updated_at: str, **changes: Any) -> Node:
    """A copy of the fixture with its own id and instant, whose fulfilment orders have their own ids too."""
    made: Node = deepcopy(fixture("order_graphql.json"))
    made |= {
        "id": f"gid://shopify/Order/{number}",
        "updatedAt": updated_at,
        "refunds": [],
        "returns": [],
        **changes,
    }
    made["currentSubtotalLineItemsQuantity"] = sum(line["currentQuantity"] for line in made["lineItems"])
    made["suggestedRefund"] = {
        "shipping": {"amountSet": {"presentmentMoney": {"amount": "4.9"}}},
        "suggestedTransactions": [
            {
                "gateway": "shopify_payments",
                "amountSet": {"presentmentMoney": {"amount": amount}},
                "parentTransaction": {"id": "gid://shopify/OrderTransaction/1"},
            }
            for amount in ("19.9", "0.0")
        ],
    }
    for one in made["fulfillmentOrders"]:
        one["id"] = f"gid://shopify/FulfillmentOrder/{number}-{one['id'].rpartition('/')[2]}"
    return made

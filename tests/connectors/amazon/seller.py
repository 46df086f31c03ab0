"""An Amazon of our own for tests: it keeps a seller's orders and listings and answers in the vendor's shapes.

``served`` puts the vendor's own models between the connector and this double (``prism proxy --errors``), so that
neither a request of ours nor an answer of the double can leave the documented shapes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx

from crossdock.sdk.clock import ManualClock
from tests.servers.node import contract, running_prism

FIXTURES = Path(__file__).parent / "fixtures"
MODELS = {
    "/orders/2026-01-01/": "orders_2026-01-01.json",
    "/orders/v0/": "ordersV0.json",
    "/listings/2021-08-01/": "listingsItems_2021-08-01.json",
}
Node = dict[str, Any]
Handler = Callable[[httpx.Request], httpx.Response]


def errors(status: int, code: str, message: str, details: str = "", **headers: str) -> httpx.Response:
    return httpx.Response(
        status, json={"errors": [{"code": code, "message": message, "details": details}]}, headers=headers
    )


def instant(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def order(number: int, updated_at: str, **changes: Any) -> Node:
    """An unshipped order of two items with its own id."""
    made: Node = {
        "orderId": f"026-0000000-{number:07}",
        "createdTime": "2026-11-20T08:31:00Z",
        "lastUpdatedTime": updated_at,
        "salesChannel": {"channelName": "AMAZON", "marketplaceId": "A1PA6795UKMFR9"},
        "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
        "orderItems": [
            _item(f"{number}01", "TENT-2P", 3),
            _item(f"{number}02", "01234", 1),
        ],
        "packages": [],
    }
    return made | deepcopy(changes)


def _item(item_id: str, sku: str, quantity: int) -> Node:
    return {
        "orderItemId": item_id,
        "quantityOrdered": quantity,
        "product": {"sellerSku": sku, "price": {"unitPrice": {"amount": "10.00", "currencyCode": "EUR"}}},
        "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": quantity},
    }


class Seller:
    """One seller's account; tests change its attributes and read what was done to it.

    Attributes:
        faults: Taken one a request: an answer to give in place of ours, or an exception to raise *after* the effect.
        requests: Operation and request, without those for tokens.
    """

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.token = "Atza|1"
        self.refresh_token = "Atzr|good"
        self.refreshed = 0
        self.forbidden: set[str] = set()
        self.orders: dict[str, Node] = {}
        self.listings: dict[str, int] = {"TENT-2P": 5, "A/B 1%": 0}
        self.tokens: dict[str, tuple[int, datetime]] = {}
        self.faults: list[httpx.Response | Exception | None] = []
        self.requests: list[tuple[str, httpx.Request]] = []
        self.rate: str | None = None

    def add(self, *orders: Node) -> None:
        self.orders |= {one["orderId"]: one for one in orders}

    # --- HTTP -------------------------------------------------------------------------------------------

    def token_answer(self, request: httpx.Request) -> httpx.Response:
        """Login with Amazon."""
        form = dict(parse_qsl(request.content.decode()))
        assert form["grant_type"] == "refresh_token"
        if form["refresh_token"] != self.refresh_token:
            return httpx.Response(400, json={"error": "invalid_grant", "error_description": "nope"})
        self.refreshed += 1
        return httpx.Response(
            200, json={"access_token": self.token, "token_type": "bearer", "expires_in": 3600}
        )

    def handle(self, request: httpx.Request) -> httpx.Response:
        operation, arguments = _operation(request)
        if request.headers.get("x-amz-access-token") != self.token:
            return errors(
                403,
                "Unauthorized",
                "Access to requested resource is denied.",
                "The access token you provided has expired.",
            )
        if operation in self.forbidden:
            return errors(403, "Unauthorized", "Access to requested resource is denied.")
        method: Callable[..., httpx.Response] = getattr(self, operation)
        response = method(*arguments, **_arguments(request))
        response.headers["x-amzn-RequestId"] = "rq-1"
        if self.rate:
            response.headers["x-amzn-RateLimit-Limit"] = self.rate
        return response

    # --- orders -----------------------------------------------------------------------------------------

    def search_orders(
        self,
        lastUpdatedAfter: str,
        marketplaceIds: str,
        includedData: str,
        maxResultsPerPage: str = "100",
        fulfilledBy: str = "MERCHANT,AMAZON",
        paginationToken: str | None = None,
    ) -> httpx.Response:
        found = [
            one
            for one in self.orders.values()
            if one["lastUpdatedTime"] >= lastUpdatedAfter
            and one["salesChannel"]["marketplaceId"] in marketplaceIds.split(",")
            and one["fulfillment"]["fulfilledBy"] in fulfilledBy.split(",")
        ]
        start, now = 0, self.clock.now()
        if paginationToken is not None:
            start, issued_at = self.tokens.get(paginationToken, (0, datetime.min.replace(tzinfo=now.tzinfo)))
            if now - issued_at > timedelta(hours=24):
                return errors(400, "InvalidInput", "Invalid Input", "paginationToken has expired")
        end = start + int(maxResultsPerPage)
        answer: Node = {
            "orders": [_shown(one, includedData) for one in found[start:end]],
            "lastUpdatedBefore": instant(now - timedelta(minutes=2)),
        }
        if end < len(found):
            token = f"token-{end}-{len(self.tokens)}"
            self.tokens[token] = (end, now)
            answer["pagination"] = {"nextToken": token}
        return httpx.Response(200, json=answer)

    def get_order(self, order_id: str, includedData: str = "") -> httpx.Response:
        if order_id not in self.orders:
            return errors(404, "NotFound", f"Order {order_id} was not found.")
        return httpx.Response(200, json={"order": _shown(self.orders[order_id], includedData)})

    def confirm_shipment(self, order_id: str, body: Node) -> httpx.Response:
        found, package = self.orders.get(order_id), body["packageDetail"]
        if found is None:
            return errors(404, "NotFound", "Order not found")
        assert body["marketplaceId"] == found["salesChannel"]["marketplaceId"]
        assert package["packageReferenceId"].isdigit()
        known = {one["packageReferenceId"] for one in found["packages"]}
        items = {item["orderItemId"]: item["fulfillment"] for item in found["orderItems"]}
        if package["packageReferenceId"] in known:
            return errors(400, "InvalidInput", "PackageToUpdateNotFound")
        for wanted in package["orderItems"]:
            if items.get(wanted["orderItemId"], {}).get("quantityUnfulfilled", 0) < wanted["quantity"]:
                return errors(400, "InvalidInput", f"Invalid quantity of item {wanted['orderItemId']}")
        for wanted in package["orderItems"]:
            items[wanted["orderItemId"]]["quantityUnfulfilled"] -= wanted["quantity"]
            items[wanted["orderItemId"]]["quantityFulfilled"] += wanted["quantity"]
        found["packages"].append(
            {
                "packageReferenceId": package["packageReferenceId"],
                "packageStatus": {"status": "SHIPPED"},
                "carrier": package["carrierCode"],
                "shipTime": package["shipDate"],
                "trackingNumber": package["trackingNumber"],
                "packageItems": package["orderItems"],
            }
        )
        open_units = sum(item["quantityUnfulfilled"] for item in items.values())
        found["fulfillment"]["fulfillmentStatus"] = "PARTIALLY_SHIPPED" if open_units else "SHIPPED"
        return httpx.Response(204)

    # --- listings ---------------------------------------------------------------------------------------

    def search_listings(self, seller_id: str, marketplaceIds: str, pageSize: str) -> httpx.Response:
        items = [{"sku": sku} for sku in self.listings][: int(pageSize)]
        return httpx.Response(200, json={"numberOfResults": len(self.listings), "items": items})

    def patch_listing(self, seller_id: str, sku: str, marketplaceIds: str, body: Node) -> httpx.Response:
        (patch,) = body["patches"]
        assert (patch["op"], patch["path"]) == ("merge", "/attributes/fulfillment_availability")
        if sku not in self.listings:
            issue = {"code": "13013", "message": f"SKU {sku} is not in the catalogue", "severity": "ERROR",
                     "attributeNames": ["sku"], "categories": ["INVALID_ATTRIBUTE"]}  # fmt: skip
            return httpx.Response(
                200, json={"sku": sku, "status": "INVALID", "submissionId": "s-0", "issues": [issue]}
            )
        (value,) = patch["value"]
        self.listings[sku] = value["quantity"]
        return httpx.Response(
            200, json={"sku": sku, "status": "ACCEPTED", "submissionId": "s-1", "issues": []}
        )


def _shown(one: Node, included: str) -> Node:
    """An order with the parts that were asked for."""
    parts = {"buyer": "BUYER", "recipient": "RECIPIENT", "proceeds": "PROCEEDS", "packages": "PACKAGES"}
    return {name: value for name, value in one.items() if name not in parts or parts[name] in included}


def _operation(request: httpx.Request) -> tuple[str, list[str]]:
    steps = [unquote(step) for step in request.url.raw_path.decode().partition("?")[0].split("/")[1:]]
    match request.method, steps:
        case "GET", ["orders", "2026-01-01", "orders"]:
            return "search_orders", []
        case "GET", ["orders", "2026-01-01", "orders", order_id]:
            return "get_order", [order_id]
        case "POST", ["orders", "v0", "orders", order_id, "shipmentConfirmation"]:
            return "confirm_shipment", [order_id]
        case "GET", ["listings", "2021-08-01", "items", seller_id]:
            return "search_listings", [seller_id]
        case "PATCH", ["listings", "2021-08-01", "items", seller_id, sku]:
            return "patch_listing", [seller_id, sku]
    raise AssertionError(f"{request.method} {request.url} is none of the operations")


def _arguments(request: httpx.Request) -> Node:
    body = {"body": json.loads(request.content)} if request.content else {}
    return {**dict(request.url.params), **body}


# --- on the way ------------------------------------------------------------------------------------------


class Wire:
    """The network between the connector and the seller: faults happen here."""

    def __init__(self, seller: Seller, carry: Handler) -> None:
        self.seller = seller
        self._carry = carry

    def handle(self, request: httpx.Request) -> httpx.Response:
        seller = self.seller
        if request.url.path == "/auth/o2/token":
            return seller.token_answer(request)
        assert request.headers["user-agent"].startswith("Crossdock/")
        seller.requests.append((_operation(request)[0], request))
        fault = seller.faults.pop(0) if seller.faults else None
        if isinstance(fault, httpx.Response):
            return fault
        response = self._carry(request)
        if fault is not None:
            raise fault
        return response


@dataclass
class Proxies:
    """Prism before the double, one proxy for each of the vendor's models."""

    ports: dict[str, int]
    upstream: list[Seller]

    def carry(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        port = next(port for prefix, port in self.ports.items() if path.startswith(prefix))
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        with httpx.Client(trust_env=False, timeout=30) as client:
            response = client.request(
                request.method, f"http://127.0.0.1:{port}{path}", content=request.content, headers=headers
            )
        kind = response.headers.get("content-type", "")
        assert "problem+json" not in kind, f"{request.method} {path}: not as documented: {response.text}"
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)


@contextmanager
def served(folder: Path) -> Iterator[Proxies]:
    """Run the proxies; whoever stands first in ``upstream`` answers."""
    upstream: list[Seller] = []

    class Upstream(BaseHTTPRequestHandler):
        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = httpx.Request(
                self.command, f"http://amazon{self.path}", headers=dict(self.headers), content=content
            )
            response = upstream[0].handle(request)
            self.send_response(response.status_code)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.content)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with ExitStack() as stack:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        origin = f"http://127.0.0.1:{server.server_port}"
        ports = {
            prefix: stack.enter_context(
                running_prism(
                    contract("amazon-sp-api", "models-without-vectors", model),
                    folder / f"{model}.log",
                    "--errors",
                    upstream=origin,
                )
            )
            for prefix, model in MODELS.items()
        }
        yield Proxies(ports, upstream)

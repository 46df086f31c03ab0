"""The marketplace: Amazon's Selling Partner API with its tokens, its rates and its order states."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crossdock.demo.orders import PlannedOrder
from crossdock.demo.partners.hosting import HangUpError, Moods
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.times import now, now_text

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "MARKETPLACE", "REFRESH_TOKEN", "SELLER", "Marketplace", "order_id"]

SELLER: Final = "A1MERIDIANDEMO"
MARKETPLACE: Final = "ATVPDKIKX0DER"
CLIENT_ID: Final = "amzn1.application-oa2-client.demo"
CLIENT_SECRET: Final = "demo-lwa-secret"
REFRESH_TOKEN: Final = "Atzr|demo"
_ACCESS_TOKEN: Final = "Atza|demo"
_SANE_NUMBER: Final = re.compile(r"[A-Za-z0-9-]{8,40}")

Document = dict[str, Any]


def order_id(number: int) -> str:
    """The marketplace's id of an order."""
    return f"114-{number:07}-{(number * 7919) % 10_000_000:07}"


class Marketplace:
    """One seller account. ``told`` is what it was told of each order: tracking number to units by item."""

    def __init__(self, moods: Moods, journal: Journal) -> None:
        """Nothing is ordered yet."""
        self._moods = moods
        self._journal = journal
        self._orders: dict[str, Document] = {}
        self.told: dict[str, dict[str, dict[str, int]]] = {}
        self.levels: dict[str, int] = {}
        self.app = Starlette(
            routes=[
                Route("/auth/o2/token", self._token, methods=["POST"]),
                Route("/orders/2026-01-01/orders", self._search, methods=["GET"]),
                Route("/orders/2026-01-01/orders/{id}", self._get, methods=["GET"]),
                Route("/orders/v0/orders/{id}/shipmentConfirmation", self._confirm, methods=["POST"]),
                Route("/listings/2021-08-01/items/{seller}/{sku}", self._patch, methods=["PATCH"]),
                Route("/listings/2021-08-01/items/{seller}", self._listings, methods=["GET"]),
            ]
        )

    def place(self, order: PlannedOrder) -> None:
        """A buyer orders; the hub sees it when it asks."""
        made = _order(order)
        self._orders[made["orderId"]] = made
        self._journal.note("marketplace", "order", f"{made['orderId']} ordered by {order.buyer.name}")

    # --- the API ------------------------------------------------------------------------------------------

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        wanted = {"grant_type": "refresh_token", "refresh_token": REFRESH_TOKEN, "client_id": CLIENT_ID,
                  "client_secret": CLIENT_SECRET}  # fmt: skip
        if any(form.get(name) != value for name, value in wanted.items()):
            return JSONResponse(
                {"error": "invalid_client", "error_description": "Client authentication failed"}, 401
            )
        token = {
            "access_token": _ACCESS_TOKEN,
            "refresh_token": REFRESH_TOKEN,
            "token_type": "bearer",
            "expires_in": 3600,
        }
        return JSONResponse(token)

    async def _search(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        query = request.query_params
        after = datetime.fromisoformat(query["lastUpdatedAfter"])
        found = [
            each for each in self._orders.values() if datetime.fromisoformat(each["lastUpdatedTime"]) >= after
        ]
        start = int(query.get("paginationToken", "0"))
        end = start + int(query.get("maxResultsPerPage", "100"))
        if found[start:end] and self._moods("429", "search", found[-1]["orderId"]):
            return self._throttled("searchOrders")
        answer: Document = {"orders": found[start:end], "lastUpdatedBefore": now_text()}
        if end < len(found):
            answer["pagination"] = {"nextToken": str(end)}
        return _answered(answer)

    async def _get(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        order = self._orders.get(request.path_params["id"])
        return _answered({"order": order}) if order else _error(404, "NotFound", "There is no such order.")

    async def _confirm(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        order = self._orders.get(request.path_params["id"])
        if order is None:
            return _error(400, "InvalidInput", "Invalid order id.")
        body = await request.json()
        package = body["packageDetail"]
        reference, number = str(package["packageReferenceId"]), package["trackingNumber"]
        if self._moods("429", "confirm", reference):
            return self._throttled("confirmShipment")
        if self._moods("5xx", "confirm", reference):
            self._journal.note(
                "marketplace", "500", f"confirmation of {order['orderId']} answered 500", trouble=True
            )
            return _error(500, "InternalFailure", "We encountered an internal error. Please try again.")
        if body["marketplaceId"] != MARKETPLACE or not _SANE_NUMBER.fullmatch(number):
            return _error(400, "InvalidInput", "marketplaceId or trackingNumber is not valid.")
        items = {item["orderItemId"]: item for item in order["orderItems"]}
        for wanted in package["orderItems"]:
            item = items.get(wanted["orderItemId"])
            if item is None or wanted["quantity"] > item["fulfillment"]["quantityUnfulfilled"]:
                return _error(400, "InvalidInput", "PackageToUpdateNotFound: more than was ordered.")
        self._confirmed(order, items, package, reference)
        if self._moods("hang up", reference):
            self._journal.note(
                "marketplace", "no answer", f"{order['orderId']} confirmed, line broke", trouble=True
            )
            raise HangUpError
        return Response(status_code=204, headers=_RATE)

    def _confirmed(
        self, order: Document, items: dict[str, Document], package: Document, reference: str
    ) -> None:
        for wanted in package["orderItems"]:
            state = items[wanted["orderItemId"]]["fulfillment"]
            state["quantityUnfulfilled"] -= wanted["quantity"]
            state["quantityFulfilled"] += wanted["quantity"]
        order["packages"].append(
            {
                "packageReferenceId": reference,
                "trackingNumber": package["trackingNumber"],
                "carrier": package["carrierCode"],
                "packageStatus": {"status": "IN_TRANSIT"},
                "packageItems": [
                    {"orderItemId": each["orderItemId"], "quantity": each["quantity"]}
                    for each in package["orderItems"]
                ],
            }
        )
        left = any(item["fulfillment"]["quantityUnfulfilled"] for item in items.values())
        order["fulfillment"]["fulfillmentStatus"] = "PARTIALLY_SHIPPED" if left else "SHIPPED"
        order["lastUpdatedTime"] = now_text()
        units = {each["orderItemId"]: each["quantity"] for each in package["orderItems"]}
        self.told.setdefault(order["orderId"], {})[package["trackingNumber"]] = units
        self._journal.note(
            "marketplace", "confirmed", f"{order['orderId']} sent with {package['trackingNumber']}"
        )

    async def _patch(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        sku = request.path_params["sku"]
        body = await request.json()
        value = next(
            patch["value"][0]
            for patch in body["patches"]
            if patch["path"].endswith("/fulfillment_availability")
        )
        if self._moods("429", "patch", sku):
            return self._throttled(f"patchListingsItem {sku}")
        self.levels[sku] = value["quantity"]
        return _answered({"sku": sku, "status": "ACCEPTED", "submissionId": f"sub-{sku}", "issues": []})

    async def _listings(self, request: Request) -> Response:
        return self._refused(request) or _answered({"numberOfResults": 0, "items": []})

    def _refused(self, request: Request) -> Response | None:
        if request.headers.get("x-amz-access-token") != _ACCESS_TOKEN:
            return _error(
                403, "Unauthorized", "The access token you provided is revoked, malformed or invalid."
            )
        return None

    def _throttled(self, what: str) -> Response:
        self._journal.note("marketplace", "throttled", f"{what} answered 429", trouble=True)
        return _error(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")


_RATE: Final = {"x-amzn-RateLimit-Limit": "200.0"}


def _answered(body: Document) -> Response:
    return JSONResponse(body, headers=_RATE)


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse(
        {"errors": [{"code": code, "message": message, "details": ""}]}, status, headers=_RATE
    )


def _order(order: PlannedOrder) -> Document:
    placed_at = now_text()
    buyer = order.buyer
    late = (now() + timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%SZ")
    total = str(order.total)
    return {
        "orderId": order_id(order.number),
        "createdTime": placed_at,
        "lastUpdatedTime": placed_at,
        "programs": [],
        "salesChannel": {
            "channelName": "AMAZON",
            "marketplaceId": MARKETPLACE,
            "marketplaceName": "Amazon.com",
        },
        "buyer": {"buyerName": buyer.name, "buyerEmail": f"b{order.number}@marketplace.example"},
        "recipient": {
            "deliveryAddress": {
                "name": buyer.name,
                "addressLine1": buyer.street,
                "city": buyer.city,
                "stateOrRegion": buyer.state,
                "postalCode": buyer.post_code,
                "countryCode": "US",
                "addressType": "RESIDENTIAL",
            }
        },
        "proceeds": {"grandTotal": {"amount": total, "currencyCode": "USD"}},
        "fulfillment": {
            "fulfillmentStatus": "UNSHIPPED",
            "fulfilledBy": "MERCHANT",
            "fulfillmentServiceLevel": "STANDARD",
            "shipByWindow": {"earliestDateTime": placed_at, "latestDateTime": late},
            "deliverByWindow": {"earliestDateTime": placed_at, "latestDateTime": late},
        },
        "packages": [],
        "orderItems": [
            {
                "orderItemId": f"{order.number:07}{position:04}",
                "quantityOrdered": line.quantity,
                "product": {
                    "asin": f"B0{line.product.variant_id % 10**8:08}",
                    "title": line.product.name,
                    "sellerSku": line.product.sku,
                    "price": {"unitPrice": {"amount": str(line.product.price), "currencyCode": "USD"}},
                },
                "fulfillment": {"quantityFulfilled": 0, "quantityUnfulfilled": line.quantity},
            }
            for position, line in enumerate(order.lines)
        ],
    }

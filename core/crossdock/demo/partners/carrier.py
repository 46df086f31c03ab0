"""The carriers behind EasyPost's API: rates, labels that can be bought once, trackers with signed webhooks."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import httpx
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from crossdock.demo.dice import Dice
from crossdock.demo.partners.calling import Caller
from crossdock.demo.partners.hosting import HangUpError, Hosting, Moods
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.times import instant_text, now, now_text

__all__ = ["API_KEY", "WEBHOOK_SECRET", "Carrier", "Parcel"]

API_KEY: Final = "EZTKdemo"
WEBHOOK_SECRET: Final = "demo-carrier-secret"

Document = dict[str, Any]

_SERVICES: Final = (
    ("USPS", "GroundAdvantage", "5.20", "0.11"),
    ("UPS", "Ground", "8.90", "0.09"),
    ("UPS", "2ndDayAir", "18.40", "0.16"),
    ("UPS", "NextDayAir", "34.00", "0.24"),
    ("FedEx", "FEDEX_GROUND", "42.00", "0.07"),
)
"""Carrier, service, first amount, and what each ounce costs."""


@dataclass(slots=True)
class Parcel:
    """A parcel that a carrier has taken on.

    Attributes:
        reference: Who asked for the label: the hub's reference, or the warehouse's own.
        by_hub: The hub bought the label; else the warehouse has manifested it itself.
    """

    tracking_number: str
    reference: str
    carrier: str
    cost: Decimal
    by_hub: bool
    refunded: bool = False
    scans: list[str] = field(default_factory=list)


class Carrier:
    """One account. ``parcels`` by tracking number is what the carriers have."""

    def __init__(self, dice: Dice, moods: Moods, journal: Journal, hosting: Hosting, speed: float) -> None:
        """Nothing is sent yet."""
        self._dice = dice
        self._moods = moods
        self._journal = journal
        self._hosting = hosting
        self._speed = speed
        self._shipments: dict[str, Document] = {}
        self._by_reference: dict[str, str] = {}
        self._followed: set[str] = set()
        self.parcels: dict[str, Parcel] = {}
        self._webhook_url = ""
        self.hub = Caller()
        self.app = Starlette(
            routes=[
                Route("/v2/shipments", self._list, methods=["GET"]),
                Route("/v2/shipments", self._create, methods=["POST"]),
                Route("/v2/shipments/{id}", self._get, methods=["GET"]),
                Route("/v2/shipments/{id}/rerate", self._rerate, methods=["POST"]),
                Route("/v2/shipments/{id}/buy", self._buy, methods=["POST"]),
                Route("/v2/shipments/{id}/refund", self._refund, methods=["POST"]),
                Route("/v2/trackers", self._trackers, methods=["GET"]),
                Route("/v2/webhooks", self._webhooks, methods=["GET"]),
            ]
        )

    def subscribe(self, url: str) -> None:
        """Post tracker events to ``url``."""
        self._webhook_url = url

    def manifest(self, reference: str, carrier: str, grams: int) -> str:
        """A warehouse hands over a parcel under its own contract; returns the tracking number."""
        number = _tracking_number(carrier, reference)
        if number not in self.parcels:
            cost = Decimal("4.10") + Decimal(grams) / 1000
            self.parcels[number] = Parcel(
                number, reference, carrier, cost.quantize(Decimal("0.01")), by_hub=False
            )
            self._journal.note("carrier", "parcel", f"{carrier} took {number} from a warehouse")
        return number

    # --- the API ------------------------------------------------------------------------------------------

    async def _create(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        body = (await request.json())["shipment"]
        reference = str(body.get("reference", ""))
        if trouble := self._trouble("create", reference):
            return trouble
        identity = f"shp_{hashlib.sha256(f'{reference}/{len(self._shipments)}'.encode()).hexdigest()[:32]}"
        now = now_text()
        refused_by_all = self._dice.happens(0.004, "carrier refuses", reference)
        self._shipments[identity] = {
            "id": identity,
            "object": "Shipment",
            "mode": "test",
            "created_at": now,
            "updated_at": now,
            "reference": reference,
            "from_address": body["from_address"],
            "to_address": body["to_address"],
            "parcel": body["parcel"],
            "rates": [] if refused_by_all else list(_rates(identity, body["parcel"])),
            "messages": [
                {"carrier": "UPS", "type": "rate_error", "message": "The destination can't be served."}
            ]
            if refused_by_all
            else [],
            "selected_rate": None,
            "postage_label": None,
            "tracking_code": None,
            "tracker": None,
            "refund_status": None,
        }
        self._by_reference[reference] = identity
        return JSONResponse(self._shipments[identity], 201)

    async def _get(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        shipment = self._find(request)
        if shipment is None:
            return _error(404, "NOT_FOUND", "The requested resource could not be found.")
        return self._told(shipment)

    async def _list(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        wanted = request.query_params.get("purchased") == "true"
        found = [each for each in reversed(self._shipments.values()) if each["postage_label"] or not wanted]
        return JSONResponse(_page(request, "shipments", found))

    async def _rerate(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        shipment = self._find(request)
        return JSONResponse({"rates": shipment["rates"] if shipment else []})

    async def _buy(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        shipment = self._find(request)
        if shipment is None:
            return _error(404, "NOT_FOUND", "The requested resource could not be found.")
        if shipment["postage_label"] is not None:
            return _error(422, "SHIPMENT.POSTAGE.EXISTS", "Postage already exists for this shipment.")
        reference = shipment["reference"]
        if trouble := self._trouble("buy", reference):
            return trouble
        rate_id = (await request.json())["rate"]["id"]
        rate = next((each for each in shipment["rates"] if each["id"] == rate_id), None)
        if rate is None:
            return _error(422, "SHIPMENT.RATE.UNAVAILABLE", "The rate is not of this shipment.")
        self._bought(shipment, rate)
        if self._moods("no answer", reference):
            self._journal.note(
                "carrier", "no answer", f"label {shipment['tracking_code']} bought, line broke", trouble=True
            )
            raise HangUpError
        return self._told(shipment)

    def _bought(self, shipment: Document, rate: Document) -> None:
        number = _tracking_number(rate["carrier"], shipment["id"])
        now = now_text()
        shipment |= {
            "selected_rate": rate,
            "tracking_code": number,
            "updated_at": now,
            "postage_label": {
                "id": f"pl_{shipment['id'][4:]}",
                "label_file_type": "application/pdf",
                "label_url": f"https://labels.example/{number}.pdf",
            },
            "tracker": {
                "id": f"trk_{shipment['id'][4:]}",
                "object": "Tracker",
                "mode": "test",
                "tracking_code": number,
                "status": "pre_transit",
                "carrier": rate["carrier"],
                "shipment_id": shipment["id"],
                "created_at": now,
                "updated_at": now,
                "signed_by": None,
                "est_delivery_date": None,
                "public_url": f"https://track.example/{number}",
                "tracking_details": [],
            },
        }
        self.parcels[number] = Parcel(
            number, shipment["reference"], rate["carrier"], Decimal(rate["rate"]), by_hub=True
        )
        self._journal.note(
            "carrier", "label", f"{rate['carrier']} {rate['service']} label {number} for {rate['rate']}"
        )

    async def _refund(self, request: Request) -> Response:
        shipment = self._find(request)
        if shipment is None or shipment["tracking_code"] is None:
            return _error(404, "NOT_FOUND", "The requested resource could not be found.")
        shipment["refund_status"] = "submitted"
        self.parcels[shipment["tracking_code"]].refunded = True
        return JSONResponse(shipment)

    async def _trackers(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        # a carrier scans what it was handed: labels that nobody has seen yet are not in its hands
        known = [
            each["tracker"] for each in reversed(self._shipments.values()) if each["id"] in self._followed
        ]
        return JSONResponse(_page(request, "trackers", known))

    async def _webhooks(self, _: Request) -> Response:
        return JSONResponse({"webhooks": []})

    # --- trackers -----------------------------------------------------------------------------------------

    def _told(self, shipment: Document) -> Response:
        """The shipment; once its buyer has the label, the parcel begins to travel."""
        if shipment["postage_label"] is None or shipment["id"] in self._followed:
            return JSONResponse(shipment)
        self._followed.add(shipment["id"])
        return JSONResponse(shipment, background=BackgroundTask(self._depart, shipment))

    async def _depart(self, shipment: Document) -> None:
        wait_seconds = self._dice.between(8, 25, "departs", shipment["reference"]) / 10
        self._hosting.later(self._travel(shipment), wait_seconds / self._speed)

    async def _travel(self, shipment: Document) -> None:
        """Scans from the shelf to the door, a few of them told twice or in the wrong order."""
        reference = shipment["reference"]
        statuses = ["in_transit", "out_for_delivery", "delivered"]
        if self._dice.happens(0.01, "lost parcel", reference):
            statuses = ["in_transit", "failure"]
        started = now()
        events = []
        for place, status in enumerate(statuses):
            at = started + timedelta(seconds=place + 1)
            self._scan(shipment["tracker"], status, at)
            events.append(self._event(shipment["tracker"], place))
        if self._moods("out of order", reference):
            self._journal.note(
                "carrier",
                "out of order",
                f"scans of {shipment['tracking_code']} in wrong order",
                trouble=True,
            )
            events.reverse()
        if self._moods("duplicate webhook", reference):
            self._journal.note(
                "carrier",
                "duplicate webhook",
                f"scans of {shipment['tracking_code']} told twice",
                trouble=True,
            )
            events.append(events[-1])
        for event in events:
            await self._post(event)
            await asyncio.sleep(0.3 / self._speed)

    def _scan(self, tracker: Document, status: str, at: datetime) -> None:
        instant = instant_text(at)
        tracker |= {"status": status, "updated_at": instant}
        tracker["tracking_details"] = [
            *tracker["tracking_details"],
            {
                "object": "TrackingDetail",
                "status": status,
                "datetime": instant,
                "message": status.replace("_", " "),
            },
        ]
        self.parcels[tracker["tracking_code"]].scans.append(status)

    def _event(self, tracker: Document, place: int) -> Document:
        return {
            "id": f"evt_{tracker['id'][4:]}{place}",
            "object": "Event",
            "mode": "test",
            "description": "tracker.updated",
            "created_at": tracker["updated_at"],
            "result": dict(tracker),
        }

    async def _post(self, event: Document) -> None:
        data = json.dumps(event).encode()
        signature = hmac.digest(WEBHOOK_SECRET.encode(), data, hashlib.sha256).hex()
        headers = {"content-type": "application/json", "x-hmac-signature": f"hmac-sha256-hex={signature}"}
        # a carrier gives up some day: the hub asks now and then
        with suppress(httpx.TransportError):
            await self.hub.post(self._webhook_url, data, headers)

    # --- helpers of the API -------------------------------------------------------------------------------

    def _find(self, request: Request) -> Document | None:
        name = request.path_params["id"]
        return self._shipments.get(name) or self._shipments.get(self._by_reference.get(name, ""))

    def _refused(self, request: Request) -> Response | None:
        wanted = base64.b64encode(f"{API_KEY}:".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return _error(401, "APIKEY.INVALID", "This api key is not valid.")
        return None

    def _trouble(self, what: str, reference: str) -> Response | None:
        if self._moods("429", what, reference):
            self._journal.note("carrier", "throttled", f"{what} answered 429", trouble=True)
            response = _error(429, "RATE_LIMITED", "Too many requests.")
            response.headers["retry-after"] = "1"
            return response
        if self._moods("5xx", what, reference):
            self._journal.note("carrier", "503", f"{what} answered 503", trouble=True)
            return _error(503, "SERVICE_UNAVAILABLE", "Try again.")
        return None


def _rates(shipment: str, parcel: Document) -> Iterator[Document]:
    ounces = Decimal(str(parcel["weight"]))
    for number, (carrier, service, first, per_ounce) in enumerate(_SERVICES):
        amount = Decimal(first) + ounces * Decimal(per_ounce)
        yield {
            "id": f"rate_{shipment[4:]}{number}",
            "object": "Rate",
            "carrier": carrier,
            "service": service,
            "rate": str(amount.quantize(Decimal("0.01"))),
            "currency": "USD",
            "shipment_id": shipment,
        }


def _tracking_number(carrier: str, name: str) -> str:
    digits = int(hashlib.sha256(name.encode()).hexdigest(), 16)
    match carrier:
        case "UPS":
            return f"1Z999AA1{digits % 10**10:010}"
        case "USPS":
            return f"92001902{digits % 10**14:014}"
        case _:
            return f"{digits % 10**12:012}"


def _page(request: Request, name: str, newest_first: list[Document]) -> Document:
    size = int(request.query_params.get("page_size", "20"))
    before = request.query_params.get("before_id")
    start = next((index + 1 for index, each in enumerate(newest_first) if each["id"] == before), 0)
    return {name: newest_first[start : start + size], "has_more": start + size < len(newest_first)}


def _error(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, "errors": []}}, status)

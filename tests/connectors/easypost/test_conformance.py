"""The EasyPost connector proves itself against our own account."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime

import httpx

from crossdock.sdk.connector import RawRequest
from crossdock.sdk.testkit import CommandSample, Partner, Setting, conformance
from crossdock_connectors.easypost import CONNECTOR
from crossdock_connectors.easypost.webhooks import signature
from tests.connectors.easypost.account import Account
from tests.connectors.easypost.builders import request
from tests.connectors.easypost.test_tracking import tracker

SECRET = "conformance-webhook-secret"


class Carrier(Partner):
    """An account that has sold one label."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.account = Account()
        sold = self.account.create(reference="sold")
        self.account.post_shipments([sold["id"], "buy"], {}, {"rate": {"id": sold["rates"][0]["id"]}})
        self._sold = sold["id"]

    def config(self) -> dict[str, object]:
        return {"api_key": "EZTKgood", "mode": "test", "webhook_secret": SECRET}

    def handle(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        authorization = request.headers.get("authorization", "")
        status, node, headers = self.account.handle(request.method, target, authorization, request.content)
        return httpx.Response(status, json=node, headers=headers)

    def add(self, stream: str, count: int) -> Sequence[str]:
        now = self.clock.now().isoformat()
        first = len(self.account.trackers)
        made = [tracker(n, created_at=now, updated_at=now) for n in range(first, first + count)]
        self.account.trackers += made
        return [one["id"] for one in made]

    def call(self, stream: str, body: bytes | None = None) -> RawRequest:
        if body is None:
            event = {"id": "evt_1", "object": "Event", "description": "tracker.updated", "mode": "test",
                     "created_at": "2026-11-23T09:59:00Z", "result": tracker(1)}  # fmt: skip
            body = json.dumps(event).encode()
        headers = {"x-hmac-signature": signature(SECRET, body), "content-type": "application/json"}
        return RawRequest(
            "POST", "/webhooks/carrier", "", headers, body, datetime(2026, 11, 23, 10, tzinfo=UTC)
        )

    def command(self, name: str) -> CommandSample:
        if name == "label.refund":
            label = {"external_id": self._sold, "tracking_number": "1", "carrier": "USPS"}
            return CommandSample(label, refused={**label, "external_id": "shp_999"})
        label = request().model_dump(mode="json", exclude_none=True)
        unknown = request(service="by_pigeon").model_dump(mode="json", exclude_none=True)
        if name == "rate.shop":
            return CommandSample(label, effects=0)
        return CommandSample(label, refused=unknown)

    def effects(self) -> int:
        refunds = [one for one in self.account.shipments.values() if one["refund_status"] is not None]
        return len(self.account.charges) - 1 + len(refunds)


TestEasyPost = conformance(CONNECTOR, Carrier)

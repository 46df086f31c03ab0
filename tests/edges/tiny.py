"""The smallest connector that has every role."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Sequence
from hashlib import sha256
from typing import Any, ClassVar

import msgspec
from pydantic import BaseModel, ConfigDict, SecretStr

from crossdock.sdk.answers import json_of
from crossdock.sdk.bases import FileConnector
from crossdock.sdk.connector import (
    Command,
    Cursor,
    Limits,
    Page,
    RawRecord,
    RawRequest,
    Refused,
    SubscriptionChange,
    Verified,
)
from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.files import FilesConfig
from crossdock.sdk.manifest_file import parse_manifest
from crossdock.sdk.outcomes import (
    AlreadyApplied,
    Applied,
    NotApplied,
    Outcome,
    PartlyApplied,
    Rejected,
    Response,
)
from crossdock.sdk.registry import ConnectorPlugin

MANIFEST = parse_manifest(
    """
id: tiny
version: 1.0.0
sdk: ">=1,<2"
status: experimental
hosts: ["${config.url}"]
streams:
  orders: {role: poll, emits: order, mapping: tiny/order, cursor: {field: number}, interval: 1h}
  orders_hook: {role: receive, topics: [order], reconciled_by: orders, emits: order, mapping: tiny/order}
  bell: {role: receive, topics: [bell], reconciled_by: orders, wakes: orders, emits: order}
  stock: {role: drop, format: csv, emits: stock_feed, mapping: tiny/stock, interval: 1h}
  advice: {role: drop, format: csv, emits: shipment, mapping: tiny/advice, interval: 1h}
  x12: {role: drop, format: x12, emits: acknowledgement, interval: 1h}
commands:
  thing.request: {mapping: tiny/request, idempotency: native_key}
  thing.find: {mapping: tiny/request, idempotency: probe}
  thing.once: {idempotency: none}
  thing.many: {idempotency: native_key, batch: 50}
  label.buy: {result: tiny/label, emits: label, idempotency: native_key}
"""
)


class TinyConfig(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str
    secret: SecretStr
    files: FilesConfig | None = None


class Tiny(FileConnector[TinyConfig]):
    Config: ClassVar[type[BaseModel]] = TinyConfig

    def inbound(self, stream: str) -> tuple[str, str]:
        return stream, "*"

    def streams(self) -> Sequence[str]:
        return ["stock", "advice", "x12"]

    async def poll(self, stream: str, cursor: Cursor | None, limits: Limits) -> AsyncIterator[Page]:
        after = int((cursor or {}).get("after") or 0)
        for _ in range(limits.pages):
            response = await self._get(f"/records?after={after}")
            records = [
                RawRecord(
                    stream, record["id"], f"{record['id']}@{record['version']}", msgspec.json.encode(record)
                )
                for record in response["records"]
            ]
            after += len(records)
            more = after < response["total"]
            yield Page(tuple(records), {"after": after}, more, None if more else self.services.clock.now())
            if not more:
                return

    def verify(self, request: RawRequest) -> Verified | Refused:
        wanted = signature(self.config.secret.get_secret_value(), request.body)
        if not hmac.compare_digest(wanted, request.headers.get("signature", "")):
            return Refused(401, "the signature does not fit")
        topic = request.headers.get("topic", "")
        if topic not in ("order", "bell"):
            return Refused(404, f"topic {topic!r} is not read here")
        return Verified(topic)

    def split(self, request: RawRequest) -> Sequence[RawRecord]:
        if request.body.startswith(b"<"):
            raise RecordRejectedError(
                Rejection("tiny.xml", "XML where JSON is expected; send JSON", "byte 0")
            )
        stream = "bell" if request.headers["topic"] == "bell" else "orders_hook"
        delivery = request.headers["delivery"]
        return [RawRecord(stream, delivery, delivery, request.body)]

    async def ensure_subscriptions(self, base_url: str) -> SubscriptionChange:
        return SubscriptionChange()

    async def execute(self, command: Command, key: str) -> Outcome:
        body = [dict(document) for document in command.documents]
        response = await self.services.http.request(
            "POST", self.config.url + "/do", headers={"idempotency-key": key}, json=body
        )
        said = json_of(response)
        assert isinstance(said, dict)
        if response.status_code == 207:
            rejected = {int(at): Rejected("tiny.no", "no", "$") for at in said["rejected"]}
            return PartlyApplied("P", rejected, frozenset(said["retry"]))
        if response.status_code >= 400:
            return Rejected("tiny.rejected", str(said["why"]), "$.thing")
        made = AlreadyApplied if said["already"] else Applied
        return made(said["id"], Response(response.content))

    async def probe(self, command: Command, key: str) -> Outcome:
        said = await self._get(f"/done/{key}")
        return AlreadyApplied(f"P-{key}") if said["done"] else NotApplied()

    async def _get(self, path: str) -> dict[str, Any]:
        response = await self.services.http.request("GET", self.config.url + path)
        said = json_of(response)
        assert isinstance(said, dict)
        return said


def signature(secret: str, body: bytes) -> str:
    return hmac.new(secret.encode(), body, sha256).hexdigest()


PLUGIN = ConnectorPlugin(MANIFEST, Tiny, TinyConfig, "tests.edges.tiny")
__all__ = ["MANIFEST", "PLUGIN", "Tiny", "TinyConfig", "signature"]

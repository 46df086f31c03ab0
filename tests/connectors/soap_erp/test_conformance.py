"""The SOAP connector proves itself against the plain ERP, as one that is called, and on NetSuite's WSDL."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import ClassVar

import httpx
import pytest

from crossdock.sdk.connector import RawRequest
from crossdock.sdk.testkit import CommandSample, Partner, Setting, StreamSettings, conformance
from crossdock.sdk.testkit.commanding import CommandRules
from crossdock.sdk.testkit.polling import PollRules
from crossdock_connectors.soap_erp import CONNECTOR
from crossdock_connectors.soap_erp.manifest import STREAM_OF_OPERATION
from tests.connectors.soap_erp.builders import PLAIN as CONFIG
from tests.connectors.soap_erp.builders import POSTING, PURCHASE
from tests.connectors.soap_erp.netsuite import CLIENT, account, netsuite_config
from tests.connectors.soap_erp.plain_erp import DATA, SOAP, PlainErp

ENDPOINT = "https://erp.example/soap"
BODIES = {
    "SubmitOrders": """<order><id>B2B-7</id><financialStatus>authorised</financialStatus>
        <placedAt>2026-11-23T10:00:00Z</placedAt><currency>USD</currency>
        <line><id>1</id><sku>01234</sku><quantity>2</quantity><unitPrice>19.90</unitPrice></line></order>""",
    "SubmitCancellations": """<cancellation><order>B2B-7</order>
        <requestedAt>2026-11-23T10:00:00Z</requestedAt><line><id>1</id><quantity>2</quantity></line></cancellation>""",
    "SubmitProducts": "<product><sku>01234</sku></product>",
    "SubmitStock": """<feed><feedId>F1</feedId><node>dc-east</node><mode>delta</mode><meaning>physical</meaning>
        <asOf>2026-11-23T10:00:00Z</asOf>
        <line><sku>01234</sku><quantity>2</quantity></line></feed>""",
}


class Erp(Partner):
    """The plain ERP, which lists what it has and calls us."""

    page_size = 5

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.erp = PlainErp(self.clock)

    def config(self) -> dict[str, object]:
        caller = {"username": "erp", "passwords": ["caller-secret"]}
        return {
            **CONFIG,
            "endpoint": ENDPOINT,
            "page_size": self.page_size,
            "start": "2026-11-22T10:00:00Z",
            "caller": caller,
        }

    def handle(self, request: httpx.Request) -> httpx.Response:
        return self.erp.handle(request)

    def add(self, stream: str, count: int) -> Sequence[str]:
        operation = {"products": "ListItems", "stock": "ListStock", "orders": "ListOrders"}[stream]
        listed = self.erp.listed.setdefault(operation, [])
        now = self.clock.now()
        keys = [f"K{number:03}" for number in range(len(listed), len(listed) + count)]
        listed += [(key, now, _record(stream, key, now)) for key in keys]
        return keys

    def call(self, stream: str, body: bytes | None = None) -> RawRequest:
        operation = next(name for name, of in STREAM_OF_OPERATION.items() if of == stream)
        genuine = f'<s:Envelope xmlns:s="{SOAP}"><s:Body><{operation} xmlns="{DATA}">{BODIES[operation]}</{operation}>'
        content = f"{genuine}</s:Body></s:Envelope>".encode() if body is None else body
        headers = {
            "content-type": "text/xml; charset=utf-8",
            "authorization": f"Basic {base64.b64encode(b'erp:caller-secret').decode()}",
        }
        return RawRequest(
            "POST", "/webhooks/erp", "", headers, content, datetime(2026, 11, 23, 10, tzinfo=UTC)
        )

    def command(self, name: str) -> CommandSample:
        if name.startswith("purchase_order."):
            return _purchase(name)
        kind = name.removesuffix(".post")
        posting = json.loads(json.dumps({**POSTING, "kind": kind}, default=str), parse_float=Decimal)
        line = {**posting["lines"][0], "sku": "UNKNOWN"}
        return CommandSample(posting, refused={**posting, "external_id": "S-2", "lines": [line]})

    def effects(self) -> int:
        return len(self.erp.documents)


def _purchase(name: str) -> CommandSample:
    status = {"create": "ordered", "change": "changed", "cancel": "cancelled"}[name.partition(".")[2]]
    order = json.loads(json.dumps({**PURCHASE, "status": status}, default=str), parse_float=Decimal)
    line = {**order["lines"][0], "sku": "UNKNOWN"}
    return CommandSample(order, refused={**order, "external_id": "P-2", "lines": [line]})


def _record(stream: str, key: str, now: datetime) -> str:
    at = now.isoformat()
    match stream:
        case "products":
            return f'<item xmlns:d="{DATA}"><d:sku>{key}</d:sku><d:updatedAt>{at}</d:updatedAt></item>'
        case "stock":
            return f"<row><sku>01234</sku><location>{key}</location><onHand>3</onHand><available>2</available></row>"
        case _:
            line = "<d:line><d:id>1</d:id><d:sku>01234</d:sku><d:quantity>2</d:quantity></d:line>"
            known = f"<d:id>{key}</d:id><d:placedAt>{at}</d:placedAt><d:updatedAt>{at}</d:updatedAt>"
            return f'<order xmlns:d="{DATA}">{known}<d:currency>USD</d:currency>{line}</order>'


class NetSuite(Partner):
    """An account in node-soap, over NetSuite's own WSDL."""

    page_size = 5
    address: ClassVar[str]

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self._items = 0
        self._tell("reset")

    def config(self) -> dict[str, object]:
        tables = {"customers": {"default": "77"}}
        return netsuite_config(
            self.address, tables=tables, page_size=self.page_size, start="2026-11-22T10:00:00Z"
        )

    def transport(self) -> httpx.AsyncBaseTransport:
        return httpx.AsyncHTTPTransport(verify=False)

    def stream(self, name: str) -> StreamSettings:
        return StreamSettings(mapping="soap_erp/netsuite/item")

    def add(self, stream: str, count: int) -> Sequence[str]:
        numbers = [str(number) for number in range(self._items, self._items + count)]
        self._items += count
        now = self.clock.now().isoformat()
        self._tell("items", [{"id": number, "changed": now} for number in numbers])
        return numbers

    def command(self, name: str) -> CommandSample:
        posting = json.loads(json.dumps({**POSTING, "kind": "sales_order"}, default=str), parse_float=Decimal)
        return CommandSample(posting, {**posting, "channel": "bad"}, mapping="soap_erp/netsuite/transaction")

    def effects(self) -> int:
        return sum(record["type"] == "salesOrder" for record in account(self.address)["records"])

    def _tell(self, what: str, content: object = None) -> None:
        CLIENT.post(f"{self.address}/{what}", json=content).raise_for_status()


@pytest.fixture
def _served(address: str) -> None:
    NetSuite.address = address


class _OverNetSuite(PollRules, CommandRules):
    """What another profile may change: one stream and one command of it stand for all."""

    plugin = replace(
        CONNECTOR,
        manifest=CONNECTOR.manifest.model_copy(
            update={
                "streams": {"products": CONNECTOR.manifest.stream("products")},
                "commands": {"sales_order.post": CONNECTOR.manifest.command("sales_order.post")},
            }
        ),
    )
    partner = NetSuite


TestSoapErp = conformance(CONNECTOR, Erp)
TestNetSuite = pytest.mark.xdist_group("netsuite")(pytest.mark.usefixtures("_served")(_OverNetSuite))

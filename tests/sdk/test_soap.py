"""SOAP both ways: against node-soap on NetSuite's WSDL, against answers of every kind, and being called."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import structlog
import zeep.exceptions
from lxml import etree

from crossdock.sdk import soap, soap_errors
from crossdock.sdk.budgets import Budgets, MemoryBudgetStore
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import RawRequest
from crossdock.sdk.errors import (
    MisconfiguredError,
    RecordRejectedError,
    SoapFaultError,
    UnauthorisedError,
    UnknownOutcomeError,
)
from crossdock.sdk.hosts import AllowedHost, AllowedHosts
from crossdock.sdk.http import HttpClient, HttpSettings
from crossdock.sdk.soap_envelope import SoapVersion, fault_of, read_envelope
from crossdock.sdk.soap_server import build_fault, build_response, parse_request, username_token_matches
from tests.servers.node import NODE_FOLDER, contract, running_node

SOAP11 = SoapVersion.V11.namespace
SALES = "urn:sales_2023_2.transactions.webservices.netsuite.com"

WSDL = """<?xml version="1.0"?>
<definitions xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"
  xmlns:t="urn:stock" xmlns:xsd="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:stock" name="Stock">
  <types><xsd:schema targetNamespace="urn:stock" elementFormDefault="qualified">
    <xsd:element name="Ask"><xsd:complexType><xsd:sequence>
      <xsd:element name="sku" type="xsd:string"/></xsd:sequence></xsd:complexType></xsd:element>
    <xsd:element name="Told"><xsd:complexType><xsd:sequence>
      <xsd:element name="quantity" type="xsd:decimal"/>
      <xsd:element name="weight" type="xsd:double" minOccurs="0"/>
      <xsd:element name="at" type="xsd:dateTime" minOccurs="0"/>
      <xsd:element name="day" type="xsd:date" minOccurs="0"/></xsd:sequence></xsd:complexType></xsd:element>
  </xsd:schema></types>
  <message name="In"><part name="parameters" element="t:Ask"/></message>
  <message name="Out"><part name="parameters" element="t:Told"/></message>
  <portType name="P"><operation name="ask">
    <input message="t:In"/><output message="t:Out"/></operation></portType>
  <binding name="B" type="t:P"><soap:binding transport="http://schemas.xmlsoap.org/soap/http"/>
    <operation name="ask"><soap:operation soapAction="urn:stock#ask"/>
      <input><soap:body use="literal"/></input>
      <output><soap:body use="literal"/></output></operation></binding>
  <service name="S"><port name="P" binding="t:B"><soap:address location="https://erp.test/soap"/></port></service>
</definitions>"""


def http_client(
    handler: httpx.AsyncBaseTransport | None = None, host: str = "https://erp.test"
) -> HttpClient:
    clock = ManualClock()
    return HttpClient(
        hosts=AllowedHosts((AllowedHost.parse(host),)),
        clock=clock,
        random=Random(1),
        budgets=Budgets((), MemoryBudgetStore(), clock, "erp"),
        log=structlog.get_logger(),
        transport=handler,
        settings=HttpSettings(timeout_seconds=3),
    )


def client(http: HttpClient, wsdl: Path, **options: str | bool) -> soap.ZeepSoapClient:
    return soap.SoapClients(http, ManualClock(), structlog.get_logger())(wsdl, **options)  # type: ignore[arg-type]


def envelope(body: str, namespace: str = SOAP11) -> str:
    return f'<s:Envelope xmlns:s="{namespace}"><s:Body>{body}</s:Body></s:Envelope>'


class Erp:
    """Answers with one body and keeps what it was asked."""

    def __init__(self, body: str, status: int = 200) -> None:
        self.body, self.status = body, status
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(
            self.status, text=self.body, headers={"content-type": "text/xml; charset=utf-8"}
        )


@pytest.fixture
def wsdl(tmp_path: Path) -> Path:
    path = tmp_path / "stock.wsdl"
    path.write_text(WSDL)
    return path


def ask(erp: Erp, wsdl: Path, **options: str | bool) -> object:
    http = http_client(httpx.MockTransport(erp))
    return asyncio.run(client(http, wsdl, **options).call("ask", {"sku": "A-1"}))


def test_numbers_are_decimals_and_instants_are_aware(wsdl: Path) -> None:
    erp = Erp(
        envelope(
            '<Told xmlns="urn:stock"><quantity>12.50</quantity><weight>19.99</weight>'
            "<at>2026-03-04T05:06:07</at><day>2026-03-04</day></Told>"
        )
    )
    assert ask(erp, wsdl, zone="Europe/Berlin") == {
        "quantity": Decimal("12.50"),
        "weight": Decimal("19.99"),
        "at": datetime(2026, 3, 4, 5, 6, 7, tzinfo=ZoneInfo("Europe/Berlin")),
        "day": "2026-03-04",
    }
    request = erp.requests[0]
    assert request.headers["soapaction"] == '"urn:stock#ask"'
    assert b"<ns0:sku>A-1</ns0:sku>" in request.content


@pytest.mark.parametrize("digest", [False, True])
def test_a_username_token_is_sent(wsdl: Path, digest: bool) -> None:
    erp = Erp(envelope('<Told xmlns="urn:stock"><quantity>1</quantity></Told>'))
    ask(erp, wsdl, username="hub", password="hush-hush", password_digest=digest)
    content = erp.requests[0].content.decode()
    assert ">hub</" in content
    assert ("hush-hush" in content) is not digest
    assert ("2026-01-01T00:00:00Z" in content) is digest


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ('<s:Fault><faultcode>s:Server</faultcode><faultstring>closed</faultstring></s:Fault>', "Server"),
        ('<s:Fault><s:faultcode>E7</s:faultcode><s:faultstring>closed</s:faultstring></s:Fault>', "E7"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_fault_is_a_rejection_with_the_partners_words(
    wsdl: Path, body: str, code: str, status: int
) -> None:
    with pytest.raises(SoapFaultError, match=f"ask answered fault {code}: closed") as caught:
        ask(Erp(envelope(body), status), wsdl)
    assert (caught.value.code, caught.value.reason) == (code, "closed")


def test_a_fault_of_soap_12_has_its_innermost_code() -> None:
    data, media_type = build_fault(SoapVersion.V12, ours=False, reason="no such SKU")
    fault = fault_of(read_envelope(data))
    assert fault is not None
    assert (fault.code, fault.reason, media_type) == (
        "Sender",
        "no such SKU",
        "application/soap+xml; charset=utf-8",
    )


def test_refused_credentials_are_not_a_rejection(wsdl: Path) -> None:
    fault = "<s:Fault><faultcode>wsse:FailedAuthentication</faultcode><faultstring>no</faultstring></s:Fault>"
    with pytest.raises(UnauthorisedError):
        ask(Erp(envelope(fault), 500), wsdl)


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize(
    "body", ["<html>We'll be back</html>", "", "no xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>"]
)
def test_no_envelope_is_an_unknown_outcome(wsdl: Path, body: str, status: int) -> None:
    with pytest.raises(UnknownOutcomeError, match="may or may not have happened"):
        ask(Erp(body, status), wsdl)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('<Told xmlns="urn:stock"><at>2026-01-01T00:00:00Z</at><quantity>1</quantity></Told>', Decimal(1)),
        ('<Told xmlns="urn:stock"><surprise/><quantity>1</quantity></Told>', Decimal(1)),
        ('<Told xmlns="urn:stock"><quantity>about 5</quantity></Told>', "about 5"),
        ('<Told xmlns="urn:stock"><quantity>1</quantity><weight>heavy</weight></Told>', "1"),
    ],
)
def test_an_answer_that_breaks_the_wsdl_is_read_tolerantly(wsdl: Path, body: str, expected: object) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = ask(Erp(envelope(body)), wsdl)
    assert isinstance(answer, dict)
    assert answer["quantity"] == expected
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["soap.tolerated"]


def test_what_the_wsdl_does_not_declare_is_not_lost(wsdl: Path) -> None:
    answer = ask(
        Erp(envelope('<Told xmlns="urn:stock"><surprise>new</surprise><quantity>1</quantity></Told>')), wsdl
    )
    assert isinstance(answer, dict)
    assert answer["surprise"] == "new"
    assert "_raw_elements" not in answer


@pytest.mark.parametrize(
    ("namespace", "quantity", "how"),
    [("urn:stock_2026_1", Decimal("12.50"), "lenient"), ("urn:other", "12.50", "without the WSDL")],
)
def test_an_answer_of_another_version_is_read_by_the_wsdl(
    tmp_path: Path, namespace: str, quantity: object, how: str
) -> None:
    path = tmp_path / "stock.wsdl"
    path.write_text(WSDL.replace('="urn:stock"', '="urn:stock_2023_2"'))
    with structlog.testing.capture_logs() as logs:
        answer = ask(Erp(envelope(f'<Told xmlns="{namespace}"><quantity>12.50</quantity></Told>')), path)
    assert isinstance(answer, dict)
    assert answer["quantity"] == quantity
    assert [entry["how"] for entry in logs if entry["event"] == "soap.tolerated"] == [how]


def test_arguments_that_do_not_fit_are_not_sent(wsdl: Path) -> None:
    erp = Erp(envelope(""))
    soap_client = client(http_client(httpx.MockTransport(erp)), wsdl)
    for arguments in ({}, {"sku": "A", "size": 1}):
        with pytest.raises(RecordRejectedError, match="does not fit the WSDL"):
            asyncio.run(client(http_client(httpx.MockTransport(erp)), wsdl).call("ask", arguments))
    with pytest.raises(MisconfiguredError, match="has no operation 'tell'; it has: ask"):
        asyncio.run(soap_client.call("tell", {}))
    assert not erp.requests


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("urn:stock", "urn:stock"), None),
        (("</definitions>", ""), "can't be used as a WSDL"),
        (("<message name=", '<import namespace="urn:x" location="http://erp.test/more.wsdl"/><message name='),
         "vendor that file beside the WSDL"),
        (('<xsd:element name="Ask">', '<xsd:import namespace="urn:y" schemaLocation="https://erp.test/y.xsd"/>'
          '<xsd:element name="Ask">'), "vendor that file beside the WSDL"),
    ],
)  # fmt: skip
def test_a_wsdl_loads_from_files_only(tmp_path: Path, change: tuple[str, str], message: str | None) -> None:
    path = tmp_path / "erp.wsdl"
    path.write_text(WSDL.replace(*change, 1))
    if message is None:
        assert asyncio.run(client(http_client(), path).operations()) == ("ask",)
        return
    with pytest.raises(MisconfiguredError, match=message):
        asyncio.run(client(http_client(), path).operations())


def test_a_missing_wsdl_is_told(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match=r"none\.wsdl: can't be used as a WSDL"):
        asyncio.run(client(http_client(), tmp_path / "none.wsdl").operations())


def test_every_exception_of_zeep_has_its_place() -> None:
    """A new one upstream must be put into one of the tables."""
    there = {
        kind
        for kind in vars(zeep.exceptions).values()
        if isinstance(kind, type) and issubclass(kind, Exception) and kind.__module__ == "zeep.exceptions"
    }
    tables = (
        soap_errors.WSDL_BROKEN,
        soap_errors.REQUEST_INVALID,
        soap_errors.ANSWER_BROKEN,
        soap_errors.BASES,
    )
    assert there == frozenset().union(*tables)
    assert sum(map(len, tables)) == len(there)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wsdl = contract("netsuite", "wsdl", "netsuite.wsdl")
    log = tmp_path_factory.mktemp("netsuite") / "log"
    with running_node(NODE_FOLDER / "netsuite.mjs", [str(wsdl)], log) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.mark.xdist_group("netsuite")
class TestNetsuite:
    """node-soap serves the vendor's WSDL."""

    @staticmethod
    def call(address: str, operation: str, arguments: dict[str, object], **options: Any) -> Any:
        async def story() -> object:
            http = http_client(host=address)
            wsdl = contract("netsuite", "wsdl", "netsuite.wsdl")
            netsuite = client(http, wsdl, endpoint=f"{address}/services/NetSuitePort_2023_2")
            try:
                return await netsuite.call(operation, arguments, **options)
            finally:
                await http.close()

        return asyncio.run(story())

    def test_adds_a_sales_order(self, address: str) -> None:
        order = {
            "@type": f"{{{SALES}}}SalesOrder",
            "entity": {"internalId": "77"},
            "tranDate": datetime(2026, 11, 23, tzinfo=UTC),
            "itemList": {"item": [{"item": {"internalId": "5"}, "quantity": Decimal("2"), "rate": "19.90"}]},
        }
        passport = {
            "account": "ACME", "consumerKey": "ck", "token": "tk", "nonce": "n", "timestamp": 1,
            "signature": {"_value_1": "sig", "algorithm": "HMAC-SHA256"},
        }  # fmt: skip
        header = "{urn:messages_2023_2.platform.webservices.netsuite.com}tokenPassport"
        answer = self.call(address, "add", {"record": order}, headers={header: passport})
        reference = answer["baseRef"]
        assert (reference["internalId"], reference["@type"]) == ("12345", "RecordRef")
        sent = httpx.get(address, trust_env=False).json()[-1]
        line = sent["args"]["record"]["itemList"]["item"]
        assert (line[0] if isinstance(line, list) else line)["quantity"] == "2"
        assert "tokenPassport" in str(sent["headers"])

    def test_reads_the_time(self, address: str) -> None:
        answer = self.call(address, "getServerTime", {}, safe=True)
        assert answer["serverTime"] == datetime(2026, 11, 23, tzinfo=UTC)

    def test_a_fault(self, address: str) -> None:
        reference = {
            "@type": "{urn:core_2023_2.platform.webservices.netsuite.com}RecordRef",
            "internalId": "1",
        }
        with pytest.raises(SoapFaultError, match="RCRD_DSNT_EXIST"):
            self.call(address, "get", {"baseRef": reference}, safe=True)

    def test_a_time_out_after_sending_is_unknown(self, address: str) -> None:
        order = {"@type": f"{{{SALES}}}SalesOrder", "memo": "slow"}
        with pytest.raises(UnknownOutcomeError):
            self.call(address, "add", {"record": order})


def request(body: str) -> RawRequest:
    return RawRequest("POST", "/soap/erp", "", {}, body.encode(), datetime(2026, 1, 1, tzinfo=UTC))


WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


@pytest.mark.parametrize("version", list(SoapVersion))
def test_being_called(version: SoapVersion) -> None:
    body = (
        f'<s:Envelope xmlns:s="{version.namespace}" xmlns:o="urn:orders">'
        f'<s:Header><w:Security xmlns:w="{WSSE}">'
        "<w:UsernameToken><w:Username>erp</w:Username><w:Password>new-secret</w:Password></w:UsernameToken>"
        "</w:Security></s:Header><s:Body><o:PostOrder><o:id>7</o:id><o:line sku='A'/><o:line "
        "sku='B'/></o:PostOrder>"
        "</s:Body></s:Envelope>"
    )
    call = parse_request(request(body))
    assert (call.version, call.operation, call.namespace) == (version, "PostOrder", "urn:orders")
    assert call.document() == {"id": "7", "line": [{"sku": "A"}, {"sku": "B"}]}
    assert username_token_matches(call, "erp", ("old-secret", "new-secret"))
    assert not username_token_matches(call, "erp", ("old-secret",))
    assert not username_token_matches(call, "ERP", ("new-secret",))
    assert "new-secret" not in repr(call)
    answer, media_type = build_response(call, etree.fromstring('<ok xmlns="urn:orders"/>'))
    back = read_envelope(answer)
    assert back.version is version
    assert back.payload is not None
    assert back.payload.tag == "{urn:orders}ok"
    assert media_type == version.media_type


@pytest.mark.parametrize(
    "body",
    [
        "", "no xml", "<a/>", f'<s:Envelope xmlns:s="{SOAP11}"/>', envelope(""),
        '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + envelope("<a>&x;</a>"),
    ],
)  # fmt: skip
def test_a_call_that_is_none_is_rejected(body: str) -> None:
    with pytest.raises(RecordRejectedError, match=r"soap\.envelope"):
        parse_request(request(body))

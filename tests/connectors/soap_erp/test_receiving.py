"""An ERP calls us: zeep as its client, importing the WSDL that we publish, over real HTTP."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
import zeep
import zeep.exceptions
from lxml import etree
from zeep.transports import Transport
from zeep.wsse.username import UsernameToken

from crossdock.sdk.connector import RawRecord, RawRequest, Refused, Verified
from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.formats import format_named
from crossdock.sdk.soap_envelope import SoapVersion
from crossdock_connectors.soap_erp import receiving
from crossdock_connectors.soap_erp.config import SoapErpConfig
from crossdock_connectors.soap_erp.manifest import MANIFEST, STREAM_OF_OPERATION
from crossdock_connectors.soap_erp.receiving import CONTRACT, NAMESPACE
from crossdock_schemas.order import Cancellation, Order
from crossdock_schemas.product import Product
from crossdock_schemas.stock import StockFeed
from tests.connectors.soap_erp.builders import canonical

CONFIG = SoapErpConfig.model_validate(
    {"endpoint": "https://erp.test", "caller": {"username": "erp", "passwords": ["old-secret", "new-secret"]}}
)
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
ORDER: dict[str, Any] = {
    "id": "B2B-7", "number": "7", "financialStatus": "authorised", "placedAt": NOW, "currency": "USD",
    "purchaseOrder": "PO-9", "paymentTerms": "NET 30", "note": "ring twice",
    "buyer": {"id": "C-1", "name": "Grace Hopper", "company": "Navy", "taxId": "T1"},
    "billTo": {"company": "Navy", "street": ["Pier 1"], "city": "Norfolk", "region": "VA", "country": "US"},
    "destination": [{"id": "A", "address": {"name": "Dock", "street": ["Pier 2", "Gate B"], "postalCode": "23510",
                                            "country": "US"}},
                    {"id": "B", "kind": "pick_up", "location": "store-3"}],
    "deliverBy": NOW, "service": "expedited",
    "line": [
        {"id": "1", "sku": "01234", "quantity": 2, "name": "Tent", "unitPrice": Decimal("19.90"),
         "discount": Decimal("1.10"), "tax": [{"title": "VA", "amount": Decimal("2.10"), "rate": Decimal("0.053")}],
         "destination": "A", "group": "G", "giftMessage": "Enjoy"},
        {"id": "2", "sku": "1e5", "quantity": 1, "destination": "B", "requiresShipping": False,
         "reference": [{"kind": "contract", "value": "K-1"}]},
    ],
    "shipping": Decimal("5.00"), "total": Decimal("46.30"), "reference": [{"kind": "quote", "value": "Q-1"}],
}  # fmt: skip


class Endpoint:
    """What the hub does with a call: verify, split, store, answer."""

    def __init__(self) -> None:
        self.records: list[RawRecord] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                address = urlsplit(self.path)
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = RawRequest(self.command, address.path, address.query, headers, body, NOW)
                problem: Refused | RecordRejectedError | None = None
                try:
                    verdict = receiving.verify(CONFIG, request)
                    if isinstance(verdict, Refused):
                        problem = verdict
                    else:
                        endpoint.records += receiving.split(request)
                except RecordRejectedError as error:
                    problem = error
                answer = receiving.answer(request, problem)
                self.send_response(answer.status)
                self.send_header("content-type", answer.media_type)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            do_GET = do_POST

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the base class has it
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/webhooks/erp"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        yield made


def service(
    endpoint: Endpoint, session: requests.Session, version: str = "", password: str | None = "new-secret"
) -> Any:
    """The ERP's side: our WSDL by HTTP, a UsernameToken where there is a password."""
    token = UsernameToken("erp", password) if password else None
    client = zeep.Client(f"{endpoint.address}?wsdl", transport=Transport(session=session), wsse=token)
    return client.create_service(f"{{{NAMESPACE}}}CrossdockSoap{version}", endpoint.address)


def document(record: RawRecord) -> Any:
    """The record decoded as the hub does for the stream."""
    reader = format_named(MANIFEST.stream(record.stream).format or "", {})
    (frame,) = reader.frames([record.payload])
    (read,) = reader.parse(frame)
    return read.value


@pytest.mark.parametrize("version", ["", "12"])
def test_orders(endpoint: Endpoint, session: requests.Session, version: str) -> None:
    receipt = service(endpoint, session, version).SubmitOrders(order=[ORDER, {**ORDER, "id": "B2B-8"}])
    assert receipt.accepted == 2
    assert len(receipt.reference) == 16
    assert [(record.stream, record.key) for record in endpoint.records] == [
        ("orders_in", "B2B-7"),
        ("orders_in", "B2B-8"),
    ]
    order = canonical("soap_erp/order", document(endpoint.records[0]))
    assert isinstance(order, Order)
    assert (order.external_id, order.version, order.purchase_order) == (
        "B2B-7",
        "2026-11-23T10:00:00Z",
        "PO-9",
    )
    first, second = order.lines
    assert (first.sku, first.quantity, second.sku, second.requires_shipping) == ("01234", 2, "1e5", False)
    assert first.unit_price is not None
    assert (first.unit_price.amount, first.taxes[0].rate) == (Decimal("19.90"), Decimal("0.053"))
    assert first.discounts[0].amount.amount == Decimal("1.10")
    assert first.gift is not None
    assert [(one.id, one.kind, one.location) for one in order.destinations] == [
        ("A", "ship", None),
        ("B", "pick_up", "store-3"),
    ]
    assert order.destinations[0].address is not None
    assert order.destinations[0].address.lines == ("Pier 2", "Gate B")
    assert order.totals is not None
    assert order.totals.total is not None
    assert order.totals.total.amount == Decimal("46.30")
    assert order.shipping[0].service == "expedited"


def test_cancellations_products_and_stock(endpoint: Endpoint, session: requests.Session) -> None:
    erp = service(endpoint, session)
    erp.SubmitCancellations(
        cancellation=[
            {"order": "B2B-7", "requestedAt": NOW, "line": [{"id": "1", "quantity": 1}], "restock": True}
        ]
    )
    erp.SubmitProducts(product=[{"sku": "01234", "name": "Tent", "weightGrams": Decimal("1250.5"),
                                 "restriction": ["hazmat"], "component": [{"sku": "A", "quantity": 2}],
                                 "active": False}])  # fmt: skip
    erp.SubmitStock(feed={"feedId": "F-1", "node": "dc-east", "mode": "full", "meaning": "physical", "asOf": NOW,
                          "line": [{"sku": "01234", "quantity": 5}, {"sku": "B", "quantity": 0}]})  # fmt: skip
    cancelled, product, feed = (
        canonical(str(MANIFEST.stream(record.stream).mapping), document(record))
        for record in endpoint.records
    )
    assert isinstance(cancelled, Cancellation)
    assert (cancelled.external_id, cancelled.lines[0].quantity, cancelled.restock) == ("B2B-7", 1, True)
    assert isinstance(product, Product)
    assert product.weight is not None
    assert (product.weight.grams, product.active, product.components[0].quantity) == (
        Decimal("1250.5"),
        False,
        2,
    )
    assert isinstance(feed, StockFeed)
    assert [(line.sku, line.quantity) for line in feed.lines] == [("01234", 5), ("B", 0)]


def test_the_same_content_is_the_same_delivery(endpoint: Endpoint, session: requests.Session) -> None:
    erp = service(endpoint, session)
    for note in ("a", "a", "b"):
        erp.SubmitOrders(order=[{**ORDER, "note": note}])
    assert len({record.dedupe for record in endpoint.records}) == 2


@pytest.mark.parametrize("password", ["old-secret", "new-secret"])
def test_both_passwords_are_good_while_rotating(
    endpoint: Endpoint, session: requests.Session, password: str
) -> None:
    assert service(endpoint, session, password=password).SubmitOrders(order=[ORDER]).accepted == 1


def test_http_basic_is_good_too(endpoint: Endpoint, session: requests.Session) -> None:
    session.auth = ("erp", "old-secret")
    assert service(endpoint, session, password=None).SubmitOrders(order=[ORDER]).accepted == 1


@pytest.mark.parametrize("version", ["", "12"])
@pytest.mark.parametrize("password", ["wrong-secret", None])
def test_others_are_refused_by_a_fault(
    endpoint: Endpoint, session: requests.Session, version: str, password: str | None
) -> None:
    with pytest.raises(zeep.exceptions.Fault, match="user name or password is wrong or missing") as caught:
        service(endpoint, session, version, password).SubmitOrders(order=[ORDER])
    assert caught.value.code in ("soap:Client", "soap:Sender")
    assert not endpoint.records


def envelope(body: str, version: SoapVersion = SoapVersion.V11) -> bytes:
    return f'<s:Envelope xmlns:s="{version.namespace}"><s:Body>{body}</s:Body></s:Envelope>'.encode()


def call(body: bytes, *, proven: bool = True, content_type: str = "text/xml") -> RawRequest:
    headers = {"content-type": content_type}
    if proven:
        headers["authorization"] = "Basic " + base64.b64encode(b"erp:new-secret").decode()
    return RawRequest("POST", "/webhooks/erp", "", headers, body, NOW)


BAD = f"""<SubmitStock xmlns="{NAMESPACE}"><feed><feedId>F</feedId><node>n</node><mode>full</mode>
<meaning>physical</meaning><asOf>2026-11-23T10:00:00</asOf><line><sku>A</sku><quantity>1</quantity></line>
<line><sku>B</sku><quantity>many</quantity></line></feed></SubmitStock>"""


@pytest.mark.parametrize(("version", "status"), [(SoapVersion.V11, 500), (SoapVersion.V12, 400)])
def test_bad_input_is_a_fault_with_every_reason(version: SoapVersion, status: int) -> None:
    request = call(envelope(BAD, version))
    assert receiving.verify(CONFIG, request) == Verified("SubmitStock")
    with pytest.raises(RecordRejectedError) as caught:
        receiving.split(request)
    assert [rejection.code for rejection in caught.value.rejections] == ["soap.schema"] * len(
        caught.value.rejections
    )
    answer = receiving.answer(request, caught.value)
    assert (answer.status, answer.media_type) == (status, version.media_type)
    root = etree.fromstring(answer.body)
    messages = [element.text or "" for element in root.iter(f"{{{NAMESPACE}}}message")]
    paths = [element.text or "" for element in root.iter(f"{{{NAMESPACE}}}path")]
    assert any("'many' is not a valid value" in message for message in messages)
    assert any("2026-11-23T10:00:00" in message for message in messages)
    assert paths == ["SubmitStock/feed/asOf", "SubmitStock/feed/line[2]/quantity"]
    assert b"soap.schema at" in answer.body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"no xml", "soap.envelope"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "soap.envelope"),
        (envelope(""), "soap.envelope"),
        (envelope('<Hello xmlns="urn:crossdock:erp:1"/>'), "soap.operation"),
        (envelope('<SubmitOrders xmlns="urn:another"/>'), "soap.operation"),
        (envelope('<SubmitOrders xmlns="urn:crossdock:erp:1"/>'), "soap.schema"),
    ],
)
def test_what_can_not_be_read(body: bytes, code: str) -> None:
    assert isinstance(receiving.verify(CONFIG, call(body)), Verified)
    with pytest.raises(RecordRejectedError) as caught:
        receiving.split(call(body))
    assert caught.value.rejections[0].code == code
    assert receiving.answer(call(body), caught.value).status == 500


def test_who_is_not_known_gets_nothing_kept() -> None:
    refused = receiving.verify(CONFIG, call(b"no xml", proven=False))
    assert isinstance(refused, Refused)
    answer = receiving.answer(call(b"no xml", proven=False, content_type="application/soap+xml"), refused)
    assert (answer.status, answer.media_type) == (400, SoapVersion.V12.media_type)


@pytest.mark.parametrize(
    "header", ["Basic !!!", "Basic ZXJw", "Bearer new-secret", "Basic " + base64.b64encode(b"erp:").decode()]
)
def test_bad_authorization_headers(header: str) -> None:
    request = RawRequest("POST", "/", "", {"authorization": header}, envelope("<a/>"), NOW)
    assert isinstance(receiving.verify(CONFIG, request), Refused)


def test_without_a_caller_nobody_may_call() -> None:
    closed = SoapErpConfig.model_validate({"endpoint": "https://erp.test"})
    verdict = receiving.verify(closed, call(envelope("<a/>")))
    assert isinstance(verdict, Refused)
    assert "set `caller`" in verdict.reason


def test_the_contract_and_the_manifest_name_the_same_operations() -> None:
    client = zeep.Client(str(CONTRACT / "crossdock.wsdl"))
    offered = set(client.service._binding.all())
    client.transport.session.close()
    assert offered == set(STREAM_OF_OPERATION)

"""The ERP: a SOAP service by the contract of ``plain_erp.wsdl``, which also calls the hub by SOAP."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from importlib.resources import files
from typing import Final

import httpx
from lxml import etree
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crossdock.demo.catalogue import Product
from crossdock.demo.orders import PlannedOrder
from crossdock.demo.partners.calling import Caller
from crossdock.demo.partners.hosting import HangUpError, Moods
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.times import now, now_text
from crossdock.sdk.connector import RawRequest
from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.soap_envelope import SoapVersion, envelope_bytes
from crossdock.sdk.soap_server import (
    SoapRequest,
    build_fault,
    build_response,
    parse_request,
    username_token_matches,
)

__all__ = ["CALLER_PASSWORD", "CALLER_USER", "PASSWORD", "USER", "Document", "Erp", "order_id"]

USER: Final = "crossdock"
PASSWORD: Final = "demo-erp"
CALLER_USER: Final = "meridian-erp"
CALLER_PASSWORD: Final = "demo-erp-calls"
_ERP: Final = "urn:crossdock:plain-erp:1"
_HUB: Final = "urn:crossdock:erp:1"
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"


def _element(namespace: str, name: str, *content: str | etree._Element) -> etree._Element:
    element = etree.Element(f"{{{namespace}}}{name}", nsmap={None: namespace})  # type: ignore[dict-item]
    for each in content:
        if isinstance(each, str):
            element.text = each
        else:
            element.append(each)
    return element


_answer = partial(_element, _ERP)
_send = partial(_element, _HUB)


def order_id(number: int) -> str:
    """The ERP's id of a B2B order."""
    return f"SO-{number:06}"


@dataclass(frozen=True, slots=True)
class Document:
    """A document in the books."""

    number: str
    kind: str
    external_id: str
    order: str
    node: str
    tracking_numbers: tuple[str, ...]
    units: dict[str, int]
    net: Decimal


class Erp:
    """The books. ``documents`` by kind and the hub's id."""

    def __init__(self, moods: Moods, journal: Journal) -> None:
        """Empty books."""
        self._moods = moods
        self._journal = journal
        self._schema = _schema()
        self._hub_url = ""
        self.hub = Caller(auth=(CALLER_USER, CALLER_PASSWORD))
        self.documents: dict[tuple[str, str], Document] = {}
        self.posted_twice: list[str] = []
        self.app = Starlette(routes=[Route("/erp", self._soap, methods=["POST"])])

    def subscribe(self, url: str) -> None:
        """Call the hub at ``url``."""
        self._hub_url = url

    # --- calling the hub ----------------------------------------------------------------------------------

    async def send_products(self, products: Sequence[Product]) -> None:
        """Tell the hub what there is, 500 at a time."""
        for start in range(0, len(products), 500):
            part = products[start : start + 500]
            await self._call("SubmitProducts", [_product(product) for product in part])
            self._journal.note("erp", "products", f"sent {len(part)} products")

    async def place(self, order: PlannedOrder) -> None:
        """A business customer orders by telephone; the ERP sends it on. Returns when the hub has it."""
        await self._call("SubmitOrders", [_order(order)])
        self._journal.note("erp", "order", f"{order_id(order.number)} ordered by {order.buyer.company}")

    async def _call(self, operation: str, content: Iterable[etree._Element]) -> None:
        payload = _send(operation)
        payload.extend(content)
        body = envelope_bytes(SoapVersion.V11, payload)
        headers = {"content-type": SoapVersion.V11.media_type, "soapaction": f'"{_HUB}#{operation}"'}
        response = await self.hub.post(self._hub_url, body, headers, again=_busy)
        if not response.is_success:
            raise RuntimeError(f"the hub refused {operation}: {response.status_code} {response.text[:2000]}")

    # --- being called -------------------------------------------------------------------------------------

    async def _soap(self, request: Request) -> Response:
        raw = RawRequest(
            "POST", "/erp", "", {name.lower(): value for name, value in request.headers.items()},
            await request.body(), now(),
        )  # fmt: skip
        try:
            call = parse_request(raw)
        except RecordRejectedError as error:
            return _fault(SoapVersion.V11, "BAD_REQUEST", error.message)
        if not username_token_matches(call, USER, (PASSWORD,)):
            return _fault(call.version, "BAD_CREDENTIALS", "user name or password is wrong")
        payload = etree.fromstring(call.payload)
        if not self._schema.validate(payload):
            said = str(self._schema.error_log)
            self._journal.note("erp", "refused", f"{call.operation}: {said}", trouble=True)
            return _fault(call.version, "BAD_REQUEST", said)
        handlers: dict[str, Callable[[SoapRequest, etree._Element], etree._Element | Response]] = {
            "PostSalesOrder": self._post,
            "PostInvoice": self._post,
            "GetDocument": self._get,
            "ListItems": lambda _call, _payload: _answer("ListItemsResponse", _answer("totalPages", "1")),
            "ListStock": lambda _call, _payload: _answer(
                "ListStockResponse", _answer("asOf", now_text()), _answer("totalPages", "1")
            ),
            "ListOrders": lambda _call, _payload: _answer("ListOrdersResponse", _answer("totalPages", "1")),
        }
        answered = handlers[call.operation](call, payload)
        if isinstance(answered, Response):
            return answered
        body, media_type = build_response(call, answered)
        return Response(body, media_type=media_type)

    def _post(self, call: SoapRequest, payload: etree._Element) -> etree._Element | Response:
        posting = payload[0]
        external_id, kind = _text(posting, "externalId"), _text(posting, "kind")
        if self._moods("busy", kind, external_id):
            self._journal.note("erp", "busy", f"too busy for {kind} {external_id}", trouble=True)
            return _fault(call.version, "BUSY", "too many sessions; try again")
        known = self.documents.get((kind, external_id))
        if known is not None:
            return self._posted(call.operation, known.number, "DUPLICATE")
        number = f"{'SO' if kind == 'sales_order' else 'IN'}{len(self.documents) + 1:07}"
        lines = posting.findall(f"{{{_ERP}}}line")
        document = Document(
            number,
            kind,
            external_id,
            _text(posting, "order"),
            _text(posting, "node"),
            tuple(each.text or "" for each in posting.findall(f"{{{_ERP}}}trackingNumber")),
            {_text(line, "orderLine"): int(Decimal(_text(line, "quantity"))) for line in lines},
            sum((Decimal(_text(line, "net") or 0) for line in lines), Decimal(0)),
        )
        self.documents[kind, external_id] = document
        self._journal.note("erp", kind, f"{number} booked for {document.order}: {document.net} USD")
        if self._moods("no answer", kind, external_id):
            self._journal.note("erp", "no answer", f"{number} booked, line broke", trouble=True)
            raise HangUpError
        return self._posted(call.operation, number, "CREATED")

    def _posted(self, operation: str, number: str, status: str) -> etree._Element:
        return _answer(f"{operation}Response", _answer("documentNumber", number), _answer("status", status))

    def _get(self, _call: SoapRequest, payload: etree._Element) -> etree._Element:
        answer = _answer("GetDocumentResponse")
        found = self.documents.get((_text(payload, "kind"), _text(payload, "externalId")))
        if found is not None:
            answer.append(
                _answer(
                    "document",
                    _answer("documentNumber", found.number),
                    _answer("kind", found.kind),
                    _answer("externalId", found.external_id),
                    _answer("quantity", str(sum(found.units.values()))),
                    _answer("net", str(found.net)),
                )
            )
        return answer


def _busy(response: httpx.Response) -> bool:
    """A fault of any kind is a 500; what passes is said otherwise."""
    return response.status_code == httpx.codes.SERVICE_UNAVAILABLE


def _schema() -> etree.XMLSchema:
    """The contract's schema, as the WSDL holds it; with its address, so that its import is found."""
    path = str(files("crossdock_connectors.soap_erp") / "profiles/plain_erp/plain_erp.wsdl")
    held = etree.parse(path).find(f".//{_XSD}schema")
    assert held is not None
    return etree.XMLSchema(etree.fromstring(etree.tostring(held), base_url=path))


def _text(element: etree._Element, name: str) -> str:
    return element.findtext(f"{{{_ERP}}}{name}") or ""


def _fault(version: SoapVersion, code: str, message: str) -> Response:
    detail = _answer("erpFault", _answer("code", code), _answer("message", message))
    body, media_type = build_fault(version, ours=code == "BUSY", reason=message, detail=detail)
    return Response(body, 500, media_type=media_type)


def _product(product: Product) -> etree._Element:
    length, width, height = (str(each) for each in product.size_mm)
    element = _send(
        "product",
        _send("sku", product.sku),
        _send("updatedAt", "2026-01-01T00:00:00Z"),
        _send("name", product.name),
        _send("gtin", product.gtin),
        _send("weightGrams", str(product.grams)),
        _send("size", _send("lengthMm", length), _send("widthMm", width), _send("heightMm", height)),
        _send("value", _send("amount", str(product.price)), _send("currency", "USD")),
    )
    element.extend(_send("restriction", each) for each in product.restrictions)
    element.extend(
        _send("component", _send("sku", sku), _send("quantity", str(quantity)))
        for sku, quantity in product.components
    )
    return element


def _order(order: PlannedOrder) -> etree._Element:
    buyer = order.buyer
    name = order_id(order.number)
    address = _send(
        "address",
        _send("name", buyer.name),
        _send("company", buyer.company),
        _send("street", buyer.street),
        _send("city", buyer.city),
        _send("region", buyer.state),
        _send("postalCode", buyer.post_code),
        _send("country", "US"),
    )
    element = _send(
        "order",
        _send("id", name),
        _send("number", name),
        _send("status", "open"),
        _send("placedAt", now_text()),
        _send("currency", "USD"),
        _send("purchaseOrder", f"PO-{order.number:05}"),
        _send("paymentTerms", "30 days net"),
        _send("buyer", _send("name", buyer.name), _send("company", buyer.company)),
        _send("destination", _send("id", "main"), address),
    )
    for position, line in enumerate(order.lines, 1):
        element.append(
            _send(
                "line",
                _send("id", f"{name}-{position}"),
                _send("sku", line.product.sku),
                _send("quantity", str(line.quantity)),
                _send("name", line.product.name),
                _send("unitPrice", str(line.product.price)),
            )
        )
    return element

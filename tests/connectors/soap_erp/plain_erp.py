"""The plain ERP in a few lines, to be filled and looked into by scenarios; ``plain_erp.mjs`` is a real server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

import httpx
from lxml import etree

from crossdock.sdk.clock import ManualClock

PLAIN = "urn:crossdock:plain-erp:1"
DATA = "urn:crossdock:erp:1"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def text_of(element: etree._Element, name: str) -> str:
    found = element.find(f".//{{*}}{name}")
    assert found is not None, f"{element.tag} has no {name}"
    return found.text or ""


@dataclass
class PlainErp:
    """Keeps what is posted by kind and external id; lists what changed since an instant, page by page.

    Attributes:
        listed: By operation: key, instant of the change, and the XML of the record.
    """

    clock: ManualClock
    documents: dict[str, str] = field(default_factory=dict)
    listed: dict[str, list[tuple[str, datetime, str]]] = field(default_factory=dict)

    def handle(self, request: httpx.Request) -> httpx.Response:
        envelope = etree.fromstring(request.content)
        assert text_of(envelope, "Username") == "hub"
        if text_of(envelope, "Password") != "erp-secret":
            return self._fault("BAD_CREDENTIALS", "who are you?")
        (call,) = envelope.iterfind(f"{{{SOAP}}}Body/*")
        operation = etree.QName(call).localname
        if operation.startswith("List"):
            return self._answer(operation, "".join(self._page(operation, call)))
        if operation == "GetDocument":
            number = self.documents.get(f"{text_of(call, 'kind')}/{text_of(call, 'externalId')}")
            return self._answer(operation, self._document(call, number) if number else "")
        return self._post(operation, call)

    def _post(self, operation: str, call: etree._Element) -> httpx.Response:
        if text_of(call, "sku") == "UNKNOWN":
            return self._fault("UNKNOWN_SKU", "there is no item UNKNOWN", "posting/line[1]/sku")
        kind = "purchase_order" if operation.endswith("PurchaseOrder") else text_of(call, "kind")
        key = f"{kind}/{text_of(call, 'externalId')}"
        status = "DUPLICATE" if key in self.documents else "CREATED"
        number = self.documents.setdefault(key, f"RE-{len(self.documents) + 1}")
        return self._answer(operation, f"<documentNumber>{number}</documentNumber><status>{status}</status>")

    def _document(self, call: etree._Element, number: str) -> str:
        known = f"<kind>{text_of(call, 'kind')}</kind><externalId>{text_of(call, 'externalId')}</externalId>"
        sums = "<quantity>2</quantity><net>39.80</net>"
        return f"<document><documentNumber>{number}</documentNumber>{known}{sums}</document>"

    def _page(self, operation: str, call: etree._Element) -> Iterator[str]:
        since = datetime.fromisoformat(text_of(call, "changedSince").replace("Z", "+00:00"))
        page, size = int(text_of(call, "page")), int(text_of(call, "pageSize"))
        found = [xml for _, changed, xml in self.listed.get(operation, []) if changed >= since]
        if operation == "ListStock":
            yield f"<asOf>{self.clock.now().isoformat()}</asOf>"
        yield from found[(page - 1) * size : page * size]
        yield f"<totalPages>{-(-len(found) // size)}</totalPages>"

    def _answer(self, operation: str, body: str) -> httpx.Response:
        return self._envelope(200, f'<{operation}Response xmlns="{PLAIN}">{body}</{operation}Response>')

    def _fault(self, code: str, message: str, path: str = "") -> httpx.Response:
        said = f"<code>{code}</code><message>{message}</message><path>{path}</path>"
        detail = f'<detail><erpFault xmlns="{PLAIN}">{said}</erpFault></detail>'
        told = f"<faultcode>s:Client</faultcode><faultstring>{message}</faultstring>{detail}"
        return self._envelope(500, f"<s:Fault>{told}</s:Fault>")

    @staticmethod
    def _envelope(status: int, body: str) -> httpx.Response:
        content = f'<s:Envelope xmlns:s="{SOAP}"><s:Body>{body}</s:Body></s:Envelope>'
        return httpx.Response(status, text=content, headers={"content-type": "text/xml; charset=utf-8"})

"""The ERP calls us: proves who it is, is checked against our schema, and is answered in SOAP.

The contract is ``contract/crossdock.wsdl`` with ``crossdock.xsd``; ``GET ...?wsdl`` gives both in one file.
"""

from __future__ import annotations

import base64
import binascii
import copy
import hashlib
import hmac
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, Final, cast

from lxml import etree
from pydantic import SecretStr

from crossdock.sdk.connector import RawRecord, RawRequest, RawResponse, Refused, Verified
from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.soap_envelope import SoapVersion
from crossdock.sdk.soap_server import (
    SoapRequest,
    build_fault,
    build_response,
    parse_request,
    username_token_matches,
)
from crossdock_connectors.soap_erp.config import SoapErpConfig
from crossdock_connectors.soap_erp.manifest import STREAM_OF_OPERATION

__all__ = ["CONTRACT", "NAMESPACE", "answer", "split", "verify", "wsdl"]

CONTRACT: Final = Path(__file__).with_name("contract")
NAMESPACE: Final = "urn:crossdock:erp:1"
_XML: Final = "text/xml; charset=utf-8"
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_MOST_REASONS: Final = 20
_IDS: Final = ("id", "order", "sku", "feedId")


def verify(config: SoapErpConfig, request: RawRequest) -> Verified | Refused:
    """Prove who calls, by HTTP basic or a WS-Security UsernameToken; see ``Receives.verify``."""
    if request.method != "POST":
        return Refused(405, "this is a SOAP endpoint: POST a message; its WSDL is at ?wsdl")
    caller = config.caller
    if caller is None:
        return Refused(403, "this connection is not called: set `caller` in its configuration")
    passwords = tuple(password.get_secret_value() for password in caller.passwords)
    proven = _basic_matches(request, caller.username, caller.passwords)
    try:
        call = parse_request(request)
    except RecordRejectedError as error:
        # who is known by now gets the call kept as a dead letter: `split` says again what is wrong
        return Verified("") if proven else Refused(400, error.message)
    if not (proven or username_token_matches(call, caller.username, passwords)):
        return Refused(
            401,
            "user name or password is wrong or missing: send HTTP basic authentication or a WS-Security UsernameToken "
            "with the password as text",
        )
    return Verified(call.operation)


def _basic_matches(request: RawRequest, username: str, passwords: tuple[SecretStr, ...]) -> bool:
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        given = base64.b64decode(encoded.strip(), validate=True)
    except binascii.Error:
        return False
    # all are compared, so that the time does not tell which one fits
    fits = [
        hmac.compare_digest(given, f"{username}:{password.get_secret_value()}".encode())
        for password in passwords
    ]
    return any(fits)


def split(request: RawRequest) -> list[RawRecord]:
    """One record for each order, cancellation or product; a stock feed stays whole.

    Raises:
        RecordRejectedError: No SOAP, none of our operations, or not as our schema says: every reason with its line
            and path.
    """
    call = parse_request(request)
    stream = STREAM_OF_OPERATION.get(call.operation)
    if stream is None or call.namespace != NAMESPACE:
        known = ", ".join(f"{{{NAMESPACE}}}{name}" for name in sorted(STREAM_OF_OPERATION))
        raise RecordRejectedError(
            Rejection(
                "soap.operation",
                f"there is no {{{call.namespace}}}{call.operation}; there are: {known}",
                "Body",
            )
        )
    payload = etree.fromstring(call.payload)
    schema = _schema()
    if not schema.validate(payload):
        raise RecordRejectedError(tuple(_reasons(schema, payload)))
    return [_record(stream, element) for element in payload]


def _reasons(schema: etree.XMLSchema, payload: etree._Element) -> Iterator[Rejection]:
    entries = cast("Iterable[Any]", schema.error_log)  # lxml-stubs leave its iteration out
    for entry in islice(entries, _MOST_REASONS):
        found = payload.xpath(entry.path) if entry.path else []
        element = found[0] if isinstance(found, list) and found else payload
        path = _path(element) if isinstance(element, etree._Element) else ""
        yield Rejection("soap.schema", entry.message.replace(f"{{{NAMESPACE}}}", ""), path)


def _path(element: etree._Element) -> str:
    """Such as ``SubmitOrders/order[2]/line[1]/quantity``."""
    name = etree.QName(element).localname
    parent = element.getparent()
    if parent is None:
        return name
    alike = [sibling for sibling in parent if sibling.tag == element.tag]
    index = f"[{alike.index(element) + 1}]" if len(alike) > 1 else ""
    return f"{_path(parent)}/{name}{index}"


def _record(stream: str, element: etree._Element) -> RawRecord:
    payload = etree.tostring(element, xml_declaration=True, encoding="UTF-8", with_tail=False)
    digest = hashlib.sha256(payload).hexdigest()
    ids = (element.findtext(f"{{{NAMESPACE}}}{name}") for name in _IDS)
    key = next((name.strip() for name in ids if name and name.strip()), digest)
    return RawRecord(stream, key, f"{key}@{digest[:32]}", payload, media_type="application/xml")


def answer(request: RawRequest, problem: Refused | RecordRejectedError | None) -> RawResponse:
    """Word the answer; see ``Answers.answer``."""
    if request.method == "GET" and request.query.lower() in ("wsdl", "singlewsdl"):
        return RawResponse(200, wsdl(), _XML)
    try:
        call: SoapRequest | None = parse_request(request)
    except RecordRejectedError:
        call = None
    if problem is None and call is not None:
        payload = etree.Element(f"{{{NAMESPACE}}}{call.operation}Response", nsmap={"c": NAMESPACE})
        etree.SubElement(payload, f"{{{NAMESPACE}}}reference").text = _reference(request)
        etree.SubElement(payload, f"{{{NAMESPACE}}}accepted").text = str(len(etree.fromstring(call.payload)))
        return RawResponse(200, *build_response(call, payload))
    return _fault(request, _version(request, call), problem)


def _version(request: RawRequest, call: SoapRequest | None) -> SoapVersion:
    if call is not None:
        return call.version
    soap12 = request.headers.get("content-type", "").startswith("application/soap+xml")
    return SoapVersion.V12 if soap12 else SoapVersion.V11


def _fault(
    request: RawRequest, version: SoapVersion, problem: Refused | RecordRejectedError | None
) -> RawResponse:
    rejections: tuple[Rejection, ...]
    match problem:
        case RecordRejectedError():
            rejections = problem.rejections
            # SOAP 1.1, 6.2: a fault has status 500; SOAP 1.2 part 2, 7.5.2: the sender's mistake is a 400
            status = 500 if version is SoapVersion.V11 else 400
        case Refused():
            rejections = (Rejection(f"http.{problem.status}", problem.reason),)
            status = problem.status
        case None:
            rejections = (Rejection("soap.envelope", "the call can't be read"),)
            status = 500
    detail = etree.Element(f"{{{NAMESPACE}}}rejections", nsmap={"c": NAMESPACE})
    etree.SubElement(detail, f"{{{NAMESPACE}}}reference").text = _reference(request)
    for rejection in rejections:
        element = etree.SubElement(detail, f"{{{NAMESPACE}}}rejection")
        for name in ("code", "message", "path"):
            etree.SubElement(element, f"{{{NAMESPACE}}}{name}").text = getattr(rejection, name)
    others = f" (and {len(rejections) - 1} more in the detail)" if len(rejections) > 1 else ""
    first = next(iter(rejections))
    reason = f"{first.code}{f' at {first.path}' if first.path else ''}: {first.message}{others}"
    body, media_type = build_fault(version, ours=status == 503, reason=reason, detail=detail)
    return RawResponse(status, body, media_type)


def _reference(request: RawRequest) -> str:
    """What both sides can look for: the same bytes have the same reference."""
    return hashlib.sha256(request.body).hexdigest()[:16]


@cache
def _schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(CONTRACT / "crossdock.xsd")))


@cache
def wsdl() -> bytes:
    """The contract in one file, its schema inlined."""
    tree = etree.parse(str(CONTRACT / "crossdock.wsdl"))
    holder = tree.find(f".//{_XSD}schema")
    types = holder.getparent() if holder is not None else None
    if holder is not None and types is not None:
        types.replace(holder, copy.deepcopy(etree.parse(str(CONTRACT / "crossdock.xsd")).getroot()))
    return etree.tostring(tree, xml_declaration=True, encoding="UTF-8")

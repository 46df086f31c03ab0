"""The reverse direction: a partner calls us by SOAP. Reads the request, builds the answer or the fault.

A receive stream uses it so: ``verify`` and ``split`` call ``parse_request``, ``answer`` returns
``build_response`` or ``build_fault``.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.soap_envelope import SoapVersion, envelope_bytes, plain_xml, read_envelope

if TYPE_CHECKING:
    from crossdock.sdk.connector import RawRequest

__all__ = ["SoapRequest", "build_fault", "build_response", "parse_request", "username_token_matches"]

_WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """A partner's call.

    Attributes:
        version: The answer has to be of the same.
        operation: Local name of the element in the body.
        namespace: Its namespace.
        payload: That element as a document of its own, ready to be stored and mapped.
        username: Of a WS-Security UsernameToken, or empty.
        password: Of that token, in plain text, or empty; never log it.
    """

    version: SoapVersion
    operation: str
    namespace: str
    payload: bytes
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        """Without the password."""
        return f"SoapRequest({self.version.name}, {self.operation!r}, {len(self.payload)} bytes)"

    def document(self) -> object:
        """The payload as dictionaries and lists by local name."""
        return plain_xml(etree.fromstring(self.payload))


def parse_request(request: RawRequest) -> SoapRequest:
    """Read a call.

    Raises:
        RecordRejectedError: No XML, a document type, no envelope, an empty body; code ``soap.envelope``.
    """
    try:
        envelope = read_envelope(request.body)
    except ValueError as error:
        raise RecordRejectedError(Rejection("soap.envelope", str(error), path=request.path)) from error
    if envelope.payload is None:
        raise RecordRejectedError(Rejection("soap.envelope", "the SOAP body is empty", path=request.path))
    username, password = _username_token(envelope.headers)
    name = etree.QName(envelope.payload)
    # a copy declares the namespaces in scope by itself, so that the document stands alone
    payload = etree.tostring(envelope.payload, xml_declaration=True, encoding="UTF-8", with_tail=False)
    return SoapRequest(envelope.version, name.localname, name.namespace or "", payload, username, password)


def _username_token(headers: tuple[etree._Element, ...]) -> tuple[str, str]:
    for header in headers:
        token = header.find(f"{{{_WSSE}}}UsernameToken") if header.tag == f"{{{_WSSE}}}Security" else None
        if token is not None:
            username = token.findtext(f"{{{_WSSE}}}Username") or ""
            return username.strip(), token.findtext(f"{{{_WSSE}}}Password") or ""
    return "", ""


def username_token_matches(request: SoapRequest, username: str, passwords: tuple[str, ...]) -> bool:
    """Whether the call carries the user name and one of the passwords (several during rotation), in constant
    time.
    """
    same_user = hmac.compare_digest(request.username.encode(), username.encode())
    matches = [hmac.compare_digest(request.password.encode(), password.encode()) for password in passwords]
    return same_user and any(matches)


def build_response(request: SoapRequest, payload: etree._Element) -> tuple[bytes, str]:
    """The answer with ``payload`` in its body, and its media type."""
    return envelope_bytes(request.version, payload), request.version.media_type


def build_fault(
    version: SoapVersion, *, ours: bool, reason: str, detail: etree._Element | None = None
) -> tuple[bytes, str]:
    """A fault and its media type: the sender's mistake, or ``ours`` (then the partner may send again).

    ``detail`` is an element of the service's own, for programs to read.
    """
    fault = etree.Element(version.name_of("Fault"), nsmap={"soap": version.namespace})
    if version is SoapVersion.V11:
        etree.SubElement(fault, "faultcode").text = "soap:Server" if ours else "soap:Client"
        etree.SubElement(fault, "faultstring").text = reason
    else:
        code = etree.SubElement(fault, version.name_of("Code"))
        etree.SubElement(code, version.name_of("Value")).text = "soap:Receiver" if ours else "soap:Sender"
        text = etree.SubElement(etree.SubElement(fault, version.name_of("Reason")), version.name_of("Text"))
        text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")
        text.text = reason
    if detail is not None:
        holder = "detail" if version is SoapVersion.V11 else version.name_of("Detail")
        etree.SubElement(fault, holder).append(detail)
    return envelope_bytes(version, fault), version.media_type

"""SOAP envelopes, 1.1 and 1.2: read safely (no document types, no entities, no network) and built."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from lxml import etree

__all__ = ["Envelope", "Fault", "SoapVersion", "envelope_bytes", "fault_of", "plain_xml", "read_envelope"]


class SoapVersion(Enum):
    """The two versions: their namespace and media type."""

    V11 = ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml; charset=utf-8")
    V12 = ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml; charset=utf-8")

    @property
    def namespace(self) -> str:
        """Of the envelope."""
        return self.value[0]

    @property
    def media_type(self) -> str:
        """Of a message."""
        return self.value[1]

    def name_of(self, local: str) -> str:
        """A qualified name of the envelope's namespace."""
        return f"{{{self.namespace}}}{local}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message: its header blocks, and the one element in its body (``None``: empty)."""

    version: SoapVersion
    headers: tuple[etree._Element, ...]
    payload: etree._Element | None


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; of SOAP 1.2 the innermost subcode is the code, since it is the one that says something."""

    code: str
    reason: str
    detail: str


def read_envelope(data: bytes) -> Envelope:
    """Read a message.

    Raises:
        ValueError: It is no XML, has a document type, or is no SOAP envelope; the text says which, with line
        and column.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True, remove_pis=True
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"no well-formed XML: {error.msg}") from error
    docinfo = root.getroottree().docinfo
    if docinfo.internalDTD is not None:
        raise ValueError("a document type is not permitted")
    for version in SoapVersion:
        if root.tag == version.name_of("Envelope"):
            body = root.find(version.name_of("Body"))
            if body is None:
                raise ValueError("the SOAP envelope has no Body")
            header = root.find(version.name_of("Header"))
            return Envelope(version, tuple(header) if header is not None else (), next(iter(body), None))
    raise ValueError(f"the root is {root.tag}, not a SOAP envelope")


def fault_of(envelope: Envelope) -> Fault | None:
    """The fault, or ``None``.

    By local names only, because vendors qualify the parts of a fault in every possible way.
    """
    fault = envelope.payload
    if fault is None or fault.tag != envelope.version.name_of("Fault"):
        return None
    codes = _texts(fault, "faultcode") or _texts(fault, "Code", "Value")
    reasons = _texts(fault, "faultstring") or _texts(fault, "Reason", "Text")
    details = [part for part in fault if etree.QName(part).localname in ("detail", "Detail")]
    detail = b"".join(etree.tostring(part) for part in details)
    return Fault(
        code=codes[-1].rpartition(":")[2] if codes else "unknown",
        reason=reasons[0] if reasons else "no reason given",
        detail=detail.decode()[:2000],
    )


def _texts(element: etree._Element, *names: str) -> list[str]:
    path = ".//" + "//".join(f"*[local-name()='{name}']" for name in names)
    found = element.xpath(path)
    if not isinstance(found, list):
        return []
    return [(part.text or "").strip() for part in found if isinstance(part, etree._Element) and part.text]


def plain_xml(element: etree._Element) -> object:
    """An element without its schema: attributes and children by local name, repeated ones as lists, text as
    text.
    """
    values: dict[str, object] = {etree.QName(name).localname: value for name, value in element.attrib.items()}
    for child in element:
        name = etree.QName(child).localname
        value = plain_xml(child)
        if name not in values:
            values[name] = value
        elif isinstance(before := values[name], list):
            before.append(value)
        else:
            values[name] = [before, value]
    text = (element.text or "").strip()
    if not values:
        return text or None
    return values | ({"_value": text} if text else {})


def envelope_bytes(version: SoapVersion, payload: etree._Element) -> bytes:
    """A message with ``payload`` in its body."""
    root = etree.Element(version.name_of("Envelope"), nsmap={"soap": version.namespace})
    etree.SubElement(root, version.name_of("Body")).append(payload)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")

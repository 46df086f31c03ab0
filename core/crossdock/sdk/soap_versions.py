"""Answers of another version of a service: read as if they were of the version that the WSDL is of.

Vendors put the version into their namespaces (``urn:core_2023_2.platform.webservices.netsuite.com``), and answer
with that of the account's release. What differs in nothing but digits is taken for the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection

import httpx
from lxml import etree

__all__ = ["foreign_namespaces", "in_known_version"]

_DIGITS = re.compile(r"\d+")


def foreign_namespaces(payload: etree._Element, known: Collection[str]) -> set[str]:
    """The namespaces of a message's elements that the WSDL does not know."""
    found = {etree.QName(element).namespace for element in payload.iter(etree.Element)}
    return {namespace for namespace in found if namespace} - set(known)


def in_known_version(
    response: httpx.Response, payload: etree._Element, known: Collection[str]
) -> httpx.Response | None:
    """The answer with its namespaces replaced by the WSDL's own; ``None`` where one has no such counterpart."""
    declared = {uri for element in payload.iter(etree.Element) for uri in element.nsmap.values()}
    renamed = {}
    for namespace in declared - set(known):
        alike = [other for other in known if other and _shape(other) == _shape(namespace)]
        if len(alike) == 1:
            renamed[namespace] = alike[0]
    if not renamed or foreign_namespaces(payload, known) - set(renamed):
        return None
    content = response.content
    for old, new in renamed.items():
        content = content.replace(old.encode(), new.encode())
    described = {"content-encoding", "content-length", "transfer-encoding"}
    headers = [(name, value) for name, value in response.headers.multi_items() if name not in described]
    return httpx.Response(response.status_code, headers=headers, content=content, request=response.request)


def _shape(namespace: str) -> str:
    return _DIGITS.sub("#", namespace)

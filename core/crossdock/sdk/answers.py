"""Reads the answers of partners; one that can't be read is an error by whether the request had an effect."""

from __future__ import annotations

from decimal import Decimal

import httpx
import msgspec

from crossdock.sdk.errors import CrossdockError
from crossdock.sdk.http_errors import lost

__all__ = ["SAFE", "SAFE_METHODS", "json_of", "malformed"]

SAFE = "crossdock.safe"
"""The extension of a request that says whether repeating it has no second effect."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Those that have no effect unless somebody says otherwise."""

_decoder = msgspec.json.Decoder(float_hook=Decimal)


def json_of(response: httpx.Response) -> object:
    """The JSON of an answer; decimals are ``Decimal``, integers keep all digits.

    Raises:
        UnreachableError: It is no JSON (an HTML page of a proxy, a truncated body), and the request was safe.
        UnknownOutcomeError: The same after a request with an effect.
    """
    try:
        return _decoder.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        head = response.content[:200].lstrip().lower()
        if not response.content:
            found = "nothing"
        elif head.startswith((b"<!doctype", b"<html", b"<?xml")):
            found = "a page of HTML or XML (a proxy, a maintenance page or a wrong address?)"
        else:
            found = f"no valid JSON ({error})"
        raise malformed(
            response, f"JSON was expected, status {response.status_code} brought {found}"
        ) from error


def malformed(response: httpx.Response, said: str) -> CrossdockError:
    """The error for a successful answer that lacks what it must have: as for a lost one.

    Args:
        response: The answer.
        said: What was expected and what came, for the operator.
    """
    request = response.request
    where = f"{request.method} {request.url.copy_with(query=None)}"
    safe = bool(request.extensions.get(SAFE, request.method in SAFE_METHODS))
    return lost(f"{where}: {said}", safe=safe)

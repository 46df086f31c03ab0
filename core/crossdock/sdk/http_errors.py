"""Translates what httpx raises and what a partner answers into the tree of ``crossdock.sdk.errors``, once.

``NOTHING_SENT``, ``PERHAPS_SENT``, ``CONFIGURATION`` and ``OURS`` together name every exception that httpx
exports; a test walks httpx, so that a new one breaks our build and not a warehouse.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Collection, Iterator
from datetime import datetime

import httpx

from crossdock.sdk.errors import (
    BugError,
    CrossdockError,
    ForbiddenError,
    MisconfiguredError,
    ThrottledError,
    UnauthorisedError,
    UnknownOutcomeError,
    UnreachableError,
)
from crossdock.sdk.redaction import Redactor
from crossdock.sdk.retry import parse_retry_after

__all__ = ["CONFIGURATION", "NOTHING_SENT", "OURS", "PERHAPS_SENT", "translate", "verdict"]

NOTHING_SENT: frozenset[type[Exception]] = frozenset(
    {httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError}
)
"""The connection did not come about."""

PERHAPS_SENT: frozenset[type[Exception]] = frozenset(
    {
        httpx.CloseError,
        httpx.DecodingError,
        httpx.NetworkError,
        httpx.ProtocolError,
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.RemoteProtocolError,
        httpx.RequestError,
        httpx.TimeoutException,
        httpx.TransportError,
        httpx.WriteError,
        httpx.WriteTimeout,
        httpx.HTTPError,
    }
)
"""Some of the request left, and no whole answer came."""

CONFIGURATION: frozenset[type[Exception]] = frozenset(
    {httpx.InvalidURL, httpx.LocalProtocolError, httpx.TooManyRedirects, httpx.UnsupportedProtocol}
)
"""The address or a header can't work."""

OURS: frozenset[type[Exception]] = frozenset(
    {
        httpx.CookieConflict,
        httpx.HTTPStatusError,
        httpx.RequestNotRead,
        httpx.ResponseNotRead,
        httpx.StreamClosed,
        httpx.StreamConsumed,
        httpx.StreamError,
    }
)
"""Only wrong use of httpx raises these."""

_SHOWN_CHARACTERS = 500


def _where(request: httpx.Request) -> str:
    """Method and address without the query, which may hold secrets."""
    return f"{request.method} {request.url.copy_with(query=None, fragment=None, userinfo=b'')}"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def translate(error: Exception, request: httpx.Request, *, safe: bool) -> CrossdockError:
    """Our error for an exception of httpx, or a ``TimeoutError`` around it; ``safe`` as in ``Http``."""
    kind, where = type(error), _where(request)
    causes = list(_causes(error))
    if kind in NOTHING_SENT:
        if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
            return MisconfiguredError(
                f"{where}: the server's certificate can't be verified; check the host name, or add the "
                "partner's certificate authority to the machine's trust store",
                detail=str(error),
            )
        if any(isinstance(cause, socket.gaierror) for cause in causes):
            return UnreachableError(
                f"{where}: the host name does not resolve; check it and the DNS", detail=str(error)
            )
        return UnreachableError(
            f"{where}: no connection ({kind.__name__}); nothing was sent", detail=str(error)
        )
    if kind in CONFIGURATION:
        remedies: dict[type[Exception], str] = {
            httpx.TooManyRedirects: "redirects in a circle; configure the final address",
            httpx.LocalProtocolError: "a header is malformed; look for a line break in a configured secret",
        }
        what = remedies.get(kind, "the address is not one of http or https; correct it in the configuration")
        return MisconfiguredError(f"{where}: {what}", detail=kind.__name__)
    if kind in OURS:
        return BugError(f"{where}: httpx was used wrongly ({kind.__name__})", detail=kind.__name__)
    return lost(f"{where}: no whole answer came ({kind.__name__})", safe=safe, detail=kind.__name__)


def lost(message: str, *, safe: bool, detail: str = "") -> CrossdockError:
    """The answer is lost: harmless for a safe request, an unknown outcome for any other."""
    if safe:
        return UnreachableError(f"{message}; it will be asked again", detail=detail)
    return UnknownOutcomeError(f"{message}; it may or may not have happened", detail=detail)


def verdict(
    response: httpx.Response, *, safe: bool, now: datetime, expect: Collection[int], redactor: Redactor
) -> CrossdockError | None:
    """Our error for an answer, or ``None`` where the connector shall see it."""
    status = response.status_code
    if status in expect or (
        status < 500 and status not in (401, 403, 429) and not response.has_redirect_location
    ):
        return None
    where = _where(response.request)
    detail = redactor.text(response.text[:_SHOWN_CHARACTERS])
    if status == 401:
        return UnauthorisedError(
            f"{where}: the partner refused the credentials (401); renew them", detail=detail
        )
    if status == 403:
        return ForbiddenError(
            f"{where}: the credentials lack a permission (403); grant it at the partner", detail=detail
        )
    if response.has_redirect_location:
        location = httpx.URL(response.headers["location"]).copy_with(query=None)
        return MisconfiguredError(
            f"{where}: moved to {location} ({status}); requests with effects are not sent on, "
            "configure that address"
        )
    until = parse_retry_after(response.headers.get("retry-after"), now)
    if status == 429 or (status == 503 and until is not None):
        return ThrottledError(f"{where}: too many requests ({status})", until=until or now, detail=detail)
    return lost(f"{where}: the partner is broken ({status})", safe=safe, detail=detail)

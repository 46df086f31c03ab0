"""The way between a connector and its partner, on which things go wrong: the outermost edge, nothing further in.

Requests by HTTP and operations on files are counted together as exchanges, in order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

import httpx

from crossdock.sdk.connector import FileRef, Receipt
from crossdock.sdk.errors import RetryableError, UnknownOutcomeError, UnreachableError
from crossdock.sdk.services import Files

__all__ = ["FAR_AWAY", "Exchange", "Fault", "LossyFiles", "Wire"]

_T = TypeVar("_T")

FAR_AWAY = "elsewhere.invalid"
"""The host of a redirect that nobody may follow."""
_PAGE = b"<!doctype html><html><body>We are down for maintenance.</body></html>"


class Fault(StrEnum):
    """What can happen to one exchange; "after" is when the partner has done what it was asked for."""

    REFUSED = "no connection"
    LOST_BEFORE = "a time-out before the partner did anything"
    LOST_AFTER = "a time-out after the partner did it"
    BROKEN_BEFORE = "status 500, nothing done"
    BROKEN_AFTER = "status 502 after the partner did it"
    PAGE_BEFORE = "status 200 with a proxy's page of HTML, nothing done"
    PAGE_AFTER = "a page of HTML in place of the answer, after the partner did it"
    CUT_AFTER = "an answer cut in the middle, after the partner did it"
    EMPTY_AFTER = "an empty JSON object in place of the answer, after the partner did it"
    UNAUTHORISED = "status 401"
    FORBIDDEN = "status 403"
    REDIRECTED = "a redirect to another host"

    @property
    def by_files(self) -> bool:
        """Whether it can happen to an operation on files too."""
        return self in (Fault.REFUSED, Fault.LOST_BEFORE, Fault.LOST_AFTER)


_INSTEAD = {
    Fault.BROKEN_BEFORE: (500, b"{}"),
    Fault.BROKEN_AFTER: (502, _PAGE),
    Fault.PAGE_BEFORE: (200, _PAGE),
    Fault.PAGE_AFTER: (200, _PAGE),
    Fault.EMPTY_AFTER: (200, b"{}"),
    Fault.UNAUTHORISED: (401, b"{}"),
    Fault.FORBIDDEN: (403, b"{}"),
}
"""Status and body in place of the partner's answer."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request or one operation on files, as it left the connector."""

    what: str
    url: httpx.URL | None = None
    content: bytes = b""

    @property
    def by_files(self) -> bool:
        """Whether it is an operation on files."""
        return self.url is None


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """Carries requests to the partner.

    Attributes:
        inner: The way to the partner.
        exchanges: All that left the connector.
        fault: What happens, ``None`` while all is well.
        at: The exchange to which it happens.
        lasting: Whether it happens to all later ones too.
        answers: Taken one a request: given in place of the partner's answer, nothing done.
    """

    inner: httpx.AsyncBaseTransport
    exchanges: list[Exchange] = field(default_factory=list)
    fault: Fault | None = None
    at: int = 0
    lasting: bool = False
    answers: list[httpx.Response] = field(default_factory=list)

    def break_down(self, fault: Fault, *, at: int = 0, lasting: bool = False) -> None:
        """Let ``fault`` happen to the exchange ``at`` from now on."""
        self.fault, self.at, self.lasting = fault, len(self.exchanges) + at, lasting

    def heal(self) -> None:
        """All is well again."""
        self.fault = None
        self.answers.clear()

    def next_fault(self, exchange: Exchange) -> Fault | None:
        """Note an exchange; what is to happen to it."""
        index = len(self.exchanges)
        self.exchanges.append(exchange)
        due = index == self.at or (self.lasting and index > self.at)
        return self.fault if due else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass a request on, or let happen what is to happen."""
        content = await request.aread()
        fault = self.next_fault(Exchange(f"{request.method} {request.url.path}", request.url, content))
        if request.url.host == FAR_AWAY:
            return httpx.Response(200, json={})
        if self.answers:
            return self.answers.pop(0)
        if fault is None:
            return await self._passed_on(request)
        return await self._failing(fault, request)

    async def aclose(self) -> None:
        """Close the way to the partner."""
        await self.inner.aclose()

    async def _passed_on(self, request: httpx.Request) -> httpx.Response:
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        await response.aclose()
        described = {"content-encoding", "content-length", "transfer-encoding"}
        headers = [each for each in response.headers.multi_items() if each[0] not in described]
        return httpx.Response(response.status_code, headers=headers, content=body)

    async def _failing(self, fault: Fault, request: httpx.Request) -> httpx.Response:
        done = await self._passed_on(request) if fault.name.endswith("_AFTER") else None
        match fault:
            case Fault.REFUSED:
                raise httpx.ConnectError("connection refused", request=request)
            case Fault.LOST_BEFORE | Fault.LOST_AFTER:
                raise httpx.ReadTimeout("no answer", request=request)
            case Fault.REDIRECTED:
                location = request.url.copy_with(host=FAR_AWAY, port=None)
                return httpx.Response(307, headers={"location": str(location)})
            case Fault.CUT_AFTER if done is not None:
                half = done.content[: len(done.content) // 2]
                return httpx.Response(done.status_code, headers=done.headers, content=half)
            case _:
                status, body = _INSTEAD[fault]
                kind = "text/html" if body is _PAGE else "application/json"
                return httpx.Response(status, content=body, headers={"content-type": kind})


class LossyFiles:
    """``Files`` that fail as a broken session makes them fail."""

    def __init__(self, files: Files, wire: Wire) -> None:
        """Stand before ``files``; ``wire`` says what happens."""
        self._files = files
        self._wire = wire

    async def list_files(self, stream: str, folder: str, pattern: str) -> Sequence[FileRef]:
        """List."""
        return await self._done(
            f"list {folder}", lambda: self._files.list_files(stream, folder, pattern), safe=True
        )

    async def read(self, file: FileRef) -> AsyncIterator[bytes]:
        """Read; a session that breaks does so in the middle."""
        fault = self._wire.next_fault(Exchange(f"read {file.path}"))
        async for chunk in self._files.read(file):
            if fault is not None and fault.by_files:
                yield chunk[: len(chunk) // 2]
                raise UnreachableError(f"{file.path}: the session broke ({fault})")
            yield chunk

    async def move(self, file: FileRef, folder: str) -> None:
        """Move."""
        await self._done(f"move {file.path}", lambda: self._files.move(file, folder), safe=True)

    async def delete(self, file: FileRef) -> None:
        """Delete."""
        await self._done(f"delete {file.path}", lambda: self._files.delete(file), safe=True)

    async def put(
        self, folder: str, name: str, content: AsyncIterator[bytes], *, marker: str | None = None
    ) -> Receipt:
        """Put."""
        return await self._done(
            f"put {folder}/{name}",
            lambda: self._files.put(folder, name, content, marker=marker),
            safe=False,
        )

    async def stat(self, folder: str, name: str) -> FileRef | None:
        """Look."""
        return await self._done(f"stat {folder}/{name}", lambda: self._files.stat(folder, name), safe=True)

    async def _done(self, what: str, work: Callable[[], Awaitable[_T]], *, safe: bool) -> _T:
        fault = self._wire.next_fault(Exchange(what))
        if fault is None or not fault.by_files:
            return await work()
        if fault is Fault.LOST_AFTER:
            await work()
            raise _broken(what, fault, safe=safe)
        raise _broken(what, fault, safe=safe or fault is Fault.REFUSED)


def _broken(what: str, fault: Fault, *, safe: bool) -> RetryableError | UnknownOutcomeError:
    """As ``SftpFiles`` says it."""
    error = UnreachableError if safe else UnknownOutcomeError
    return error(f"{what}: the session broke ({fault})")

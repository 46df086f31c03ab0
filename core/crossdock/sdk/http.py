"""``Http`` over httpx: allow-list, budgets, auth per attempt, retries, circuit breaker, size limit, redacted
recording."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING

import httpx
import msgspec

from crossdock.sdk.answers import SAFE, SAFE_METHODS
from crossdock.sdk.breaker import CircuitBreaker
from crossdock.sdk.budgets import Budgets
from crossdock.sdk.errors import CrossdockError, ThrottledError, UnknownOutcomeError, UnreachableError
from crossdock.sdk.hosts import AllowedHosts
from crossdock.sdk.http_errors import lost, translate, verdict
from crossdock.sdk.redaction import Redactor
from crossdock.sdk.retry import CircuitOpenError, RetryPolicy, retrying
from crossdock.sdk.services import Clock

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

__all__ = ["NO_AUTH", "Exchange", "HttpClient", "HttpSettings", "Recorder"]

NO_AUTH = httpx.Auth()
"""Pass as ``auth`` to send one request without the connection's own."""

_json_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer, without secrets, as a recorder gets it."""

    at: datetime
    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: str
    status: int
    response_headers: Mapping[str, str]
    response_body: str
    seconds: float


Recorder = Callable[[Exchange], None]


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of a connection; the defaults suit a usual partner.

    Attributes:
        timeout_seconds: For connecting, and between two reads or writes.
        attempt_seconds: For one whole attempt, however slowly the bytes drip.
        max_response_bytes: A longer answer is refused.
    """

    timeout_seconds: float = 20
    attempt_seconds: float = 120
    max_response_bytes: int = 64 * 1024 * 1024
    retry: RetryPolicy = field(default_factory=RetryPolicy)


class HttpClient:
    """The ``Http`` service of one connection."""

    def __init__(
        self,
        *,
        hosts: AllowedHosts,
        clock: Clock,
        random: Random,
        budgets: Budgets,
        log: FilteringBoundLogger,
        breaker: CircuitBreaker | None = None,
        auth: httpx.Auth | None = None,
        settings: HttpSettings | None = None,
        redactor: Redactor | None = None,
        record: Recorder | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        verify: ssl.SSLContext | bool = True,
    ) -> None:
        """Keep the parts; ``transport`` replaces the network in tests, ``auth`` is put on every attempt of
        every request."""
        self._settings = settings or HttpSettings()
        self._hosts = hosts
        self._clock = clock
        self._random = random
        self._budgets = budgets
        self._breaker = breaker or CircuitBreaker()
        self._auth = auth
        self._redactor = redactor or Redactor()
        self._record = record
        self._log = log
        self._client = httpx.AsyncClient(
            transport=transport,
            verify=verify,
            timeout=self._settings.timeout_seconds,
            event_hooks={"request": [self._check_host]},
            headers={"user-agent": "crossdock"},
        )

    async def close(self) -> None:
        """Close the pooled connections."""
        await self._client.aclose()

    async def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        headers: Mapping[str, str] | None = None,
        json: object | None = None,
        content: bytes | None = None,
        auth: httpx.Auth | None = None,
        safe: bool | None = None,
        timeout_seconds: float | None = None,
        expect: Collection[int] = (),
    ) -> httpx.Response:
        """Send, with retries as far as they are harmless; see ``Http``."""
        method = method.upper()
        safe = method in SAFE_METHODS if safe is None else safe
        if json is not None:
            content = _json_encoder.encode(json)
            headers = {"content-type": "application/json", **(headers or {})}

        def build() -> httpx.Request:
            return self._client.build_request(
                method,
                url,
                params=None if params is None else httpx.QueryParams(_pairs(params)),
                headers=headers,
                content=content,
                timeout=timeout_seconds or self._settings.timeout_seconds,
                extensions={SAFE: safe},
            )

        try:
            self._hosts.check(build().url)
        except httpx.InvalidURL as error:
            raise translate(error, httpx.Request(method, "http://invalid/"), safe=safe) from error
        deadline = self._clock.now() + timedelta(seconds=self._settings.retry.deadline_seconds)
        try:
            async for attempt in retrying(self._settings.retry, deadline, self._clock, self._random):
                with attempt:
                    return await self._attempt(build(), auth or self._auth, safe, deadline, expect)
        except ThrottledError as error:
            if error.until <= self._clock.now():
                pause = timedelta(seconds=self._settings.retry.cap_seconds)
                raise ThrottledError(
                    error.message, until=self._clock.now() + pause, detail=error.detail
                ) from error
            raise
        raise AssertionError("unreachable")  # pragma: no cover

    async def _attempt(
        self,
        request: httpx.Request,
        auth: httpx.Auth | None,
        safe: bool,
        deadline: datetime,
        expect: Collection[int],
    ) -> httpx.Response:
        now = self._clock.now()
        if until := self._breaker.open_until(now):
            said = f"{request.url.host} failed repeatedly and is left alone until {until:%Y-%m-%d %H:%M:%SZ}"
            raise CircuitOpenError(said, until=until)
        method, path = request.method, request.url.path
        await self._budgets.take(method, path, deadline)
        started = self._clock.now()
        try:
            response = await self._exchange(request, auth, safe)
        except CrossdockError:
            raise
        except (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpx.StreamError,
            httpx.CookieConflict,
            TimeoutError,
        ) as raw:
            error = translate(raw, request, safe=safe)
            self._judge(error)
            self._log.warning("http.failed", method=method, url=self._shown(request.url), error=error.message)
            raise error from raw
        self._note(request, response, (self._clock.now() - started).total_seconds())
        return await self._answer(request, response, safe, expect)

    async def _answer(
        self, request: httpx.Request, response: httpx.Response, safe: bool, expect: Collection[int]
    ) -> httpx.Response:
        method, path = request.method, request.url.path
        error = verdict(response, safe=safe, now=self._clock.now(), expect=expect, redactor=self._redactor)
        if (until := await self._budgets.learn(method, path, response)) is not None:
            error = ThrottledError(f"{method} {path}: the partner's cost budget is used up", until=until)
        if isinstance(error, ThrottledError) and error.until > self._clock.now():
            await self._budgets.block(method, path, error.until)
        self._judge(error)
        if error is not None:
            raise error
        return response

    async def _exchange(self, request: httpx.Request, auth: httpx.Auth | None, safe: bool) -> httpx.Response:
        """One attempt: the whole answer within size and time."""
        async with asyncio.timeout(self._settings.attempt_seconds):
            response = await self._client.send(
                request, stream=True, auth=auth or NO_AUTH, follow_redirects=safe
            )
            try:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > self._settings.max_response_bytes:
                        raise lost(
                            f"{request.method} {self._shown(request.url)}: the answer is longer than "
                            f"{self._settings.max_response_bytes} bytes",
                            safe=safe,
                        )
            finally:
                await response.aclose()
        return _whole(response, bytes(body))

    async def _check_host(self, request: httpx.Request) -> None:
        """Also for the targets of redirects and for requests of an auth flow."""
        self._hosts.check(request.url)

    def _judge(self, error: CrossdockError | None) -> None:
        """Tell the circuit breaker: a throttling or refusing partner is a living one."""
        if isinstance(error, UnreachableError | UnknownOutcomeError):
            self._breaker.failed(self._clock.now())
        elif not isinstance(error, ThrottledError):
            self._breaker.succeeded()

    def _shown(self, url: httpx.URL) -> str:
        return self._redactor.text(str(url.copy_with(userinfo=b"")))

    def _note(self, request: httpx.Request, response: httpx.Response, seconds: float) -> None:
        self._log.debug(
            "http.answered",
            method=request.method,
            url=self._shown(request.url),
            status=response.status_code,
            seconds=seconds,
            bytes=len(response.content),
        )
        if self._record is not None:
            self._record(
                Exchange(
                    at=self._clock.now(),
                    method=request.method,
                    url=self._shown(request.url),
                    request_headers=self._redactor.headers(request.headers),
                    request_body=self._redactor.text(request.content.decode("utf-8", "replace")),
                    status=response.status_code,
                    response_headers=self._redactor.headers(response.headers),
                    response_body=self._redactor.text(response.text),
                    seconds=seconds,
                )
            )


def _pairs(params: Mapping[str, str] | Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(params.items()) if isinstance(params, Mapping) else tuple(params)


def _whole(streamed: httpx.Response, body: bytes) -> httpx.Response:
    """The answer with its decoded body; the headers that described the encoded one are left out."""
    described = {"content-encoding", "content-length", "transfer-encoding"}
    return httpx.Response(
        streamed.status_code,
        headers=[(name, value) for name, value in streamed.headers.multi_items() if name not in described],
        content=body,
        request=streamed.request,
        history=streamed.history,
    )

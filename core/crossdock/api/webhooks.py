"""The entrance for partners' calls: plain ASGI, so that a call costs its verification and its commit, no more."""

from __future__ import annotations

import structlog
from starlette.types import Receive, Scope, Send

from crossdock.api.bodies import BodyTooLargeError, read_body
from crossdock.api.services import Receives
from crossdock.sdk.connector import RawRequest
from crossdock.sdk.services import Clock
from crossdock.streams.edges.receive import WebhookAnswer

__all__ = ["PREFIX", "WebhookEntrance"]

PREFIX = "/webhooks/"

_METHODS = ("POST", "PUT")
_CONTRACTS = (b"wsdl", b"singlewsdl")
"""Queries by which SOAP partners get the contract of an endpoint, with GET."""


class WebhookEntrance:
    """Answers ``/webhooks/{connection}`` and everything below it."""

    def __init__(self, receiver: Receives, clock: Clock, most_bytes: int) -> None:
        """Hand calls to ``receiver``; a body of more than ``most_bytes`` is answered 413."""
        self._receiver = receiver
        self._clock = clock
        self._most_bytes = most_bytes
        self._log = structlog.get_logger(__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http":
            return
        contract = scope["method"] == "GET" and scope["query_string"].lower() in _CONTRACTS
        if scope["method"] not in _METHODS and not contract:
            await _send(
                send, WebhookAnswer(405, b"webhooks are sent with POST\n"), [(b"allow", b"POST, PUT")]
            )
            return
        try:
            body = await read_body(scope, receive, self._most_bytes)
        except BodyTooLargeError:
            connection = scope["path"].removeprefix(PREFIX).partition("/")[0]
            self._receiver.refused_unread(connection, self._most_bytes)
            said = f"the body is larger than {self._most_bytes} bytes, the most that is taken (web.max_body_bytes)\n"
            await _send(send, WebhookAnswer(413, said.encode()), [(b"connection", b"close")])
            return
        except ConnectionError:
            return
        await _send(send, await self._answer(scope, body), [])

    async def _answer(self, scope: Scope, body: bytes) -> WebhookAnswer:
        path: str = scope["path"]
        connection = path.removeprefix(PREFIX).partition("/")[0]
        request = RawRequest(
            method=scope["method"],
            path=path,
            query=scope["query_string"].decode("latin-1"),
            headers=_headers(scope),
            body=body,
            received_at=self._clock.now(),
        )
        try:
            return await self._receiver.receive(connection, request)
        except Exception:  # noqa: BLE001 - logged; nothing is stored, so the partner has to send it again
            self._log.exception("webhook failed", connection=connection, path=path)
            return WebhookAnswer(503, b"not stored; send it again\n", retry_after_seconds=10)


def _headers(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name; several of one name are joined, as HTTP has it."""
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


async def _send(send: Send, answer: WebhookAnswer, headers: list[tuple[bytes, bytes]]) -> None:
    headers = [
        (b"content-type", answer.media_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *headers,
    ]
    if answer.retry_after_seconds is not None:
        headers.append((b"retry-after", str(answer.retry_after_seconds).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})

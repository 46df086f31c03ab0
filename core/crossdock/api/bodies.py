"""Request bodies: never more bytes in memory than are allowed."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crossdock.api.problems import MEDIA_TYPE, Problem

__all__ = ["BodyLimit", "BodyTooLargeError", "declared_length", "read_body"]


class BodyTooLargeError(Exception):
    """The body is larger than is allowed."""


def declared_length(scope: Scope) -> int:
    """What ``Content-Length`` says; 0 where it says nothing sensible."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


async def read_body(scope: Scope, receive: Receive, most_bytes: int) -> bytes:
    """The whole body.

    Raises:
        BodyTooLargeError: It is larger than ``most_bytes``; the rest has not been read.
        ConnectionError: The caller hung up.
    """
    if declared_length(scope) > most_bytes:
        raise BodyTooLargeError
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionError("the caller hung up")
        part = message.get("body", b"")
        size += len(part)
        if size > most_bytes:
            raise BodyTooLargeError
        parts.append(part)
        if not message.get("more_body"):
            return b"".join(parts)


class BodyLimit:
    """Middleware: answers 413 to a body that is too large, before anybody reads it."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        """Guard ``app``."""
        self._app = app
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, with the body read when it is small enough."""
        if scope["type"] != "http" or scope["method"] == "GET":
            await self._app(scope, receive, send)
            return
        try:
            body = await read_body(scope, receive, self._most_bytes)
        except BodyTooLargeError:
            await _too_large(send, self._most_bytes)
            return
        except ConnectionError:
            return
        handed = False

        async def again() -> Message:
            nonlocal handed
            if handed:
                return await receive()
            handed = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


async def _too_large(send: Send, most_bytes: int) -> None:
    problem = Problem(
        title="Content Too Large",
        status=413,
        detail=f"at most {most_bytes} bytes are taken (web.max_body_bytes)",
        code="too_large",
    )
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": problem.model_dump_json(exclude={"errors"}).encode()})

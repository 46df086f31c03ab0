"""The way of a promise past the framework, whose layers cost as much as the answer: a shop asks at every page view.

Only what goes well goes this way. Everything else, and what reserves units, is handed to the framework's operation,
which is the same function and words every problem.
"""

from __future__ import annotations

from pydantic import TypeAdapter
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Call

from crossdock.api.promises import PromiseAnswer, PromiseRequest, promised
from crossdock.api.services import ApiServices, Scope, identified
from crossdock.trying.promised import Promiser

__all__ = ["PromiseShortcut"]

_PATH = "/v1/promises"
_JSON = b"application/json"
_answers = TypeAdapter(PromiseAnswer)


class PromiseShortcut:
    """Answers promises, and hands every other call to ``api``; bodies have been read (``BodyLimit``)."""

    def __init__(self, services: ApiServices, promiser: Promiser, api: ASGIApp) -> None:
        """Stand before ``api``."""
        self._services = services
        self._promiser = promiser
        self._api = api

    async def __call__(self, call: Call, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if call["type"] != "http" or call["path"] != _PATH or call["method"] != "POST":
            await self._api(call, receive, send)
            return
        message = await receive()
        answer = await self._answer(call, message.get("body", b""))
        if answer is None:
            await self._api(call, _once_more(message, receive), send)
            return
        headers = [(b"content-type", _JSON), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, call: Call, body: bytes) -> bytes | None:
        """The answer; None where the framework has to give it."""
        headers = dict(call["headers"])
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() != "bearer" or headers.get(b"content-type") != _JSON:
            return None
        try:
            who = await identified(self._services, token)
            wanted = PromiseRequest.model_validate_json(body)
            if Scope.READ not in who.scopes or wanted.reserve is not None:
                return None
            return _answers.dump_json(await promised(self._services, self._promiser, wanted))
        except Exception:  # noqa: BLE001 - nothing was written; the framework's operation fails the same way and says so
            return None


def _once_more(message: Message, receive: Receive) -> Receive:
    """``receive`` with ``message`` put back."""
    kept = [message]

    async def receive_again() -> Message:
        return kept.pop() if kept else await receive()

    return receive_again

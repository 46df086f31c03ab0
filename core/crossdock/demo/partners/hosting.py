"""Where the partners live: a thread with a loop of its own, so that hub and partners do not wait for each other."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Coroutine, Iterable
from typing import Any, Protocol, TypeVar

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.demo.dice import Dice
from crossdock.demo.partners.calling import Caller

__all__ = ["LOOPBACK", "HangUpError", "Hosting", "Misbehaviour", "Moods", "free_port", "listening_address"]

LOOPBACK = "127.0.0.1"

T = TypeVar("T")


class HangUpError(Exception):
    """The partner closes the line without an answer; what it has done is done."""


class Misbehaviour(Protocol):
    """Decides what goes wrong with a request."""

    def __call__(self, what: str, *name: object) -> bool:
        """Whether ``what`` goes wrong for the thing of this name, this once."""
        ...


class Moods:
    """What goes wrong at a partner: for each thing and kind of trouble at most once, by the dice."""

    def __init__(self, dice: Dice, partner: str, probabilities: dict[str, float]) -> None:
        """``probabilities`` by kind of trouble."""
        self._dice = dice
        self._partner = partner
        self._probabilities = probabilities
        self._had: set[tuple[object, ...]] = set()

    def __call__(self, what: str, *name: object) -> bool:
        """Whether ``what`` goes wrong for the thing of this name, this once."""
        key = (what, *name)
        if key in self._had or not self._dice.happens(self._probabilities.get(what, 0), self._partner, *key):
            return False
        self._had.add(key)
        return True


def free_port() -> int:
    """A port of the loopback that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def listening_address(host: str) -> str:
    """Where partners listen whom the hub calls by ``host``: on every address, where that is not the loopback."""
    return LOOPBACK if host == LOOPBACK else "0.0.0.0"


class Hosting:
    """The thread of the partners and their HTTP servers."""

    def __init__(self, host: str = LOOPBACK) -> None:
        """Start the thread; ``host`` is what the hub calls this machine."""
        self._host = host
        self.loop = asyncio.new_event_loop()
        self._servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._thread = threading.Thread(target=self.loop.run_forever, name="partners", daemon=True)
        self._thread.start()

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` in the partners' loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def later(self, work: Coroutine[Any, Any, object], delay_seconds: float = 0) -> None:
        """Run ``work`` in the partners' loop after a while. Call it from that loop only."""

        async def run() -> None:
            if delay_seconds:
                await asyncio.sleep(delay_seconds)
            await work

        task = self.loop.create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def busy(self) -> int:
        """How much is still to be done later."""
        return len(self._tasks)

    def serve(self, app: ASGIApp, port: int = 0) -> str:
        """Serve ``app``; returns its address, as the hub calls it."""
        return self.call(self._serve(app, port))

    async def _serve(self, app: ASGIApp, port: int) -> str:
        listener = socket.create_server((listening_address(self._host), port), backlog=512)
        config = uvicorn.Config(
            _hanging_up(app), log_level="critical", access_log=False, lifespan="off", timeout_keep_alive=30
        )
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        server = uvicorn.Server(config)
        task = self.loop.create_task(server.serve(sockets=[listener]))
        self._servers.append((server, task))
        return f"http://{self._host}:{listener.getsockname()[1]}"

    def stop(self, callers: Iterable[Caller] = ()) -> None:
        """Stop what is still to be done, the servers and the thread; ``callers`` hang up."""
        self.call(self._stop(callers))
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()

    async def _stop(self, callers: Iterable[Caller]) -> None:
        for task in self._tasks:
            task.cancel()
        await _all(self._tasks)
        for caller in callers:
            await caller.close()
        for server, _ in self._servers:
            server.should_exit = True
            server.force_exit = True
        await _all(task for _, task in self._servers)


async def _all(tasks: Any) -> None:
    waiting: list[Awaitable[Any]] = list(tasks)
    await asyncio.gather(*waiting, return_exceptions=True)


def _hanging_up(app: ASGIApp) -> ASGIApp:
    """``app``, whose ``HangUpError`` ends the line in the middle of an answer."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await app(scope, receive, send)
        except HangUpError:
            headers = [(b"content-length", b"1000000"), (b"content-type", b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"{", "more_body": False})

    return wrapped

"""The web server of one process: the socket, and uvicorn until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import nullcontext

import uvicorn
from starlette.types import ASGIApp

from crossdock.errors import MisconfiguredError

__all__ = ["WebServer"]

_KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep a connection (nginx: 60 s): else one of them sends a call just as it is closed."""


class WebServer:
    """What a process answers over HTTP."""

    def __init__(self, section: str, host: str, port: int, make: Callable[[], ASGIApp]) -> None:
        """Answer with what ``make`` makes on ``host`` and ``port``, which the configuration has in ``section``."""
        self._section = section
        self._host = host
        self._port = port
        self._make = make
        self._sockets: list[socket.socket] = []

    def listen(self) -> None:
        """Take the port, so that it is known before anything is answered.

        Raises:
            MisconfiguredError: The port is taken, or the address is not this machine's.
        """
        try:
            family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
            listening = socket.socket(family)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((self._host, self._port))
        except OSError as error:
            raise MisconfiguredError(
                f"{self._section}: can't listen on {self._host}:{self._port}: {error.strerror}; choose another port "
                "or stop what uses it",
                path=f"{self._section}.port",
            ) from error
        listening.setblocking(False)
        self._sockets = [listening]

    @property
    def url(self) -> str:
        """Where it answers; empty before it listens."""
        if not self._sockets:
            return ""
        host, port = self._sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    async def serve(self, stop: asyncio.Event) -> None:
        """Answer calls until ``stop``; those that are under way are answered first."""
        server = _Server(
            uvicorn.Config(
                self._make(),
                http="httptools",
                lifespan="off",
                log_config=None,
                access_log=False,
                ws="none",
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            )
        )
        serving = asyncio.create_task(server.serve(sockets=self._sockets))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            server.should_exit = True
            await serving


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the process belongs to whoever runs the application."""

    def capture_signals(self) -> nullcontext[None]:  # type: ignore[override]
        """Leave signals alone."""
        return nullcontext()

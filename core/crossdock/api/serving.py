"""The web server of one process: the socket, and uvicorn until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from contextlib import nullcontext

import uvicorn
from starlette.types import ASGIApp

from crossdock.errors import MisconfiguredError

__all__ = ["listen", "serve"]

_KEEP_ALIVE_SECONDS = 75
"""Longer than proxies keep a connection (nginx: 60 s): else one of them sends a call just as it is closed."""


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to ``host`` and ``port``.

    Raises:
        MisconfiguredError: The port is taken, or the address is not this machine's.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.socket(family)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
    except OSError as error:
        raise MisconfiguredError(
            f"web: can't listen on {host}:{port}: {error.strerror}; choose another port or stop what uses it",
            path="web.port",
        ) from error
    listening.setblocking(False)
    return listening


async def serve(api: ASGIApp, sockets: list[socket.socket], stop: asyncio.Event) -> None:
    """Answer calls until ``stop``; those that are under way are answered first."""
    server = _Server(
        uvicorn.Config(
            api,
            http="httptools",
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
    )
    serving = asyncio.create_task(server.serve(sockets=sockets))
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

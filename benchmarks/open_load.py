"""An open load over HTTP: each request has its moment, whether the last one was answered or not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter
from urllib.parse import urlsplit

__all__ = ["OpenLoad"]


class OpenLoad:
    """An open load over as many kept connections as it takes."""

    def __init__(self, url: str, a_second: int) -> None:
        """Send ``a_second`` requests each second to ``url``."""
        parts = urlsplit(url)
        self._a_second = a_second
        self._host, self._port = str(parts.hostname), int(parts.port or 80)
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def run(self, requests: Sequence[bytes]) -> list[float]:
        """Milliseconds from when each was due until it was answered.

        Raises:
            RuntimeError: One was not answered with 200.
        """
        began = perf_counter() + 0.1
        tasks = []
        for number, request in enumerate(requests):
            due = began + number / self._a_second
            if (wait_seconds := due - perf_counter()) > 0:
                await asyncio.sleep(wait_seconds)
            tasks.append(asyncio.create_task(self._post(request, due)))
        times = await asyncio.gather(*tasks)
        for _, writer in self._idle:
            writer.close()
        return times

    async def _post(self, request: bytes, due: float) -> float:
        reader, writer = await self._connection()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        took = (perf_counter() - due) * 1000
        if not head.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"a call was answered {head!r}")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        self._idle.append((reader, writer))
        return took

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """One that is idle and that the server has kept, or a new one."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return await asyncio.open_connection(self._host, self._port)

"""Reading an asynchronous stream from a thread."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

from crossdock.sdk.errors import RetryableError

__all__ = ["BlockingChunks"]

_WAIT_SECONDS = 0.5


class BlockingChunks:
    """An asynchronous stream of chunks for a thread; the event loop reads it meanwhile."""

    def __init__(self, chunks: AsyncIterator[bytes], loop: asyncio.AbstractEventLoop) -> None:
        """``loop`` is the one that ``chunks`` belong to."""
        self._chunks = chunks
        self._loop = loop
        self._stopped = False

    def stop(self) -> None:
        """Let the thread go, whatever it waits for."""
        self._stopped = True

    def __iter__(self) -> Iterator[bytes]:
        """The chunks, each waited for."""
        while (chunk := self._next()) is not None:
            yield chunk

    def _next(self) -> bytes | None:
        future = asyncio.run_coroutine_threadsafe(self._read(), self._loop)
        while True:
            try:
                return future.result(_WAIT_SECONDS)
            except TimeoutError as error:
                if future.done():
                    raise
                if self._stopped:
                    future.cancel()
                    raise RetryableError("reading was stopped; the file is fetched again later") from error

    async def _read(self) -> bytes | None:
        return await anext(self._chunks, None)

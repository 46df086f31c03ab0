"""How partners call the hub: again and again until it has taken what they say, as shops, ERPs and carriers do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final

import httpx

__all__ = ["Caller"]

_FIRST_SECONDS: Final = 0.1
_MOST_SECONDS: Final = 1.0
_GIVE_UP_SECONDS: Final = 120.0
"""Real partners wait longer between two calls, and give up after hours or days."""


def _failed(response: httpx.Response) -> bool:
    return response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR


class Caller:
    """A partner's client. The connection is kept between calls."""

    def __init__(self, auth: tuple[str, str] | None = None) -> None:
        """``auth`` is user name and password, if the hub asks for them."""
        self._auth = auth
        self._client: httpx.AsyncClient | None = None

    async def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        again: Callable[[httpx.Response], bool] = _failed,
    ) -> httpx.Response:
        """Post the same bytes under the same headers until the hub's answer is none to try ``again`` after.

        Raises:
            httpx.TransportError: The hub could not be reached for two minutes.
        """
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=60, auth=self._auth)
        until = monotonic() + _GIVE_UP_SECONDS
        wait_seconds = _FIRST_SECONDS
        while True:
            try:
                response = await self._client.post(url, content=content, headers=headers)
            except httpx.TransportError:
                if monotonic() > until:
                    raise
            else:
                if not again(response) or monotonic() > until:
                    return response
            await asyncio.sleep(wait_seconds)
            wait_seconds = min(_MOST_SECONDS, wait_seconds * 2)

    async def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            await self._client.aclose()

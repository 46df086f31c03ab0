"""The present instant as partners write it, and waiting for something to become true."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from crossdock.sdk.clock import SystemClock

__all__ = ["instant_text", "now", "now_text", "until"]


def now() -> datetime:
    """Now, aware UTC."""
    return SystemClock().now()


def instant_text(at: datetime, timespec: str = "milliseconds") -> str:
    """An instant in UTC with a Z."""
    return at.isoformat(timespec=timespec).replace("+00:00", "Z")


def now_text(timespec: str = "milliseconds") -> str:
    """Now as text."""
    return instant_text(now(), timespec)


_LOOK_SECONDS = 0.05


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Wait until what can only be asked for has become true: the hub's database, a partner's folder."""
    while not await is_so():  # noqa: ASYNC110 - there is nobody to set an event
        await asyncio.sleep(_LOOK_SECONDS)

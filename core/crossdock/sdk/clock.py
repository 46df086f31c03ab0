"""The two clocks: the machine's, and one that a test moves."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

__all__ = ["ManualClock", "SystemClock"]


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the Clock that everybody else takes

    async def sleep(self, seconds: float) -> None:
        """Wait for real."""
        await asyncio.sleep(seconds)


class ManualClock:
    """A clock that stands still until someone sleeps on it or moves it.

    Attributes:
        slept: The seconds of each ``sleep``, in order.
    """

    def __init__(self, start: datetime | None = None) -> None:
        """Start at ``start`` (aware), or at the first instant of 2026."""
        self._now = start or datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Move on by ``seconds`` and let other tasks run."""
        self.slept.append(seconds)
        self.move(seconds)
        await asyncio.sleep(0)

    def move(self, seconds: float) -> None:
        """Move on by ``seconds``."""
        self._now += timedelta(seconds=seconds)

"""A circuit breaker: after some failures in a row a partner is left alone for a while.

Pure; the instant comes in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["CircuitBreaker"]


class CircuitBreaker:
    """Closed, open after ``failures`` in a row for ``pause_seconds``, then half open: one trial decides."""

    def __init__(self, failures: int = 5, pause_seconds: float = 30) -> None:
        """Start closed."""
        self._limit = failures
        self._pause = timedelta(seconds=pause_seconds)
        self._failures = 0
        self._open_until: datetime | None = None

    def open_until(self, now: datetime) -> datetime | None:
        """The instant until which nothing may be sent, or ``None``: send.

        A half-open breaker lets one trial through.
        """
        if self._open_until is None:
            return None
        if now < self._open_until:
            return self._open_until
        self._open_until = now + self._pause
        return None

    def succeeded(self) -> None:
        """The partner answered."""
        self._failures = 0
        self._open_until = None

    def failed(self, now: datetime) -> None:
        """The partner did not answer, or answered that it is broken."""
        self._failures += 1
        if self._failures >= self._limit:
            self._open_until = now + self._pause

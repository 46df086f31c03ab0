"""When to try again: full jitter, a deadline, and the partner's own ``Retry-After``.

Clock and randomness come in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from crossdock.sdk.errors import ThrottledError, UnreachableError
from crossdock.sdk.services import Clock

__all__ = ["CircuitOpenError", "RetryPolicy", "parse_retry_after", "retrying"]


_LONGEST_WAIT_SECONDS = 366 * 86400


class CircuitOpenError(UnreachableError):
    """The partner failed so often that it is left alone until an instant (aware UTC)."""

    def __init__(self, message: str, *, until: datetime) -> None:
        """Keep the instant before which nothing is sent."""
        super().__init__(message)
        self.until = until


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long and how often one request is tried.

    The wait before try ``n + 1`` is drawn from 0 to ``base_seconds * 2 ** (n - 1)``, at most ``cap_seconds``
    ("full jitter": AWS Architecture Blog, Exponential Backoff And Jitter).
    """

    attempts: int = 5
    deadline_seconds: float = 30
    base_seconds: float = 0.5
    cap_seconds: float = 20


def retrying(policy: RetryPolicy, deadline: datetime, clock: Clock, random: Random) -> AsyncRetrying:
    """Tries again after ``UnreachableError`` and ``ThrottledError`` only: nothing has happened there."""

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, ThrottledError) and error.until > clock.now():
            return (error.until - clock.now()).total_seconds()
        ceiling: float = policy.base_seconds * 2 ** (state.attempt_number - 1)
        return random.uniform(0, min(policy.cap_seconds, ceiling))

    def stop(state: RetryCallState) -> bool:
        too_late = clock.now() + timedelta(seconds=state.upcoming_sleep) > deadline
        return too_late or state.attempt_number >= policy.attempts

    def harmless(error: BaseException) -> bool:
        return isinstance(error, UnreachableError | ThrottledError) and not isinstance(
            error, CircuitOpenError
        )

    return AsyncRetrying(
        sleep=clock.sleep, wait=wait, stop=stop, retry=retry_if_exception(harmless), reraise=True
    )


def parse_retry_after(value: str | None, now: datetime) -> datetime | None:
    """The instant meant by a ``Retry-After`` header, in seconds or as an HTTP date (RFC 9110, 10.2.3); never
    before ``now``."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            instant = parsedate_to_datetime(value)
        except ValueError:
            return None
        aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
        return max(now, aware.astimezone(UTC))
    return now + timedelta(seconds=max(0.0, seconds)) if seconds < _LONGEST_WAIT_SECONDS else None

"""How each activity of a connection stands: what went well when, what is wrong, and when it is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random

import structlog

from crossdock.orders.worklist import Cause, open_item
from crossdock.sdk.errors import (
    CrossdockError,
    MisconfiguredError,
    RetryableError,
    ThrottledError,
    UnauthorisedError,
)
from crossdock.sdk.retry import CircuitOpenError
from crossdock.store.worklist import raise_items, settle
from crossdock.streams.edges import metrics
from crossdock.streams.processor import Transaction
from crossdock.streams.transaction import Transactions

__all__ = ["Activity", "Health", "State", "StatusBoard", "subject_of"]

_FIRST_SECONDS = 1.0
_MOST_SECONDS = 300.0
_PERSON_SECONDS = 300.0
"""How long to wait before asking again where a person has to act first."""
_OUTAGE = timedelta(minutes=15)
"""An outage this long is a work item."""
_FIX = {
    "unauthorised": "Renew the credentials of the connection; work goes on by itself within five minutes.",
    "misconfigured": "Correct the configuration as the message says, and start the hub again.",
    "failed": "Report the logged traceback to the connector's author; it is tried again meanwhile.",
}


class State(StrEnum):
    """How an activity stands."""

    STARTING = "starting"
    OK = "ok"
    THROTTLED = "throttled"
    RETRYING = "retrying"
    CIRCUIT_OPEN = "circuit_open"
    UNAUTHORISED = "unauthorised"
    MISCONFIGURED = "misconfigured"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, order=True)
class Activity:
    """What a connection does: ``poll``, ``drop`` or ``receive`` with a stream, or ``deliver``."""

    connection: str
    kind: str
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How an activity stands; ``failing_since`` and ``error`` while it does not go well."""

    state: State = State.STARTING
    records: int = 0
    failures: int = 0
    last_success_at: datetime | None = None
    failing_since: datetime | None = None
    next_attempt_at: datetime | None = None
    watermark: datetime | None = None
    error: str | None = None


def subject_of(activity: Activity) -> str:
    """The subject of the activity's work items."""
    return "connection:" + "/".join(filter(None, (activity.connection, activity.kind, activity.stream)))


@dataclass(slots=True)
class StatusBoard:
    """The health of all activities of this process."""

    transactions: Transactions
    random: Random
    due: Mapping[Cause, timedelta] = field(default_factory=dict)
    """Times until work items are due that differ from the rules."""
    healths: dict[Activity, Health] = field(default_factory=dict)
    _reported: dict[Activity, State] = field(default_factory=dict)

    def health(self, activity: Activity) -> Health:
        """How ``activity`` stands."""
        return self.healths.get(activity, Health())

    async def succeeded(
        self, activity: Activity, *, records: int = 0, watermark: datetime | None = None
    ) -> None:
        """Note that ``activity`` did what it should; a work item about it is settled."""
        now = self.transactions.clock.now()
        known = self.health(activity)
        self.healths[activity] = Health(
            State.OK,
            known.records + records,
            last_success_at=now,
            watermark=watermark or known.watermark,
        )
        if watermark is not None:
            lag_seconds = max(0.0, (now - watermark).total_seconds())
            metrics.SOURCE_LAG_SECONDS.labels(activity.connection, activity.stream).set(lag_seconds)
        metrics.healthy(activity.connection, activity.kind, activity.stream, at=now)
        # The first success of a process also settles what an earlier one has raised.
        if self._reported.get(activity) is not State.OK:
            self._reported[activity] = State.OK
            subjects = [subject_of(activity)]
            await self.transactions.write(
                lambda tx: settle(tx.connection, subjects, "it works again", tx.now)
            )

    def throttled(self, activity: Activity, until: datetime) -> None:
        """Note that the partner asked to wait ``until`` an instant; that is no failure."""
        said = f"the partner asked us to wait until {until:%Y-%m-%d %H:%M:%SZ}"
        known = self.health(activity)
        self.healths[activity] = replace(known, state=State.THROTTLED, next_attempt_at=until, error=said)

    async def failed(self, activity: Activity, error: Exception) -> float:
        """Note what is wrong; returns the seconds to wait before the next attempt.

        Where a person has to act, or an outage lasts, a work item is raised, once.
        """
        now = self.transactions.clock.now()
        known = self.health(activity)
        failures = known.failures + 1
        state = _state(error)
        wait_seconds = self._wait(state, error, failures, now)
        since = known.failing_since or now
        message = error.message if isinstance(error, CrossdockError) else f"{type(error).__name__}: {error}"
        self.healths[activity] = replace(
            known,
            state=state,
            failures=failures,
            failing_since=since,
            next_attempt_at=now + timedelta(seconds=wait_seconds),
            error=message,
        )
        metrics.unhealthy(activity.connection, activity.kind, activity.stream)
        log = structlog.get_logger(__name__).bind(
            connection=activity.connection, activity=activity.kind, stream=activity.stream
        )
        if state is State.FAILED:
            log.error("activity failed", wait_seconds=wait_seconds, exc_info=error)
        elif failures == 1 or state is not known.state:
            log.warning("activity can't go on", state=state, wait_seconds=wait_seconds, error=message)
        if state.value in _FIX or now - since >= _OUTAGE:
            await self._raise(activity, state, message)
        return wait_seconds

    def _wait(self, state: State, error: Exception, failures: int, now: datetime) -> float:
        if isinstance(error, ThrottledError | CircuitOpenError):
            return max(0.05, (error.until - now).total_seconds())
        if state in (State.UNAUTHORISED, State.MISCONFIGURED):
            return _PERSON_SECONDS
        most = min(_MOST_SECONDS, _FIRST_SECONDS * 2.0 ** min(failures - 1, 20))
        return most * self.random.uniform(0.5, 1.0)

    async def _raise(self, activity: Activity, state: State, message: str) -> None:
        if self._reported.get(activity) is state:
            return
        self._reported[activity] = state
        words = (
            f"{activity.connection}: {activity.kind} {activity.stream}".rstrip() + f" is {state}: {message}"
        )
        fix = _FIX.get(state.value, "")

        def write(tx: Transaction) -> None:
            item = open_item(Cause.UPSTREAM_LAG, subject_of(activity), words, tx.now, fix=fix, due=self.due)
            raise_items(tx.connection, [(item, None)], tx.now)

        await self.transactions.write(write)


def _state(error: Exception) -> State:
    kinds: tuple[tuple[type[Exception], State], ...] = (
        (ThrottledError, State.THROTTLED),
        (CircuitOpenError, State.CIRCUIT_OPEN),
        (RetryableError, State.RETRYING),
        (UnauthorisedError, State.UNAUTHORISED),
        (MisconfiguredError, State.MISCONFIGURED),
    )
    return next((state for kind, state in kinds if isinstance(error, kind)), State.FAILED)

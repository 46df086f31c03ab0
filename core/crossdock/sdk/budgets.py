"""Budgets: what a partner permits per window, by bucket, by cost or by day.

The arithmetic is pure and works on a small state; the state lies in a ``BudgetStore``, so that all workers
share it. The partner's own feedback always wins over our count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from fnmatch import fnmatchcase
from typing import Protocol
from zoneinfo import ZoneInfo

import httpx
import jmespath
import msgspec

from crossdock.sdk.errors import ThrottledError
from crossdock.sdk.manifest import Budget, CostBudget, DailyQuotaBudget, TokenBucketBudget, WindowBudget
from crossdock.sdk.services import Clock

__all__ = ["BudgetState", "BudgetStore", "Budgets", "MemoryBudgetStore"]

_EPOCH_FROM = 1_000_000_000
"""A reset header above this is an epoch second, below it a number of seconds."""


@dataclass(frozen=True, slots=True)
class BudgetState:
    """How a budget stood at ``as_of``.

    A bucket refills by ``restore_per_second``; a window is full again at ``resets_at``. ``estimate`` is the
    cost of the next request as far as known, and nothing is sent before ``blocked_until``.
    """

    available: float
    capacity: float
    as_of: datetime
    restore_per_second: float = 0
    resets_at: datetime | None = None
    estimate: float = 1
    blocked_until: datetime | None = None


class BudgetStore(Protocol):
    """Where budgets live, by compare-and-set, for all workers."""

    async def load(self, key: str) -> tuple[BudgetState, int] | None:
        """The state and its version."""
        ...

    async def save(self, key: str, state: BudgetState, expected_version: int) -> bool:
        """Store if the version is still ``expected_version`` (0: none stored yet)."""
        ...


class MemoryBudgetStore:
    """Budgets of one process."""

    def __init__(self) -> None:
        """Start empty."""
        self._states: dict[str, tuple[BudgetState, int]] = {}

    async def load(self, key: str) -> tuple[BudgetState, int] | None:
        """The state and its version."""
        return self._states.get(key)

    async def save(self, key: str, state: BudgetState, expected_version: int) -> bool:
        """Store if the version is still ``expected_version``."""
        current = self._states.get(key)
        if (current[1] if current else 0) != expected_version:
            return False
        self._states[key] = (state, expected_version + 1)
        return True


def _window_end(spec: WindowBudget | DailyQuotaBudget, now: datetime) -> datetime:
    if isinstance(spec, WindowBudget):
        return now + spec.window
    zone = ZoneInfo(spec.zone)
    tomorrow = now.astimezone(zone).date() + timedelta(days=1)
    return datetime.combine(tomorrow, time(), zone).astimezone(now.tzinfo)


def _fresh(spec: Budget, now: datetime) -> BudgetState:
    match spec:
        case WindowBudget() | DailyQuotaBudget():
            return BudgetState(spec.limit, spec.limit, now, resets_at=_window_end(spec, now))
        case TokenBucketBudget():
            return BudgetState(spec.capacity, spec.capacity, now, spec.restore_per_second)
        case CostBudget():
            return BudgetState(
                spec.capacity, spec.capacity, now, spec.restore_per_second, estimate=spec.estimate
            )


def _refilled(spec: Budget, state: BudgetState, now: datetime) -> BudgetState:
    if isinstance(spec, WindowBudget | DailyQuotaBudget):
        if state.resets_at is None or now >= state.resets_at:
            return replace(state, available=spec.limit, as_of=now, resets_at=_window_end(spec, now))
        return state
    gained = max(0.0, (now - state.as_of).total_seconds()) * state.restore_per_second
    return replace(
        state, available=min(state.capacity, state.available + gained), as_of=max(now, state.as_of)
    )


def _taken(spec: Budget, state: BudgetState, now: datetime) -> tuple[BudgetState, datetime | None]:
    """The state after one request, or the instant at which to ask again."""
    state = _refilled(spec, state, now)
    if state.blocked_until and now < state.blocked_until:
        return state, state.blocked_until
    cost = min(state.estimate, state.capacity)
    # a hair of tolerance, or a clock of microseconds would wait for ever for the last one
    if state.available >= cost - 1e-6:
        return replace(state, available=state.available - cost), None
    if state.resets_at:
        return state, state.resets_at
    return state, now + timedelta(seconds=(cost - state.available) / state.restore_per_second)


class Budgets:
    """The budgets of one connection."""

    def __init__(self, specs: Sequence[Budget], store: BudgetStore, clock: Clock, connection: str) -> None:
        """Keep the manifest's ``specs``; states are stored under ``connection`` and the spec's ``match``."""
        self._specs = tuple((f"{connection}|{index}|{spec.match}", spec) for index, spec in enumerate(specs))
        self._store = store
        self._clock = clock

    async def take(self, method: str, path: str, deadline: datetime) -> None:
        """Wait until every budget that matches permits one more request.

        Raises:
            ThrottledError: That would be later than ``deadline``.
        """
        for key, spec in self._matching(method, path):
            while (until := await self._take(key, spec)) is not None:
                if until > deadline:
                    raise ThrottledError(
                        f"the budget of {spec.kind} for {spec.match!r} is used up until {until.isoformat()}",
                        until=until,
                    )
                await self._clock.sleep(max(0.001, (until - self._clock.now()).total_seconds()))

    async def learn(self, method: str, path: str, response: httpx.Response) -> datetime | None:
        """Follow the partner's own figures; the instant to wait for where the answer says "throttled" with
        status 200."""
        until: datetime | None = None
        for key, spec in self._matching(method, path):
            until = await self._learn(key, spec, response) or until
        return until

    async def block(self, method: str, path: str, until: datetime) -> None:
        """Let no worker send before ``until``: the partner said so."""
        for key, spec in self._matching(method, path):
            await self._update(key, spec, lambda state: replace(state, blocked_until=until))

    async def remaining(self) -> dict[str, float]:
        """What is left of each budget, by its ``match``, for metrics."""
        now = self._clock.now()
        states = [
            (spec, (await self._store.load(key) or (_fresh(spec, now), 0))[0]) for key, spec in self._specs
        ]
        return {spec.match: _refilled(spec, state, now).available for spec, state in states}

    def _matching(self, method: str, path: str) -> list[tuple[str, Budget]]:
        found = []
        for key, spec in self._specs:
            wanted_method, pattern = spec.match.split(" ", 1)
            if wanted_method in ("*", method) and fnmatchcase(path, pattern):
                found.append((key, spec))
        return found

    async def _take(self, key: str, spec: Budget) -> datetime | None:
        while True:
            now = self._clock.now()
            state, version = await self._store.load(key) or (_fresh(spec, now), 0)
            state, until = _taken(spec, state, now)
            if until is not None or await self._store.save(key, state, version):
                return until

    async def _update(self, key: str, spec: Budget, change: _Change) -> None:
        while True:
            now = self._clock.now()
            state, version = await self._store.load(key) or (_fresh(spec, now), 0)
            if await self._store.save(key, change(_refilled(spec, state, now)), version):
                return

    async def _learn(self, key: str, spec: Budget, response: httpx.Response) -> datetime | None:
        now = self._clock.now()
        if isinstance(spec, CostBudget):
            return await self._learn_cost(key, spec, response, now)
        if isinstance(spec, WindowBudget) and spec.remaining:
            remaining = _number(response.headers.get(spec.remaining))
            reset = _number(response.headers.get(spec.reset)) if spec.reset else None
            if remaining is not None:
                resets_at = _reset_instant(reset, now)
                await self._update(
                    key,
                    spec,
                    lambda state: replace(state, available=remaining, resets_at=resets_at or state.resets_at),
                )
        elif isinstance(spec, TokenBucketBudget) and spec.feedback:
            rate = _number(response.headers.get(spec.feedback.removeprefix("header:")))
            if rate:
                await self._update(key, spec, lambda state: replace(state, restore_per_second=rate))
        return None

    async def _learn_cost(
        self, key: str, spec: CostBudget, response: httpx.Response, now: datetime
    ) -> datetime | None:
        try:
            body: object = msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            return None
        parent, _, _ = spec.feedback.rpartition(".")
        standing = jmespath.search(spec.feedback.removeprefix("$."), body)
        cost = jmespath.search(parent.removeprefix("$.") or "@", body)
        requested = cost.get("requestedQueryCost") if isinstance(cost, dict) else None
        if isinstance(standing, dict):
            await self._update(key, spec, lambda state: _as_told(state, standing, requested, now))
        if not any(_holds(path, code, body) for path, code in spec.throttled.items()):
            return None
        state, _ = await self._store.load(key) or (_fresh(spec, now), 0)
        missing = max(1.0, min(state.estimate, state.capacity) - state.available)
        return now + timedelta(seconds=missing / state.restore_per_second)


class _Change(Protocol):
    def __call__(self, state: BudgetState, /) -> BudgetState: ...


def _as_told(
    state: BudgetState, standing: dict[str, object], requested: object, now: datetime
) -> BudgetState:
    """The state as the partner's ``throttleStatus`` describes it."""
    available = _number(standing.get("currentlyAvailable"))
    return replace(
        state,
        available=state.available if available is None else available,
        capacity=_number(standing.get("maximumAvailable")) or state.capacity,
        restore_per_second=_number(standing.get("restoreRate")) or state.restore_per_second,
        estimate=_number(requested) or state.estimate,
        as_of=now,
    )


def _holds(path: str, code: str, body: object) -> bool:
    found = jmespath.search(path.removeprefix("$."), body)
    return code in found if isinstance(found, list) else found == code


def _number(value: object) -> float | None:
    if not isinstance(value, str | int | float):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _reset_instant(reset: float | None, now: datetime) -> datetime | None:
    if reset is None:
        return None
    return (
        datetime.fromtimestamp(reset, now.tzinfo) if reset > _EPOCH_FROM else now + timedelta(seconds=reset)
    )

"""Writes down how the activities of this process stand: once a second at most, and only what has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from crossdock.sdk.manifest import Role
from crossdock.store import activities, leases
from crossdock.store.activities import ActivityRow
from crossdock.streams.edges.connections import Connection, Connections
from crossdock.streams.edges.health import Activity, Health, State
from crossdock.streams.edges.intake import pause
from crossdock.streams.edges.polling import Surroundings
from crossdock.streams.processor import Transaction
from crossdock.streams.services import Service

__all__ = ["activities_of", "reporting_service"]

_INTERVAL_SECONDS = 1.0
_SUCCESS_INTERVAL = timedelta(minutes=1)
"""A later success of what goes well is worth a write so often."""
_ALIVE_SECONDS = 60.0
_KINDS = {Role.POLL: "poll", Role.RECEIVE: "receive", Role.DROP: "drop"}


def activities_of(connection: Connection) -> Iterator[Activity]:
    """What a connection does."""
    for role, kind in _KINDS.items():
        for stream in connection.of_role(role):
            yield Activity(connection.name, kind, stream.name)
    if connection.commands:
        yield Activity(connection.name, "deliver")


def reporting_service(connections: Connections, around: Surroundings, *, alone: bool = True) -> Service:
    """Keeps the table ``activities`` up to date while the hub runs.

    Where a process is not ``alone``, it writes only of what it has tried itself: the rest is what others do.
    """
    return Service("report health", _Reporter(connections, around, alone).run)


@dataclass(slots=True)
class _Reporter:
    connections: Connections
    around: Surroundings
    alone: bool
    _written: dict[Activity, Health] = field(default_factory=dict)
    _alive_until: datetime | None = None

    async def run(self, stop: asyncio.Event) -> None:
        transactions = self.around.transactions
        own = {each for connection in self.connections.open.values() for each in activities_of(connection)}
        broken = {
            Activity(each.name, "open"): Health(State.MISCONFIGURED, error=_said(each.path, each.error))
            for each in self.connections.broken
        }
        known = [(each.connection, each.kind, each.stream) for each in (*own, *broken)]
        await transactions.write(lambda tx: activities.keep_only(tx.connection, known))
        while not stop.is_set():
            board = self.around.board
            await self._write({each: board.health(each) for each in own} | broken)
            await pause(transactions.clock, _INTERVAL_SECONDS, stop)
        if self.alone:
            await self._write(
                {each: replace(self.around.board.health(each), state=State.STOPPED) for each in own} | broken
            )
        name, owner = f"hub:{self.around.owner}", self.around.owner
        await transactions.write(lambda tx: leases.release(tx.connection, name, owner))

    async def _write(self, healths: dict[Activity, Health]) -> None:
        now = self.around.transactions.clock.now()
        changed = {
            each: health
            for each, health in healths.items()
            if (self.alone or health.state is not State.STARTING)
            and _is_news(self._written.get(each), health)
        }
        alive = self._alive_until is not None and self._alive_until - now > timedelta(
            seconds=_ALIVE_SECONDS / 2
        )
        if alive and not changed:
            return
        connectors = {name: each.manifest.id for name, each in self.connections.open.items()}
        connectors |= {each.name: each.connector for each in self.connections.broken}
        rows = [_row(each, connectors[each.connection], health, now) for each, health in changed.items()]

        def write(tx: Transaction) -> None:
            if rows:
                activities.save(tx.connection, rows)
            activities.sign_of_life(tx.connection, self.around.owner, now, _ALIVE_SECONDS)

        await self.around.transactions.write(write)
        self._written.update(changed)
        self._alive_until = now + timedelta(seconds=_ALIVE_SECONDS)


def _is_news(written: Health | None, health: Health) -> bool:
    if written is None:
        return True
    before, after = written.last_success_at, health.last_success_at
    if after is not None and (before is None or after - before >= _SUCCESS_INTERVAL):
        return True
    same = replace(health, last_success_at=before, records=written.records, watermark=written.watermark)
    return same != written


def _row(activity: Activity, connector: str, health: Health, now: datetime) -> ActivityRow:
    return ActivityRow(
        connection=activity.connection,
        kind=activity.kind,
        stream=activity.stream,
        connector=connector,
        state=health.state.value,
        failures=health.failures,
        error=health.error,
        last_success_at=health.last_success_at,
        failing_since=health.failing_since,
        next_attempt_at=health.next_attempt_at,
        updated_at=now,
    )


def _said(path: str, error: str) -> str:
    return error if path in error else f"{path}: {error}"

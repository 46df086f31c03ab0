"""How every connection stands, for the API and ``crossdock status``: read from the database, by any process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import func, select

from crossdock.store.activities import ActivityRow, hub_seen_until, list_activities
from crossdock.store.plumbing import commands, dead_letters, file_ledger, poll_cursors

__all__ = ["ActivityStatus", "ConnectionStatus", "HubStatus", "hub_status"]


@dataclass(frozen=True, slots=True)
class ActivityStatus:
    """One thing that a connection does.

    Attributes:
        kind: ``poll``, ``receive`` or ``drop`` with a stream, or ``deliver``; ``open`` is a connection that can't
            be opened.
        state: ``starting``, ``ok``, ``throttled``, ``retrying``, ``circuit_open``, ``unauthorised``,
            ``misconfigured``, ``failed`` or ``stopped``.
        failures: In a row.
        last_success_at: To the minute.
        next_attempt_at: Of what does not go well; until then a throttling partner is left alone.
        lag_seconds: Age of the instant up to which nothing of the source is missing, where that is known.
        last_progress_at: When a cursor last moved or a file was last stored.
    """

    kind: str
    stream: str
    state: str
    error: str | None
    failures: int
    last_success_at: datetime | None
    failing_since: datetime | None
    next_attempt_at: datetime | None
    lag_seconds: float | None
    last_progress_at: datetime | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection.

    Attributes:
        healthy: Nothing that it does has trouble.
        commands: How many commands there are, by state.
        dead_letters: How many wait for somebody.
    """

    name: str
    connector: str
    healthy: bool
    activities: tuple[ActivityStatus, ...]
    commands: dict[str, int]
    dead_letters: int


@dataclass(frozen=True, slots=True)
class HubStatus:
    """The hub's process and its connections, by name.

    Attributes:
        running: By its last sign of life, which may be a minute old.
        seen_until: Until when that sign of life holds; none before the first run and after a graceful stop.
    """

    running: bool
    seen_until: datetime | None
    connections: tuple[ConnectionStatus, ...]


_WELL = ("starting", "ok", "throttled", "stopped")


def hub_status(database: DatabaseConnection, now: datetime) -> HubStatus:
    """How the hub and all its connections stand, as its process last wrote it down."""
    until = hub_seen_until(database)
    by_state: dict[str, dict[str, int]] = {}
    counted = select(commands.c.connection, commands.c.state, func.count()).group_by(
        commands.c.connection, commands.c.state
    )
    for name, state, count in database.execute(counted):
        by_state.setdefault(name, {})[state] = count
    letters: dict[str | None, int] = {
        row[0]: row[1]
        for row in database.execute(
            select(dead_letters.c.connection, func.count())
            .where(dead_letters.c.state == "open")
            .group_by(dead_letters.c.connection)
        )
    }
    progress = _progress(database)
    statuses = []
    for name, group in groupby(list_activities(database), key=lambda row: row.connection):
        rows = list(group)
        activities = tuple(_activity(row, progress, now) for row in rows)
        healthy = all(each.state in _WELL for each in activities)
        statuses.append(
            ConnectionStatus(
                name, rows[0].connector, healthy, activities, by_state.get(name, {}), letters.get(name, 0)
            )
        )
    return HubStatus(until is not None and until > now, until, tuple(statuses))


_Progress = dict[tuple[str, str], tuple[datetime, datetime | None]]


def _progress(database: DatabaseConnection) -> _Progress:
    """When each stream last moved, and its watermark."""
    found: _Progress = {}
    files = file_ledger.c
    stored = select(files.connection, files.stream, func.max(files.updated_at, type_=files.updated_at.type))
    for name, stream, at in database.execute(stored.group_by(files.connection, files.stream)):
        found[(name, stream)] = (at, None)
    cursors = poll_cursors.c
    moved = select(cursors.connection, cursors.stream, cursors.updated_at, cursors.watermark)
    for name, stream, at, watermark in database.execute(moved):
        found[(name, stream)] = (at, watermark)
    return found


def _activity(row: ActivityRow, progress: _Progress, now: datetime) -> ActivityStatus:
    at, watermark = progress.get((row.connection, row.stream), (None, None))
    return ActivityStatus(
        kind=row.kind,
        stream=row.stream,
        state=row.state,
        error=row.error,
        failures=row.failures,
        last_success_at=row.last_success_at,
        failing_since=row.failing_since,
        next_attempt_at=row.next_attempt_at,
        lag_seconds=(now - watermark).total_seconds() if watermark else None,
        last_progress_at=at,
        updated_at=row.updated_at,
    )

"""How every connection stands, for the API and ``crossdock status``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection as DatabaseConnection
from sqlalchemy import func, select

from crossdock.sdk.manifest import Role
from crossdock.store.plumbing import commands, dead_letters, file_ledger, poll_cursors
from crossdock.streams.edges.connections import BrokenConnection, Connection, Connections
from crossdock.streams.edges.health import Activity, Health, StatusBoard

__all__ = ["ActivityStatus", "ConnectionStatus", "connection_statuses"]

_KINDS = {Role.POLL: "poll", Role.RECEIVE: "receive", Role.DROP: "drop"}


@dataclass(frozen=True, slots=True)
class ActivityStatus:
    """One activity.

    Attributes:
        health: What this process knows; ``starting`` where it does not run the activity.
        lag_seconds: Age of the instant up to which nothing of the source is missing, where that is known.
        last_progress_at: When a cursor last moved or a file was last stored, by whatever process.
    """

    activity: Activity
    health: Health
    lag_seconds: float | None
    last_progress_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """One connection.

    Attributes:
        error: Why it is not open; then it does nothing.
        commands: How many commands there are, by state.
        dead_letters: How many wait for somebody.
    """

    name: str
    connector: str
    error: str | None
    activities: tuple[ActivityStatus, ...]
    commands: dict[str, int]
    dead_letters: int


def connection_statuses(
    database: DatabaseConnection, connections: Connections, now: datetime, board: StatusBoard | None = None
) -> list[ConnectionStatus]:
    """All connections by name, from the database and, where this process runs them, from ``board``."""
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
    statuses = [
        ConnectionStatus(
            each.name,
            each.manifest.id,
            None,
            tuple(_activities(each, progress, now, board)),
            by_state.get(each.name, {}),
            letters.get(each.name, 0),
        )
        for each in connections.open.values()
    ]
    statuses += [_broken(each, by_state, letters) for each in connections.broken]
    return sorted(statuses, key=lambda status: status.name)


def _broken(
    broken: BrokenConnection, by_state: dict[str, dict[str, int]], letters: dict[str | None, int]
) -> ConnectionStatus:
    said = broken.error if broken.path in broken.error else f"{broken.path}: {broken.error}"
    name = broken.name
    return ConnectionStatus(name, broken.connector, said, (), by_state.get(name, {}), letters.get(name, 0))


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


def _activities(
    connection: Connection, progress: _Progress, now: datetime, board: StatusBoard | None
) -> list[ActivityStatus]:
    activities = [
        Activity(connection.name, kind, stream.name)
        for role, kind in _KINDS.items()
        for stream in connection.of_role(role)
    ]
    if connection.commands:
        activities.append(Activity(connection.name, "deliver"))
    statuses = []
    for activity in activities:
        at, watermark = progress.get((activity.connection, activity.stream), (None, None))
        lag_seconds = (now - watermark).total_seconds() if watermark else None
        health = board.health(activity) if board else Health()
        statuses.append(ActivityStatus(activity, health, lag_seconds, at))
    return statuses

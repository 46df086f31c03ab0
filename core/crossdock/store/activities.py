"""How connections stand, written down by the process that runs them, for every other one to read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select, tuple_

from crossdock.store.bulk import InsertMany
from crossdock.store.leases import take
from crossdock.store.plumbing import activities, leases

__all__ = ["HUB", "ActivityRow", "hub_seen_until", "keep_only", "list_activities", "save", "sign_of_life"]

HUB = "hub:"
"""Begins the lease by which a process shows that it runs."""


class ActivityRow(NamedTuple):
    """One activity of one connection; of kind ``open`` is a connection that can't be opened."""

    connection: str
    kind: str
    stream: str
    connector: str
    state: str
    failures: int
    error: str | None
    last_success_at: datetime | None
    failing_since: datetime | None
    next_attempt_at: datetime | None
    updated_at: datetime


_KEY = ("connection", "kind", "stream")
_save = InsertMany(
    activities,
    ActivityRow._fields,
    conflict=_KEY,
    update=lambda new: {name: getattr(new, name) for name in ActivityRow._fields if name not in _KEY},
)


def save(connection: Connection, rows: Sequence[ActivityRow]) -> None:
    """Write down how activities stand now. What an earlier process knew of a last success is kept."""
    known = {row[:3]: row.last_success_at for row in list_activities(connection)}
    _save(
        connection,
        [
            row if row.last_success_at else row._replace(last_success_at=known.get(row[:3]))
            for row in sorted(rows)
        ],
    )


def keep_only(connection: Connection, known: Collection[tuple[str, str, str]]) -> None:
    """Forget activities that the configuration no longer has."""
    key = tuple_(*(activities.c[name] for name in _KEY))
    connection.execute(delete(activities).where(key.not_in(sorted(known))))


def list_activities(connection: Connection) -> list[ActivityRow]:
    """All activities by connection, kind and stream."""
    columns = [activities.c[name] for name in ActivityRow._fields]
    return [ActivityRow(*row) for row in connection.execute(select(*columns).order_by(*columns[:3]))]


def sign_of_life(connection: Connection, owner: str, now: datetime, seconds: float) -> None:
    """Say that the hub's process ``owner`` runs, and will say so again within ``seconds``."""
    take(connection, HUB + owner, owner, now, seconds)


def hub_seen_until(connection: Connection) -> datetime | None:
    """Until when a hub runs by its last sign of life: past where none does; ``None`` after a graceful stop."""
    until = leases.c.until
    newest = select(func.max(until, type_=until.type)).where(leases.c.name.startswith(HUB, autoescape=True))
    found: datetime | None = connection.execute(newest).scalar_one()
    return found

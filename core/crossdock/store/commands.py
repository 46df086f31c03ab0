"""The outbox: what the hub wants partners to do, each once, strictly in order within its order key.

    pending ──claim──► sending ──► applied | rejected | parked
       ▲                  │
       ├── throttled, unreachable, certainly not done
       └── probe: not applied ◄── unknown ◄── time-out, crash while sending

``sending`` is committed before anything is sent. A command found ``sending`` with its lease run out was cut off
by a crash: it is claimed again as unknown, and must be probed. ``parked`` waits for a person and holds nobody
else up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    LargeBinary,
    Select,
    Text,
    and_,
    func,
    literal_column,
    or_,
    select,
    update,
)

from crossdock.store.bulk import InsertMany, SelectMany, UpdateMany
from crossdock.store.metadata import Instant, Json
from crossdock.store.plumbing import commands

__all__ = [
    "ClaimedCommand",
    "CommandRow",
    "CommandState",
    "Result",
    "claim",
    "enqueue",
    "next_due",
    "record",
    "recover",
]


class CommandState(StrEnum):
    """Where a command stands."""

    PENDING = "pending"
    SENDING = "sending"
    UNKNOWN = "unknown"
    APPLIED = "applied"
    REJECTED = "rejected"
    PARKED = "parked"


class CommandRow(NamedTuple):
    """One command as it is enqueued.

    Attributes:
        connection: Whom it goes to.
        name: As in the manifest, such as ``shipment.confirm``.
        order_key: Commands of one key are carried out one after the other.
        idempotency_key: The same key is enqueued once a connection.
        payload: The canonical document, JSON.
        refs: The partner's own ids, by kind.
        correlation_id: Of the story it belongs to.
        created_at: Aware UTC; also the instant from which it may be sent.
        coalesce_key: If not empty, a newer command takes the place of a pending one with the same key.
    """

    connection: str
    name: str
    order_key: str
    idempotency_key: str
    payload: bytes
    refs: Mapping[str, str]
    correlation_id: str
    created_at: datetime
    coalesce_key: str = ""


@dataclass(frozen=True, slots=True)
class ClaimedCommand:
    """A command to carry out now; with ``probe`` ask first whether it has happened."""

    id: int
    connection: str
    name: str
    order_key: str
    idempotency_key: str
    coalesce_key: str
    payload: bytes
    refs: Mapping[str, str]
    correlation_id: str
    attempts: int
    created_at: datetime
    probe: bool


class Result(NamedTuple):
    """What became of a claimed command; ``not_before`` is when to try again, for ``pending`` and ``unknown``."""

    id: int
    state: CommandState
    outcome: Mapping[str, Any] | None = None
    not_before: datetime | None = None


_insert = InsertMany(
    commands, (*CommandRow._fields, "state", "attempts", "not_before", "updated_at"), ignore=True
)
_overwritten = attrgetter("name", "idempotency_key", "payload", "refs", "correlation_id", "created_at")
_replace = UpdateMany(
    commands,
    ("id",),
    {
        "name": Text(),
        "idempotency_key": Text(),
        "payload": LargeBinary(),
        "refs": Json(),
        "correlation_id": Text(),
        "now": Instant(),
    },
    lambda new: {
        "name": new.name,
        "idempotency_key": new.idempotency_key,
        "payload": new.payload,
        "refs": new.refs,
        "correlation_id": new.correlation_id,
        "updated_at": new.now,
    },
)
_finish = UpdateMany(
    commands,
    ("id",),
    {"state": Text(), "outcome": Json(), "not_before": Instant(), "now": Instant(), "owner": Text()},
    lambda new: {
        "state": new.state,
        "outcome": new.outcome,
        "not_before": func.coalesce(new.not_before, commands.c.not_before),
        "updated_at": new.now,
        "lease_owner": literal_column("NULL"),
        "lease_until": literal_column("NULL"),
    },
    where=lambda new: and_(commands.c.lease_owner == new.owner, _unfinished(commands.c.state)),
)


def enqueue(connection: Connection, rows: Sequence[CommandRow]) -> None:
    """Put commands into the outbox; one whose idempotency key is there already is dropped.

    A row with a coalesce key overwrites the pending command of that key in its place in the queue, so a value
    that changes faster than it can be sent is still sent.
    """
    newest = {(row.connection, row.coalesce_key): row for row in rows if row.coalesce_key}
    # The last pending one of each key: replacing an earlier one would let an old value be sent after the new.
    waiting = {(row[0], row[1]): row[2] for row in _pending(connection, list(newest))}
    _replace(connection, [(command_id, *_overwritten(newest[key])) for key, command_id in waiting.items()])
    fresh = [
        row
        for row in rows
        if not row.coalesce_key
        or ((key := (row.connection, row.coalesce_key)) not in waiting and newest[key] is row)
    ]
    _insert(
        connection, [(*row, CommandState.PENDING.value, 0, row.created_at, row.created_at) for row in fresh]
    )


def claim(
    connection: Connection, partner: str, owner: str, now: datetime, *, lease_seconds: float, limit: int
) -> list[ClaimedCommand]:
    """Take commands of the connection ``partner`` that are due, the longest waiting first.

    Of one order key only the first unfinished command is taken. Commit before sending anything: what is claimed
    is now ``sending`` (or still ``unknown``, to be probed) until ``record``, or until the lease runs out.
    """
    found = connection.execute(_due(partner, now, limit)).all()
    if not found:
        return []
    pending = [row.id for row in found if row.state == CommandState.PENDING]
    lease = {"lease_owner": owner, "lease_until": now + timedelta(seconds=lease_seconds), "updated_at": now}
    connection.execute(
        update(commands)
        .where(commands.c.id.in_(pending))
        .values(**lease, state=CommandState.SENDING, attempts=commands.c.attempts + 1, sent_at=now)
    )
    connection.execute(
        update(commands)
        .where(commands.c.id.in_([row.id for row in found if row.state != CommandState.PENDING]))
        .values(**lease, state=CommandState.UNKNOWN)
    )
    return [
        ClaimedCommand(
            id=row.id,
            connection=row.connection,
            name=row.name,
            order_key=row.order_key,
            idempotency_key=row.idempotency_key,
            coalesce_key=row.coalesce_key,
            payload=row.payload,
            refs=row.refs,
            correlation_id=row.correlation_id,
            attempts=row.attempts + (row.state == CommandState.PENDING),
            created_at=row.created_at,
            probe=row.state != CommandState.PENDING,
        )
        for row in found
    ]


def _due(partner: str, now: datetime, limit: int) -> Select[Any]:
    earlier = commands.alias("earlier")
    lease_free = or_(commands.c.lease_until.is_(None), commands.c.lease_until <= now)
    return (
        select(commands)
        .where(
            commands.c.connection == partner,
            _unfinished(commands.c.state),
            commands.c.not_before <= now,
            lease_free,
            ~select(earlier.c.id)
            .where(
                earlier.c.connection == commands.c.connection,
                earlier.c.order_key == commands.c.order_key,
                earlier.c.id < commands.c.id,
                _unfinished(earlier.c.state),
            )
            .exists(),
        )
        .order_by(commands.c.not_before, commands.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=commands)
    )


def record(connection: Connection, results: Sequence[Result], owner: str, now: datetime) -> int:
    """Record what became of commands that ``owner`` has claimed, and give their leases back.

    Returns how many it still had: what another has taken over, or has finished, is left as it is.
    """
    rows = [(each.id, each.state.value, each.outcome, each.not_before, now, owner) for each in results]
    return _finish(connection, rows)


def recover(connection: Connection, owner: str, now: datetime) -> int:
    """Free what ``owner`` held when it died, to be probed at once; for a worker that starts again under its name."""
    held = and_(commands.c.lease_owner == owner, _unfinished(commands.c.state))
    free = {"state": CommandState.UNKNOWN, "lease_owner": None, "lease_until": None, "updated_at": now}
    return connection.execute(update(commands).where(held).values(**free)).rowcount


def next_due(connection: Connection, partner: str) -> datetime | None:
    """The instant at which the next command of ``partner`` may become due; ``None`` when there is none."""
    later_of = func.greatest if connection.dialect.name == "postgresql" else func.max
    waits_until = later_of(
        commands.c.not_before, func.coalesce(commands.c.lease_until, commands.c.not_before)
    )
    earliest = select(func.min(waits_until, type_=Instant())).where(
        commands.c.connection == partner, _unfinished(commands.c.state)
    )
    found: datetime | None = connection.execute(earliest).scalar_one()
    return found


def _unfinished(state: ColumnElement[str]) -> ColumnElement[bool]:
    """As literals, so that the planner sees that the partial indexes apply."""
    return state.in_([literal_column(f"'{name}'") for name in ("pending", "sending", "unknown")])


_pending = SelectMany(
    {"connection": Text(), "coalesce_key": Text()},
    lambda wanted: (
        select(commands.c.connection, commands.c.coalesce_key, func.max(commands.c.id))
        .select_from(wanted)
        .join(
            commands,
            and_(
                commands.c.connection == wanted.c.connection,
                commands.c.coalesce_key == wanted.c.coalesce_key,
                commands.c.state == literal_column("'pending'"),
                commands.c.coalesce_key != literal_column("''"),
            ),
        )
        .group_by(commands.c.connection, commands.c.coalesce_key)
    ),
)

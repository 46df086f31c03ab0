"""What the hub's database says, read from outside of the hub."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection, func, select

from crossdock.demo.times import until
from crossdock.routing import Decision, decode_decision
from crossdock.store.engine import open_database
from crossdock.store.order_tables import decisions, orders, work_items
from crossdock.store.plumbing import commands, messages, processor_cursors

__all__ = ["DecisionSeen", "Observer", "Placed"]

T = TypeVar("T")

_WAITING = ("pending", "sending", "unknown")


@dataclass(frozen=True, slots=True)
class DecisionSeen:
    """A decision with what is shown of it."""

    id: str
    at: datetime
    order: str
    number: int
    why: str
    decision: Decision


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an order stands."""

    id: str
    state: str
    reason: str | None
    on_worklist: bool

    @property
    def settled(self) -> bool:
        """Shipped, cancelled with a reason, or somebody's work."""
        return (
            self.state in ("shipped", "closed")
            or (self.state == "cancelled" and bool(self.reason))
            or self.on_worklist
        )


class Observer:
    """Reads the database at ``url``."""

    def __init__(self, url: str) -> None:
        """Open it."""
        self.database = open_database(url, threads=2)

    def close(self) -> None:
        """Close it."""
        self.database.close()

    def read(self, work: Callable[[Connection], T]) -> T:
        """Read on one snapshot."""
        return self.database.read_now(work)

    async def orders_of(self, connection: str) -> int:
        """How many orders of a channel's connection the hub has decided on."""
        return await self.database.read(
            lambda db: db.execute(
                select(func.count()).where(orders.c.connection == connection, orders.c.decisions > 0)
            ).scalar_one()
        )

    async def caught_up(self) -> None:
        """Wait until everything that the hub has taken in by now has had its effect.

        A record becomes a document, that a change, that a re-route: three steps through the topics, the last one
        once more to be sure.
        """
        for _ in range(4):
            marks = await self.database.read(_last_messages)
            await until(partial(self.database.read, partial(_up_to, marks)))

    async def delivered(self, names: Sequence[str] = ()) -> None:
        """Wait until the commands of these names that are in the outbox by now have an outcome; without names, all."""
        last = await self.database.read(
            lambda db: db.execute(select(func.max(commands.c.id))).scalar_one() or 0
        )
        await until(partial(self.database.read, lambda db: not _waiting(db, names, last)))

    def waiting_commands(self) -> int:
        """How many commands have no outcome yet."""
        return self.read(lambda db: _waiting(db, (), 1 << 62))

    def placed(self) -> list[Placed]:
        """Every order."""
        return self.read(_placed)

    def decisions_since(self, at: datetime | None) -> list[DecisionSeen]:
        """Decisions made at ``at`` or later, in their order."""
        return self.read(lambda db: _decisions_since(db, at))


def _last_messages(db: Connection) -> dict[str, int]:
    rows = db.execute(select(messages.c.topic, func.max(messages.c.id)).group_by(messages.c.topic))
    return {row[0]: row[1] for row in rows}


def _up_to(marks: Mapping[str, int], db: Connection) -> bool:
    """Whether every processor has handled its topic up to the mark."""
    rows = db.execute(select(processor_cursors.c.topic, processor_cursors.c.position))
    return all(position >= marks.get(topic, 0) for topic, position in rows)


def _waiting(db: Connection, names: Sequence[str], last: int) -> int:
    wanted = select(func.count()).where(commands.c.state.in_(_WAITING), commands.c.id <= last)
    if names:
        wanted = wanted.where(commands.c.name.in_(names))
    return int(db.execute(wanted).scalar_one())


def _placed(db: Connection) -> list[Placed]:
    working = set(
        db.execute(select(work_items.c.order_id).where(work_items.c.state == "open").distinct()).scalars()
    )
    rows = db.execute(select(orders.c.id, orders.c.state, orders.c.reason).order_by(orders.c.id))
    return [Placed(row[0], row[1], row[2], row[0] in working) for row in rows]


def _decisions_since(db: Connection, at: datetime | None) -> list[DecisionSeen]:
    table = decisions.c
    wanted = select(table.id, table.decided_at, table.order_id, table.number, table.why, table.body)
    if at is not None:
        wanted = wanted.where(table.decided_at >= at)
    found = db.execute(wanted.order_by(table.decided_at, table.order_id, table.number))
    return [DecisionSeen(*each[:5], decode_decision(each[5])) for each in found]

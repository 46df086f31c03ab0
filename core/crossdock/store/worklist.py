"""The worklist: opened once for each cause and subject, reopened when it happens again, closed by people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    cast,
    func,
    literal_column,
    select,
    tuple_,
    update,
)

from crossdock.orders.worklist import Action, Cause, Role, WorkItem, actions_for
from crossdock.store.bulk import InsertMany
from crossdock.store.order_tables import work_items

__all__ = [
    "ItemRow",
    "OpenCount",
    "Settlement",
    "WorkFilter",
    "assign",
    "count_open",
    "find_ids",
    "list_items",
    "load_item",
    "raise_items",
    "resolve",
    "settle",
    "settle_causes",
]

_HUB = "hub"
"""Closes items because what they waited for has happened."""

_raise = InsertMany(
    work_items,
    (
        "cause",
        "subject",
        "order_id",
        "message",
        "owner",
        "fix",
        "due_at",
        "state",
        "created_at",
        "updated_at",
    ),
    conflict=("cause", "subject"),
    update=lambda new: {
        "message": new.message,
        "fix": new.fix,
        "due_at": new.due_at,
        "state": literal_column("'open'"),
        "resolution": literal_column("NULL"),
        "settled_by": literal_column("NULL"),
        "updated_at": new.updated_at,
    },
)


class ItemRow(NamedTuple):
    """A work item as it is listed; ``settled_by`` is ``hub`` where it closed by itself."""

    id: int
    cause: str
    subject: str
    order_id: str | None
    message: str
    owner: str
    fix: str
    due_at: datetime
    state: str
    resolution: str | None
    created_at: datetime
    assigned_to: str | None
    settled_by: str | None

    @property
    def actions(self) -> tuple[Action, ...]:
        """What can be done about it, the proposed one first."""
        return actions_for(Cause(self.cause), self.subject)

    def overdue(self, now: datetime) -> bool:
        """Whether it is open past its time."""
        return self.state == "open" and self.due_at < now


@dataclass(frozen=True, slots=True)
class WorkFilter:
    """Which work items are wanted; what is None does not restrict.

    Attributes:
        unassigned: Only what nobody has taken on; wins over ``assigned_to``.
        overdue_at: Only what is past its time at this instant.
    """

    state: Literal["open", "done"] = "open"
    cause: Cause | None = None
    owner: Role | None = None
    assigned_to: str | None = None
    unassigned: bool = False
    order_id: str | None = None
    overdue_at: datetime | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        """As SQL."""
        wanted = [work_items.c.state == self.state]
        for column in ("cause", "owner", "order_id", "assigned_to"):
            value = getattr(self, column)
            if value is not None and not (column == "assigned_to" and self.unassigned):
                wanted.append(work_items.c[column] == value)
        if self.unassigned:
            wanted.append(work_items.c.assigned_to.is_(None))
        if self.overdue_at is not None:
            wanted.append(work_items.c.due_at < self.overdue_at)
        return wanted


class OpenCount(NamedTuple):
    """Open items of a cause and owner, and how many of them are past their time."""

    cause: str
    owner: str
    open: int
    overdue: int


class Settlement(NamedTuple):
    """The item of this cause and subject is over, if it is open."""

    cause: Cause
    subject: str
    resolution: str


def raise_items(connection: Connection, items: Sequence[tuple[WorkItem, str | None]], now: datetime) -> None:
    """Open work items, each with the order it belongs to, if there is one."""
    newest = {(item.cause, item.subject): (item, order_id) for item, order_id in items}
    _raise(
        connection,
        [
            (
                item.cause.value,
                item.subject,
                order_id,
                item.message,
                item.owner.value,
                item.fix,
                item.due_at,
                "open",
                now,
                now,
            )
            for item, order_id in newest.values()
        ],
    )


def settle(connection: Connection, subjects: Sequence[str], resolution: str, now: datetime) -> int:
    """Close the open items of ``subjects``, because what they waited for has happened; returns how many."""
    done = connection.execute(
        update(work_items)
        .where(work_items.c.subject.in_(subjects), work_items.c.state == "open")
        .values(state="done", resolution=resolution, settled_by=_HUB, updated_at=now)
    )
    return done.rowcount


def settle_causes(connection: Connection, settlements: Sequence[Settlement], now: datetime) -> int:
    """Close the open items of causes and subjects; returns how many."""
    by_resolution: dict[str, set[tuple[str, str]]] = {}
    for each in settlements:
        by_resolution.setdefault(each.resolution, set()).add((each.cause.value, each.subject))
    count = 0
    for resolution, keys in by_resolution.items():
        done = connection.execute(
            update(work_items)
            .where(
                tuple_(work_items.c.cause, work_items.c.subject).in_(sorted(keys)),
                work_items.c.state == "open",
            )
            .values(state="done", resolution=resolution, settled_by=_HUB, updated_at=now)
        )
        count += done.rowcount
    return count


def resolve(connection: Connection, item: int, resolution: str, by: str, now: datetime) -> None:
    """Close an item by the word of a person."""
    _change(connection, item, now, state="done", resolution=resolution, settled_by=by)


def assign(connection: Connection, item: int, to: str | None, now: datetime) -> None:
    """Say who has taken an item on, or that nobody has."""
    _change(connection, item, now, assigned_to=to)


def _change(connection: Connection, item: int, now: datetime, **values: str | None) -> None:
    connection.execute(update(work_items).where(work_items.c.id == item).values(**values, updated_at=now))


def load_item(connection: Connection, item: int) -> ItemRow | None:
    """One item."""
    found = connection.execute(select(*_COLUMNS).where(work_items.c.id == item)).one_or_none()
    return None if found is None else ItemRow(*found)


def list_items(
    connection: Connection, wanted: WorkFilter | None = None, *, limit: int = 100
) -> list[ItemRow]:
    """Work items, the most urgent first."""
    found = select(*_COLUMNS).where(*(wanted or WorkFilter()).conditions)
    rows: Sequence[Any] = connection.execute(
        found.order_by(work_items.c.due_at, work_items.c.id).limit(limit)
    ).all()
    return [ItemRow(*row) for row in rows]


def find_ids(connection: Connection, wanted: WorkFilter, limit: int) -> list[int]:
    """The ids of items, the most urgent first."""
    found = select(work_items.c.id).where(*wanted.conditions)
    return list(
        connection.execute(found.order_by(work_items.c.due_at, work_items.c.id).limit(limit)).scalars()
    )


def count_open(connection: Connection, now: datetime) -> list[OpenCount]:
    """How much of each cause and owner is open, and overdue."""
    late = func.sum(cast(work_items.c.due_at < now, Integer))
    rows = connection.execute(
        select(work_items.c.cause, work_items.c.owner, func.count(), late)
        .where(work_items.c.state == "open")
        .group_by(work_items.c.cause, work_items.c.owner)
        .order_by(work_items.c.cause, work_items.c.owner)
    )
    return [OpenCount(cause, owner, count, int(overdue)) for cause, owner, count, overdue in rows]


_COLUMNS = tuple(work_items.c[name] for name in ItemRow._fields)

"""The worklist: opened once for each cause and subject, reopened when it happens again, closed by people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, literal_column, select, tuple_, update

from crossdock.orders.worklist import Cause, WorkItem
from crossdock.store.bulk import InsertMany
from crossdock.store.order_tables import work_items

__all__ = ["ItemRow", "Settlement", "list_items", "raise_items", "resolve", "settle", "settle_causes"]

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
        "updated_at": new.updated_at,
    },
)


class ItemRow(NamedTuple):
    """A work item as it is listed."""

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
        .values(state="done", resolution=resolution, updated_at=now)
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
            .values(state="done", resolution=resolution, updated_at=now)
        )
        count += done.rowcount
    return count


def resolve(connection: Connection, ids: Sequence[int], resolution: str, now: datetime) -> list[int]:
    """Close items by hand; returns the ids that were open."""
    done = connection.execute(
        update(work_items)
        .where(work_items.c.id.in_(ids), work_items.c.state == "open")
        .values(state="done", resolution=resolution, updated_at=now)
        .returning(work_items.c.id)
    )
    return sorted(done.scalars())


def list_items(
    connection: Connection, *, state: str = "open", order_id: str | None = None, limit: int = 100
) -> list[ItemRow]:
    """Work items, the most urgent first."""
    found = select(*(work_items.c[name] for name in ItemRow._fields)).where(work_items.c.state == state)
    if order_id is not None:
        found = found.where(work_items.c.order_id == order_id)
    rows: Sequence[Any] = connection.execute(
        found.order_by(work_items.c.due_at, work_items.c.id).limit(limit)
    ).all()
    return [ItemRow(*row) for row in rows]

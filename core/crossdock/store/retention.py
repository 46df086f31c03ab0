"""Deletes what is older than anybody needs, a bounded number of rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, not_, select, tuple_

from crossdock.store.plumbing import commands, dead_letters, inbox, messages, processor_cursors, raw_records

__all__ = ["Retention", "prune"]


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days what is done with is kept.

    ``inbox_days`` must be longer than the longest time after which a message can come again; so it is never
    shorter than
    ``message_days``. Open dead letters, unfinished commands and messages not yet handled are kept whatever their age.
    """

    raw_days: int = 90
    message_days: int = 14
    inbox_days: int = 45
    dead_letter_days: int = 180
    command_days: int = 90
    rows_at_once: int = 2_000

    def __post_init__(self) -> None:
        """Refuse an inbox that forgets before the log does."""
        if self.inbox_days < self.message_days:
            raise ValueError(
                "inbox_days must not be shorter than message_days: messages would be handled twice"
            )


def prune(connection: Connection, retention: Retention, now: datetime) -> dict[str, int]:
    """Delete up to ``rows_at_once`` rows of each table, the oldest first; returns how many, by table.

    Large bodies of raw records stay on the disk: ``BodyStore.delete`` them once no record names them.
    """

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    unread = (
        select(func.min(processor_cursors.c.position))
        .where(processor_cursors.c.topic == messages.c.topic)
        .scalar_subquery()
    )
    expired: list[tuple[Table, ColumnElement[bool]]] = [
        (raw_records, raw_records.c.received_at < before(retention.raw_days)),
        (
            messages,
            and_(
                messages.c.created_at < before(retention.message_days),
                messages.c.id <= func.coalesce(unread, messages.c.id),
            ),
        ),
        (inbox, inbox.c.handled_at < before(retention.inbox_days)),
        (
            dead_letters,
            and_(
                dead_letters.c.updated_at < before(retention.dead_letter_days), dead_letters.c.state != "open"
            ),
        ),
        (
            commands,
            and_(
                commands.c.updated_at < before(retention.command_days),
                not_(commands.c.state.in_(("pending", "sending", "unknown", "parked"))),
            ),
        ),
    ]
    return {
        table.name: _delete(connection, table, condition, retention.rows_at_once)
        for table, condition in expired
    }


def _delete(connection: Connection, table: Table, condition: ColumnElement[bool], limit: int) -> int:
    key = list(table.primary_key.columns)
    oldest = select(*key).where(condition).limit(limit)
    return connection.execute(delete(table).where(tuple_(*key).in_(oldest))).rowcount

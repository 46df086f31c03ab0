"""What is older than anybody needs: found on a snapshot, deleted a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    func,
    literal_column,
    not_,
    select,
    tuple_,
)

from crossdock.store.order_tables import work_items
from crossdock.store.plumbing import (
    api_requests,
    commands,
    dead_letters,
    file_ledger,
    inbox,
    messages,
    processor_cursors,
    raw_records,
)
from crossdock.store.relaying import LOG
from crossdock.store.stock_tables import reservations

__all__ = ["Expiry", "Retention", "delete_rows", "expired_keys", "expiries"]


@dataclass(frozen=True, slots=True)
class Retention:
    """How many days what is done with is kept.

    ``inbox_days`` must be longer than the longest time after which a message can come again; so it is never
    shorter than ``message_days``. Open dead letters with their raw records, unfinished commands and messages not yet
    handled are kept whatever their age, and so are open work items, reservations that count, and files that the
    hub has still to dispose of.

    Attributes:
        kept_streams: Connection and stream of files that stay where they are at the partner: they have to be known
            as long as they lie there.
    """

    raw_days: int = 90
    message_days: int = 14
    inbox_days: int = 45
    dead_letter_days: int = 180
    command_days: int = 90
    api_request_days: int = 30
    work_item_days: int = 400
    file_days: int = 180
    reservation_days: int = 30
    kept_streams: frozenset[tuple[str, str]] = frozenset()

    def __post_init__(self) -> None:
        """Refuse an inbox that forgets before the log does."""
        if self.inbox_days < self.message_days:
            raise ValueError(
                "inbox_days must not be shorter than message_days: messages would be handled twice"
            )


class Expiry(NamedTuple):
    """A table, and which of its rows nobody needs."""

    table: Table
    condition: ColumnElement[bool]


def expiries(retention: Retention, now: datetime) -> list[Expiry]:
    """What ``retention`` lets go at ``now``, by table."""

    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    # The relay's cursor stands for all topics: what it has not published yet is kept, too.
    unread = (
        select(func.min(processor_cursors.c.position))
        .where(processor_cursors.c.topic.in_([messages.c.topic, literal_column(f"'{LOG}'")]))
        .scalar_subquery()
    )
    letters = dead_letters.c
    wanted = select(letters.raw_id).where(letters.state == "open", letters.raw_id.is_not(None))
    return [
        Expiry(
            raw_records,
            and_(raw_records.c.received_at < before(retention.raw_days), raw_records.c.id.not_in(wanted)),
        ),
        Expiry(
            messages,
            and_(
                messages.c.created_at < before(retention.message_days),
                messages.c.id <= func.coalesce(unread, messages.c.id),
            ),
        ),
        Expiry(inbox, inbox.c.handled_at < before(retention.inbox_days)),
        Expiry(
            dead_letters,
            and_(letters.updated_at < before(retention.dead_letter_days), letters.state != "open"),
        ),
        Expiry(
            commands,
            and_(
                commands.c.updated_at < before(retention.command_days),
                not_(commands.c.state.in_(("pending", "sending", "unknown", "parked"))),
            ),
        ),
        Expiry(api_requests, api_requests.c.created_at < before(retention.api_request_days)),
        *_ended(retention, before),
    ]


def _ended(retention: Retention, before: Callable[[int], datetime]) -> list[Expiry]:
    """What people and partners are done with."""
    return [
        Expiry(
            work_items,
            and_(work_items.c.updated_at < before(retention.work_item_days), work_items.c.state == "done"),
        ),
        _files(retention.kept_streams, before(retention.file_days)),
        Expiry(
            reservations,
            and_(
                reservations.c.updated_at < before(retention.reservation_days),
                reservations.c.state.in_(("released", "expired")),
            ),
        ),
    ]


def _files(kept: frozenset[tuple[str, str]], before: datetime) -> Expiry:
    files = file_ledger.c
    done = [files.updated_at < before, files.state == "disposed"]
    stay = [and_(files.connection == name, files.stream == stream) for name, stream in sorted(kept)]
    return Expiry(file_ledger, and_(*done, *(not_(each) for each in stay)))


def expired_keys(connection: Connection, expiry: Expiry, limit: int) -> list[tuple[Any, ...]]:
    """The primary keys of up to ``limit`` rows that may go."""
    key = list(expiry.table.primary_key.columns)
    return [tuple(row) for row in connection.execute(select(*key).where(expiry.condition).limit(limit))]


def delete_rows(connection: Connection, expiry: Expiry, keys: Sequence[tuple[Any, ...]]) -> int:
    """Delete the rows of ``keys`` that may still go; returns how many."""
    key = tuple_(*expiry.table.primary_key.columns)
    return connection.execute(delete(expiry.table).where(key.in_(keys), expiry.condition)).rowcount

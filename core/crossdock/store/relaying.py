"""The message log as an outbox: what a broker has been given of it, and how far it has been handled.

The relay hands the log to the broker in its order, and keeps how far it is in a cursor of its own. Messages come back
by partition, to any worker; so the cursor of a processor is moved here by what its inbox holds: everything up to it
has been handled. Retention, back-pressure, status and doctor read these cursors, whatever runtime moves them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, ScalarSelect, Text, and_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from crossdock.store import log
from crossdock.store.bulk import SelectMany
from crossdock.store.log import Logged
from crossdock.store.plumbing import inbox, messages, processor_cursors

__all__ = [
    "LOG",
    "NO_TOPICS",
    "RELAY",
    "create_relay_cursor",
    "load_bodies",
    "read_by",
    "read_log",
    "rewind_relay",
    "settle_cursor",
]

RELAY = "relay"
"""The name of the relay among the cursors."""
LOG = "log"
"""What it reads, where a processor's cursor has a topic."""
NO_TOPICS = (LOG, "ledger")
"""What cursors stand on that is no topic of the log."""

_columns = [messages.c[name] for name in Logged._fields]
_read_log = (
    select(*_columns)
    .where(messages.c.id > bindparam("position"))
    .order_by(messages.c.id)
    .limit(bindparam("limit"))
)
_unread = and_(messages.c.topic == bindparam("topic"), messages.c.id > bindparam("position"))
_is_handled = (
    select(inbox.c.message_id)
    .where(inbox.c.processor == bindparam("processor"), inbox.c.message_id == messages.c.message_id)
    .exists()
)
# One statement is one snapshot: what is appended between two would be passed over.
_handled_to = select(
    select(messages.c.id).where(_unread, ~_is_handled).order_by(messages.c.id).limit(1).scalar_subquery(),
    select(func.max(messages.c.id)).where(_unread).scalar_subquery(),
)
_bodies = SelectMany(
    {"topic": Text(), "message_id": Text()},
    lambda wanted: (
        select(messages.c.message_id, messages.c.body)
        .select_from(wanted)
        .join(
            messages,
            and_(messages.c.topic == wanted.c.topic, messages.c.message_id == wanted.c.message_id),
        )
    ),
)


def _first_unhandled() -> ScalarSelect[int]:
    """As far as every processor has come."""
    position = processor_cursors.c.position
    readers = processor_cursors.c.topic.not_in(NO_TOPICS)
    return select(func.coalesce(func.min(position), 0)).where(readers).scalar_subquery()


def create_relay_cursor(connection: Connection, now: datetime) -> None:
    """Let the relay begin, unless it has begun before, with what some processor has not handled yet."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = insert(processor_cursors).values(
        processor=RELAY, topic=LOG, position=_first_unhandled(), updated_at=now
    )
    connection.execute(row.on_conflict_do_nothing())


def rewind_relay(connection: Connection, now: datetime) -> int:
    """Have everything published again that some processor has not handled; returns how many messages that are."""
    connection.execute(
        processor_cursors.update()
        .where(processor_cursors.c.processor == RELAY)
        .values(position=_first_unhandled(), updated_at=now)
    )
    position = log.load_cursor(connection, RELAY)
    counted = select(func.count()).select_from(messages).where(messages.c.id > position)
    return connection.execute(counted).scalar_one()


def read_log(connection: Connection, position: int, limit: int) -> list[Logged]:
    """The next messages of all topics, in log order."""
    rows = connection.execute(_read_log, {"position": position, "limit": limit})
    return [Logged._make(row) for row in rows.all()]


def settle_cursor(connection: Connection, processor: str, topic: str, now: datetime) -> None:
    """Move the cursor of ``processor`` up to its first message that is not handled.

    It looks at what was handled since the last time, and at no more, however much waits behind.
    """
    position = log.load_cursor(connection, processor)
    wanted = {"topic": topic, "processor": processor, "position": position}
    unhandled, last = connection.execute(_handled_to, wanted).one()
    to = last if unhandled is None else unhandled - 1
    if to is not None and to > position:
        log.move_cursor(connection, processor, to, now)


def load_bodies(connection: Connection, topic: str, message_ids: Sequence[str]) -> Mapping[str, bytes]:
    """The bodies of messages, by their ids; one that is pruned is missing."""
    return {row[0]: row[1] for row in _bodies(connection, [(topic, each) for each in message_ids])}


def read_by(connection: Connection) -> list[tuple[str, str]]:
    """The processors of the hub, each with its topic, by name."""
    found = select(processor_cursors.c.processor, processor_cursors.c.topic).where(
        processor_cursors.c.topic.not_in(NO_TOPICS)
    )
    return [(row[0], row[1]) for row in connection.execute(found.order_by(processor_cursors.c.processor))]

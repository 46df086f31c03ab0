"""What a handler did, in a table without any constraint: everything done twice shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, select

from crossdock.store.bulk import InsertMany
from crossdock.store.engine import Database
from crossdock.streams.processor import Message, Transaction

_metadata = MetaData()
effects = Table(
    "test_effects",
    _metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("processor", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("message_id", Text, nullable=False),
)
_insert = InsertMany(effects, ("processor", "key", "message_id"))


def create_effects(database: Database) -> None:
    database.transact_now(lambda connection: _metadata.create_all(connection))


def note(transaction: Transaction, processor: str, messages: Sequence[Message]) -> None:
    """Write down that ``processor`` has handled ``messages``."""
    _insert(transaction.connection, [(processor, message.key, message.id) for message in messages])


def noted(database: Database, processor: str) -> dict[str, list[str]]:
    """The message ids handled by ``processor``, by key, in the order of handling."""

    def read(connection: Connection) -> dict[str, list[str]]:
        found: dict[str, list[str]] = defaultdict(list)
        rows = connection.execute(
            select(effects.c.key, effects.c.message_id)
            .where(effects.c.processor == processor)
            .order_by(effects.c.id)
        )
        for key, message_id in rows:
            found[key].append(message_id)
        return dict(found)

    return database.read_now(read)


def numbered(topic: str, count: int, *, keys: int = 7, start: int = 0) -> list[Message]:
    """``count`` messages spread over ``keys`` keys; ids sort as they were sent."""
    return [
        Message(f"m{number:06}", topic, f"key-{number % keys}", b'{"number": %d}' % number)
        for number in range(start, start + count)
    ]


def by_key(messages: Sequence[Message]) -> dict[str, list[str]]:
    """The ids by key, as ``noted`` has them when each was handled once and in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for message in messages:
        found[message.key].append(message.id)
    return dict(found)

"""Transactions as processors and edges see them: rows, messages and dead letters that commit together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec
from sqlalchemy import Connection

from crossdock.orders.worklist import Cause
from crossdock.sdk.services import Clock
from crossdock.store import dead_letters, log
from crossdock.store.engine import Database
from crossdock.streams.processor import DeadLetter, Message

__all__ = ["SqlTransaction", "Transactions", "message_of"]

T = TypeVar("T")
_headers = msgspec.json.Decoder(dict[str, str])


class SqlTransaction:
    """A ``Transaction`` on one open connection.

    Messages and dead letters are written by ``flush``, just before the commit.
    """

    def __init__(
        self, connection: Connection, now: datetime, due: Mapping[Cause, timedelta] | None = None
    ) -> None:
        """Work on ``connection`` at the instant ``now``; ``due`` is when work items of dead letters are."""
        self._connection = connection
        self._now = now
        self._due = due
        self._messages: list[Message] = []
        self._letters: list[DeadLetter] = []
        self._topics: set[str] = set()

    @property
    def connection(self) -> Connection:
        """The open SQLAlchemy connection."""
        return self._connection

    @property
    def now(self) -> datetime:
        """The instant of this transaction, aware UTC."""
        return self._now

    def emit(self, *messages: Message) -> None:
        """Put messages on their topics; one whose id is already on its topic is dropped."""
        self._messages.extend(messages)

    def dead_letter(self, *letters: DeadLetter) -> None:
        """Give up records, keeping their bytes."""
        self._letters.extend(letters)

    @property
    def topics(self) -> frozenset[str]:
        """The topics written to."""
        return frozenset(self._topics)

    def flush(self) -> None:
        """Write what was emitted and given up since the last flush."""
        messages, self._messages = self._messages, []
        letters, self._letters = self._letters, []
        rows = [_letter_row(letter, self._now) for letter in letters]
        dead_letters.insert(self._connection, rows, due=self._due)
        log.append(self._connection, [_log_row(message, self._now) for message in messages])
        self._topics.update(message.topic for message in messages)


class Transactions:
    """Opens transactions on a database, and says after each commit which topics have something new."""

    def __init__(
        self, database: Database, clock: Clock, *, due: Mapping[Cause, timedelta] | None = None
    ) -> None:
        """Use ``database``; ``clock`` gives each transaction its instant, ``due`` replaces times of work items."""
        self.database = database
        self.clock = clock
        self._due = due
        self._listeners: list[Callable[[frozenset[str]], None]] = []

    def listen(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Call ``listener`` with the topics written to, after each commit, on the event loop."""
        self._listeners.append(listener)

    async def write(self, work: Callable[[SqlTransaction], T]) -> T:
        """Run small ``work`` of the edges; it may share its commit with others. Done is committed."""
        result, topics = await self.database.write(partial(self._run, work))
        self._announce(topics)
        return result

    async def transact(self, work: Callable[[SqlTransaction], T]) -> T:
        """Run ``work`` in a transaction of its own. Done is committed."""
        result, topics = await self.database.transact(partial(self._run, work))
        self._announce(topics)
        return result

    def transact_now(self, work: Callable[[SqlTransaction], T]) -> T:
        """``transact`` without an event loop; a running runtime finds what was emitted a little later."""
        result, _ = self.database.transact_now(partial(self._run, work))
        return result

    def _run(self, work: Callable[[SqlTransaction], T], connection: Connection) -> tuple[T, frozenset[str]]:
        transaction = SqlTransaction(connection, self.clock.now(), self._due)
        result = work(transaction)
        transaction.flush()
        return result, transaction.topics

    def _announce(self, topics: frozenset[str]) -> None:
        if topics:
            for listener in self._listeners:
                listener(topics)


def message_of(row: log.Logged) -> Message:
    """The message of a row of the log."""
    return Message(row.message_id, row.topic, row.key, row.body, _headers.decode(row.headers))


def _log_row(message: Message, now: datetime) -> log.LogRow:
    return log.LogRow(message.topic, message.id, message.key, _encoded(message), message.body, now)


def _encoded(message: Message) -> str:
    return msgspec.json.encode(message.headers).decode()


def _letter_row(letter: DeadLetter, now: datetime) -> dead_letters.DeadLetterRow:
    original = letter.original
    return dead_letters.DeadLetterRow(
        stage=letter.stage,
        code=letter.code,
        message=letter.message,
        path=letter.path,
        body=letter.body,
        raw_id=letter.raw_id,
        mapping=letter.mapping,
        connection=letter.connection,
        original_topic=original.topic if original else None,
        original_id=original.id if original else None,
        original_key=original.key if original else None,
        original_headers=_encoded(original) if original else None,
        original_body=original.body if original else None,
        state=dead_letters.DeadLetterState.OPEN.value,
        created_at=now,
        updated_at=now,
    )

"""What a processor is: declared once, run by every runtime.

A processor reads one topic in batches. Its handler gets a transaction and the messages of the batch that were
not handled before; it writes rows and emits messages through the transaction, and returns. It never sees a
broker, a runtime, a clock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field
from sqlalchemy import Connection

__all__ = ["DeadLetter", "Handler", "Message", "Processor", "Timer", "Transaction"]


class Message(Struct, frozen=True):
    """One message of a topic.

    Attributes:
        id: Derived from its cause (``order:<connection>:<external id>:<version>``), so that a duplicate is recognised.
        topic: One of ``crossdock.streams.topics``.
        key: Order is kept per key, and only per key.
        body: JSON.
        headers: ``schema`` (such as ``order/1``), ``connection``, ``correlation_id``, ``raw_id``.
    """

    id: str
    topic: str
    key: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class DeadLetter(Struct, frozen=True):
    """A message or record that can't be handled, with all that is needed to mend and replay it.

    Attributes:
        stage: The processor or edge that gave it up, such as ``normalise``.
        code: Reason code, such as ``mapping.missing``.
        message: For the operator: what is wrong and what to do.
        path: Where in the source.
        raw_id: The raw record that holds the bytes as received, if there is one.
        body: The bytes given up (the message's body, or the one record out of a file).
        original: The message to emit again on replay.
        mapping: Such as ``shopify/order@3``.
    """

    stage: str
    code: str
    message: str
    path: str
    body: bytes
    original: Message | None = None
    raw_id: str | None = None
    mapping: str | None = None
    connection: str | None = None


class Transaction(Protocol):
    """One database transaction: domain rows, emitted messages and dead letters commit together or not at all."""

    @property
    def connection(self) -> Connection:
        """The open SQLAlchemy connection."""
        ...

    @property
    def now(self) -> datetime:
        """The instant of this transaction, aware UTC."""
        ...

    def emit(self, *messages: Message) -> None:
        """Put messages on their topics; one whose id is already on its topic is dropped."""
        ...

    def dead_letter(self, *letters: DeadLetter) -> None:
        """Give up records, keeping their bytes."""
        ...


Handler = Callable[[Transaction, Sequence[Message]], None]


Prepare = Callable[[Sequence[Message]], Awaitable[None]]


class Processor(Struct, frozen=True):
    """A handler bound to a topic. ``batch`` is the most messages in one transaction.

    ``prepare`` is awaited with a batch before its transaction begins: for work that needs no transaction. It may be
    skipped, and what it does must show in nothing but the time.
    """

    name: str
    topic: str
    handler: Handler
    batch: int = 200
    linger_seconds: float = 0.0
    prepare: Prepare | None = None


class Timer(Struct, frozen=True):
    """Work done at intervals in a transaction of its own, by one worker at a time."""

    name: str
    interval_seconds: float
    handler: Callable[[Transaction], None]

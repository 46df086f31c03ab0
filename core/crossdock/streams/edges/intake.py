"""Raw first: how records of partners are stored, and the message that says they are there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from crossdock.sdk.connector import RawRecord
from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.services import Clock
from crossdock.store import raw
from crossdock.store.raw import INLINE_BYTES, BodyStore, RawRow, StoredBody
from crossdock.streams.edges import metrics
from crossdock.streams.processor import DeadLetter, Message, Transaction
from crossdock.streams.topics import RAW

__all__ = [
    "INLINE",
    "MEDIA_TYPES",
    "MENDED",
    "OMITTED",
    "PART",
    "WOKEN",
    "Arrival",
    "BackPressure",
    "Bells",
    "Pressure",
    "RawPart",
    "arrival",
    "inline_message",
    "keep_body",
    "letter",
    "pause",
    "raw_message",
    "take_in",
]

PART = "part"
"""Header of a message whose body is the bytes themselves: its ``RawPart``."""
INLINE = "inline"
"""Header that says so."""
MENDED = "mended"
"""Header of a canonical document made of a record that was given up alone: it is no part of its feed anew."""
OMITTED = "omitted"
"""Header of a canonical document: what its mapping has left out, such as ``lines: 2``."""
MEDIA_TYPES = {
    "csv": "text/csv",
    "fixed_width": "text/plain",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
    "xml": "application/xml",
    "x12": "application/edi-x12",
}
"""Of files, by their format."""
WOKEN = "woken"
"""Header of what a poll brought because a webhook rang for it."""


class RawPart(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which bytes of a raw record a message is about: the body of a message on ``raw``.

    Attributes:
        offset: First byte.
        length: Bytes; ``None`` is the whole record.
        line: Line of the file that starts here, from 1.
        number: Ordinal of the record that starts here, from 1.
        context: What was said earlier in the file that is needed to read this: a header row.
        part: Of the canonical documents that the file becomes, the first that comes from here.
        parts: How many come from here.
        last: No further part follows.
        outcome: Of an answer to a command: what became of it, to be completed by the answer.
    """

    offset: int = 0
    length: int | None = None
    line: int = 1
    number: int = 1
    context: bytes = b""
    part: int = 1
    parts: int = 1
    last: bool = True
    file_name: str | None = None
    file_modified_at: datetime | None = None
    outcome: dict[str, msgspec.Raw] | None = None


class Arrival(Struct, frozen=True):
    """A raw record with the message that makes it known; a bell has none."""

    row: RawRow
    message: Message | None


def raw_message(
    row: RawRow, part: RawPart | None = None, *, suffix: str = "", headers: dict[str, str] | None = None
) -> Message:
    """The message on ``raw`` of a record, or of one part of it."""
    known = {
        "connection": row.connection,
        "stream": row.stream,
        "raw_id": row.id,
        "correlation_id": row.id,
        **(headers or {}),
    }
    body = msgspec.json.encode(part or RawPart())
    return Message(f"raw:{row.id}{suffix}", RAW, f"{row.connection}/{row.key}{suffix}", body, known)


def inline_message(message: Message, part: RawPart, data: bytes, *, suffix: str = "") -> Message:
    """``message`` with the bytes in its body: a dead letter that a person can edit."""
    headers = {**message.headers, INLINE: "1", PART: msgspec.json.encode(part).decode()}
    return Message(message.id + suffix, message.topic, message.key, data, headers)


def arrival(
    connection: str,
    record: RawRecord,
    body: bytes | StoredBody,
    received_at: datetime,
    *,
    quiet: bool = False,
    headers: dict[str, str] | None = None,
) -> Arrival:
    """A record as it is taken in; ``quiet`` for one that nobody reads (a bell)."""
    row = raw.raw_row(
        connection,
        record.stream,
        record.key,
        record.dedupe,
        body,
        received_at=received_at,
        occurred_at=record.occurred_at,
        media_type=record.media_type,
        headers=record.headers,
    )
    return Arrival(row, None if quiet else raw_message(row, headers=headers))


async def keep_body(bodies: BodyStore, data: bytes) -> bytes | StoredBody:
    """``data`` itself, or, of a large one, where it now lies on the disk."""
    if len(data) <= INLINE_BYTES:
        return data
    return await asyncio.to_thread(bodies.put, [data])


def take_in(tx: Transaction, arrivals: Sequence[Arrival]) -> int:
    """Store records and their messages; returns how many records were new."""
    new = raw.store(tx.connection, [each.row for each in arrivals])
    tx.emit(*(each.message for each in arrivals if each.message is not None))
    if arrivals and new:
        metrics.RECORDS_IN.labels(arrivals[0].row.connection, arrivals[0].row.stream).inc(new)
    return new


def letter(
    stage: str, error: RecordRejectedError, connection: str, data: bytes, original: Message, raw_id: str
) -> DeadLetter:
    """The dead letter of a record that is refused as a whole, with all reasons."""
    first = error.rejections[0]
    return DeadLetter(
        stage=stage,
        code=first.code,
        message="\n".join(each.message for each in error.rejections),
        path=first.path,
        body=data,
        original=original,
        raw_id=raw_id,
        connection=connection,
    )


class Pressure(Protocol):
    """Whether topics have room: the runtime knows."""

    async def room(self, topic: str) -> None:
        """Wait until ``topic`` has room."""
        ...

    def is_full(self, topic: str) -> bool:
        """Whether ``topic`` has no room."""
        ...


@dataclass(slots=True)
class BackPressure:
    """The pressure of a runtime that is made later than the edges; without one there is always room."""

    source: Pressure | None = None

    async def room(self, topic: str) -> None:
        """Wait until ``topic`` has room."""
        if self.source is not None:
            await self.source.room(topic)

    def is_full(self, topic: str) -> bool:
        """Whether ``topic`` has no room."""
        return self.source is not None and self.source.is_full(topic)


@dataclass(slots=True)
class Bells:
    """Who has to be asked at once: webhooks ring, poll streams of this process listen."""

    _events: dict[tuple[str, str], asyncio.Event] = field(default_factory=dict)

    def of(self, connection: str, stream: str) -> asyncio.Event:
        """The bell of a stream."""
        return self._events.setdefault((connection, stream), asyncio.Event())

    def ring(self, connection: str, stream: str) -> None:
        """Have the stream asked at once."""
        self.of(connection, stream).set()

    def rung(self) -> list[tuple[str, str]]:
        """The streams whose bells have been rung and not heard yet."""
        return [key for key, event in self._events.items() if event.is_set()]


async def pause(clock: Clock, seconds: float, *events: asyncio.Event) -> None:
    """Wait until one of ``events`` is set, at most ``seconds``."""
    if any(event.is_set() for event in events):
        return
    waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(event.wait()) for event in events]
    waits.append(asyncio.ensure_future(clock.sleep(seconds)))
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

"""What a message on ``raw`` is about: its connection and stream, its bytes, and the records in them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.records import Frame, Position, Record
from crossdock.store.raw import INLINE_BYTES, BodyStore, Raw
from crossdock.streams.edges.connections import Connection, Stream
from crossdock.streams.edges.intake import INLINE, PART, RawPart, inline_message
from crossdock.streams.edges.quick_json import quick_json
from crossdock.streams.processor import Message

__all__ = ["Item", "Job", "Rows", "instant_text", "read_part"]

_parts = msgspec.json.Decoder(RawPart)
_offset = attrgetter("offset")


class Item(NamedTuple):
    """A record with its own bytes, and the header row or the like that they need to be read again."""

    record: Record
    data: bytes
    context: bytes


def read_part(message: Message) -> RawPart:
    """The part that a message is about."""
    return _parts.decode(message.headers[PART] if INLINE in message.headers else message.body)


def instant_text(instant: datetime | None) -> str | None:
    """An instant as mappings see it."""
    return None if instant is None else instant.isoformat().replace("+00:00", "Z")


class Rows(NamedTuple):
    """The records of frames; each one's own bytes are looked up only where somebody asks for them."""

    frames: Sequence[Frame]
    records: Sequence[Record]

    def item(self, record: Record) -> Item:
        """``record`` with its own bytes: up to the next record, or the end of its frame."""
        frame = self.frames[bisect_right(self.frames, record.offset, key=_offset) - 1]
        following = bisect_right(self.records, record.offset, key=_offset)
        end = frame.end.offset if following == len(self.records) else self.records[following].offset
        begin = max(0, record.offset - frame.offset)
        return Item(record, frame.data[begin : end - frame.offset], frame.start.context)


class Job(Struct, frozen=True):
    """One message on ``raw`` being normalised; ``raw`` is ``None`` where it has been pruned."""

    message: Message
    connection: Connection
    stream: Stream
    part: RawPart
    raw: Raw | None
    bodies: BodyStore
    now: datetime

    @property
    def raw_id(self) -> str:
        """Of the record as received."""
        return self.message.headers["raw_id"]

    @property
    def is_replay(self) -> bool:
        """The bytes are in the message: a person has looked at them."""
        return INLINE in self.message.headers

    def hub(self) -> dict[str, Any]:
        """What mappings see as ``_hub``."""
        received_at = self.raw.received_at if self.raw else self.now
        return {
            **self.stream.config.defaults,
            "connection": self.connection.name,
            "stream": self.stream.name,
            "raw_id": self.raw_id,
            "feed_id": self.raw_id,
            "received_at": instant_text(received_at),
            "occurred_at": instant_text(self.raw.occurred_at if self.raw else None),
            "file_name": self.part.file_name,
            "file_modified_at": instant_text(self.part.file_modified_at),
            "part": self.part.part,
            "last": self.part.last,
            "first_line": self.part.line,
        }

    @property
    def headers(self) -> dict[str, str]:
        """Of the messages that come out of this one."""
        known = self.message.headers
        return {name: known[name] for name in ("connection", "raw_id", "correlation_id")}

    def data(self) -> bytes:
        """All bytes of the part.

        Raises:
            RecordRejectedError: They have been pruned, or their file is gone.
        """
        part = self.part
        if self.is_replay:
            return self.message.body
        if self.raw is None:
            raise RecordRejectedError(
                Rejection(
                    "raw.pruned", f"raw record {self.raw_id} is older than hub.retention.raw: nothing to read"
                )
            )
        if self.raw.path is not None:
            length = self.raw.size_bytes if part.length is None else part.length
            try:
                return self.bodies.chunk(self.raw.path, part.offset, length)
            except FileNotFoundError as error:
                said = f"{error.filename} with the body of raw record {self.raw_id} is gone; restore hub.data_dir"
                raise RecordRejectedError(Rejection("raw.lost", said)) from error
        body = self.raw.body or b""
        return body if part.length is None else body[part.offset : part.offset + part.length]

    def frames(self) -> Iterator[Frame]:
        """The frames of the part: itself, or those of the whole record."""
        part, data = self.part, self.data()
        if part.length is None:
            yield from self.stream.format.frames([data])
            return
        start = Position(part.offset, part.line, part.number, part.context)
        yield Frame(start, Position(part.offset + len(data), part.line, part.number), data)

    def rows(self) -> Rows:
        """All records of a part of many rows."""
        frames = list(self.frames())
        return Rows(frames, [record for frame in frames for record in self.stream.format.parse(frame)])

    def items(self) -> Iterator[Item]:
        """All records, each with its own bytes."""
        if self.stream.is_json and self.part.length is None:
            data = self.data()
            if (value := quick_json(data)) is not None:
                yield Item(Record(1, 1, 0, value), data, b"")
                return
        for frame in self.frames():
            records = list(self.stream.format.parse(frame))
            ends = [record.offset - frame.offset for record in records[1:]] + [len(frame.data)]
            for record, end in zip(records, ends, strict=True):
                begin = max(0, record.offset - frame.offset)
                yield Item(record, frame.data[begin:end], frame.start.context)

    def original(self, item: Item | None = None) -> Message:
        """The message that a dead letter puts on ``raw`` again: of one record, or of all of it.

        What fits is in its body, so that a person can edit it.
        """
        if item is not None:
            record = item.record
            part = msgspec.structs.replace(
                self.part,
                offset=record.offset,
                length=len(item.data),
                line=record.line,
                number=record.number,
                context=item.context,
                parts=1,
                last=False,
            )
            return inline_message(self.message, part, item.data, suffix=f"#{record.number}")
        data = self.data()
        if len(data) > INLINE_BYTES:
            return self.message
        return inline_message(self.message, self.part, data)

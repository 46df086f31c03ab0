"""What every file format has in common: frames, records, faults and the verdict on a whole file.

A file is read in two layers. *Framing* cuts a stream of byte chunks into frames of whole records, known by
byte offset, so that a file of any size is read in bounded memory and can be taken up again after a crash.
*Parsing* turns one frame into records. A defect stays where it is: a bad value is the fault of its record,
and only what puts the whole file in doubt (a trailer that doesn't add up, a foreign byte order mark, a
half-written end) is a rejection of the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple, Protocol, TypeAlias

from crossdock.sdk.errors import Rejection

__all__ = [
    "START",
    "Document",
    "FileVerdict",
    "Format",
    "Frame",
    "Position",
    "Record",
    "RecordFault",
    "Value",
    "blocks",
]

Value: TypeAlias = "str | int | bool | Decimal | list[Value] | dict[str, Value] | None"
Document: TypeAlias = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two records, enough to go on reading from there.

    Attributes:
        offset: Bytes of the file before this place.
        line: Line that starts here, from 1.
        number: Ordinal of the record that starts here, from 1; header, skipped lines and byte order mark
            don't count.
        context: Bytes said earlier in the file without which the rest can't be read: the header row of a CSV
            file, the start tags around an XML record.
    """

    offset: int = 0
    line: int = 1
    number: int = 1
    context: bytes = b""


START = Position()


@dataclass(frozen=True, slots=True)
class Frame:
    """Whole records, cut out of a file; parses without the rest of it.

    Attributes:
        start: Where it begins.
        end: Where the next one begins.
        data: The bytes; of a record that exceeds the limit only its beginning.
        fault: Set when the bytes are one record that can't be framed (too long, an open quote).
    """

    start: Position
    end: Position
    data: bytes
    fault: Rejection | None = None

    @property
    def offset(self) -> int:
        """First byte in the file."""
        return self.start.offset

    @property
    def length(self) -> int:
        """Bytes in the file."""
        return self.end.offset - self.start.offset


@dataclass(frozen=True, slots=True)
class RecordFault:
    """A record that can't be read.

    Why, its own bytes (of an over-long one the beginning), and further reasons.
    """

    rejection: Rejection
    raw: bytes
    others: tuple[Rejection, ...] = ()


class Record(NamedTuple):
    """One record of a file: a document, or the fault that kept it from being one.

    ``number`` and ``line`` count from 1, ``offset`` is in bytes from the start of the file.
    """

    number: int
    line: int
    offset: int
    value: Document | RecordFault


@dataclass(frozen=True, slots=True)
class FileVerdict:
    """What a pass over the whole file found, before anything of it is applied.

    Attributes:
        records: Records in the file, faulty ones included.
        faults: How many of them are faulty.
        size_bytes: Size of the file.
        rejections: Why nothing of the file may be applied; empty for a good file.
    """

    records: int
    faults: int
    size_bytes: int
    rejections: tuple[Rejection, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the records may be applied."""
        return not self.rejections


class Format(Protocol):
    """One file format in one declared dialect. Pure: no clock, no I/O, no state between calls."""

    @property
    def name(self) -> str:
        """Name in the configuration, such as ``csv``."""
        ...

    def inspect(self, chunks: Iterable[bytes]) -> FileVerdict:
        """Read the whole file once and say whether its records may be applied."""
        ...

    def frames(self, chunks: Iterable[bytes], start: Position = START) -> Iterator[Frame]:
        """Cut the file into frames, the same ones whatever the chunks; these begin at ``start.offset``."""
        ...

    def parse(self, frame: Frame) -> Iterator[Record]:
        """Read the records of one frame; a bad one is a fault among the others."""
        ...

    def write(self, records: Iterable[Document]) -> Iterator[bytes]:
        """Write records as a file. Raises ``RecordRejectedError`` for one that doesn't fit the dialect."""
        ...


def blocks(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Cut a stream into blocks of exactly ``size`` bytes (the last may be shorter)."""
    parts: list[bytes] = []
    held = 0
    for chunk in chunks:
        parts.append(chunk)
        held += len(chunk)
        if held < size:
            continue
        joined = b"".join(parts)
        whole = held - held % size
        for at in range(0, whole, size):
            yield joined[at : at + size]
        parts, held = [joined[whole:]], held - whole
    if held:
        yield b"".join(parts)

"""Framing of files made of rows: CSV, fixed width, NDJSON."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import AnyStr, Generic, Protocol

from crossdock.sdk.errors import Rejection
from crossdock.sdk.formats.records import FileVerdict, Format, Frame, Position, RecordFault, blocks

__all__ = [
    "KEPT_OF_FAULT",
    "Cut",
    "Ends",
    "LineCutter",
    "QuotedCutter",
    "RowFramer",
    "check_mark",
    "foreign_mark",
    "inspect_records",
    "own_mark",
]

_MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
}
_OF_THE_FILE = {
    "format.half_written",
    "format.layout",
    "format.too_long_for_file",
    "format.xml_malformed",
    "format.xml_refused",
    "x12.no_interchange",
    "x12.truncated",
}
KEPT_OF_FAULT = 1 << 16
"""Bytes of an over-long record that its fault keeps."""


@dataclass(frozen=True, slots=True)
class Cut:
    """How much of a buffer is whole rows: bytes, rows, line ends."""

    size: int
    rows: int
    lines: int


class Cutter(Protocol):
    """Knows where rows end."""

    def cut(self, buffer: bytes, *, ended: bool) -> Cut:
        """Find the end of the last whole row; with ``ended`` the last one needs no line end."""
        ...

    def line_end(self, buffer: bytes) -> int:
        """Bytes up to and with the first line end, 0 where there is none."""
        ...


def own_mark(encoding: str) -> bytes:
    """The byte order mark of ``encoding``; empty where it has none."""
    return _MARKS.get(encoding, b"")


def foreign_mark(beginning: bytes, encoding: str) -> str:
    """Name the other encoding whose byte order mark stands at the beginning of a file; empty for none."""
    for name, mark in _MARKS.items():
        if beginning.startswith(mark):
            same = name == encoding or (encoding.startswith(name[:6]) and mark == own_mark(encoding))
            return "" if same else name
    return ""


def check_mark(beginning: bytes, encoding: str, policy: str) -> Rejection | None:
    """Hold the beginning of a file against the declared byte order mark."""
    if other := foreign_mark(beginning, encoding):
        return Rejection(
            "format.encoding",
            f"the file begins with the byte order mark of {other}, but {encoding} is declared: "
            "ask the partner which it is and declare that as dialect.encoding of the stream",
            "byte 0",
        )
    marked = bool(own_mark(encoding)) and beginning.startswith(own_mark(encoding))
    if policy == "require" and not marked:
        return Rejection(
            "format.bom",
            f"the file has no byte order mark, but bom: require is declared for {encoding}",
            "byte 0",
        )
    if policy == "refuse" and marked:
        return Rejection(
            "format.bom", "the file has a byte order mark, but bom: refuse is declared", "byte 0"
        )
    return None


class LineCutter:
    """Every line is a row."""

    def __init__(self, newline: bytes) -> None:
        """Take the encoded line end; LF also ends CR LF."""
        self.newline = newline
        self._unit = max(1, len(newline))

    def line_end(self, buffer: bytes) -> int:
        """Bytes up to and with the first line end, 0 where there is none."""
        at = buffer.find(self.newline)
        while at % self._unit and at >= 0:
            at = buffer.find(self.newline, at + 1)
        return at + self._unit if at >= 0 else 0

    def cut(self, buffer: bytes, *, ended: bool) -> Cut:
        """Find the end of the last line."""
        if self._unit > 1:
            return self._cut_wide(buffer, ended=ended)
        end = len(buffer) if ended else buffer.rfind(self.newline) + 1
        lines = buffer.count(self.newline, 0, end)
        unended = ended and bool(buffer) and not buffer.endswith(self.newline)
        return Cut(end, lines + unended, lines)

    def _cut_wide(self, buffer: bytes, *, ended: bool) -> Cut:
        end = lines = 0
        while size := self.line_end(buffer[end:]):
            end, lines = end + size, lines + 1
        unended = ended and end < len(buffer)
        return Cut(len(buffer) if ended else end, lines + unended, lines)


@dataclass(frozen=True, slots=True)
class _Rules(Generic[AnyStr]):
    """Whether a line (from a field's beginning) ends in an open quote, and where an open quote is closed."""

    opens: re.Pattern[AnyStr]
    closes: re.Pattern[AnyStr]


class QuotedCutter(LineCutter):
    """Rows whose quoted fields may hold line ends, cut by the same rules by which Python's csv reads them.

    A quote opens a field only at its very beginning; inside of an open one a doubled quote stands for one.
    """

    def __init__(self, encoding: str, newline: str, delimiter: str, quote: str) -> None:
        """Take the dialect; where ASCII bytes may be parts of characters the work is done on text."""
        super().__init__(newline.encode(encoding))
        self._encoding = encoding
        self._newline = newline
        self._quote = quote
        self._transparent = encoding == "utf-8" or _single_byte(encoding)
        q, d = re.escape(quote), re.escape(delimiter)
        inner = f"[^{q}]*+(?:{q}{q}[^{q}]*+)*+"  # Python < 3.11.5 errs on a possessive (?:…|…)*+
        opens = f"(?:(?:{q}{inner}{q}(?!{q})[^{d}]*+|(?!{q})[^{d}]*+){d})*{q}{inner}\\Z"
        closes = f"{inner}{q}(?!{q})[^{d}]*+"
        self._text_rules = _Rules(re.compile(opens), re.compile(closes))
        if self._transparent:
            self._transparent = len(delimiter.encode(encoding)) == len(quote.encode(encoding)) == 1
            self._byte_rules = _Rules(re.compile(opens.encode(encoding)), re.compile(closes.encode(encoding)))

    def cut(self, buffer: bytes, *, ended: bool) -> Cut:
        """Find the end of the last row."""
        if self._transparent:
            quote = self._quote.encode(self._encoding)
            if quote not in buffer:
                return super().cut(buffer, ended=ended)
            return _cut_rows(buffer.split(self.newline), quote, self._byte_rules, ended=ended)
        errors = "surrogatepass" if self._encoding.startswith("utf") else "surrogateescape"
        text = codecs.getincrementaldecoder(self._encoding)(errors).decode(buffer)
        found = _cut_rows(text.split(self._newline), self._quote, self._text_rules, ended=ended)
        if ended and found.size == len(text):
            return replace(found, size=len(buffer))
        return replace(found, size=len(text[: found.size].encode(self._encoding, errors)))


def _cut_rows(lines: list[AnyStr], quote: AnyStr, rules: _Rules[AnyStr], *, ended: bool) -> Cut:
    """Find the last line that ends outside of quotes; the last of ``lines`` has no line end."""
    size = end = rows = ends = count = 0
    inside = False
    last = len(lines) - 1
    for index, line in enumerate(lines):
        if index == last and (not ended or not line):
            break
        size += len(line) + (index != last)
        count += index != last
        if inside:
            closed = rules.closes.match(line)
            inside = closed is None or rules.opens.match(line, closed.end() + 1) is not None
        elif quote in line:
            inside = rules.opens.match(line) is not None
        if not inside:
            end, rows, ends = size, rows + 1, count
    return Cut(end, rows, ends)


def _single_byte(encoding: str) -> bool:
    ascii_text = bytes(range(128)).decode("ascii")
    try:
        return (
            ascii_text.encode(encoding) == ascii_text.encode("ascii")
            and len(bytes(range(256)).decode(encoding, "replace")) == 256
        )
    except UnicodeError:
        return False


@dataclass(frozen=True, slots=True)
class RowFramer:
    """Cuts a stream of bytes into frames of whole rows.

    Attributes:
        cutter: Where rows end.
        mark: Byte order mark to take off the beginning, if it is there.
        skip_lines: Lines to leave out at the top.
        header: Whether the next line is the header; it becomes the frames' context.
        frame_bytes: Bytes read at a time.
        max_record_bytes: A longer row is a fault.
    """

    cutter: Cutter
    mark: bytes
    skip_lines: int
    header: bool
    frame_bytes: int
    max_record_bytes: int

    def frames(self, chunks: Iterable[bytes], start: Position) -> Iterator[Frame]:
        """Yield the frames from ``start`` on."""
        source = blocks(chunks, self.frame_bytes)
        buffer, ended, here = b"", False, start
        if not start.offset:
            here, buffer, ended = self._head(source)
        while buffer or not ended:
            if not ended and len(buffer) < self.frame_bytes:
                block = next(source, b"")
                ended = not block
                buffer += block
            found = self.cutter.cut(buffer, ended=ended)
            if found.size:
                end = _after(here, found.size, found.rows, found.lines)
                yield Frame(here, end, buffer[: found.size])
                buffer, here = buffer[found.size :], end
            elif buffer and (ended or len(buffer) > self.max_record_bytes):
                frame, buffer, ended = self._broken(buffer, here, source, ended=ended)
                yield frame
                here = frame.end
            elif not ended:
                block = next(source, b"")
                ended = not block
                buffer += block

    def _head(self, source: Iterator[bytes]) -> tuple[Position, bytes, bool]:
        wanted = self.skip_lines + self.header
        buffer = next(source, b"")
        ended = not buffer
        at = len(self.mark) if self.mark and buffer.startswith(self.mark) else 0
        context = b""
        lines = 0
        while lines < wanted:
            size = self.cutter.line_end(buffer[at:])
            if not size and not ended and len(buffer) - at <= self.max_record_bytes:
                block = next(source, b"")
                ended = not block
                buffer += block
                continue
            size = size or len(buffer) - at
            context = buffer[at : at + size]
            at += size
            lines += 1
        return Position(at, lines + 1, 1, context if self.header else b""), buffer[at:], ended

    def _broken(
        self, buffer: bytes, here: Position, source: Iterator[bytes], *, ended: bool
    ) -> tuple[Frame, bytes, bool]:
        size = self.cutter.line_end(buffer)
        if size or ended:
            size = size or len(buffer)
            fault = Rejection(
                "format.open_quote",
                "a quoted field begins here and is not closed "
                f"within {self.max_record_bytes} bytes or before"
                f" the end of the file: the line was left out, the next ones go on",
                f"line {here.line}",
            )
            frame = Frame(here, _after(here, size, 1, 1), buffer[:size][:KEPT_OF_FAULT], fault)
            return frame, buffer[size:], ended
        kept, dropped = buffer[:KEPT_OF_FAULT], 0
        while not (size := self.cutter.line_end(buffer)) and not ended:
            dropped += len(buffer)
            buffer = next(source, b"")
            ended = not buffer
        fault = Rejection(
            "format.too_long",
            f"the line is longer than {self.max_record_bytes} bytes (max_record_bytes): "
            "it was left out, the next ones go on",
            f"line {here.line}",
        )
        return Frame(here, _after(here, dropped + size, 1, 1), kept, fault), buffer[size:], ended


def _after(here: Position, size: int, rows: int, lines: int) -> Position:
    return Position(here.offset + size, here.line + lines, here.number + rows, here.context)


class Ends:
    """A stream that remembers its first four and its last eight bytes."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        """Take the stream."""
        self._chunks = chunks
        self.first = b""
        self.last = b""

    def __iter__(self) -> Iterator[bytes]:
        """Pass the chunks on."""
        for chunk in self._chunks:
            if len(self.first) < 4:
                self.first += chunk[: 4 - len(self.first)]
            self.last = (self.last + chunk[-8:])[-8:]
            yield chunk


def inspect_records(file_format: Format, chunks: Iterable[bytes]) -> FileVerdict:
    """Read a whole file and count; a fault that puts all of it in doubt becomes its rejection."""
    records = faults = size = 0
    rejections: list[Rejection] = []
    for frame in file_format.frames(chunks):
        size = frame.end.offset
        for record in file_format.parse(frame):
            records += 1
            if isinstance(record.value, RecordFault):
                faults += 1
                if record.value.rejection.code in _OF_THE_FILE:
                    rejections.append(record.value.rejection)
    return FileVerdict(records, faults, size, tuple(rejections))

"""JSON and NDJSON: exact numbers, no key twice, bounded depth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import NoReturn

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats.dialects import JsonDialect, NdjsonDialect
from crossdock.sdk.formats.json_array import array_frames, too_long
from crossdock.sdk.formats.records import (
    START,
    Document,
    FileVerdict,
    Frame,
    Position,
    Record,
    RecordFault,
    Value,
    blocks,
)
from crossdock.sdk.formats.rows import (
    KEPT_OF_FAULT,
    Ends,
    LineCutter,
    RowFramer,
    check_mark,
    inspect_records,
    own_mark,
)

__all__ = ["JsonFormat", "NdjsonFormat", "decode_json", "encode_json"]

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def decode_json(data: bytes, *, max_depth: int = 64) -> Value:
    """Decode UTF-8 JSON: numbers with a fraction or exponent become Decimal, whole ones int of any size.

    Raises:
        ValueError: Not UTF-8, malformed, ``NaN`` or ``Infinity``, a key twice in an
            object, or nested too deep; the message says where.
    """
    _check_depth(data, max_depth)
    try:
        value: Value = _DECODER.decode(data.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start + 1} is not UTF-8, as JSON has to be") from error
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno}: no good JSON: {error.msg}") from error
    return value


def encode_json(value: Value) -> bytes:
    """Encode as compact UTF-8 JSON; a Decimal keeps its digits.

    Raises:
        ValueError: A float, or a number that isn't finite.
    """
    return "".join(_encoded(value)).encode()


def _encoded(value: Value) -> Iterator[str]:
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is not a JSON number")
        yield f"{value:f}"
    elif isinstance(value, dict):
        yield "{"
        for at, (key, member) in enumerate(value.items()):
            yield f"{',' if at else ''}{json.dumps(key, ensure_ascii=False)}:"
            yield from _encoded(member)
        yield "}"
    elif isinstance(value, list):
        yield "["
        for at, element in enumerate(value):
            yield "," if at else ""
            yield from _encoded(element)
        yield "]"
    elif value is None or isinstance(value, str | int):
        yield json.dumps(value, ensure_ascii=False)
    else:
        raise ValueError(f"a {type(value).__name__} can't be written as exact JSON")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _distinct(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(
            f"the key {next(key for key in keys if keys.count(key) > 1)!r} is there twice in one object"
        )
    return found


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant, object_pairs_hook=_distinct)


def _check_depth(data: bytes, max_depth: int) -> None:
    if len(data.translate(None, _NOT_BRACKETS)) <= max_depth:
        return
    brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    for _ in range(max_depth):
        if not brackets:
            return
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    # What is left is nested deeper, or unbalanced: then the decoder says where.
    if len(brackets) > max_depth:
        raise ValueError(f"nested deeper than {max_depth}")


def _record(position: Position, data: bytes, max_depth: int, where: str) -> Record:
    value: Document | RecordFault
    try:
        decoded = decode_json(data, max_depth=max_depth)
        if isinstance(decoded, dict):
            value = decoded
        else:
            rejection = Rejection(
                "format.json", f"a record must be an object, this is a {type(decoded).__name__}", where
            )
            value = RecordFault(rejection, data)
    except ValueError as error:
        value = RecordFault(Rejection("format.json", str(error), where), data)
    return Record(position.number, position.line, position.offset, value)


class NdjsonFormat:
    """One JSON object a line."""

    name = "ndjson"

    def __init__(self, dialect: NdjsonDialect) -> None:
        """Take the declared dialect."""
        self.dialect = dialect
        mark = own_mark("utf-8")
        self._framer = RowFramer(
            LineCutter(b"\n"), mark, 0, False, dialect.frame_bytes, dialect.max_record_bytes
        )

    def inspect(self, chunks: Iterable[bytes]) -> FileVerdict:
        """Check byte order mark and end of the file; count records and faults."""
        ends = Ends(chunks)
        verdict = inspect_records(self, ends)
        problem = check_mark(ends.first, "utf-8", self.dialect.bom)
        if (
            not problem
            and self.dialect.last_terminator == "required"
            and ends.last
            and not ends.last.endswith(b"\n")
        ):
            problem = Rejection(
                "format.half_written", "the last line has no line end: fetch the file again", "last line"
            )
        return replace(verdict, rejections=(problem,) if problem else ())

    def frames(self, chunks: Iterable[bytes], start: Position = START) -> Iterator[Frame]:
        """Cut at line ends."""
        return self._framer.frames(chunks, start)

    def parse(self, frame: Frame) -> Iterator[Record]:
        """Read the objects of a frame."""
        if frame.fault:
            yield Record(
                frame.start.number, frame.start.line, frame.start.offset, RecordFault(frame.fault, frame.data)
            )
            return
        offset = frame.offset
        for at, line in enumerate(frame.data.split(b"\n")):
            if line.strip():
                line_number = frame.start.line + at
                here = Position(offset, line_number, frame.start.number + at)
                yield _record(here, line, self.dialect.max_depth, f"line {line_number}")
            offset += len(line) + 1

    def write(self, records: Iterable[Document]) -> Iterator[bytes]:
        """Write one object a line. Raises ``RecordRejectedError`` for an inexact value."""
        if self.dialect.bom == "require":
            yield own_mark("utf-8")
        for number, record in enumerate(records, 1):
            yield _written(record, number) + b"\n"


def _written(record: Document, number: int) -> bytes:
    try:
        return encode_json(record)
    except ValueError as error:
        raise RecordRejectedError(Rejection("format.value", str(error), f"record {number}")) from error


class JsonFormat:
    """One JSON document, or the elements of the outermost array."""

    name = "json"

    def __init__(self, dialect: JsonDialect) -> None:
        """Take the declared dialect."""
        self.dialect = dialect

    def inspect(self, chunks: Iterable[bytes]) -> FileVerdict:
        """Check byte order mark and that the document is closed; count records and faults."""
        ends = Ends(chunks)
        verdict = inspect_records(self, ends)
        problem = check_mark(ends.first, "utf-8", self.dialect.bom)
        return replace(verdict, rejections=((problem,) if problem else ()) + verdict.rejections)

    def frames(self, chunks: Iterable[bytes], start: Position = START) -> Iterator[Frame]:
        """Give the document as one frame, or each element of the array; context is empty."""
        if self.dialect.layout == "array":
            return array_frames(
                blocks(chunks, self.dialect.frame_bytes), start, self.dialect.max_record_bytes
            )
        return self._document_frame(chunks, start)

    def _document_frame(self, chunks: Iterable[bytes], start: Position) -> Iterator[Frame]:
        limit = self.dialect.max_record_bytes
        parts: list[bytes] = []
        size = kept = 0
        for chunk in chunks:
            size += len(chunk)
            if kept <= limit:
                parts.append(chunk)
                kept += len(chunk)
        data = b"".join(parts)
        if size and start.offset == 0:
            fault = too_long("document", limit, "byte 0") if size > limit else None
            body = data.removeprefix(own_mark("utf-8"))
            first = Position(len(data) - len(body))
            yield Frame(
                first,
                Position(size, 1 + data.count(b"\n"), 2),
                body[:KEPT_OF_FAULT] if fault else body,
                fault,
            )

    def parse(self, frame: Frame) -> Iterator[Record]:
        """Read the object of a frame."""
        if frame.fault:
            yield Record(
                frame.start.number, frame.start.line, frame.start.offset, RecordFault(frame.fault, frame.data)
            )
        elif self.dialect.layout == "document":
            yield _record(frame.start, frame.data, self.dialect.max_depth, "")
        else:
            where = f"element {frame.start.number}, line {frame.start.line}"
            yield _record(frame.start, frame.data, self.dialect.max_depth, where)

    def write(self, records: Iterable[Document]) -> Iterator[bytes]:
        """Write the one document, or an array of all records.

        Raises:
            RecordRejectedError: An inexact value, or not exactly one record for a document.
        """
        if self.dialect.bom == "require":
            yield own_mark("utf-8")
        array = self.dialect.layout == "array"
        number = 0
        for number, record in enumerate(records, 1):
            if number > 1 and not array:
                raise RecordRejectedError(
                    Rejection("format.json", "a document holds one record; declare layout: array", "record 2")
                )
            yield (b"" if not array else b"[\n" if number == 1 else b",\n") + _written(record, number)
        if not array and not number:
            raise RecordRejectedError(Rejection("format.json", "there is no record to write", "record 1"))
        yield b"" if not array else b"\n]\n" if number else b"[]\n"

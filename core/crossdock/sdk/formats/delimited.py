"""CSV: rows of delimited fields."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, chain, count
from typing import TYPE_CHECKING, Literal

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats import values
from crossdock.sdk.formats.control import Control, check_rows
from crossdock.sdk.formats.delimited_writing import CsvWriter, rejected
from crossdock.sdk.formats.dialects import Column, CsvDialect
from crossdock.sdk.formats.records import (
    START,
    Document,
    FileVerdict,
    Frame,
    Position,
    Record,
    RecordFault,
    Value,
)
from crossdock.sdk.formats.rows import LineCutter, QuotedCutter, RowFramer, own_mark

if TYPE_CHECKING:
    from _csv import Reader as CsvReader

__all__ = ["CsvFormat"]

Reader = Callable[[str], Value]


class CsvFormat:
    """Delimited rows as flat documents: text, or what the declared kind of the column says."""

    name = "csv"

    def __init__(self, dialect: CsvDialect) -> None:
        """Take the declared dialect."""
        self.dialect = dialect
        newline = "\r" if dialect.terminator == "\r" else "\n"
        self._newline = newline
        encoded = newline.encode(dialect.encoding)
        multiline = bool(dialect.quote) and dialect.quoted_newlines
        cutter = (
            QuotedCutter(dialect.encoding, newline, dialect.delimiter, dialect.quote)
            if multiline
            else LineCutter(encoded)
        )
        mark = own_mark(dialect.encoding)
        self._framer = RowFramer(
            cutter, mark, dialect.skip_lines, dialect.header, dialect.frame_bytes, dialect.max_record_bytes
        )
        self._multiline = multiline
        self._declared = {column.name: column for column in dialect.columns}
        self._trailer = dialect.trailer.prefix if dialect.trailer else ""

    def inspect(self, chunks: Iterable[bytes]) -> FileVerdict:
        """Check byte order mark, header, trailer and end of the file; count records and faults."""
        return check_rows(self, self.dialect, chunks, self._header_fault, self._control)

    def frames(self, chunks: Iterable[bytes], start: Position = START) -> Iterator[Frame]:
        """Cut at row ends; a line end in quotes is none."""
        return self._framer.frames(chunks, start)

    def parse(self, frame: Frame) -> Iterator[Record]:
        """Read the rows of a frame.

        Raises:
            RecordRejectedError: The header doesn't fit the dialect, so that no row can be read.
        """
        if frame.fault:
            yield Record(
                frame.start.number, frame.start.line, frame.start.offset, RecordFault(frame.fault, frame.data)
            )
            return
        names = self._names(frame.start.context)
        try:
            text, damaged = frame.data.decode(self.dialect.encoding), False
        except UnicodeDecodeError:
            text, damaged = self._decode_damaged(frame.data), True
        if not damaged and (not self.dialect.quote or self.dialect.quote not in text):
            yield from self._parse_plain(frame, text, names)
        else:
            yield from self._parse_quoted(frame, text, names, damaged=damaged)

    def write(self, records: Iterable[Document]) -> Iterator[bytes]:
        """Write rows, with header and trailer as declared.

        Raises:
            RecordRejectedError: A record lacks a column, has an undeclared one, or a value doesn't fit.
            MisconfiguredError: The dialect declares no columns.
        """
        return CsvWriter(self.dialect).lines(records)

    def _control(self, line: str) -> Control:
        """The trailer's count and total."""
        trailer = self.dialect.trailer
        assert trailer is not None
        fields = next(
            csv.reader([line], delimiter=self.dialect.delimiter, quotechar=self.dialect.quote or None), []
        )
        at = [trailer.count_field, trailer.total_field]
        found = [fields[field - 1] if field and field <= len(fields) else "" for field in at]
        return Control.read(found[0], found[1], self._declared.get(trailer.total_of), self.dialect)

    def _header_fault(self, context: bytes) -> Rejection | None:
        try:
            self._names(context)
        except RecordRejectedError as error:
            return error.rejections[0]
        return None

    def _names(self, context: bytes) -> tuple[str, ...]:
        dialect = self.dialect
        if not dialect.header:
            return tuple(self._declared)
        path = f"line {dialect.skip_lines + 1}"
        try:
            line = context.decode(dialect.encoding).rstrip("\r\n")
            names = next(
                csv.reader([line], delimiter=dialect.delimiter, quotechar=dialect.quote or None, strict=True),
                [],
            )
        except (UnicodeDecodeError, csv.Error) as error:
            raise rejected(
                "format.header", f"the header row can't be read as {dialect.encoding}: {error}", path
            ) from error
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise rejected(
                "format.header", f"the header names these columns twice: {', '.join(map(repr, twice))}", path
            )
        if missing := [name for name in self._declared if name not in names]:
            raise rejected(
                "format.header",
                f"the header lacks the columns {', '.join(missing)}; it has {', '.join(names) or 'none'}",
                path,
            )
        other = [name for name in names if name not in self._declared]
        if other and dialect.other_columns == "refuse":
            raise rejected("format.header", f"the header has undeclared columns: {', '.join(other)}", path)
        return tuple(names)

    def _decode_damaged(self, data: bytes) -> str:
        """Decode so that each undecodable byte is a lone surrogate (or the replacement character)."""
        for errors in ("surrogateescape", "surrogatepass"):
            try:
                return data.decode(self.dialect.encoding, errors)
            except UnicodeDecodeError:
                continue
        return data.decode(self.dialect.encoding, "replace")

    def _offsets(self, frame: Frame) -> list[int]:
        """Where each line of the frame begins in the file."""
        if self.dialect.encoding.startswith("utf-16") or self.dialect.encoding.startswith("utf-32"):
            cutter, at, sizes = LineCutter(self._newline.encode(self.dialect.encoding)), 0, []
            while size := cutter.line_end(frame.data[at:]):
                sizes.append(size)
                at += size
            return list(accumulate(chain([frame.offset], sizes)))
        newline = self._newline.encode(self.dialect.encoding)
        return list(accumulate(chain([frame.offset], (len(line) + 1 for line in frame.data.split(newline)))))

    def _parse_plain(self, frame: Frame, text: str, names: tuple[str, ...]) -> Iterator[Record]:
        """The fast path: no quotes, all bytes good, so that a line is a row."""
        lines = text.split(self._newline)
        if not lines[-1]:
            lines.pop()
        if self.dialect.terminator != "\r" and "\r" in text:
            lines = [line.removesuffix("\r") for line in lines]
        delimiter, width = self.dialect.delimiter, len(names)
        readers = self._readers(names)
        plain = not readers and not self._trailer and width > 1
        places = zip(
            count(frame.start.number), count(frame.start.line), self._offsets(frame), lines, strict=False
        )
        for number, line_number, offset, line in places:
            fields = line.split(delimiter)
            if plain and len(fields) == width:
                yield Record(number, line_number, offset, dict(zip(names, fields, strict=False)))
            elif line and not (self._trailer and line.startswith(self._trailer)):
                value = self._document(fields, names, readers, line_number, line)
                yield Record(number, line_number, offset, value)

    def _parse_quoted(
        self, frame: Frame, text: str, names: tuple[str, ...], *, damaged: bool
    ) -> Iterator[Record]:
        readers = self._readers(names)
        offsets = self._offsets(frame)
        for number, (first, raw, fields, error) in enumerate(self._rows(text), frame.start.number):
            if not raw.strip("\r\n") or (self._trailer and raw.startswith(self._trailer)):
                continue
            line = frame.start.line + first
            value: Document | RecordFault
            if error:
                value = self._fault("format.csv", f"the row is no good CSV: {error}", line, 0, raw)
            elif damaged and (column := _damaged_at(fields)):
                message = (
                    f"bytes that are not {self.dialect.encoding}: ask the partner which encoding it is, and declare it "
                    "as dialect.encoding of the stream"
                )
                value = self._fault("format.encoding", message, line, column, raw)
            else:
                value = self._document(fields, names, readers, line, raw)
            yield Record(number, line, offsets[first], value)

    def _rows(self, text: str) -> Iterator[tuple[int, str, list[str], str]]:
        """Yield each row: its first line within the text, its text, its fields, or what is wrong with it."""
        lines = text.split(self._newline)
        if not lines[-1]:
            lines.pop()
        if not self._multiline:
            for first, line in enumerate(lines):
                yield first, line, *_next_row(self._reader([line.removesuffix("\r")]))
            return
        rows = self._reader(io.StringIO(text, newline=self._newline))
        while (first := rows.line_num) < len(lines):
            fields, error = _next_row(rows)
            yield first, self._newline.join(lines[first : rows.line_num]), fields, error

    def _reader(self, lines: Iterable[str]) -> CsvReader:
        dialect = self.dialect
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE
        return csv.reader(
            lines, delimiter=dialect.delimiter, quotechar=dialect.quote or None, quoting=quoting, strict=True
        )

    def _readers(self, names: tuple[str, ...]) -> list[tuple[int, str, Reader]]:
        columns = [
            (at, name, self._declared.get(name, Column(name=name or " "))) for at, name in enumerate(names)
        ]
        found = [(at, name, values.reader(column, self.dialect)) for at, name, column in columns]
        return [(at, name, read) for at, name, read in found if read]

    def _document(
        self,
        fields: list[str],
        names: tuple[str, ...],
        readers: list[tuple[int, str, Reader]],
        line: int,
        raw: str,
    ) -> Document | RecordFault:
        if len(fields) != len(names):
            message = f"the row has {len(fields)} fields, {len(names)} are expected"
            return self._fault("format.fields", message, line, min(len(fields), len(names)) + 1, raw)
        document: Document = dict(zip(names, fields, strict=True))
        for at, name, read in readers:
            try:
                document[name] = read(fields[at])
            except ValueError as error:
                return self._fault("format.value", f"{name}: {error}", line, at + 1, raw, fields[at])
        return document

    def _fault(
        self, code: str, message: str, line: int, column: int, raw: str, value: str = ""
    ) -> RecordFault:
        path = f"line {line}, column {column}" if column else f"line {line}"
        errors = (
            "surrogatepass" if self.dialect.encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        )
        shown = value[:80].encode("utf-8", "backslashreplace").decode()
        return RecordFault(
            Rejection(code, message, path, value=shown), raw.encode(self.dialect.encoding, errors)
        )


def _next_row(rows: CsvReader) -> tuple[list[str], str]:
    try:
        return next(rows, []), ""
    except csv.Error as error:
        return [], str(error)


def _damaged_at(fields: list[str]) -> int:
    """The first field, from 1, that holds an undecodable byte; 0 for none."""
    for at, field in enumerate(fields, 1):
        if not field.isascii() and any("\ud800" <= sign <= "\udfff" or sign == "\ufffd" for sign in field):
            return at
    return 0

"""CSV: rows of delimited fields."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import accumulate, chain, count

from crossdock.sdk.errors import MisconfiguredError, RecordRejectedError, Rejection
from crossdock.sdk.formats import values
from crossdock.sdk.formats.control import Control, Totals, check_rows
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
        dialect = self.dialect
        if not dialect.columns:
            raise MisconfiguredError(
                "a CSV file can't be written without declared columns", path="dialect.columns"
            )
        yield own_mark(dialect.encoding) if dialect.bom == "require" else b""
        writers = [(column.name, values.writer(column, dialect)) for column in dialect.columns]
        totals = Totals(dialect.trailer.total_of if dialect.trailer else "")
        if dialect.header:
            yield self._line([column.name for column in dialect.columns], 0)
        rows = 0
        for rows, record in enumerate(records, 1):
            totals.add(record)
            yield self._line(self._fields(record, writers, rows), rows)
        if dialect.trailer:
            yield self._trailer_line(rows, totals.sum)

    def _fields(
        self, record: Document, writers: list[tuple[str, Callable[[Value], str]]], number: int
    ) -> list[str]:
        if extra := record.keys() - self._declared.keys():
            raise _rejected(
                "format.column", f"not declared as columns: {', '.join(sorted(extra))}", f"record {number}"
            )
        fields = []
        for name, write in writers:
            if name not in record:
                raise _rejected(
                    "format.column",
                    "the record has no value for this column",
                    f"record {number}, column {name}",
                )
            try:
                fields.append(write(record[name]))
            except ValueError as error:
                raise _rejected("format.value", str(error), f"record {number}, column {name}") from error
        return fields

    def _line(self, fields: list[str], number: int) -> bytes:
        dialect = self.dialect
        if not dialect.quoted_newlines and any("\n" in field or "\r" in field for field in fields):
            raise _rejected(
                "format.value", "a value holds a line end, and quoted_newlines is off", f"record {number}"
            )
        out = io.StringIO(newline="")
        try:
            csv.writer(
                out,
                delimiter=dialect.delimiter,
                quotechar=dialect.quote or None,
                quoting=csv.QUOTE_NONE
                if not dialect.quote
                else csv.QUOTE_ALL
                if dialect.quote_all
                else csv.QUOTE_MINIMAL,
                lineterminator=dialect.terminator,
            ).writerow(fields)
            line = out.getvalue().encode(dialect.encoding)
        except csv.Error as error:
            raise _rejected(
                "format.value",
                "a value holds the delimiter or a line end, and no quote is declared",
                f"record {number}",
            ) from error
        except UnicodeEncodeError as error:
            raise _rejected(
                "format.encoding",
                f"{error.object[error.start : error.end]!r} does not exist in {dialect.encoding}",
                f"record {number}",
            ) from error
        if number and self._trailer and out.getvalue().startswith(self._trailer):
            raise _rejected("format.trailer", "the row would be taken for the trailer", f"record {number}")
        return line

    def _trailer_line(self, records: int, total: Decimal) -> bytes:
        trailer = self.dialect.trailer
        assert trailer is not None
        tag = trailer.prefix.removesuffix(self.dialect.delimiter)
        fields = [tag] + [""] * (max(trailer.count_field or 1, trailer.total_field or 1) - 1)
        if trailer.count_field:
            fields[trailer.count_field - 1] = str(self._counted(records))
        if trailer.total_field:
            total_column = self._declared[trailer.total_of]
            fields[trailer.total_field - 1] = values.writer(total_column, self.dialect)(
                int(total) if total_column.kind == "integer" else total
            )
        return self.dialect.delimiter.join(fields).encode(
            self.dialect.encoding
        ) + self.dialect.terminator.encode(self.dialect.encoding)

    def _counted(self, records: int) -> int:
        trailer = self.dialect.trailer
        return (
            records
            if trailer and trailer.counts == "records"
            else records + 1 + self.dialect.header + self.dialect.skip_lines
        )

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
            raise _rejected(
                "format.header", f"the header row can't be read as {dialect.encoding}: {error}", path
            ) from error
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise _rejected(
                "format.header", f"the header names these columns twice: {', '.join(map(repr, twice))}", path
            )
        if missing := [name for name in self._declared if name not in names]:
            raise _rejected(
                "format.header",
                f"the header lacks the columns {', '.join(missing)}; it has {', '.join(names) or 'none'}",
                path,
            )
        other = [name for name in names if name not in self._declared]
        if other and dialect.other_columns == "refuse":
            raise _rejected("format.header", f"the header has undeclared columns: {', '.join(other)}", path)
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
        source = text.split(self._newline)
        if not source[-1]:
            source.pop()
        if self._multiline:
            feed: Iterable[str] = io.StringIO(text, newline=self._newline)
        else:
            feed = iter(source)
        rows = csv.reader(
            feed,
            delimiter=self.dialect.delimiter,
            quotechar=self.dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.dialect.quote else csv.QUOTE_NONE,
            strict=True,
        )
        for number in count(frame.start.number):
            first = rows.line_num
            error = ""
            try:
                fields = next(rows)
            except StopIteration:
                return
            except csv.Error as caught:
                fields, error = [], str(caught)
            line_number = frame.start.line + first
            raw = self._newline.join(source[first : rows.line_num])
            if not raw.strip("\r\n") or (self._trailer and raw.startswith(self._trailer)):
                continue
            value: Document | RecordFault
            if error:
                value = self._fault("format.csv", f"the row is no good CSV: {error}", line_number, 0, raw)
            elif damaged and (column := _damaged_at(fields)):
                value = self._fault(
                    "format.encoding",
                    f"bytes that are not {self.dialect.encoding}: "
                    "ask the partner for the encoding and declare it",
                    line_number,
                    column,
                    raw,
                )
            else:
                value = self._document(fields, names, readers, line_number, raw)
            yield Record(number, line_number, offsets[first], value)

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


def _damaged_at(fields: list[str]) -> int:
    """The first field, from 1, that holds an undecodable byte; 0 for none."""
    for at, field in enumerate(fields, 1):
        if not field.isascii() and any("\ud800" <= sign <= "\udfff" or sign == "\ufffd" for sign in field):
            return at
    return 0


def _rejected(code: str, message: str, path: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection(code, message, path))

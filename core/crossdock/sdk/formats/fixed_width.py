"""Fixed width: rows whose columns are measured in bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from itertools import accumulate, chain, count

from crossdock.sdk.errors import RecordRejectedError, Rejection
from crossdock.sdk.formats import values
from crossdock.sdk.formats.control import Control, Totals, check_rows
from crossdock.sdk.formats.dialects import FixedColumn, FixedRecord, FixedWidthDialect
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
from crossdock.sdk.formats.rows import LineCutter, RowFramer, own_mark

__all__ = ["FixedWidthFormat"]


class _Layout:
    """One kind of row, made ready: where each column is, and how it is read and written."""

    def __init__(self, record: FixedRecord, dialect: FixedWidthDialect) -> None:
        self.record = record
        self.width = record.width
        self.prefix = record.prefix.encode(dialect.encoding)
        ends = list(accumulate(column.width for column in record.columns))
        self.slices = [
            slice(end - column.width, end) for column, end in zip(record.columns, ends, strict=True)
        ]
        self.names = [column.name for column in record.columns]
        self.trims = [_trim(column) for column in record.columns]
        self.fields = list(zip(self.names, self.slices, self.trims, strict=True))
        self.readers = [
            (at, column.name, read)
            for at, column in enumerate(record.columns)
            if (read := values.reader(column, dialect)) is not None
        ]
        self.writers = [(column, values.writer(column, dialect)) for column in record.columns]


def _trim(column: FixedColumn) -> Callable[[str], str]:
    pad = column.pad
    if column.align == "left":
        return lambda text: text.rstrip(pad)
    if pad == "0" and column.kind != "text":
        return lambda text: text
    return lambda text: text.lstrip(pad)


class FixedWidthFormat:
    """Rows of byte columns as flat documents; padding is taken off."""

    name = "fixed_width"

    def __init__(self, dialect: FixedWidthDialect) -> None:
        """Take the declared dialect."""
        self.dialect = dialect
        self._newline = ("\r" if dialect.terminator == "\r" else "\n").encode(dialect.encoding)
        self._layouts = [_Layout(record, dialect) for record in dialect.records]
        self._trailer = dialect.trailer.prefix.encode(dialect.encoding) if dialect.trailer else b""
        self._framer = RowFramer(
            LineCutter(self._newline),
            own_mark(dialect.encoding),
            dialect.skip_lines,
            header=False,
            frame_bytes=dialect.frame_bytes,
            max_record_bytes=dialect.max_record_bytes,
        )

    def inspect(self, chunks: Iterable[bytes]) -> FileVerdict:
        """Check byte order mark, trailer and end of the file; count records and faults."""
        return check_rows(self, self.dialect, chunks, lambda _header: None, self._control)

    def frames(self, chunks: Iterable[bytes], start: Position = START) -> Iterator[Frame]:
        """Cut at line ends."""
        return self._framer.frames(chunks, start)

    def parse(self, frame: Frame) -> Iterator[Record]:
        """Read the rows of a frame."""
        if frame.fault:
            yield Record(
                frame.start.number, frame.start.line, frame.start.offset, RecordFault(frame.fault, frame.data)
            )
            return
        lines = frame.data.split(self._newline)
        offsets = accumulate(chain([frame.offset], (len(line) + len(self._newline) for line in lines)))
        plain = frame.data.isascii() and len(self._layouts) == 1 and "a".encode(self.dialect.encoding) == b"a"
        rows = zip(count(frame.start.number), count(frame.start.line), offsets, lines, strict=False)
        for number, line_number, offset, line in rows:
            row = line[:-1] if line.endswith(b"\r") else line
            if not row or (self._trailer and row.startswith(self._trailer)):
                continue
            if plain:
                layout = self._layouts[0]
                if len(row) == layout.width and row.startswith(layout.prefix):
                    text = row.decode("ascii")
                    fields = {name: trim(text[at]) for name, at, trim in layout.fields}
                    yield Record(number, line_number, offset, self._typed(fields, layout, line_number, row))
                    continue
            yield Record(number, line_number, offset, self._read(row, line_number))

    def write(self, records: Iterable[Document]) -> Iterator[bytes]:
        """Write rows, with a trailer as declared.

        Raises:
            RecordRejectedError: A record lacks a column, has an undeclared one, or a value doesn't fit.
        """
        dialect = self.dialect
        if dialect.bom == "require":
            yield own_mark(dialect.encoding)
        totals = Totals(dialect.trailer.total_of if dialect.trailer else "")
        newline = dialect.terminator.encode(dialect.encoding)
        rows = 0
        for rows, record in enumerate(records, 1):
            totals.add(record)
            yield self._row(record, f"record {rows}") + newline
        if dialect.trailer:
            yield self._trailer_row(rows, totals.sum) + newline

    def _layout_of(self, row: bytes) -> _Layout | None:
        return next((layout for layout in self._layouts if row.startswith(layout.prefix)), None)

    def _read(self, row: bytes, line: int) -> Document | RecordFault:
        layout = self._layout_of(row)
        if layout is None:
            prefixes = ", ".join(repr(record.prefix) for record in self.dialect.records)
            return _fault(
                "format.row_kind",
                f"the row begins with none of the declared prefixes {prefixes}",
                f"line {line}",
                row,
            )
        if len(row) != layout.width:
            if len(row) > layout.width or self.dialect.short_rows == "refuse":
                message = f"the row has {len(row)} bytes, {layout.record.name} has {layout.width}"
                return _fault("format.width", message, f"line {line}", row)
            row = row.ljust(layout.width, " ".encode(self.dialect.encoding))
        fields: dict[str, str] = {}
        for name, at, trim in layout.fields:
            try:
                fields[name] = trim(row[at].decode(self.dialect.encoding))
            except UnicodeDecodeError as error:
                message = f"{name}: not {self.dialect.encoding}, or a character cut in two: {error.reason}"
                return _fault(
                    "format.encoding", message, f"line {line}, byte {at.start + error.start + 1}", row
                )
        return self._typed(fields, layout, line, row)

    def _typed(
        self, fields: dict[str, str], layout: _Layout, line: int, row: bytes
    ) -> Document | RecordFault:
        document: Document = dict(fields)
        for at, name, read in layout.readers:
            try:
                document[name] = read(fields[name])
            except ValueError as error:
                path = f"line {line}, byte {layout.slices[at].start + 1}"
                return RecordFault(
                    Rejection("format.value", f"{name}: {error}", path, value=fields[name][:80]), row
                )
        if len(self._layouts) > 1:
            document["record"] = layout.record.name
        return document

    def _row(self, record: Document, where: str) -> bytes:
        layout = self._layouts[0]
        if len(self._layouts) > 1:
            named = [layout for layout in self._layouts if layout.record.name == record.get("record")]
            if not named:
                raise _rejected(
                    "format.row_kind",
                    f"the key record is {record.get('record')!r}, no declared kind of row",
                    where,
                )
            layout = named[0]
        extra = record.keys() - set(layout.names) - ({"record"} if len(self._layouts) > 1 else set())
        if extra:
            raise _rejected("format.column", f"not declared as columns: {', '.join(sorted(extra))}", where)
        row = b"".join(self._field(record, column, write, where) for column, write in layout.writers)
        if not row.startswith(layout.prefix) or (self._trailer and row.startswith(self._trailer)):
            raise _rejected(
                "format.row_kind", f"the row would not be read back as {layout.record.name}", where
            )
        return row

    def _field(
        self, record: Document, column: FixedColumn, write: Callable[[Value], str], where: str
    ) -> bytes:
        path = f"{where}, column {column.name}"
        if column.name not in record:
            raise _rejected("format.column", "the record has no value for this column", path)
        try:
            text = write(record[column.name])
            encoded = text.encode(self.dialect.encoding)
            pad = column.pad.encode(self.dialect.encoding)
        except UnicodeEncodeError as error:
            sign = error.object[error.start : error.end]
            raise _rejected(
                "format.encoding", f"{sign!r} does not exist in {self.dialect.encoding}", path
            ) from error
        except ValueError as error:
            raise _rejected("format.value", str(error), path) from error
        if "\n" in text or "\r" in text:
            raise _rejected("format.value", "the value holds a line end", path)
        if len(encoded) > column.width:
            if column.overflow == "refuse" or column.kind != "text":
                raise _rejected(
                    "format.overflow", f"{len(encoded)} bytes don't fit into {column.width}", path
                )
            encoded = _truncated(text, column.width, self.dialect.encoding)
        return _padded(encoded, column, pad, path)

    def _trailer_row(self, records: int, total: Decimal) -> bytes:
        trailer = self.dialect.trailer
        assert trailer is not None
        number = records if trailer.counts == "records" else records + 1 + self.dialect.skip_lines
        places = [(trailer.count, str(number))]
        if trailer.total:
            column = self._column(trailer.total_of)
            value = int(total) if column.kind == "integer" else total
            places.append((trailer.total, values.writer(column, self.dialect)(value)))
        row = trailer.prefix
        for place, text in sorted((place, text) for place, text in places if place):
            first, width = place
            if len(text) > width:
                raise _rejected("format.overflow", f"{text} doesn't fit into {width} bytes", "trailer")
            row = row.ljust(first - 1) + text.rjust(width, "0")
        return row.encode(self.dialect.encoding)

    def _column(self, name: str) -> FixedColumn:
        return next(
            column for record in self.dialect.records for column in record.columns if column.name == name
        )

    def _control(self, line: str) -> Control:
        trailer = self.dialect.trailer
        assert trailer is not None
        row = line.encode(self.dialect.encoding, "replace")

        def piece(place: tuple[int, int] | None) -> str:
            return (
                row[place[0] - 1 : place[0] - 1 + place[1]].decode(self.dialect.encoding, "replace")
                if place
                else ""
            )

        column = self._column(trailer.total_of) if trailer.total_of else None
        return Control.read(piece(trailer.count), piece(trailer.total), column, self.dialect)


def _truncated(text: str, width: int, encoding: str) -> bytes:
    """As many whole characters as fit."""
    encoded = text[:width].encode(encoding)
    while len(encoded) > width:
        text = text[: min(width, len(text)) - 1]
        encoded = text.encode(encoding)
    return encoded


def _padded(encoded: bytes, column: FixedColumn, pad: bytes, path: str) -> bytes:
    missing = column.width - len(encoded)
    if missing % len(pad):
        raise _rejected("format.overflow", f"{missing} bytes are left, which {column.pad!r} can't fill", path)
    padding = pad * (missing // len(pad))
    if column.align == "left":
        return encoded + padding
    if column.pad == "0" and encoded.startswith(b"-"):
        return b"-" + padding + encoded[1:]
    return padding + encoded


def _fault(code: str, message: str, path: str, raw: bytes) -> RecordFault:
    return RecordFault(Rejection(code, message, path), raw)


def _rejected(code: str, message: str, path: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection(code, message, path))

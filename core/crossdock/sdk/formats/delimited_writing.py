"""CSV, written."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from crossdock.sdk.errors import MisconfiguredError, RecordRejectedError, Rejection
from crossdock.sdk.formats import values
from crossdock.sdk.formats.control import Totals
from crossdock.sdk.formats.dialects import CsvDialect
from crossdock.sdk.formats.records import Document, Value
from crossdock.sdk.formats.rows import own_mark

__all__ = ["CsvWriter", "rejected"]


class CsvWriter:
    """Writes rows in one dialect."""

    def __init__(self, dialect: CsvDialect) -> None:
        """Take the declared dialect."""
        self.dialect = dialect
        self._declared = {column.name: column for column in dialect.columns}
        self._trailer = dialect.trailer.prefix if dialect.trailer else ""

    def lines(self, records: Iterable[Document]) -> Iterator[bytes]:
        """Write header, rows and trailer; see ``CsvFormat.write``."""
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
            raise rejected(
                "format.column", f"not declared as columns: {', '.join(sorted(extra))}", f"record {number}"
            )
        fields = []
        for name, write in writers:
            if name not in record:
                raise rejected(
                    "format.column",
                    "the record has no value for this column",
                    f"record {number}, column {name}",
                )
            try:
                fields.append(write(record[name]))
            except ValueError as error:
                raise rejected("format.value", str(error), f"record {number}, column {name}") from error
        return fields

    def _line(self, fields: list[str], number: int) -> bytes:
        dialect = self.dialect
        if not dialect.quoted_newlines and any("\n" in field or "\r" in field for field in fields):
            raise rejected(
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
            raise rejected(
                "format.value",
                "a value holds the delimiter or a line end, and no quote is declared",
                f"record {number}",
            ) from error
        except UnicodeEncodeError as error:
            raise rejected(
                "format.encoding",
                f"{error.object[error.start : error.end]!r} does not exist in {dialect.encoding}",
                f"record {number}",
            ) from error
        if number and self._trailer and out.getvalue().startswith(self._trailer):
            raise rejected("format.trailer", "the row would be taken for the trailer", f"record {number}")
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


def rejected(code: str, message: str, path: str) -> RecordRejectedError:
    """The error of one place."""
    return RecordRejectedError(Rejection(code, message, path))

"""The checks on a whole file of rows: byte order mark, header, end, and the trailer's count and total."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Self

from crossdock.sdk.errors import Rejection
from crossdock.sdk.formats import values
from crossdock.sdk.formats.dialects import Column, CsvDialect, CsvTrailer, FixedWidthDialect, RowDialect
from crossdock.sdk.formats.records import Document, FileVerdict, Format, RecordFault
from crossdock.sdk.formats.rows import Ends, check_mark

__all__ = ["Control", "Totals", "check_rows"]


class Totals:
    """The sum of one column over all records; 0 without a column."""

    def __init__(self, column: str) -> None:
        """Take the column's name, empty for none."""
        self.column = column
        self.sum = Decimal(0)

    def add(self, record: Document) -> None:
        """Add one record's value; anything but a number counts nothing."""
        value = record.get(self.column) if self.column else None
        if isinstance(value, int | Decimal):
            self.sum += value


@dataclass(frozen=True, slots=True)
class Control:
    """What a trailer states; None where it states nothing readable."""

    count: int | None
    total: Decimal | None

    @classmethod
    def read(cls, count: str, total: str, column: Column | None, dialect: RowDialect) -> Self:
        """Read both from text; ``column`` is the one that the total is of."""
        digits = count.strip()
        read = values.reader(column, dialect) if column else None
        try:
            number = read(total) if read else None
        except ValueError:
            number = None
        return cls(
            int(digits) if digits.isascii() and digits.isdecimal() else None,
            Decimal(number) if isinstance(number, int | Decimal) else None,
        )


def check_rows(
    file_format: Format,
    dialect: CsvDialect | FixedWidthDialect,
    chunks: Iterable[bytes],
    header_fault: Callable[[bytes], Rejection | None],
    control: Callable[[str], Control],
) -> FileVerdict:
    """Read a whole file of rows and give the verdict.

    Args:
        file_format: The format that frames and parses.
        dialect: Its dialect.
        chunks: The whole file.
        header_fault: Says what is wrong with a header row.
        control: Gives count and total of the trailer row, as text.
    """
    ends = Ends(chunks)
    totals = Totals(dialect.trailer.total_of if dialect.trailer else "")
    records = faults = trailers = size = 0
    last_line, last_is_fault = "", False
    rejections: list[Rejection] = []
    for frame in file_format.frames(ends):
        if not size:
            problems = (
                check_mark(ends.first, dialect.encoding, dialect.bom),
                header_fault(frame.start.context),
            )
            rejections += [problem for problem in problems if problem]
        size = frame.end.offset
        if rejections:
            continue
        for record in file_format.parse(frame):
            records += 1
            last_is_fault = isinstance(record.value, RecordFault)
            if isinstance(record.value, RecordFault):
                faults += 1
            else:
                totals.add(record.value)
        if dialect.trailer:
            text = frame.data.decode(dialect.encoding, "replace").replace("\r", "\n")
            trailers += text.count("\n" + dialect.trailer.prefix) + text.startswith(dialect.trailer.prefix)
            last_line = text.rstrip("\n").rpartition("\n")[2] or last_line
    if not size:
        problem = check_mark(ends.first, dialect.encoding, dialect.bom)
        rejections += [found for found in (problem, header_fault(b"")) if found]
    if not rejections:
        ended = ends.last.endswith(("\r" if dialect.terminator == "\r" else "\n").encode(dialect.encoding))
        rejections += _check_end(dialect, ended=ended, last_is_fault=last_is_fault, empty=not size)
        rejections += _check_trailer(dialect, trailers, last_line, records, totals, control)
    return FileVerdict(records, faults, size, tuple(rejections))


def _check_end(
    dialect: CsvDialect | FixedWidthDialect, *, ended: bool, last_is_fault: bool, empty: bool
) -> Iterator[Rejection]:
    if ended or empty:
        return
    if dialect.last_terminator == "required" or last_is_fault:
        yield Rejection(
            "format.half_written",
            "the last row has no line end"
            + (" and is not a good row" if last_is_fault else "")
            + ": the file seems to be half-written; nothing was applied, fetch it again",
            "last line",
        )


def _check_trailer(
    dialect: CsvDialect | FixedWidthDialect,
    trailers: int,
    last_line: str,
    records: int,
    totals: Totals,
    control: Callable[[str], Control],
) -> Iterator[Rejection]:
    trailer = dialect.trailer
    if trailer is None:
        return
    if trailers != 1 or not last_line.startswith(trailer.prefix):
        message = (
            f"the trailer {trailer.prefix!r} must be there once, as the last row; it was found "
            f"{trailers} times: the file is cut off or holds several files; nothing was applied"
        )
        yield Rejection("format.trailer", message, "last line", value=last_line[:80])
        return
    found = control(last_line)
    header = isinstance(dialect, CsvDialect) and dialect.header
    rows = records if trailer.counts == "records" else records + 1 + header + dialect.skip_lines
    counts = trailer.count_field if isinstance(trailer, CsvTrailer) else trailer.count
    if counts and found.count != rows:
        message = (
            f"the trailer counts {found.count}, the file has {rows} {trailer.counts}; nothing was applied"
        )
        yield Rejection("format.trailer_count", message, "last line", value=last_line[:80])
    if trailer.total_of and found.total != totals.sum:
        message = (
            f"the trailer's total of {trailer.total_of} is {found.total}, the file's is {totals.sum}; "
            "nothing was applied"
        )
        yield Rejection("format.trailer_total", message, "last line", value=last_line[:80])

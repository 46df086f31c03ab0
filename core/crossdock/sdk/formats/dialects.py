"""The declared dialects: what a partner's files look like, as configuration.

Nothing that is not declared is guessed.
"""

from __future__ import annotations

import codecs
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "Column",
    "CsvDialect",
    "CsvTrailer",
    "FixedColumn",
    "FixedRecord",
    "FixedTrailer",
    "FixedWidthDialect",
    "JsonDialect",
    "NdjsonDialect",
    "RowDialect",
    "XmlDialect",
]

_WIDE = ("utf-16", "utf-32")
_STATEFUL = ("iso2022", "utf-7", "hz")


def _checked_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        "\n".encode(name)
    except (LookupError, UnicodeError) as error:
        raise ValueError(f"{name!r} is not a text encoding that Python knows") from error
    if found.name in _WIDE:
        raise ValueError(f"{name!r} leaves the byte order open: declare {found.name}-le or {found.name}-be")
    if found.name == "utf-8-sig":
        raise ValueError("declare encoding utf-8 and bom: require")
    if found.name.startswith(_STATEFUL):
        raise ValueError(f"{name!r} is a stateful encoding, whose lines can't be told apart by their bytes")
    return found.name


def _narrow_encoding(name: str) -> str:
    if name.startswith(_WIDE):
        raise ValueError(f"{name} has no single bytes to count: columns are measured in bytes")
    return name


Encoding = Annotated[str, AfterValidator(_checked_encoding)]
OneCharacter = Annotated[str, Field(min_length=1, max_length=1)]
Bom = Literal["allow", "refuse", "require"]


class _Dialect(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Dialect):
    """One column of a row.

    Attributes:
        name: Key in the record, and the name in the header row where there is one.
        kind: ``text`` stays as it is; ``integer`` and ``decimal`` are read by the dialect's signs; ``date``
            becomes ISO 8601. An empty value of the last three is null.
        date_format: ``strptime`` format of a ``date``, such as ``%Y%m%d``. A two-digit year is refused.
        implied_decimals: Digits after a decimal sign that is not written: ``0001250`` with 2 is 12.50.
    """

    name: str = Field(min_length=1)
    kind: Literal["text", "integer", "decimal", "date"] = "text"
    date_format: str = ""
    implied_decimals: int = Field(default=0, ge=0, le=9)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.kind == "date") != bool(self.date_format):
            raise ValueError(f"column {self.name}: a date needs date_format, and nothing else has one")
        if "%y" in self.date_format or "%x" in self.date_format or "%c" in self.date_format:
            raise ValueError(f"column {self.name}: date_format must have a four-digit year and no locale")
        if self.implied_decimals and self.kind != "decimal":
            raise ValueError(f"column {self.name}: implied_decimals belong to kind decimal")
        return self


class FixedColumn(Column):
    """One column of a fixed-width row; ``width`` in bytes."""

    width: int = Field(ge=1)
    align: Literal["left", "right"] = "left"
    pad: OneCharacter = " "
    overflow: Literal["refuse", "truncate"] = "refuse"


class _Trailer(_Dialect):
    """The last row, by which the file proves to be complete.

    Attributes:
        prefix: Characters that begin the row, and no other.
        counts: Whether the number counts records only, or all rows (skipped lines, header and trailer too).
        total_of: Decimal or integer column whose sum over all records is the hash total.
    """

    prefix: str = Field(min_length=1)
    counts: Literal["records", "rows"] = "records"
    total_of: str = ""


class CsvTrailer(_Trailer):
    """Trailer of a CSV file; fields count from 1."""

    count_field: int | None = Field(default=None, ge=1)
    total_field: int | None = Field(default=None, ge=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.total_of) != (self.total_field is not None):
            raise ValueError("trailer: total_of and total_field belong together")
        return self


class FixedTrailer(_Trailer):
    """Trailer of a fixed-width file; ``count`` and ``total`` are (first byte from 1, width in bytes)."""

    count: tuple[int, int] | None = None
    total: tuple[int, int] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.total_of) != (self.total is not None):
            raise ValueError("trailer: total_of and total belong together")
        if any(place and min(place) < 1 for place in (self.count, self.total)):
            raise ValueError("trailer: first byte and width count from 1")
        return self


class RowDialect(_Dialect):
    """What CSV and fixed-width files share.

    Attributes:
        encoding: As Python names it. Bytes that it can't decode are the fault of their record.
        bom: What to do with this encoding's byte order mark; one of another encoding rejects the file.
            ``require`` also writes it.
        terminator: End of a row. Reading takes LF and CRLF for each other; a lone CR must be declared.
        last_terminator: Whether the last row may lack it; ``required`` makes that a half-written file.
        skip_lines: Lines to leave out at the top.
        decimal_sign: Of ``decimal`` columns.
        thousands_sign: Empty means that there is none: ``1,234`` is then a fault, not a number.
        trailing_sign: Whether a minus stands behind the digits, as SAP writes it.
        max_record_bytes: A longer record is a fault.
        frame_bytes: Size of the frames.
    """

    encoding: Encoding = "utf-8"
    bom: Bom = "allow"
    terminator: Literal["\n", "\r\n", "\r"] = "\n"
    last_terminator: Literal["optional", "required"] = "optional"
    skip_lines: int = Field(default=0, ge=0)
    decimal_sign: Literal[".", ","] = "."
    thousands_sign: Literal["", ".", ",", " ", "'", "\u00a0", "\u202f"] = ""
    trailing_sign: bool = False
    max_record_bytes: int = Field(default=1 << 20, ge=64)
    frame_bytes: int = Field(default=1 << 15, ge=64)

    @model_validator(mode="after")
    def _check_signs(self) -> Self:
        if self.decimal_sign == self.thousands_sign:
            raise ValueError("decimal_sign and thousands_sign must differ")
        return self


def _check_names(columns: tuple[Column, ...]) -> None:
    names = [column.name for column in columns]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"declared twice: {', '.join(twice)}")


def _check_total(trailer: _Trailer | None, columns: tuple[Column, ...]) -> None:
    if trailer and trailer.total_of:
        kinds = {column.name: column.kind for column in columns}
        if kinds.get(trailer.total_of) not in {"integer", "decimal"}:
            raise ValueError(
                f"trailer.total_of: {trailer.total_of} is not a declared integer or decimal column"
            )


class CsvDialect(RowDialect):
    """Delimited rows.

    Attributes:
        delimiter: One character.
        quote: One character; empty means that quotes mean nothing. A quote inside of a quoted field is
            doubled.
        quote_all: Write quotes around every field.
        quoted_newlines: Whether a quoted field may hold line ends. Where it may not, each line stands for
            itself, and a stray quote costs one line only.
        header: Whether the first row (after ``skip_lines``) names the columns.
        columns: With a header: those that must be there; any others are text. Without one: all, in order.
        other_columns: What to do with a header's columns that are not declared.
        trailer: The closing row, if the partner writes one.
    """

    delimiter: OneCharacter = ","
    quote: Annotated[str, Field(max_length=1)] = '"'
    quote_all: bool = False
    quoted_newlines: bool = True
    header: bool = True
    columns: tuple[Column, ...] = ()
    other_columns: Literal["keep", "refuse"] = "keep"
    trailer: CsvTrailer | None = None

    @model_validator(mode="after")
    def _check_csv(self) -> Self:
        _check_names(self.columns)
        _check_total(self.trailer, self.columns)
        if not self.header and not self.columns:
            raise ValueError("a file without a header needs its columns declared")
        if self.delimiter == self.quote or {self.delimiter, self.quote} & {"\n", "\r", "\0"}:
            raise ValueError("delimiter and quote must differ from each other and from line ends")
        return self


class FixedRecord(_Dialect):
    """One kind of row: those that begin with ``prefix``; an empty prefix takes any."""

    name: str = "row"
    prefix: str = ""
    columns: tuple[FixedColumn, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_names(self.columns)
        return self

    @property
    def width(self) -> int:
        """Bytes of a row, without its terminator."""
        return sum(column.width for column in self.columns)


class FixedWidthDialect(RowDialect):
    """Rows whose columns are measured in bytes of ``encoding``, also where a character takes several.

    Attributes:
        records: The kinds of rows. Of several, each record says its own in the key ``record``.
        short_rows: Whether a row whose trailing padding was stripped is refused or padded again.
        trailer: The closing row, if the partner writes one.
    """

    encoding: Annotated[Encoding, AfterValidator(_narrow_encoding)] = "utf-8"
    records: tuple[FixedRecord, ...] = Field(min_length=1)
    short_rows: Literal["refuse", "pad"] = "refuse"
    trailer: FixedTrailer | None = None

    @model_validator(mode="after")
    def _check_fixed(self) -> Self:
        _check_total(self.trailer, tuple(column for record in self.records for column in record.columns))
        names = [record.name for record in self.records]
        if len(set(names)) != len(names):
            raise ValueError("each kind of row needs its own name")
        if len(names) > 1 and any("record" in {c.name for c in record.columns} for record in self.records):
            raise ValueError("a column can't be named record where there are several kinds of rows")
        return self


class JsonDialect(_Dialect):
    """UTF-8 JSON: one document, or the elements of the outermost array as records."""

    layout: Literal["document", "array"] = "document"
    bom: Bom = "allow"
    max_depth: int = Field(default=64, ge=1, le=200)
    max_record_bytes: int = Field(default=8 << 20, ge=64)
    frame_bytes: int = Field(default=1 << 18, ge=64)


class NdjsonDialect(_Dialect):
    """UTF-8 JSON objects, one a line; empty lines are left out."""

    bom: Bom = "allow"
    last_terminator: Literal["optional", "required"] = "optional"
    max_depth: int = Field(default=64, ge=1, le=200)
    max_record_bytes: int = Field(default=8 << 20, ge=64)
    frame_bytes: int = Field(default=1 << 18, ge=64)


class XmlDialect(_Dialect):
    """XML without document types and entities.

    The encoding is the one that the file itself states: one that expat knows, or UTF-16.

    Attributes:
        record: Local name of the elements that are records; empty for a whole document.
        lists: Local names that are always lists, even with one element.
        root: Local name of the element written around the records.
        namespace: Default namespace of what is written; reading goes by local names.
        max_depth: Deepest nesting of elements.
    """

    record: str = ""
    lists: frozenset[str] = frozenset()
    root: str = "records"
    namespace: str = ""
    max_depth: int = Field(default=64, ge=1, le=200)
    max_record_bytes: int = Field(default=8 << 20, ge=64)
    frame_bytes: int = Field(default=1 << 18, ge=64)

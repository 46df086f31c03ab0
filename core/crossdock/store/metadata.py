"""The one schema: its naming convention and the column types that mean the same in SQLite and PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Dialect, Integer, LargeBinary, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction
from sqlalchemy.types import TypeDecorator, TypeEngine

__all__ = ["Exact", "Instant", "Json", "RowId", "decode_json", "encode_json", "metadata", "utc_day"]

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RowId = BigInteger().with_variant(Integer, "sqlite")
"""A key the database counts up. In SQLite give the table ``sqlite_autoincrement=True``, or pruned ids come back."""

Bytes = LargeBinary
"""Bytes as received."""

_decoder = msgspec.json.Decoder(float_hook=Decimal)
_encoder = msgspec.json.Encoder(decimal_format="number", order="sorted")


def encode_json(value: object) -> str:
    """JSON text with sorted keys: the same value is always the same text."""
    return _encoder.encode(value).decode()


def decode_json(text: str | bytes) -> Any:
    """The value of JSON text; every number with a fraction is a ``Decimal``."""
    return _decoder.decode(text)


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant: ``timestamptz`` in PostgreSQL, ``2026-11-23T05:10:41.000000Z`` in SQLite.

    The text has a fixed width, so it sorts and compares as the instant does, and people can read it.
    A naive ``datetime`` is a ``ValueError``.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of the dialect."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Refuse naive instants; write UTC."""
        if value is None:
            return None
        if value.tzinfo is not UTC:
            if value.tzinfo is None:
                raise ValueError(f"{value!r} has no time zone: instants are aware UTC")
            value = value.astimezone(UTC)
        if dialect.name == "postgresql":
            return value
        return value.isoformat(timespec="microseconds")[:-6] + "Z"

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Read UTC."""
        if value is None:
            return None
        instant = datetime.fromisoformat(value) if isinstance(value, str) else value
        return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


class utc_day(GenericFunction[str]):
    """The day of an ``Instant`` in UTC, as the text ``2026-11-23``."""

    type = Text()
    inherit_cache = True


@compiles(utc_day, "sqlite")
def _day_in_sqlite(element: utc_day, compiler: SQLCompiler, **more: Any) -> str:
    return f"substr({compiler.process(element.clauses, **more)}, 1, 10)"


@compiles(utc_day, "postgresql")
def _day_in_postgresql(element: utc_day, compiler: SQLCompiler, **more: Any) -> str:
    return f"to_char({compiler.process(element.clauses, **more)} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


class Exact(TypeDecorator[Decimal]):
    """A ``Decimal`` kept digit by digit: ``numeric`` in PostgreSQL, text in SQLite.

    As text it neither sorts nor adds in SQL. What SQL has to count with is an integer column in the smallest unit.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of the dialect."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(Numeric())
        return dialect.type_descriptor(Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Write without an exponent."""
        if value is None or dialect.name == "postgresql":
            return value
        return format(value, "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:
        """Read exactly."""
        return Decimal(value) if isinstance(value, str) else value


class Json(TypeDecorator[Any]):
    """A small JSON value as text, without floats. Not for bodies: those are bytes as received."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write sorted JSON."""
        return None if value is None else encode_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Read with ``Decimal``."""
        return None if value is None else decode_json(value)

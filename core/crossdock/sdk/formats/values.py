"""Numbers and dates of text files, by the dialect's declared signs and formats."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from crossdock.sdk.formats.dialects import Column, RowDialect
from crossdock.sdk.formats.records import Value

__all__ = ["as_text", "reader", "writer"]


def reader(column: Column, dialect: RowDialect) -> Callable[[str], Value] | None:
    """Give the function that reads this column's text, or None where text stays text.

    The function raises ``ValueError`` with what is wrong, in words.
    """
    if column.kind == "text":
        return None
    if column.kind == "date":
        return _date_reader(column.date_format)
    return _number_reader(column, dialect)


def writer(column: Column, dialect: RowDialect) -> Callable[[Value], str]:
    """Give the function that writes this column's value as text; it raises ``ValueError`` where it can't."""
    if column.kind == "text":
        return as_text
    if column.kind == "date":
        return lambda value: (
            "" if value is None else date.fromisoformat(str(value)).strftime(column.date_format)
        )
    return _number_writer(column, dialect)


def _date_reader(date_format: str) -> Callable[[str], Value]:
    def read(text: str) -> Value:
        stripped = text.strip()
        if not stripped:
            return None
        # Naive by nature: a calendar date has no zone.
        return datetime.strptime(stripped, date_format).date().isoformat()  # noqa: DTZ007

    return read


def _number_pattern(column: Column, dialect: RowDialect) -> re.Pattern[str]:
    whole = "[0-9]+"
    if dialect.thousands_sign:
        whole = f"[0-9]{{1,3}}(?:{re.escape(dialect.thousands_sign)}[0-9]{{3}})+|[0-9]+"
    fraction = ""
    if column.kind == "decimal" and not column.implied_decimals:
        fraction = f"(?:{re.escape(dialect.decimal_sign)}([0-9]+))?"
    if dialect.trailing_sign:
        return re.compile(f"(?P<whole>{whole}){fraction}(?P<sign>[+-]?)")
    return re.compile(f"(?P<sign>[+-]?)(?P<whole>{whole}){fraction}")


def _number_reader(column: Column, dialect: RowDialect) -> Callable[[str], Value]:
    pattern = _number_pattern(column, dialect)
    thousands = dialect.thousands_sign
    scale = Decimal(1).scaleb(-column.implied_decimals)
    fraction_group = (
        0 if column.kind == "integer" or column.implied_decimals else (2 if dialect.trailing_sign else 3)
    )
    expected = f"{column.kind} with {dialect.decimal_sign!r} as decimal sign and " + (
        f"{thousands!r} between thousands" if thousands else "no sign between thousands"
    )

    def read(text: str) -> Value:
        stripped = text.strip()
        if not stripped:
            return None
        match = pattern.fullmatch(stripped)
        if match is None:
            raise ValueError(f"{stripped!r} is not a {expected}")
        whole = match["whole"].replace(thousands, "") if thousands else match["whole"]
        signed = ("-" if match["sign"] == "-" else "") + whole
        if column.kind == "integer":
            return int(signed)
        fraction = match[fraction_group] if fraction_group else None
        number = Decimal(f"{signed}.{fraction}") if fraction else Decimal(signed)
        return number * scale if column.implied_decimals else number

    return read


def as_text(value: Value) -> str:
    """Write a value as plain text, null as none.

    Raises ``ValueError`` for anything but text and exact numbers.
    """
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise ValueError(f"a {type(value).__name__} can't stand in a text column")  # noqa: TRY004
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _number_writer(column: Column, dialect: RowDialect) -> Callable[[Value], str]:
    def write(value: Value) -> str:
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            raise ValueError(f"{value!r} is not a number")  # noqa: TRY004
        number = Decimal(value).scaleb(column.implied_decimals)
        if not number.is_finite():
            raise ValueError(f"{value!r} is not a number")
        if column.implied_decimals or column.kind == "integer":
            if number != number.to_integral_value():
                raise ValueError(f"{value} has more decimals than the column holds")
            number = number.to_integral_value()
        digits = f"{abs(number):f}".replace(".", dialect.decimal_sign)
        sign = "-" if number < 0 else ""
        return digits + sign if dialect.trailing_sign else sign + digits

    return write

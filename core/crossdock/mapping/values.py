"""The types of a document, and passing a value as one of them; nothing is guessed from the look of a text."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.paths import Value, kind_of

PLAIN: Final = frozenset({str, int, bool, Decimal})
_INT = re.compile(r"[+-]?[0-9]{1,400}")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_FLOAT_ADVICE: Final = (
    "decode JSON with a Decimal hook (parse_float=Decimal): floats lose cents and large ids"
)


def scalar(value: Value) -> Value:
    """Pass one value as it is, dates and instants as ISO 8601 texts: what a rule without ``as`` does."""
    if value.__class__ in PLAIN:
        return value
    if isinstance(value, str | int | date):
        return int(value) if isinstance(value, int) else to_str(value)
    if isinstance(value, float):
        raise ValueFault("float", f"a float can't enter a document; {_FLOAT_ADVICE}")
    raise ValueFault(
        "type",
        f"expected one value, but found {kind_of(value)}; name a path inside it, or say 'as: any' to copy it",
    )


def anything(value: Value) -> Value:
    """Pass any JSON value as it is, unless there is a float somewhere in it."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
        elif item is not None and item.__class__ not in PLAIN:
            code = "float" if isinstance(item, float) else "type"
            raise ValueFault(code, f"{type(item).__name__} {item!r} can't enter a document; {_FLOAT_ADVICE}")
    return value


def to_str(value: Value) -> str:
    """Give text and whole numbers as text, decimals without an exponent, dates and instants as ISO 8601."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool):
        raise ValueFault(
            "type",
            "true or false has no text of its own; say 'as: {type: str, from: bool, true: Y, false: N}'",
        )
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite():
        return format(value, "f")
    if isinstance(value, datetime):
        return write_instant(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return str(scalar(value))
    raise ValueFault("type", f"expected text or a number, but found {kind_of(value)}")


def to_int(value: Value) -> int:
    """Give a whole number; ``5.00`` is one as a number, ``"5.0"`` is none as text."""
    if value.__class__ is int:
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        return int(value)
    if isinstance(value, str) and _INT.fullmatch(value):
        return int(value)
    scalar(value)
    raise ValueFault(
        "type", "expected a whole number; is this the right path, or should it be 'as: decimal' or 'as: str'?"
    )


def to_decimal(value: Value) -> Decimal:
    """Give an exact decimal from a number or from text such as ``-12.50`` (no exponent, no grouping)."""
    if value.__class__ is str:
        if _DECIMAL.fullmatch(value):
            return Decimal(value)
    elif value.__class__ is Decimal:
        if value.is_finite():
            return Decimal(value)
    elif value.__class__ is int:
        return Decimal(value)
    scalar(value)
    raise ValueFault(
        "type",
        (
            "expected a number such as 12.50; for a comma or grouping say 'as: "
            '{type: decimal, decimal_mark: ","}\''
        ),
    )


def to_bool(value: Value) -> bool:
    """Give JSON true or false; texts need ``true`` and ``false`` options."""
    if value is True or value is False:
        return bool(value)
    scalar(value)
    raise ValueFault(
        "type", "expected true or false; name the texts: 'as: {type: bool, true: [Y], false: [N]}'"
    )


def write_instant(value: datetime) -> str:
    """Write an aware datetime in UTC as ISO 8601 with Z."""
    if value.tzinfo is None:
        raise ValueFault(
            "type", "the instant has no offset from UTC; say 'as: {type: instant, zone: Area/City}'"
        )
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"

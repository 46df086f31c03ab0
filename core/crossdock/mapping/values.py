"""Conversions between types, as the mapping states them; nothing is guessed from the look of a text.

Each ``*_converter`` takes the options of one ``as`` and gives a function from a value to a value, which raises
``ValueFault`` for a value that is not of the stated form. The functions are shared by the fast and the slow path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, InvalidOperation
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.paths import Value, kind_of

Convert: TypeAlias = Callable[[Value], Value]
Options: TypeAlias = Mapping[str, Value]

ROUNDINGS: Final = {
    "half_up": ROUND_HALF_UP,
    "half_even": ROUND_HALF_EVEN,
    "down": ROUND_DOWN,
    "up": ROUND_UP,
}
TYPES: Final = ("str", "int", "decimal", "bool", "date", "instant", "money", "any")
OPTIONS: Final[dict[str, frozenset[str]]] = {
    "str": frozenset(
        {"from", "format", "zone", "places", "round", "decimal_mark", "implied_places", "true", "false"}
    ),
    "int": frozenset(),
    "decimal": frozenset({"decimal_mark", "grouping", "implied_places", "places", "round"}),
    "bool": frozenset({"true", "false"}),
    "date": frozenset({"format", "zone"}),
    "instant": frozenset({"format", "zone"}),
    "money": frozenset({"decimal_mark", "grouping", "implied_places", "places", "round", "minor_units"}),
    "any": frozenset(),
}
_INT = re.compile(r"[+-]?[0-9]{1,400}")
_DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_UNITS: Final = {"epoch_seconds": Decimal(1), "epoch_milliseconds": Decimal(1000)}
PLAIN: Final = frozenset({str, int, bool, Decimal})
_FLOAT_ADVICE: Final = (
    "decode JSON with a Decimal hook (parse_float=Decimal): floats lose cents and large ids"
)


class OptionError(ValueError):
    """Options of an ``as`` that make no sense together."""


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


def _zone(options: Options) -> ZoneInfo | None:
    if (name := options.get("zone")) is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise OptionError(f"{name!r} is not a time zone; write one such as America/Chicago") from error


def _epoch(value: Value, units: Decimal) -> datetime:
    seconds = to_decimal(value) / units
    try:
        return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
    except OverflowError as error:
        raise ValueFault(
            "type", "this many seconds from 1970 is no instant; seconds or milliseconds?"
        ) from error


def _parse_datetime(value: Value, format_: str) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and format_ != "iso":
        value = str(value)
    if not isinstance(value, str):
        scalar(value)
        raise ValueFault("type", f"expected a date or instant as text, but found {kind_of(value)}")
    try:
        return datetime.fromisoformat(value) if format_ == "iso" else datetime.strptime(value, format_)  # noqa: DTZ007
    except ValueError as error:
        form = "ISO 8601 (2026-03-01T12:00:00Z)" if format_ == "iso" else f"the format {format_}"
        raise ValueFault("type", f"not in {form}; state the partner's 'format' in 'as'") from error


def _localise(value: datetime, zone: ZoneInfo | None) -> datetime:
    if value.tzinfo is not None:
        return value
    if zone is None:
        raise ValueFault(
            "type",
            (
                "the instant has no offset from UTC; say in which zone it is: 'as: "
                "{type: instant, zone: Area/City}'"
            ),
        )
    local = value.replace(tzinfo=zone)
    if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != value:
        raise ValueFault(
            "type", f"this local time does not exist in {zone.key}: clocks were put forward over it"
        )
    return local


def _reader(options: Options) -> Callable[[Value], datetime]:
    format_, zone = options.get("format", "iso"), _zone(options)
    if (units := _EPOCH_UNITS.get(format_)) is not None:
        return lambda value: _epoch(value, units)
    return lambda value: _localise(_parse_datetime(value, format_), zone)


def _instant_converter(options: Options) -> Convert:
    read = _reader(options)
    return lambda value: write_instant(read(value))


def _date_converter(options: Options) -> Convert:
    format_, zone = options.get("format", "iso"), _zone(options)
    read = _reader(options)

    def to_date(value: Value) -> str:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value.isoformat()
        if zone is not None:
            return read(value).astimezone(zone).date().isoformat()
        parsed = _parse_datetime(value, format_)
        if isinstance(value, datetime) or parsed.tzinfo is not None:
            raise ValueFault(
                "type", "an instant has no date without a zone; say 'as: {type: date, zone: Area/City}'"
            )
        return parsed.date().isoformat()

    return to_date


def _rounder(options: Options) -> Callable[[Decimal], Decimal]:
    places = options.get("places")
    if places is None:
        if "round" in options:
            raise OptionError("'round' needs 'places'")
        return lambda value: value
    quantum, rounding = Decimal(1).scaleb(-places), options.get("round")
    if rounding is not None and rounding not in ROUNDINGS:
        raise OptionError(f"'round' is one of {', '.join(ROUNDINGS)}")

    def fit(value: Decimal) -> Decimal:
        try:
            fitted = value.quantize(quantum, rounding=ROUNDINGS[rounding or "half_even"])
        except InvalidOperation as error:
            raise ValueFault("type", f"the number is too long for {places} decimal places") from error
        if rounding is None and fitted != value:
            raise ValueFault("type", f"more than {places} decimal places; say how to round: 'round: half_up'")
        return fitted

    return fit


def _decimal_converter(options: Options) -> Convert:
    mark, grouping = options.get("decimal_mark", "."), options.get("grouping")
    if mark == grouping:
        raise OptionError("'decimal_mark' and 'grouping' can't be the same character")
    fit, implied = _rounder(options), options.get("implied_places", 0)
    if mark == "." and grouping is None and not implied and "places" not in options:
        return to_decimal
    whole = rf"[0-9]{{1,3}}(?:{re.escape(grouping)}[0-9]{{3}})+|[0-9]+" if grouping else "[0-9]+"
    form = re.compile(rf"[+-]?(?:{whole})(?:{re.escape(mark)}[0-9]+)?")

    def read(value: Value) -> Decimal:
        if isinstance(value, str) and (mark != "." or grouping):
            if not form.fullmatch(value):
                example = f"1{grouping or ''}234{mark}50"
                raise ValueFault("type", f"expected a number written like {example}")
            value = value.replace(grouping, "").replace(mark, ".") if grouping else value.replace(mark, ".")
        number = to_decimal(value)
        if implied:
            if number != number.to_integral_value():
                raise ValueFault("type", f"has a decimal mark, though {implied} decimal places are implied")
            number = number.scaleb(-implied)
        return fit(number)

    return read


def _bool_converter(options: Options) -> Convert:
    if "true" not in options and "false" not in options:
        return to_bool
    verdicts = {to_str(text): True for text in _listed(options.get("true", []))}
    for text in _listed(options.get("false", [])):
        if verdicts.setdefault(to_str(text), False):
            raise OptionError(f"{text!r} is named as true and as false")

    def to_verdict(value: Value) -> bool:
        if value.__class__ is bool:
            return bool(value)
        verdict = verdicts.get(to_str(value))
        if verdict is None:
            raise ValueFault("type", f"expected one of {', '.join(verdicts)}")
        return verdict

    return to_verdict


def _listed(value: Value) -> list[Value]:
    return value if isinstance(value, list) else [value]


def _str_from_bool(options: Options) -> Convert:
    if "true" not in options or "false" not in options:
        raise OptionError("'from: bool' needs the texts 'true' and 'false'")
    texts = {True: to_str(options["true"]), False: to_str(options["false"])}
    return lambda value: texts[to_bool(value)]


def _str_from_decimal(options: Options) -> Convert:
    mark, implied = options.get("decimal_mark", "."), options.get("implied_places", 0)
    fit = _rounder(options)

    def write(value: Value) -> str:
        number = fit(to_decimal(value))
        if implied:
            number = number.scaleb(implied)
            if number != number.to_integral_value():
                raise ValueFault(
                    "type", f"has more than the {implied} implied decimal places; add 'places' and 'round'"
                )
            number = number.to_integral_value()
        return format(number, "f").replace(".", mark)

    return write


def _str_from_time(options: Options) -> Convert:
    format_, zone = options.get("format", "iso"), _zone(options)
    if options["from"] == "date":
        to_date = _date_converter({"zone": options["zone"]} if zone else {})
        return lambda value: (
            to_date(value) if format_ == "iso" else date.fromisoformat(to_date(value)).strftime(format_)
        )
    target = zone or UTC

    def write(value: Value) -> str:
        moment = _localise(_parse_datetime(value, "iso"), None).astimezone(target)
        if format_ in _EPOCH_UNITS:
            seconds = (moment - _EPOCH) // timedelta(microseconds=1)
            return str(int(seconds * _EPOCH_UNITS[format_] / 1_000_000))
        return moment.isoformat() if format_ == "iso" else moment.strftime(format_)

    return write


def _str_converter(options: Options) -> Convert:
    source = options.get("from")
    if source is None:
        if options:
            raise OptionError(
                f"{', '.join(sorted(options))}: say what the text is written from: "
                "'from: decimal|bool|date|instant'"
            )
        return to_str
    writers = {
        "bool": _str_from_bool,
        "decimal": _str_from_decimal,
        "date": _str_from_time,
        "instant": _str_from_time,
    }
    if source not in writers:
        raise OptionError(f"'from' is one of {', '.join(writers)}")
    return writers[source](options)


def converter(type_: str, options: Options) -> Convert:
    """Make the function for ``as: {type: type_, **options}`` (for money: of its amount); raise ``OptionError``."""
    if type_ not in TYPES:
        raise OptionError(f"{type_!r} is not a type; it is one of {', '.join(TYPES)}")
    if unknown := sorted(set(options) - OPTIONS[type_]):
        raise OptionError(
            f"{type_} has no option {', '.join(unknown)}; it has: "
            f"{', '.join(sorted(OPTIONS[type_])) or 'none'}"
        )
    plain: dict[str, Convert] = {"int": to_int, "any": anything}
    made: dict[str, Callable[[Options], Convert]] = {
        "str": _str_converter,
        "decimal": _decimal_converter,
        "money": _decimal_converter,
        "bool": _bool_converter,
        "date": _date_converter,
        "instant": _instant_converter,
    }
    return plain[type_] if type_ in plain else made[type_](options)

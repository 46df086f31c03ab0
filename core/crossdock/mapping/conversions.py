"""The function that an ``as`` with its options stands for.

It takes a value and gives a value, and raises ``ValueFault`` for one that is not of the stated form. The fast and the
slow path share it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal, InvalidOperation
from typing import Final

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.options import Convert, OptionError, Options
from crossdock.mapping.paths import Value
from crossdock.mapping.times import date_converter, instant_converter, str_from_time
from crossdock.mapping.values import anything, to_bool, to_decimal, to_int, to_str

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
        "date": str_from_time,
        "instant": str_from_time,
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
        "date": date_converter,
        "instant": instant_converter,
    }
    return plain[type_] if type_ in plain else made[type_](options)

"""Conditions: how ``where``, ``when``, ``starting`` and ``cases`` are read from a mapping and decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import cel
import re2  # type: ignore[import-untyped]

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.paths import Value, kind_of
from crossdock.mapping.rule_parts import Cel, Combine, Compare, Condition, PathOf, Pattern
from crossdock.mapping.values import to_str

OPERATORS: Final = (
    "equals", "not_equals", "in", "not_in", "present", "greater_than", "at_least", "less_than", "at_most", "matches",
)  # fmt: skip
_ORDERINGS: Final = frozenset({"greater_than", "at_least", "less_than", "at_most"})


class ConditionSyntaxError(ValueError):
    """A condition that can't be read."""


def linear_pattern(text: str) -> Pattern:
    """Compile a regular expression in RE2 syntax: linear time, so no back references and no look-around."""
    options = re2.Options()
    options.log_errors = False
    try:
        pattern: Pattern = re2.compile(text, options)
    except re2.error as error:
        reason = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else str(error)
        raise ConditionSyntaxError(
            f"{text!r} is not a regular expression in RE2 syntax (no back "
            f"references, no look-around): {reason}"
        ) from error
    return pattern


def parse_condition(raw: Value, make_path: Callable[[str], PathOf]) -> Condition:
    """Parse a condition: CEL text, one comparison, or ``all``, ``any``, ``not`` of others."""
    if isinstance(raw, str):
        return _cel(raw, {}, make_path)
    if not isinstance(raw, dict):
        raise ConditionSyntaxError("a condition is CEL text or an object such as {path: kind, equals: gift}")
    if "cel" in raw:
        _only(raw, {"cel", "bind"})
        bindings = raw.get("bind", {})
        return _cel(raw["cel"], bindings, make_path)
    for operator in ("all", "any", "not"):
        if operator in raw:
            _only(raw, {operator})
            parts = [raw[operator]] if operator == "not" else raw[operator]
            if not isinstance(parts, list) or not parts:
                raise ConditionSyntaxError(f"'{operator}' takes a list of conditions")
            return Combine(operator, tuple(parse_condition(part, make_path) for part in parts))
    return _comparison(raw, make_path)


def _only(raw: Mapping[str, Value], known: set[str]) -> None:
    if unknown := sorted(set(raw) - known):
        raise ConditionSyntaxError(f"unknown in a condition: {', '.join(unknown)}")


def _comparison(raw: Mapping[str, Value], make_path: Callable[[str], PathOf]) -> Condition:
    operators = [operator for operator in OPERATORS if operator in raw]
    if len(operators) != 1 or "path" not in raw:
        raise ConditionSyntaxError(f"a condition has a 'path' and one of {', '.join(OPERATORS)}")
    operator = operators[0]
    _only(raw, {"path", operator})
    operand = raw[operator]
    if operator in ("in", "not_in") and not isinstance(operand, list):
        raise ConditionSyntaxError(f"'{operator}' takes a list of values")
    if operator == "present" and not isinstance(operand, bool):
        raise ConditionSyntaxError("'present' is true or false")
    if operator in _ORDERINGS and (isinstance(operand, bool) or not isinstance(operand, int | Decimal)):
        raise ConditionSyntaxError(f"'{operator}' takes a number")
    if operator == "matches":
        if not isinstance(operand, str):
            raise ConditionSyntaxError("'matches' takes a regular expression")
        operand = linear_pattern(operand)
    for value in operand if isinstance(operand, list) else [operand]:
        if isinstance(value, float | dict | list) or value is None:
            raise ConditionSyntaxError(
                f"'{operator}' can't compare with {kind_of(value)}; use 'present' for null"
            )
    return Compare(make_path(raw["path"]), operator, tuple(operand) if isinstance(operand, list) else operand)


def _cel(text: str, bindings: Mapping[str, str], make_path: Callable[[str], PathOf]) -> Cel:
    try:
        program = cel.compile(text)
    except ValueError as error:
        raise ConditionSyntaxError(f"{text!r} is not a CEL expression: {error}") from error
    paths = {name: make_path(bindings.get(name) or f'@."{name}"') for name in program.variables()}
    if unused := sorted(set(bindings) - set(paths)):
        raise ConditionSyntaxError(f"bound but not used in {text!r}: {', '.join(unused)}")
    return Cel(text, tuple(paths.items()), program.execute)


def decide_cel(condition: Cel, variables: dict[str, Value]) -> bool:
    """Run a CEL condition on its ``variables`` (missing ones are null)."""
    try:
        verdict = condition.execute(variables)
    except (TypeError, ValueError, RuntimeError, KeyError) as error:
        reason = str(error).split(". ", maxsplit=1)[0]
        raise ValueFault(
            "condition", f"the condition {condition.text!r} can't be decided: {reason}"
        ) from error
    if not isinstance(verdict, bool):
        raise ValueFault(
            "condition", f"the condition {condition.text!r} gave {verdict!r} instead of true or false"
        )
    return verdict


def same(value: Value, operand: Value) -> bool:
    """Whether two scalars are equal and of one kind: ``1`` is not ``true`` and not ``"1"``."""
    return bool(value == operand) and isinstance(value, bool) == isinstance(operand, bool)


def compare(value: Value, operator: str, operand: Any) -> bool:
    """Decide one comparison; ``value`` is None where the path leads nowhere."""
    match operator:
        case "present":
            return (value is not None) is operand
        case "equals":
            return same(value, operand)
        case "not_equals":
            return not same(value, operand)
        case "in":
            return any(same(value, option) for option in operand)
        case "not_in":
            return not any(same(value, option) for option in operand)
        case "matches":
            return value is not None and operand.search(to_str(value)) is not None
        case _:
            return value is not None and _ordered(value, operator, operand)


def _ordered(value: Value, operator: str, operand: int | Decimal) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueFault(
            "condition",
            f"'{operator}' compares numbers, but found {kind_of(value)}; for text use CEL: int(name) > 0",
        )
    match operator:
        case "greater_than":
            return value > operand
        case "at_least":
            return value >= operand
        case "less_than":
            return value < operand
        case _:
            return value <= operand

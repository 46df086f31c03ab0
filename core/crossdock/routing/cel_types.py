"""Types of CEL conditions, by the specification: what would fail for some order, or never be true, is told at load.

Where a type is not known (``dyn``) nothing is claimed: what may work is never refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches

from crossdock.routing.cel_syntax import Call, Expression, ListOf, Literal, Name, Select
from crossdock.routing.facts import LINE_FACTS, NODE_FACTS, ORDER_FACTS, Fact

__all__ = ["ConditionTypeError", "type_of"]

_FIELDS: Mapping[str, Mapping[str, Fact]] = {"order": ORDER_FACTS, "node": NODE_FACTS, "line": LINE_FACTS}
_NUMBERS = frozenset({"int", "double"})
_TEXT_METHODS = frozenset({".contains", ".startsWith", ".endsWith", ".matches"})
_MACROS = frozenset({".all", ".exists", ".exists_one", ".map", ".filter"})
_CONVERSIONS = {
    "int": "int",
    "uint": "int",
    "double": "double",
    "string": "string",
    "bytes": "dyn",
    "type": "dyn",
}
_FUNCTIONS = frozenset({"has", "size", "timestamp", "duration", "dyn", *_CONVERSIONS})
_COMPARED = frozenset({"<", "<=", ">", ">="})

Scope = Mapping[str, str]


class ConditionTypeError(Exception):
    """A condition has a wrong type; the message says what and at which column."""

    def __init__(self, message: str, at: int) -> None:
        """Name the column ``at``, from 1."""
        super().__init__(f"column {at}: {message}")


def type_of(expression: Expression, scope: Scope | None = None) -> str:
    """The type of ``expression``; ``scope`` are the types of variables that a macro binds.

    Raises:
        ConditionTypeError: It has none.
    """
    return _type(expression, scope or {"order": "order", "node": "node"})


def _type(expression: Expression, scope: Scope) -> str:
    match expression:
        case Literal(value=value):
            return _of_literal(value)
        case Name(name=name):
            return scope.get(name, "dyn")
        case Select():
            return _of_field(expression, scope)
        case ListOf(items=items):
            kinds = {_type(item, scope) for item in items}
            return f"list({kinds.pop() if len(kinds) == 1 else 'dyn'})"
        case Call():
            return _of_call(expression, scope)


def _of_literal(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else "bool"
    return {str: "string", int: "int", float: "double"}[type(value)]


def _of_field(select: Select, scope: Scope) -> str:
    target = _type(select.target, scope)
    if target == "dyn":
        return "dyn"
    fields = _FIELDS.get(target)
    if fields is None:
        raise ConditionTypeError(f"{_a(target)} has no field {select.field!r}", select.at)
    if select.field not in fields:
        close = get_close_matches(select.field, fields)
        hint = f"did you mean {close[0]}?" if close else f"there are: {', '.join(fields)}"
        raise ConditionTypeError(f"unknown variable {target}.{select.field}; {hint}", select.at)
    return fields[select.field].type


def _of_call(call: Call, scope: Scope) -> str:
    if call.name in _MACROS and len(call.arguments) >= 3:
        return _of_macro(call, scope)
    kinds = [_type(each, scope) for each in call.arguments]
    name = call.name
    if name in ("&&", "||", "!"):
        _all(kinds, "bool", call)
        return "bool"
    if name in ("==", "!="):
        _same(kinds, call)
        return "bool"
    if name in _COMPARED:
        return _of_order(kinds, call)
    if name == "in":
        return _of_membership(kinds, call)
    if name == "?:":
        _all(kinds[:1], "bool", call)
        return kinds[1] if kinds[1] == kinds[2] else "dyn"
    if name == "[]":
        return _element(kinds[0]) if kinds[0].startswith("list(") else "dyn"
    return _of_arithmetic(kinds, call) if name in "+-*/%" or name == "-_" else _of_function(kinds, call)


def _of_function(kinds: list[str], call: Call) -> str:
    name = call.name
    if name in ("size", ".size"):
        if kinds and not (kinds[0] in ("string", "dyn") or kinds[0].startswith("list(")):
            raise ConditionTypeError(f"{_a(kinds[0])} has no size", call.at)
        return "int"
    if name in _TEXT_METHODS:
        _all(kinds, "string", call)
        return "bool"
    if name not in _FUNCTIONS:
        raise ConditionTypeError(f"unknown function {name.removeprefix('.')!r}", call.at)
    return "bool" if name == "has" else _CONVERSIONS.get(name, "dyn")


def _of_macro(call: Call, scope: Scope) -> str:
    target = _type(call.arguments[0], scope)
    variable = call.arguments[1]
    if target != "dyn" and not target.startswith("list("):
        raise ConditionTypeError(f"{_a(target)} has no elements for {call.name[1:]}", call.at)
    assert isinstance(variable, Name)  # CEL has been compiled before
    inner = {**scope, variable.name: _element(target)}
    found = [_type(each, inner) for each in call.arguments[2:]]
    if call.name == ".map":
        return f"list({found[-1]})"
    _all(found, "bool", call)
    return target if call.name == ".filter" else "bool"


def _a(kind: str) -> str:
    return f"an {kind}" if kind == "int" else f"a {kind}"


def _element(kind: str) -> str:
    return kind[5:-1] if kind.startswith("list(") else "dyn"


def _all(kinds: list[str], wanted: str, call: Call) -> None:
    for kind in kinds:
        if kind not in (wanted, "dyn"):
            raise ConditionTypeError(
                f"{call.name.removeprefix('.')} takes {_a(wanted)}, not {_a(kind)}", call.at
            )


def _alike(left: str, right: str) -> bool:
    if "dyn" in (left, right) or left == right or {left, right} <= _NUMBERS:
        return True
    return left.startswith("list(") and right.startswith("list(") and _alike(_element(left), _element(right))


def _same(kinds: list[str], call: Call) -> None:
    if not _alike(kinds[0], kinds[1]):
        raise ConditionTypeError(f"{_a(kinds[0])} is never equal to {_a(kinds[1])}", call.at)


def _of_order(kinds: list[str], call: Call) -> str:
    comparable = all(kind in ("string", "dyn", *_NUMBERS) for kind in kinds)
    if not comparable or not _alike(kinds[0], kinds[1]):
        raise ConditionTypeError(
            f"{_a(kinds[0])} can't be compared with {_a(kinds[1])} by {call.name}", call.at
        )
    return "bool"


def _of_membership(kinds: list[str], call: Call) -> str:
    left, right = kinds
    if right != "dyn" and not right.startswith("list("):
        raise ConditionTypeError(f"in takes a list, not {_a(right)}", call.at)
    if not _alike(left, _element(right)):
        raise ConditionTypeError(f"{_a(left)} is never in {_a(right)}", call.at)
    return "bool"


def _of_arithmetic(kinds: list[str], call: Call) -> str:
    known = {kind for kind in kinds if kind != "dyn"}
    allowed = {"int"} if call.name == "%" else {*_NUMBERS, *({"string"} if call.name == "+" else ())}
    for kind in sorted(known):
        if kind not in allowed and not (call.name == "+" and kind.startswith("list(")):
            raise ConditionTypeError(f"{call.name[0]} can't be done with {_a(kind)}", call.at)
    if len(known) > 1:
        both = " and ".join(sorted(known))
        raise ConditionTypeError(
            f"{call.name} needs two of one type, not {both}: write 2.0 for 2, or convert with double(…)",
            call.at,
        )
    return known.pop() if known else "dyn"

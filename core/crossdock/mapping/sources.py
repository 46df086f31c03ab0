"""The operators that say where a value comes from, one reader each; ``READERS`` lists them in order of precedence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeAlias

import jmespath
from jmespath.exceptions import JMESPathError

from crossdock.mapping.conversions import converter
from crossdock.mapping.options import OptionError
from crossdock.mapping.paths import Value
from crossdock.mapping.rules import (
    Arithmetic,
    Call,
    Case,
    Cases,
    Coalesce,
    Concat,
    Const,
    Count,
    Each,
    First,
    IndexBy,
    Jmespath,
    ListOf,
    MoneyOf,
    Position,
    Presence,
    QuantityOf,
    Rule,
    Source,
    SumOf,
    Use,
    Within,
)
from crossdock.mapping.values import anything

if TYPE_CHECKING:
    from crossdock.mapping.parse import Parser

Raw: TypeAlias = Mapping[str, Value]
_BODIES: Final = ("fields", "use", "item", "list", "currency")


def _body(parser: Parser, raw: Raw, operator: str) -> tuple[Rule, bool]:
    """Read what is made of each item: ``fields``, ``use``, ``item`` or ``list``; the flag says it is a list."""
    chosen = [key for key in ("fields", "use", "item", "list") if key in raw]
    if not chosen:
        raise OptionError(f"'{operator}' says what is made of each item: 'fields', 'use', 'item' or 'list'")
    key = chosen[0]
    if len(chosen) > 1:
        raise OptionError(f"{' and '.join(chosen)} exclude each other")
    if key == "item":
        parser.only(raw, "item")
        with parser.at("item"):
            rule = parser.rule(raw["item"])
        if rule.presence is Presence.OPTIONAL:
            raise OptionError(
                "an item can't be optional, or lines would vanish in silence; leave them out with 'where'"
            )
        return rule, False
    return Rule(parser.source(raw)), key == "list"


def _split(raw: Raw, *keys: str) -> tuple[Raw, Raw]:
    return {k: v for k, v in raw.items() if k in keys}, {k: v for k, v in raw.items() if k not in keys}


def read_each(parser: Parser, raw: Raw) -> Source:
    """Read ``each``."""
    head, rest = _split(raw, "each", "where", "group_by", "agree", "starting")
    parser.only(rest, "each", *_BODIES)
    items = parser.items(head, "each")
    body, flatten = _body(parser, rest, "each")
    return Each(items, body, flatten)


def read_index_by(parser: Parser, raw: Raw) -> Source:
    """Read ``index_by``."""
    head, rest = _split(raw, "index_by", "where", "key")
    parser.only(rest, "index_by", *_BODIES)
    if "key" not in head:
        raise OptionError("'index_by' needs the 'key' of each entry")
    body, _ = _body(parser, rest, "index_by")
    return IndexBy(parser.items(head, "index_by"), parser.operand(head["key"], "key"), body)


def read_first(parser: Parser, raw: Raw) -> Source:
    """Read ``first``: the rest of the rule is read inside the item found."""
    head, rest = _split(raw, "first", "where")
    return First(
        parser.items(head, "first"), Rule(parser.source(rest or {"path": "@"}), (), Presence.OPTIONAL)
    )


def read_path(parser: Parser, raw: Raw) -> Source:
    """Read ``path``, alone or as the place where ``fields`` or ``use`` work."""
    path = parser.path(raw["path"])
    rest = {key: value for key, value in raw.items() if key != "path"}
    if not rest:
        return path
    if not rest.keys() & {"fields", "use", "list"}:
        parser.only(raw, "path", "fields", "use", "list")
    return Within(replace(path, text=False), Rule(parser.source(rest)))


def read_use(parser: Parser, raw: Raw) -> Source:
    """Read ``use``."""
    parser.only(raw, "use")
    name = raw["use"]
    if name not in parser.used:
        raise OptionError(
            f"there is no mapping {name!r}; known here: {', '.join(sorted(parser.used)) or 'none'}"
        )
    program = parser.used[name]
    if program.needs_currency:
        parser.need_currency()
    return Use(program.name, program.body)


def read_fields(parser: Parser, raw: Raw) -> Source:
    """Read ``fields``."""
    parser.only(raw, "fields", "currency")
    return parser.object(raw)


def read_list(parser: Parser, raw: Raw) -> Source:
    """Read ``list``."""
    parser.only(raw, "list")
    return ListOf(parser.operands(raw["list"], "list"))


def read_const(parser: Parser, raw: Raw) -> Source:
    """Read ``const``."""
    parser.only(raw, "const")
    return Const(anything(raw["const"]))


def read_position(parser: Parser, raw: Raw) -> Source:
    """Read ``position``."""
    parser.only(raw, "position")
    if not isinstance(raw["position"], int):
        raise OptionError("'position' is the number of the first item, usually 1")
    return Position(raw["position"])


def read_count(parser: Parser, raw: Raw) -> Source:
    """Read ``count``."""
    parser.only(raw, "count", "where")
    return Count(parser.items(raw, "count"))


def read_concat(parser: Parser, raw: Raw) -> Source:
    """Read ``concat``."""
    parser.only(raw, "concat", "separator")
    separator = raw.get("separator", "")
    if not isinstance(separator, str):
        raise OptionError("'separator' is a text")
    return Concat(parser.operands(raw["concat"], "concat"), separator)


def read_coalesce(parser: Parser, raw: Raw) -> Source:
    """Read ``coalesce``."""
    parser.only(raw, "coalesce")
    return Coalesce(parser.operands(raw["coalesce"], "coalesce", Presence.OPTIONAL))


def read_sum(parser: Parser, raw: Raw) -> Source:
    """Read ``sum``, of operands or over a list."""
    if isinstance(raw["sum"], list):
        return _read_arithmetic(parser, raw, "sum")
    parser.only(raw, "sum", "of", "where")
    if "of" not in raw:
        raise OptionError("'sum' over a list says 'of' what: sum: lines, of: quantity")
    return SumOf(parser.items(raw, "sum"), parser.operand(raw["of"], "of"))


def _read_arithmetic(parser: Parser, raw: Raw, operator: str) -> Source:
    parser.only(raw, operator)
    operands = parser.operands(raw[operator], operator)
    if any(operand.presence is Presence.OPTIONAL for operand in operands):
        raise OptionError(f"an operand of '{operator}' can't be optional; give it a 'default'")
    return Arithmetic(operator, operands)


def read_multiply(parser: Parser, raw: Raw) -> Source:
    """Read ``multiply``."""
    return _read_arithmetic(parser, raw, "multiply")


def read_subtract(parser: Parser, raw: Raw) -> Source:
    """Read ``subtract``."""
    return _read_arithmetic(parser, raw, "subtract")


def _part(raw: Raw, operator: str, *known: str) -> Raw:
    spec = raw[operator]
    if not isinstance(spec, dict):
        raise OptionError(f"'{operator}' is an object with {', '.join(known)}")
    if unknown := sorted(set(spec) - set(known)):
        raise OptionError(f"'{operator}' has no {', '.join(unknown)}; it has {', '.join(known)}")
    return spec


def read_money(parser: Parser, raw: Raw) -> Source:
    """Read ``money``."""
    parser.only(raw, "money")
    spec = _part(raw, "money", "amount", "currency", "minor_units")
    if "amount" not in spec or "currency" not in spec:
        raise OptionError("'money' needs 'amount' and 'currency'")
    with parser.at("money"):
        amount = parser.operand(spec["amount"], "amount", Presence.OPTIONAL)
        return MoneyOf(
            amount, parser.operand(spec["currency"], "currency"), bool(spec.get("minor_units", False))
        )


def read_quantity(parser: Parser, raw: Raw) -> Source:
    """Read ``quantity``."""
    parser.only(raw, "quantity")
    spec = _part(raw, "quantity", "value", "unit", "to", "factors", "places", "round")
    if "value" not in spec or "unit" not in spec:
        raise OptionError("'quantity' needs 'value' and 'unit'")
    factors = spec.get("factors", {})
    if not isinstance(factors, dict) or (factors and "to" not in spec):
        raise OptionError("'factors' is an object of units and how many of 'to' one of them holds")
    fit = converter("decimal", {key: spec[key] for key in ("places", "round") if key in spec})
    with parser.at("quantity"):
        return QuantityOf(
            parser.operand(spec["value"], "value", Presence.OPTIONAL),
            parser.operand(spec["unit"], "unit"),
            spec.get("to"),
            tuple((str(unit), parser.operand(factor, f"factors.{unit}")) for unit, factor in factors.items()),
            fit,
        )


def read_cases(parser: Parser, raw: Raw) -> Source:
    """Read ``cases``."""
    parser.only(raw, "cases")
    if not isinstance(raw["cases"], list) or not raw["cases"]:
        raise OptionError(
            "'cases' is a list of {when: condition, then: rule or constant} and at the end {otherwise: ...}"
        )
    cases = []
    for number, case in enumerate(raw["cases"]):
        with parser.at(f"cases[{number}]"):
            cases.append(_read_case(parser, case, last=number == len(raw["cases"]) - 1))
    return Cases(tuple(cases))


def _read_case(parser: Parser, case: Value, *, last: bool) -> Case:
    if not isinstance(case, dict) or set(case) not in ({"when", "then"}, {"otherwise"}):
        raise OptionError("a case is {when: condition, then: ...} or {otherwise: ...}")
    if "otherwise" in case:
        if not last:
            raise OptionError("'otherwise' is the last case")
        return Case(None, _result(parser, case["otherwise"], "otherwise"))
    return Case(parser.condition(case["when"]), _result(parser, case["then"], "then"))


def _result(parser: Parser, raw: Value, key: str) -> Rule:
    if isinstance(raw, dict):
        return parser.operand(raw, key, Presence.OPTIONAL)
    if raw is None:
        raise OptionError(f"'{key}' can't be null; leave the case out, or give the field a 'default'")
    return Rule(Const(anything(raw)), (), Presence.OPTIONAL)


def read_jmespath(parser: Parser, raw: Raw) -> Source:
    """Read ``jmespath``."""
    parser.only(raw, "jmespath")
    try:
        return Jmespath(raw["jmespath"], jmespath.compile(raw["jmespath"]).search)
    except JMESPathError as error:
        raise OptionError(f"not a JMESPath expression: {error}") from error


def read_call(parser: Parser, raw: Raw) -> Source:
    """Read ``call``."""
    parser.only(raw, "call", "with")
    name, arguments = raw["call"], raw.get("with", [])
    if name not in parser.functions:
        known = ", ".join(sorted(parser.functions)) or "none"
        raise OptionError(f"there is no registered function {name!r}; registered: {known}")
    if isinstance(arguments, dict):
        named = tuple((str(key), parser.operand(value, f"with.{key}")) for key, value in arguments.items())
        return Call(name, parser.functions[name], (), named)
    positional = parser.operands(arguments, "with") if arguments else ()
    return Call(name, parser.functions[name], positional, ())


READERS: Final[dict[str, Callable[[Parser, Raw], Source]]] = {
    "each": read_each,
    "first": read_first,
    "index_by": read_index_by,
    "path": read_path,
    "fields": read_fields,
    "use": read_use,
    "list": read_list,
    "const": read_const,
    "concat": read_concat,
    "coalesce": read_coalesce,
    "sum": read_sum,
    "multiply": read_multiply,
    "subtract": read_subtract,
    "money": read_money,
    "quantity": read_quantity,
    "cases": read_cases,
    "position": read_position,
    "count": read_count,
    "jmespath": read_jmespath,
    "call": read_call,
}

"""How the interpreter evaluates each kind of source: its value, and the place a fault in it would name."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from jmespath.exceptions import JMESPathError

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.interpret import OPERATORS, Interpreter, Scope, fresh
from crossdock.mapping.paths import FAILED, MISSING, Value
from crossdock.mapping.rule_parts import PathOf
from crossdock.mapping.rules import (
    Arithmetic,
    Call,
    Cases,
    Coalesce,
    Concat,
    Const,
    Count,
    Jmespath,
    MoneyOf,
    Position,
    QuantityOf,
    Rule,
    SumOf,
)
from crossdock.mapping.steps import make_money
from crossdock.mapping.units import convert_quantity
from crossdock.mapping.values import anything, to_decimal, to_str

Found: TypeAlias = tuple[Value, str]
_Operator: TypeAlias = Callable[[Interpreter, Any, Scope, str], Found]


def operator_for(source: type) -> Callable[[_Operator], _Operator]:
    """Register how a kind of source is evaluated."""

    def register(function: _Operator) -> _Operator:
        OPERATORS[source] = function
        return function

    return register


def calculate(operator: str, operands: list[Value]) -> Decimal:
    """Sum, multiply or subtract exact decimals, from the left."""
    numbers = [to_decimal(operand) for operand in operands]
    result = numbers[0]
    for number in numbers[1:]:
        if operator == "sum":
            result += number
        elif operator == "multiply":
            result *= number
        else:
            result -= number
    return result


@operator_for(PathOf)
def _path(run: Interpreter, source: PathOf, scope: Scope, target: str) -> Found:
    return run.fetch(source, scope)


@operator_for(Const)
def _const(run: Interpreter, source: Const, scope: Scope, target: str) -> Found:
    return (MISSING if source.value is None else fresh(source.value)), scope.location


@operator_for(Position)
def _position(run: Interpreter, source: Position, scope: Scope, target: str) -> Found:
    return source.start + scope.position, scope.location


@operator_for(Count)
def _count(run: Interpreter, source: Count, scope: Scope, target: str) -> Found:
    items = run.items(source.items, scope, target, report=False)
    return (MISSING if items is None else len(items)), list_place(source.items.path.text, scope)


def list_place(text: str, scope: Scope) -> str:
    """Say where a list that is missing should have been."""
    return text if text.startswith("$") else f"{scope.location}.{text}"


@operator_for(Concat)
def _concat(run: Interpreter, source: Concat, scope: Scope, target: str) -> Found:
    values = run.operands(source.parts, scope, target)
    if values is None:
        return FAILED, scope.location
    texts = [to_str(value) for value in values if value is not MISSING]
    return (source.separator.join(texts) if texts else MISSING), scope.location


@operator_for(Coalesce)
def _coalesce(run: Interpreter, source: Coalesce, scope: Scope, target: str) -> Found:
    for option in source.options:
        value = run.evaluate(option, scope, target)
        if value is not MISSING:
            return value, scope.location
    return MISSING, scope.location


@operator_for(SumOf)
def _sum(run: Interpreter, source: SumOf, scope: Scope, target: str) -> Found:
    place = list_place(source.items.path.text, scope)
    items = run.items(source.items, scope, target)
    if items is None:
        return MISSING, place
    values = [_number(run, source.of, item, target) for item in items]
    failed = any(value is FAILED for value in values)
    return (FAILED if failed else sum(values, Decimal(0))), place


def _number(run: Interpreter, rule: Rule, scope: Scope, target: str) -> Value:
    return _decimal(run, rule, run.evaluate(rule, scope, target), scope, target)


def _decimal(run: Interpreter, rule: Rule, value: Value, scope: Scope, target: str) -> Value:
    if value is FAILED:
        return FAILED
    try:
        return to_decimal(value)
    except ValueFault as error:
        place = run.fetch(rule.source, scope)[1] if isinstance(rule.source, PathOf) else scope.location
        run.fault(error.code, place, target, value, error.message)
        return FAILED


@operator_for(Arithmetic)
def _arithmetic(run: Interpreter, source: Arithmetic, scope: Scope, target: str) -> Found:
    numbers = [_number(run, operand, scope, target) for operand in source.operands]
    if any(number is FAILED for number in numbers):
        return FAILED, scope.location
    return calculate(source.operator, numbers), scope.location


@operator_for(MoneyOf)
def _money(run: Interpreter, source: MoneyOf, scope: Scope, target: str) -> Found:
    amount = run.evaluate(source.amount, scope, f"{target}.amount")
    if amount is MISSING or amount is FAILED:
        return amount, scope.location
    currency = run.evaluate(source.currency, scope, f"{target}.currency")
    amount = _decimal(run, source.amount, amount, scope, f"{target}.amount")
    if currency is FAILED or amount is FAILED:
        return FAILED, scope.location
    return make_money(amount, currency, minor_units=source.minor_units), scope.location


@operator_for(QuantityOf)
def _quantity(run: Interpreter, source: QuantityOf, scope: Scope, target: str) -> Found:
    value = run.evaluate(source.value, scope, f"{target}.value")
    if value is MISSING or value is FAILED:
        return value, scope.location
    unit = run.evaluate(source.unit, scope, f"{target}.unit")
    number = _decimal(run, source.value, value, scope, f"{target}.value")
    if unit is FAILED or number is FAILED:
        return FAILED, scope.location
    unit, to = to_str(unit), source.to
    if to is not None:
        # Only the factor of the unit found is read: a case size is missing where nothing is sold by the case.
        factors = {}
        for name, rule in source.factors:
            if name == unit and unit != to:
                factor = _number(run, rule, scope, f"{target}.value")
                if factor is FAILED:
                    return FAILED, scope.location
                factors[name] = factor
        number, unit = convert_quantity(number, unit, to, factors), to
    return {"value": source.fit(number), "unit": unit}, scope.location


@operator_for(Cases)
def _cases(run: Interpreter, source: Cases, scope: Scope, target: str) -> Found:
    for case in source.cases:
        if case.when is None or run.holds(case.when, scope):
            return run.evaluate(case.then, scope, target), scope.location
    return MISSING, scope.location


@operator_for(Jmespath)
def _jmespath(run: Interpreter, source: Jmespath, scope: Scope, target: str) -> Found:
    try:
        found = source.search(scope.value)
    except JMESPathError as error:
        raise ValueFault("function", f"the expression {source.text!r} failed: {error}") from error
    return (MISSING if found is None else anything(found)), scope.location


@operator_for(Call)
def _call(run: Interpreter, source: Call, scope: Scope, target: str) -> Found:
    positional = run.operands(source.positional, scope, target)
    named = run.operands(tuple(rule for _, rule in source.named), scope, target)
    if positional is None or named is None:
        return FAILED, scope.location
    names = [name for name, _ in source.named]
    keywords = {name: value for name, value in zip(names, named, strict=True) if value is not MISSING}
    try:
        found = source.function(*(None if value is MISSING else value for value in positional), **keywords)
    except Exception as error:
        # The function is the integrator's own: whatever it raises is a fault of this document, with its words.
        raise ValueFault(
            "function", f"the function {source.name} failed: {type(error).__name__}: {error}"
        ) from error
    return (MISSING if found is None else anything(found)), scope.location

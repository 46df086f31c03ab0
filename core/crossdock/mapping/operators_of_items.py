"""How the interpreter evaluates the sources that make objects and lists, and those that step into other items."""

from __future__ import annotations

from crossdock.mapping.faults import ValueFault
from crossdock.mapping.interpret import Interpreter, Scope
from crossdock.mapping.operators import Found, list_place, operator_for
from crossdock.mapping.paths import FAILED, MISSING, Value
from crossdock.mapping.rules import Each, First, IndexBy, ListOf, ObjectOf, Rule, Use, Within
from crossdock.mapping.units import currency_code
from crossdock.mapping.values import to_str


@operator_for(ObjectOf)
def _object(run: Interpreter, source: ObjectOf, scope: Scope, target: str) -> Found:
    failed = False
    if source.currency is not None:
        declared = _currency(run, source.currency, scope, f"{target}(currency)")
        failed = declared is FAILED
        # After a failed currency the amounts are still looked at, so that all faults come at once.
        currency = "XXX" if failed else declared
        scope = Scope(scope.value, scope.location, scope.parent, scope.position, currency)
    result: dict[str, Value] = {}
    for name, rule in source.fields:
        value = run.evaluate(rule, scope, f"{target}.{name}" if target else name)
        if value is FAILED:
            failed = True
        elif value is not MISSING:
            result[name] = value
    return (FAILED if failed else result), scope.location


def _currency(run: Interpreter, rule: Rule, scope: Scope, target: str) -> Value:
    """Give the declared currency, None where there is none, ``FAILED`` after a fault."""
    found = run.evaluate(rule, scope, target)
    if found is FAILED or found is MISSING:
        return FAILED if found is FAILED else None
    try:
        return currency_code(found)
    except ValueFault as error:
        _, location = run.source(rule.source, scope, target)
        run.fault(error.code, location, target, found, error.message)
        return FAILED


@operator_for(ListOf)
def _list(run: Interpreter, source: ListOf, scope: Scope, target: str) -> Found:
    result: list[Value] = []
    failed = not _extend(run, source, scope, target, result)
    return (FAILED if failed else result), scope.location


def _extend(run: Interpreter, source: ListOf, scope: Scope, target: str, result: list[Value]) -> bool:
    good = True
    for rule in source.rules:
        value = run.evaluate(rule, scope, f"{target}[{len(result)}]")
        if value is FAILED:
            good = False
        elif isinstance(value, list):
            result.extend(value)
        elif value is not MISSING:
            result.append(value)
    return good


@operator_for(Each)
def _each(run: Interpreter, source: Each, scope: Scope, target: str) -> Found:
    items = run.items(source.items, scope, target)
    if items is None:
        return MISSING, list_place(source.items.path.text, scope)
    result: list[Value] = []
    failed = False
    for item in items:
        if source.flatten and isinstance(source.body.source, ListOf):
            failed |= not _extend(run, source.body.source, item, target, result)
            continue
        value = run.evaluate(source.body, item, f"{target}[{item.position}]")
        failed |= value is FAILED
        result.append(value)
    return (FAILED if failed else result), scope.location


@operator_for(IndexBy)
def _index_by(run: Interpreter, source: IndexBy, scope: Scope, target: str) -> Found:
    items = run.items(source.items, scope, target)
    if items is None:
        return MISSING, list_place(source.items.path.text, scope)
    result: dict[str, Value] = {}
    failed = False
    for item in items:
        key = run.evaluate(source.key, item, f"{target}(key)")
        value = run.evaluate(source.body, item, f"{target}.{key}")
        if key is FAILED or value is FAILED:
            failed = True
        elif to_str(key) in result:
            run.fault(
                "duplicate",
                item.location,
                target,
                key,
                "two items have this key; keep one of them with 'where'",
            )
            failed = True
        else:
            result[to_str(key)] = value
    return (FAILED if failed else result), scope.location


@operator_for(First)
def _first(run: Interpreter, source: First, scope: Scope, target: str) -> Found:
    place = list_place(source.items.path.text, scope)
    for item in run.rows(source.items, scope) or ():
        if source.items.where is None or run.holds(source.items.where, item):
            return run.evaluate(source.body, item, target), item.location
    return MISSING, place


@operator_for(Within)
def _within(run: Interpreter, source: Within, scope: Scope, target: str) -> Found:
    value, location = run.fetch(source.path, scope)
    if value is MISSING:
        return MISSING, location
    return run.evaluate(source.body, scope.inner(value, location), target), location


@operator_for(Use)
def _use(run: Interpreter, source: Use, scope: Scope, target: str) -> Found:
    inner = Scope(scope.value, scope.location, None, scope.position, scope.currency)
    return run.evaluate(source.body, inner, target), scope.location

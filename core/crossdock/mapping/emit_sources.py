"""Generated code for the sources of the hot path. None stands for missing; the flag returned says whether it may be.

A source that has no emitter here, or whose emitter gives None, is left to the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol, TypeAlias

from crossdock.mapping.emit import Emitter, Place
from crossdock.mapping.emit_paths import emit_condition, emit_groups, emit_list, emit_loop, emit_path
from crossdock.mapping.rule_parts import PathOf
from crossdock.mapping.rules import (
    Arithmetic,
    Case,
    Cases,
    Coalesce,
    Concat,
    Const,
    Each,
    First,
    ListOf,
    MoneyOf,
    ObjectOf,
    Position,
    QuantityOf,
    Rule,
    SumOf,
    Use,
    Within,
)

OBJECTS: Final = (ObjectOf, Within, Use, First)
"""Sources whose empty object counts as missing in an optional rule."""


class Generate(Protocol):
    """What the emitters need of the generator."""

    @property
    def emit(self) -> Emitter:
        """Where the code goes."""
        ...

    def rule(self, rule: Rule, place: Place) -> tuple[str, bool]:
        """Emit a rule; gives its variable and whether that may be None."""
        ...


_Emit: TypeAlias = Callable[[Generate, Any, Place, bool], tuple[str, bool] | None]


def _path(run: Generate, source: PathOf, place: Place, strict: bool) -> tuple[str, bool]:
    return emit_path(run.emit, source, place, strict=strict), True


def _const(run: Generate, source: Const, place: Place, strict: bool) -> tuple[str, bool]:
    value = run.emit.constant(source.value)
    return run.emit.let(
        f"fresh({value})" if isinstance(source.value, list | dict) else value
    ), source.value is None


def _position(run: Generate, source: Position, place: Place, strict: bool) -> tuple[str, bool]:
    return run.emit.let(f"{place.position} + {source.start}"), False


def _object(run: Generate, source: ObjectOf, place: Place, strict: bool) -> tuple[str, bool]:
    emit = run.emit
    if source.currency is not None:
        currency, nullable = run.rule(source.currency, place)
        if nullable:
            emit.line(f"if {currency} is None: raise Fallback")
        emit.line(f"{currency} = currency_code({currency})")
        place = replace(place, currency=currency)
    values = [
        (name, *run.rule(rule, replace(place, target=place.field(name)))) for name, rule in source.fields
    ]
    result = emit.new()
    # The fields before the first optional one are one dict display, the fastest way to build a dict.
    cut = next((number for number, (_, _, nullable) in enumerate(values) if nullable), len(values))
    emit.line(f"{result} = {{{', '.join(f'{name!r}: {value}' for name, value, _ in values[:cut])}}}")
    for name, value, nullable in values[cut:]:
        emit.line(f"{f'if {value} is not None: ' if nullable else ''}{result}[{name!r}] = {value}")
    return result, False


def _items_into(run: Generate, source: ListOf, place: Place, result: str) -> None:
    for rule in source.rules:
        value, nullable = run.rule(rule, replace(place, target=f"{place.target}[]"))
        run.emit.line(f"if isinstance({value}, list): {result}.extend({value})")
        run.emit.line(f"{f'elif {value} is not None' if nullable else 'else'}: {result}.append({value})")


def _list(run: Generate, source: ListOf, place: Place, strict: bool) -> tuple[str, bool]:
    result = run.emit.let("[]")
    _items_into(run, source, place, result)
    return result, False


def _each(run: Generate, source: Each, place: Place, strict: bool) -> tuple[str, bool]:
    emit = run.emit
    listed = emit_list(emit, source.items, place, strict=strict)
    result = emit.let("None")
    with emit.block(f"if {listed} is not None:"):
        items = source.items
        if items.grouped:
            listed = emit_groups(emit, items, listed, place)
            items = replace(items, where=None)
        position = emit.let("-1")
        emit.line(f"{result} = []")
        with emit_loop(emit, items, listed, place) as inner:
            emit.line(f"{position} += 1")
            inner = replace(inner, position=position)
            if source.flatten and isinstance(source.body.source, ListOf):
                _items_into(run, source.body.source, inner, result)
            else:
                value, _ = run.rule(source.body, replace(inner, target=f"{place.target}[]"))
                emit.line(f"{result}.append({value})")
    return result, True


def _first(run: Generate, source: First, place: Place, strict: bool) -> tuple[str, bool]:
    emit = run.emit
    listed = emit_list(emit, source.items, place, strict=strict)
    result, item = emit.let("None"), emit.new("item")
    inner = replace(place, items=(*place.items, item), position="0")
    with emit.block(f"for {item} in {listed} or ():"):
        with emit.block(f"if {item} is None:"):
            emit.give_up()
        condition = "True" if source.items.where is None else emit_condition(emit, source.items.where, inner)
        with emit.block(f"if {condition}:"):
            value, _ = run.rule(source.body, inner)
            emit.line(f"{result} = {value}")
            emit.line("break")
    return result, True


def _within(run: Generate, source: Within, place: Place, strict: bool) -> tuple[str, bool]:
    emit = run.emit
    item = emit_path(emit, source.path, place, strict=strict)
    result = emit.let("None")
    with emit.block(f"if {item} is not None:"):
        value, _ = run.rule(source.body, replace(place, items=(*place.items, item), position="0"))
        emit.line(f"{result} = {value}")
    return result, True


def _use(run: Generate, source: Use, place: Place, strict: bool) -> tuple[str, bool]:
    return run.rule(source.body, replace(place, items=(place.item,)))


def _sum(run: Generate, source: SumOf, place: Place, strict: bool) -> tuple[str, bool]:
    emit = run.emit
    listed = emit_list(emit, source.items, place, strict=strict)
    result = emit.let("None")
    with emit.block(f"if {listed} is not None:"):
        emit.line(f"{result} = ZERO")
        with emit_loop(emit, source.items, listed, place) as inner:
            value, _ = run.rule(source.of, inner)
            emit.line(f"{result} += to_decimal({value})")
    return result, True


def _arithmetic(run: Generate, source: Arithmetic, place: Place, strict: bool) -> tuple[str, bool]:
    operands = [run.rule(operand, place)[0] for operand in source.operands]
    return run.emit.let(f"calculate({source.operator!r}, [{', '.join(operands)}])"), False


def _concat(run: Generate, source: Concat, place: Place, strict: bool) -> tuple[str, bool]:
    emit = run.emit
    texts = []
    for part in source.parts:
        value, nullable = run.rule(part, place)
        present = f"{value} is not None and " if nullable else ""
        emit.line(f"if {present}{value}.__class__ is not str: {value} = to_str({value})")
        texts.append((value, nullable))
    names = "".join(f"{value}, " for value, _ in texts)
    if not any(nullable for _, nullable in texts):
        return emit.let(f"{source.separator!r}.join(({names}))"), False
    there = emit.let(f"[text for text in ({names}) if text is not None]")
    return emit.let(f"{source.separator!r}.join({there}) if {there} else None"), all(
        nullable for _, nullable in texts
    )


def _coalesce(run: Generate, source: Coalesce, place: Place, strict: bool) -> tuple[str, bool]:
    result = run.emit.let("None")
    _options(run, source.options, place, result)
    return result, True


def _options(run: Generate, options: tuple[Rule, ...], place: Place, result: str) -> None:
    value, _ = run.rule(options[0], place)
    run.emit.line(f"{result} = {value}")
    if len(options) > 1:
        with run.emit.block(f"if {result} is None:"):
            _options(run, options[1:], place, result)


def _cases(run: Generate, source: Cases, place: Place, strict: bool) -> tuple[str, bool]:
    result = run.emit.let("None")
    _branches(run, source.cases, place, result)
    return result, True


def _branches(run: Generate, cases: tuple[Case, ...], place: Place, result: str) -> None:
    case, rest = cases[0], cases[1:]
    condition = "True" if case.when is None else emit_condition(run.emit, case.when, place)
    with run.emit.block(f"if {condition}:"):
        value, _ = run.rule(case.then, place)
        run.emit.line(f"{result} = {value}")
    if rest:
        with run.emit.block("else:"):
            _branches(run, rest, place, result)


def _money(run: Generate, source: MoneyOf, place: Place, strict: bool) -> tuple[str, bool]:
    emit = run.emit
    amount, _ = run.rule(source.amount, replace(place, target=place.field("amount")))
    result = emit.let("None")
    with emit.block(f"if {amount} is not None:"):
        currency, _ = run.rule(source.currency, replace(place, target=place.field("currency")))
        emit.line(f"{result} = make_money({amount}, {currency}, minor_units={source.minor_units})")
    return result, True


def _quantity(run: Generate, source: QuantityOf, place: Place, strict: bool) -> tuple[str, bool] | None:
    if source.factors:
        return None
    emit = run.emit
    value, _ = run.rule(source.value, replace(place, target=place.field("value")))
    result = emit.let("None")
    with emit.block(f"if {value} is not None:"):
        unit, _ = run.rule(source.unit, replace(place, target=place.field("unit")))
        emit.line(f"{unit} = to_str({unit})")
        number = f"to_decimal({value})"
        if source.to is not None:
            to = emit.constant(source.to)
            number, unit = f"convert_quantity({number}, {unit}, {to}, {{}})", to
        emit.line(f'{result} = {{"value": {emit.constant(source.fit)}({number}), "unit": {unit}}}')
    return result, True


EMITTERS: Final[dict[type, _Emit]] = {
    Arithmetic: _arithmetic,
    Cases: _cases,
    Coalesce: _coalesce,
    Concat: _concat,
    Const: _const,
    Each: _each,
    First: _first,
    ListOf: _list,
    MoneyOf: _money,
    ObjectOf: _object,
    PathOf: _path,
    Position: _position,
    QuantityOf: _quantity,
    SumOf: _sum,
    Use: _use,
    Within: _within,
}

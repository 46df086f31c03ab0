"""Generated code for paths, lists and conditions. None stands for missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from crossdock.mapping.emit import Emitter, Place
from crossdock.mapping.paths import Path, Reading, Step, Value, walk_all
from crossdock.mapping.rule_parts import Cel, Combine, Compare, Condition, PathOf
from crossdock.mapping.rules import Items


class Fallback(Exception):
    """The generated code met something that the interpreter must look at."""


def item_at(items: Value, index: int) -> Value:
    """Give an item of a list, None past its end."""
    if not isinstance(items, list):
        raise Fallback
    try:
        return items[index]
    except IndexError:
        return None


def every(value: Value, steps: tuple[Step, ...], reading: Reading) -> list[Value] | None:
    """Give all values at a path with ``[*]``, None where there is no list at all."""
    found = walk_all(value, "", steps, reading)
    return None if found is None else [item for item, _ in found]


def _origin(emit: Emitter, path: Path, place: Place) -> str:
    if path.up < 0:
        return place.items[0]
    if path.up >= len(place.items):
        emit.give_up()
        return place.item
    return place.items[-1 - path.up]


def emit_path(emit: Emitter, source: PathOf, place: Place, *, strict: bool) -> str:
    """Fetch one value into a new variable; with ``strict`` a missing step raises instead of giving None."""
    name = emit.new()
    start, steps = _origin(emit, source.path, place), source.path.steps
    if strict or not steps:
        expression = start
        for step in steps:
            expression = (
                f"{expression}[{step!r}]" if isinstance(step, str) else f"item_at({expression}, {step})"
            )
        emit.line(f"{name} = {expression}")
    else:
        _emit_lenient(emit, name, start, steps, blank=source.reading.blank_is_missing)
    if source.text:
        emit.line(f'if {name}.__class__ is dict and "#text" in {name}: {name} = {name}["#text"]')
    if source.reading.blank_is_missing:
        emit.line(f'if {name} == "": {name} = None')
    return name


def _emit_lenient(emit: Emitter, name: str, start: str, steps: tuple[Step, ...], *, blank: bool) -> None:
    step, rest = steps[0], steps[1:]
    emit.line(
        f"{name} = {start}.get({step!r})" if isinstance(step, str) else f"{name} = item_at({start}, {step})"
    )
    if rest:
        if blank:
            emit.line(f'if {name} == "": {name} = None')
        with emit.block(f"if {name} is not None:"):
            _emit_lenient(emit, name, name, rest, blank=blank)


def emit_list(emit: Emitter, items: Items, place: Place, *, strict: bool) -> str:
    """Fetch a list into a new variable; None where there is none."""
    if items.path.has_every:
        steps, reading = emit.constant(items.path.steps), emit.constant(items.reading)
        return emit.let(f"every({_origin(emit, items.path, place)}, {steps}, {reading})")
    name = emit_path(emit, PathOf(items.path, items.reading), place, strict=strict)
    with emit.block(f"if not isinstance({name}, list) and {name} is not None:"):
        if items.reading.xml:
            emit.line(f"{name} = [{name}]")
        else:
            emit.give_up()
    return name


@contextmanager
def emit_loop(emit: Emitter, items: Items, listed: str, place: Place) -> Iterator[Place]:
    """Loop over the items kept; those left out are counted. Inside, the place is that of one item."""
    item, left_out = emit.new("item"), emit.new("left_out")
    inner = replace(place, items=(*place.items, item))
    if items.where is not None:
        emit.line(f"{left_out} = 0")
    with emit.block(f"for {item} in {listed}:"):
        with emit.block(f"if {item} is None:"):
            emit.give_up()
        if items.where is not None:
            condition = emit_condition(emit, items.where, inner)
            with emit.block(f"if not {condition}:"):
                emit.line(f"{left_out} += 1")
                emit.line("continue")
        yield inner
    if items.where is not None:
        key = place.target or "$"
        emit.line(f"if {left_out}: omitted[{key!r}] = omitted.get({key!r}, 0) + {left_out}")


def emit_groups(emit: Emitter, items: Items, listed: str, place: Place) -> str:
    """Group the rows of a list into a new list of groups."""
    pairs, keys, agreeing = emit.let("[]"), emit.let("[]"), emit.let("[]")
    with emit_loop(emit, items, listed, place) as row:
        if items.starting is not None:
            emit.line(f"{keys}.append({emit_condition(emit, items.starting, row)})")
        else:
            for target, paths in ((keys, items.group_by), (agreeing, items.agree)):
                values = [emit_path(emit, path, row, strict=False) for path in paths]
                emit.line(f"{target}.append(({''.join(f'{value}, ' for value in values)}))")
        emit.line(f'{pairs}.append(({row.item}, ""))')
    if items.starting is not None:
        return emit.let(f"split_at({pairs}, {keys})")
    return emit.let(f"group_rows({pairs}, {keys}, {agreeing}, {emit.constant(items)})")


def emit_condition(emit: Emitter, condition: Condition, place: Place) -> str:
    """Fetch what a condition reads and give the expression that decides it."""
    match condition:
        case Compare():
            return _emit_comparison(emit, condition, place)
        case Cel():
            values = [
                f"{name!r}: {emit_path(emit, path, place, strict=False)}" for name, path in condition.bindings
            ]
            return f"decide_cel({emit.constant(condition)}, {{{', '.join(values)}}})"
        case Combine():
            parts = [emit_condition(emit, part, place) for part in condition.conditions]
            if condition.operator == "not":
                return f"(not {parts[0]})"
            return f"({(' and ' if condition.operator == 'all' else ' or ').join(parts)})"


def _emit_comparison(emit: Emitter, condition: Compare, place: Place) -> str:
    value = emit_path(emit, condition.source, place, strict=False)
    operator, operand = condition.operator, condition.operand
    if operator == "present":
        return f"({value} is not None)" if operand else f"({value} is None)"
    if operator in ("equals", "not_equals") and isinstance(operand, str | bool):
        same, different = ("is", "is not") if isinstance(operand, bool) else ("==", "!=")
        return f"({value} {same if operator == 'equals' else different} {operand!r})"
    return f"compare({value}, {operator!r}, {emit.constant(operand)})"

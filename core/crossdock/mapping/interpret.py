"""Walks a mapping's rules over a document, keeping track of places: slow, but it finds and names every fault.

The generated Python of ``generate`` does the same without places; what raises there is mapped again here.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from crossdock.mapping.conditions import compare, decide_cel
from crossdock.mapping.faults import MappingFault, ValueFault, shorten
from crossdock.mapping.grouping import group_rows, split_at
from crossdock.mapping.paths import FAILED, MISSING, Path, ShapeError, Value, walk, walk_all
from crossdock.mapping.rule_parts import As, Cel, Combine, Compare, Condition, PathOf, StepRule
from crossdock.mapping.rules import First, Items, ObjectOf, Presence, Program, Rule, Source, Use, Within
from crossdock.mapping.steps import apply_step

_INDEX = re.compile(r"\[\d+\]")
_OBJECTS: Final = (ObjectOf, Within, Use, First)
_ADVICE: Final = "if the partner may leave it out, say 'optional: true' or give a 'default'"


@dataclass(frozen=True, slots=True)
class Scope:
    """The item that paths start from.

    Attributes:
        value: The item.
        location: Its place in the document: ``$.line_items[2]``.
        parent: The item around it.
        position: Its number among the items kept, from 0.
        currency: The declared currency, None if there is none.
    """

    value: Value
    location: str
    parent: Scope | None = None
    position: int = 0
    currency: str | None = None

    def origin(self, path: Path) -> Scope:
        """Find the item that ``path`` starts from."""
        scope, up = self, path.up
        while up and scope.parent is not None:
            scope, up = scope.parent, up - 1
        if up > 0:
            raise ShapeError(
                self.location, self.value, f"{path.text!r} climbs out of the document: too many ^"
            )
        return scope

    def inner(self, value: Value, location: str, position: int = 0) -> Scope:
        """Step into an item."""
        return Scope(value, location, self, position, self.currency)


def target_pattern(target: str) -> str:
    """Write ``target`` without its indexes: the name under which left-out items are counted."""
    return _INDEX.sub("[]", target) or "$"


def fresh(value: Value) -> Value:
    """Give a constant that nobody else holds."""
    return copy.deepcopy(value) if isinstance(value, list | dict) else value


class Interpreter:
    """One mapping of one document; afterwards ``faults`` and ``omitted`` tell what happened."""

    def __init__(self, program: Program) -> None:
        """Start without faults."""
        self.program = program
        self.faults: list[MappingFault] = []
        self.omitted: dict[str, int] = {}

    def run(self, document: Value) -> Value:
        """Map ``document``; the result counts only if there are no ``faults``."""
        return self.evaluate(self.program.body, Scope(document, "$"), "")

    def fault(self, code: str, location: str, target: str, value: Value, message: str) -> None:
        """Note a fault."""
        shown = "" if value is MISSING else shorten(value)
        name, version = self.program.name, self.program.version
        self.faults.append(
            MappingFault(name, version, f"mapping.{code}", location, target or "(root)", shown, message)
        )

    # --- rules ------------------------------------------------------------------------------------------------

    def evaluate(self, rule: Rule, scope: Scope, target: str) -> Value:
        """Give the value of ``rule``, ``MISSING`` if it is optional and there is none, ``FAILED`` after a fault."""
        location, reason = scope.location, "nothing here"
        if rule.when is not None and (verdict := self.decide(rule.when, scope, target)) is not True:
            value: Value = FAILED if verdict is FAILED else MISSING
        else:
            value, location = self.source(rule.source, scope, target)
        if value == {} and rule.presence is Presence.OPTIONAL and isinstance(rule.source, _OBJECTS):
            value = MISSING
        for step in rule.steps:
            if value is MISSING or value is FAILED:
                break
            before, value = value, self.step(step, value, scope, location, target)
            if value is MISSING:
                reason = f"nothing left of {shorten(before)} after {type(step).__name__.lower()}"
        if value is MISSING:
            return self.absent(rule, scope, location, target, reason)
        return value

    def step(self, step: StepRule, value: Value, scope: Scope, location: str, target: str) -> Value:
        """Take one step; a fault is noted here."""
        try:
            return apply_step(step, value, scope.currency)
        except ValueFault as error:
            self.fault(error.code, location, target, value, error.message)
            return FAILED

    def absent(self, rule: Rule, scope: Scope, location: str, target: str, reason: str) -> Value:
        """Decide what a missing value means."""
        if rule.presence is Presence.OPTIONAL:
            return MISSING
        if rule.presence is Presence.REQUIRED:
            self.fault(
                "missing", location, target, MISSING, f"{reason}, but {target or 'it'} is required; {_ADVICE}"
            )
            return FAILED
        last = rule.steps[-1] if rule.steps else None
        if isinstance(last, As) and last.type == "money" and rule.default is not None:
            plain = replace(last, convert=lambda amount: amount, minor_units=False)
            return self.step(plain, rule.default, scope, location, target)
        return fresh(rule.default)

    def source(self, source: Source, scope: Scope, target: str) -> tuple[Value, str]:
        """Give a source's value and its place; shapes that don't fit are noted here."""
        try:
            return OPERATORS[type(source)](self, source, scope, target)
        except ShapeError as error:
            self.fault("shape", error.location, target, error.value, error.message)
        except ValueFault as error:
            self.fault(error.code, scope.location, target, MISSING, error.message)
        return FAILED, scope.location

    def operands(self, rules: tuple[Rule, ...], scope: Scope, target: str) -> list[Value] | None:
        """Evaluate all ``rules``; None after a fault in any."""
        values = [self.evaluate(rule, scope, target) for rule in rules]
        return None if any(value is FAILED for value in values) else values

    # --- paths and conditions -----------------------------------------------------------------------------------

    def fetch(self, source: PathOf, scope: Scope) -> tuple[Value, str]:
        """Follow a path to one value."""
        start = scope.origin(source.path)
        value, location = walk(start.value, start.location, source.path.steps, source.reading)
        if source.text and isinstance(value, dict) and "#text" in value:
            value = MISSING if value["#text"] is None else value["#text"]
        if source.reading.blank_is_missing and value == "":
            value = MISSING
        return value, location

    def peek(self, source: PathOf, scope: Scope) -> Value:
        """Follow a path to one value or None."""
        value, _ = self.fetch(source, scope)
        return None if value is MISSING else value

    def decide(self, condition: Condition, scope: Scope, target: str) -> Any:
        """Decide ``condition``: True, False, or ``FAILED`` after a fault."""
        try:
            return self.holds(condition, scope)
        except ShapeError as error:
            self.fault("shape", error.location, target, error.value, error.message)
        except ValueFault as error:
            self.fault(error.code, scope.location, target, MISSING, error.message)
        return FAILED

    def holds(self, condition: Condition, scope: Scope) -> bool:
        """Decide ``condition``; raises ``ShapeError`` and ``ValueFault``."""
        match condition:
            case Compare():
                return compare(self.peek(condition.source, scope), condition.operator, condition.operand)
            case Cel():
                return decide_cel(
                    condition, {name: self.peek(path, scope) for name, path in condition.bindings}
                )
            case Combine():
                verdicts = [self.holds(part, scope) for part in condition.conditions]
                if condition.operator == "not":
                    return not verdicts[0]
                return all(verdicts) if condition.operator == "all" else any(verdicts)

    # --- items ------------------------------------------------------------------------------------------------

    def items(self, items: Items, scope: Scope, target: str, *, report: bool = True) -> list[Scope] | None:
        """Give a scope for every item kept, None where there is no list; items left out are counted."""
        found = self.rows(items, scope)
        if found is None:
            return None
        rows = list(found)
        kept = rows if items.where is None else [row for row in rows if self.holds(items.where, row)]
        if report and (left_out := len(rows) - len(kept)):
            name = target_pattern(target)
            self.omitted[name] = self.omitted.get(name, 0) + left_out
        kept = self.group(items, kept, scope) if items.grouped else kept
        return [replace(row, position=position) for position, row in enumerate(kept)]

    def rows(self, items: Items, scope: Scope) -> Iterator[Scope] | None:
        """Give a scope for every item of the list, None where there is no list."""
        start = scope.origin(items.path)
        found = walk_all(start.value, start.location, items.path.steps, items.reading)
        return None if found is None else self._scopes(found, scope)

    def _scopes(self, found: Iterator[tuple[Value, str]], scope: Scope) -> Iterator[Scope]:
        for value, location in found:
            if value is None:
                raise ShapeError(location, None, "null in a list, where an item is expected")
            yield scope.inner(value, location)

    def group(self, items: Items, rows: list[Scope], scope: Scope) -> list[Scope]:
        """Make one scope of each group of rows."""
        pairs = [(row.value, row.location) for row in rows]
        if items.starting is not None:
            starting = items.starting
            groups = split_at(pairs, [self.holds(starting, row) for row in rows])
        else:
            keys = [tuple(self.peek(path, row) for path in items.group_by) for row in rows]
            agreeing = [tuple(self.peek(path, row) for path in items.agree) for row in rows]
            groups = group_rows(pairs, keys, agreeing, items)
        return [scope.inner(group, group["rows"].locations[0]) for group in groups]


OPERATORS: Final[dict[type, Callable[[Interpreter, Any, Scope, str], tuple[Value, str]]]] = {}
"""How each kind of source is evaluated; ``operators`` fills it."""

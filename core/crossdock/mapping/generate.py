"""Generates Python for the hot path of a mapping, from rules that were validated before.

The generated function does what the interpreter does, without places and messages: on anything unusual it raises,
and the interpreter maps the document again. Rare operators are left to the interpreter even here (``_delegate``).
Nothing of the mapping's text reaches the source but through ``repr`` of keys and plain constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from crossdock.mapping.conditions import compare, decide_cel
from crossdock.mapping.emit import Emitter, Place
from crossdock.mapping.emit_paths import Fallback, emit_condition, every, item_at
from crossdock.mapping.emit_sources import EMITTERS, OBJECTS
from crossdock.mapping.grouping import group_rows, split_at
from crossdock.mapping.interpret import Interpreter, Scope, fresh
from crossdock.mapping.operators import calculate
from crossdock.mapping.paths import MISSING, Value
from crossdock.mapping.rule_parts import As, Edit, Extract, Lookup, Replace, Split, StepRule
from crossdock.mapping.rules import Presence, Program, Rule, Source
from crossdock.mapping.steps import apply_step, look_up, make_money
from crossdock.mapping.units import convert_quantity, currency_code
from crossdock.mapping.values import PLAIN, scalar, to_bool, to_decimal, to_int, to_str

Run: TypeAlias = Callable[[Value, dict[str, int]], Value]
_MAY_BE_MISSING: Final = (Extract, Split, Edit, Lookup)
_GLOBALS: Final = {
    "Decimal": Decimal,
    "Fallback": Fallback,
    "PLAIN": PLAIN,
    "ZERO": Decimal(0),
    "calculate": calculate,
    "compare": compare,
    "convert_quantity": convert_quantity,
    "currency_code": currency_code,
    "decide_cel": decide_cel,
    "every": every,
    "fresh": fresh,
    "group_rows": group_rows,
    "item_at": item_at,
    "look_up": look_up,
    "make_money": make_money,
    "scalar": scalar,
    "split_at": split_at,
    "to_bool": to_bool,
    "to_decimal": to_decimal,
    "to_int": to_int,
    "to_str": to_str,
}


@dataclass(frozen=True, slots=True)
class FastPath:
    """Generated Python: its ``text``, and ``run(document, omitted)``."""

    text: str
    run: Run


def generate(program: Program) -> FastPath:
    """Generate and load the function for ``program``."""
    emit = Emitter(dict(_GLOBALS))
    result, _ = _Generator(program, emit).rule(program.body, Place())
    emit.line(f"return {result}")
    text = "\n".join(["def run(document, omitted):", *emit.lines, ""])
    namespace = emit.names
    # The text is made here from a validated tree; keys and constants of the mapping are in it as literals only.
    exec(compile(text, f"<mapping {program.name} v{program.version}>", "exec"), namespace)  # nosec B102
    return FastPath(text, namespace["run"])


@dataclass(frozen=True, slots=True)
class _Generator:
    program: Program
    emit: Emitter

    def rule(self, rule: Rule, place: Place) -> tuple[str, bool]:
        if rule.when is None:
            return self._present(rule, place)
        name = self.emit.let("None")
        with self.emit.block(f"if {emit_condition(self.emit, rule.when, place)}:"):
            value, _ = self._value(rule, place)
            self.emit.line(f"{name} = {value}")
        return self._settle(rule, name, place, nullable=True)

    def _present(self, rule: Rule, place: Place) -> tuple[str, bool]:
        value, nullable = self._value(rule, place)
        return self._settle(rule, value, place, nullable=nullable)

    def _value(self, rule: Rule, place: Place) -> tuple[str, bool]:
        """Emit source and steps."""
        emit, required = self.emit, rule.presence is Presence.REQUIRED
        name, nullable = self._source(rule.source, place, strict=required)
        if rule.presence is Presence.OPTIONAL and isinstance(rule.source, OBJECTS):
            emit.line(f"if {name} == {{}}: {name} = None")
            nullable = True
        self._steps(rule.steps, name, place, nullable=nullable, required=required)
        may_vanish = any(isinstance(step, _MAY_BE_MISSING) for step in rule.steps)
        return name, may_vanish or (nullable and not (required and rule.steps))

    def _steps(
        self, steps: tuple[StepRule, ...], name: str, place: Place, *, nullable: bool, required: bool
    ) -> None:
        if not steps:
            return
        if nullable and not required:
            with self.emit.block(f"if {name} is not None:"):
                self._steps(steps, name, place, nullable=False, required=required)
            return
        step, rest = steps[0], steps[1:]
        refuses_null = isinstance(step, As) and step.type != "any"
        if nullable and not refuses_null:
            self._refuse_null(name)
        self._step(step, name, place)
        self._steps(rest, name, place, nullable=isinstance(step, _MAY_BE_MISSING), required=required)

    def _refuse_null(self, name: str) -> None:
        with self.emit.block(f"if {name} is None:"):
            self.emit.give_up()

    def _settle(self, rule: Rule, name: str, place: Place, *, nullable: bool) -> tuple[str, bool]:
        """Emit what happens to a missing value."""
        if rule.presence is Presence.OPTIONAL or not nullable:
            return name, nullable
        if rule.presence is Presence.REQUIRED:
            self._refuse_null(name)
        else:
            with self.emit.block(f"if {name} is None:"):
                self.emit.line(f"{name} = {self._default(rule, place)}")
        return name, False

    def _default(self, rule: Rule, place: Place) -> str:
        last = rule.steps[-1] if rule.steps else None
        value = self.emit.constant(rule.default)
        if isinstance(last, As) and last.type == "money" and rule.default is not None:
            return f"make_money({value}, {place.currency}, minor_units=False)"
        return f"fresh({value})" if isinstance(rule.default, list | dict) else value

    def _step(self, step: StepRule, name: str, place: Place) -> None:
        emit = self.emit
        match step:
            case As():
                self._as(step, name, place)
            case Replace():
                emit.line(f"{name} = {emit.constant(step.value)}")
            case Lookup() if step.on_missing == "reject":
                table = emit.constant(step.table)
                emit.line(f"{name} = {table}[{name} if {name}.__class__ is str else to_str({name})]")
                self._refuse_null(name)
            case Lookup():
                emit.line(f"{name} = look_up({emit.constant(step)}, {name})")
                emit.line(f"if {name} is {emit.constant(MISSING)}: {name} = None")
            case _:
                function = emit.constant(_taking(step))
                emit.line(f"{name} = {function}({name})")

    def _as(self, step: As, name: str, place: Place) -> None:
        emit = self.emit
        if step.type == "money":
            self._convert(step, name, "decimal")
            if step.minor_units or place.currency == "None":
                emit.line(f"{name} = make_money({name}, {place.currency}, minor_units={step.minor_units})")
                return
            emit.line(f'{name} = {{"amount": {name}, "currency": {place.currency}}}')
            return
        self._convert(step, name, step.type)

    def _convert(self, step: As, name: str, type_: str) -> None:
        line = self.emit.line
        if type_ == "scalar":
            line(f"if {name}.__class__ is not str and {name}.__class__ not in PLAIN: {name} = scalar({name})")
        elif step.plain and type_ == "str":
            line(f"if {name}.__class__ is not str:")
            line(f"    {name} = str({name}) if {name}.__class__ is int else to_str({name})")
        elif step.plain and type_ == "int":
            line(f"if {name}.__class__ is not int: {name} = to_int({name})")
        elif step.plain and type_ == "decimal":
            line(f"if {name}.__class__ is not Decimal or not {name}.is_finite(): {name} = to_decimal({name})")
        elif step.plain and type_ == "bool":
            line(f"if {name} is not True and {name} is not False: {name} = to_bool({name})")
        else:
            line(f"{name} = {self.emit.constant(step.convert)}({name})")

    def _source(self, source: Source, place: Place, *, strict: bool) -> tuple[str, bool]:
        emitter = EMITTERS.get(type(source))
        found = None if emitter is None else emitter(self, source, place, strict)
        return found or self._delegate(source, place)

    def _delegate(self, source: Source, place: Place) -> tuple[str, bool]:
        function = self.emit.constant(_interpreting(self.program, source, place.target))
        items = "".join(f"{item}, " for item in place.items)
        return self.emit.let(f"{function}(({items}), {place.position}, {place.currency}, omitted)"), True


def _taking(step: StepRule) -> Callable[[Value], Value]:
    def take(value: Value) -> Value:
        result = apply_step(step, value, None)
        return None if result is MISSING else result

    return take


def _interpreting(
    program: Program, source: Source, target: str
) -> Callable[[tuple[Value, ...], int, str | None, dict[str, int]], Value]:
    rule = Rule(source, (), Presence.OPTIONAL)

    def interpret(
        items: tuple[Value, ...], position: int, currency: str | None, omitted: dict[str, int]
    ) -> Value:
        run = Interpreter(program)
        scope: Scope | None = None
        for item in items:
            scope = Scope(item, "", scope, position, currency)
        if scope is None:
            raise Fallback
        value = run.evaluate(rule, scope, target)
        if run.faults:
            raise Fallback
        for name, count in run.omitted.items():
            omitted[name] = omitted.get(name, 0) + count
        return None if value is MISSING else value

    return interpret

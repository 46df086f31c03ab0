"""Reads a mapping's definition (decoded YAML) into rules, and says everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from crossdock.mapping import sources
from crossdock.mapping.conditions import ConditionSyntaxError, parse_condition
from crossdock.mapping.conversions import converter
from crossdock.mapping.faults import DefinitionProblem, MappingDefinitionError, ValueFault
from crossdock.mapping.options import OptionError
from crossdock.mapping.paths import Path, PathSyntaxError, Reading, Value, kind_of, parse_path
from crossdock.mapping.rule_parts import As, Condition, PathOf, StepRule
from crossdock.mapping.rules import (
    Const,
    First,
    Items,
    ObjectOf,
    Presence,
    Program,
    PureFunction,
    Rule,
    Source,
)
from crossdock.mapping.steps import STEP_KEYS, parse_steps
from crossdock.mapping.values import anything, scalar, to_decimal

HEADER_KEYS: Final = frozenset({"mapping", "version", "description", "from", "to", "tables"})
XML_FORMATS: Final = frozenset({"xml", "soap", "ubl"})
TEXT_FORMATS: Final = frozenset({"csv", "fixed", "x12", "edifact", "idoc"}) | XML_FORMATS
"""Formats that have no null: an empty text is a missing value."""
_PRESENCE_KEYS: Final = frozenset({"required", "optional", "default"})


def parse_mapping(
    definition: Mapping[str, Value],
    *,
    tables: Mapping[str, Value],
    used: Mapping[str, Program],
    functions: Mapping[str, PureFunction],
) -> Program:
    """Parse ``definition``.

    Args:
        definition: The decoded mapping file.
        tables: Look-up tables by name: a dict of keys and values, or a list of rows with the same columns.
        used: Parsed mappings that ``use`` may name.
        functions: Pure functions that ``call`` may name.

    Raises:
        MappingDefinitionError: With every problem found.
    """
    name = str(definition.get("mapping", "(unnamed)"))
    parser = Parser(definition, tables=tables, used=used, functions=functions)
    program = parser.program()
    if parser.problems:
        raise MappingDefinitionError(name, parser.problems)
    return program


class Parser:
    """One parse of one definition; ``problems`` grows while it runs."""

    def __init__(
        self,
        definition: Mapping[str, Value],
        *,
        tables: Mapping[str, Value],
        used: Mapping[str, Program],
        functions: Mapping[str, PureFunction],
    ) -> None:
        """Keep what the definition may refer to."""
        self.definition = definition
        self.used = used
        self.functions = functions
        self.problems: list[DefinitionProblem] = []
        self.needs_currency = False
        self._place: list[str] = []
        self._currency_depth = 0
        inline = definition.get("tables") or {}
        self.tables = {
            **{key: table for key, table in inline.items() if isinstance(table, dict | list)},
            **tables,
        }
        source = definition.get("from") or {}
        format_ = source.get("format", "json") if isinstance(source, dict) else "json"
        blank = source.get("blank_is_missing") if isinstance(source, dict) else None
        self.reading = Reading(
            format_ in TEXT_FORMATS if blank is None else bool(blank), format_ in XML_FORMATS
        )

    # --- the file ---------------------------------------------------------------------------------------------

    def program(self) -> Program:
        """Parse the header and the root rule."""
        name, version = self.definition.get("mapping"), self.definition.get("version")
        if not isinstance(name, str) or not name:
            self.problem("'mapping' is the id of the mapping, such as shopify/order", "mapping")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            self.problem("'version' is a whole number from 1 that grows with every change", "version")
        target = self.definition.get("to") or ""
        root = {key: value for key, value in self.definition.items() if key not in HEADER_KEYS}
        body = self.rule(root)
        if self.needs_currency and target:
            self.problem(
                "'as: money' needs a 'currency' beside 'fields': currency: {path: currency}", "currency"
            )
        source = self.definition.get("from") or {}
        return Program(str(name), version or 0, target, source, body, self.needs_currency)

    @contextmanager
    def at(self, *place: str) -> Iterator[None]:
        """Work inside ``place`` of the file."""
        self._place.extend(place)
        try:
            yield
        finally:
            del self._place[len(self._place) - len(place) :]

    def problem(self, message: str, *place: str) -> None:
        """Note what is wrong at ``place`` inside the current place."""
        self.problems.append(DefinitionProblem(".".join([*self._place, *place]) or "(root)", message))

    # --- rules ------------------------------------------------------------------------------------------------

    def rule(self, raw: Value, implied: Presence = Presence.REQUIRED) -> Rule:
        """Parse one rule; text is short for ``{path: text}``; ``implied`` is its presence where none is stated."""
        if isinstance(raw, str):
            raw = {"path": raw}
        if not isinstance(raw, dict):
            self.problem(
                "a rule is a path or an object with an operator, not "
                f"{kind_of(raw)}; a constant is {{const: ...}}"
            )
            return Rule(Const(None))
        try:
            return self._rule(raw, implied)
        except (OptionError, ConditionSyntaxError, PathSyntaxError, ValueFault) as error:
            self.problem(str(error))
            return Rule(Const(None))

    def _rule(self, raw: Mapping[str, Value], implied: Presence) -> Rule:
        rest = {
            key: raw[key]
            for key in raw
            if key not in STEP_KEYS and key not in _PRESENCE_KEYS and key != "when"
        }
        source = self.source(rest)
        steps = parse_steps(raw, self.tables)
        if not steps and isinstance(source.body.source if isinstance(source, First) else source, PathOf):
            steps = (As("scalar", scalar),)
        if any(isinstance(step, As) and step.type == "money" for step in steps) and not self._currency_depth:
            self.needs_currency = True
        presence = self._presence(raw, implied)
        if isinstance(source, Const) and source.value is None and presence is Presence.REQUIRED:
            presence, raw = Presence.DEFAULT, {**raw, "default": None}
        default = self._default(raw["default"], steps) if presence is Presence.DEFAULT else None
        when = self.condition(raw["when"]) if "when" in raw else None
        if when is not None and presence is Presence.REQUIRED and implied is Presence.REQUIRED:
            raise OptionError(
                "a rule with 'when' is 'optional' or has a 'default': it gives nothing when that is false"
            )
        return Rule(source, steps, presence, default, when)

    def _presence(self, raw: Mapping[str, Value], implied: Presence) -> Presence:
        stated = [key for key in ("required", "optional") if raw.get(key) not in (None, False)]
        for key in stated:
            if raw[key] is not True:
                raise OptionError(f"'{key}' is true or left out")
        if raw.get("required") is False:
            raise OptionError("instead of 'required: false' say 'optional: true' or give a 'default'")
        if "default" in raw:
            stated.append("default")
        if len(stated) > 1:
            raise OptionError(f"{' and '.join(stated)} exclude each other")
        return Presence(stated[0]) if stated else implied

    def _default(self, default: Value, steps: tuple[StepRule, ...]) -> Value:
        anything(default)
        last = steps[-1] if steps else None
        if default is None or not isinstance(last, As) or last.type == "scalar":
            return default
        try:
            return to_decimal(default) if last.type == "money" else converter(last.type, {})(default)
        except ValueFault as error:
            raise OptionError(
                f"the default {default!r} does not fit 'as: {last.type}': {error.message}"
            ) from error

    def source(self, raw: Mapping[str, Value]) -> Source:
        """Parse the part of a rule that says where its value comes from."""
        for key, reader in sources.READERS.items():
            if key in raw:
                return reader(self, raw)
        known = ", ".join(sources.READERS)
        unknown = f"unknown operator {', '.join(sorted(raw))}; " if raw else ""
        raise OptionError(f"{unknown}a rule has one of: {known}")

    def only(self, raw: Mapping[str, Value], *known: str) -> None:
        """Refuse keys that the operator does not have."""
        if unknown := sorted(set(raw) - set(known)):
            raise OptionError(f"'{known[0]}' does not go with {', '.join(repr(key) for key in unknown)}")

    def operands(self, raw: Value, key: str, implied: Presence = Presence.REQUIRED) -> tuple[Rule, ...]:
        """Parse a list of operands."""
        if not isinstance(raw, list) or not raw:
            raise OptionError(f"'{key}' takes a list of paths and rules")
        rules = []
        for number, operand in enumerate(raw):
            with self.at(f"{key}[{number}]"):
                rules.append(self._not_null(self.rule(operand, implied)))
        return tuple(rules)

    def operand(self, raw: Value, key: str, implied: Presence = Presence.REQUIRED) -> Rule:
        """Parse the single operand under ``key``."""
        with self.at(key):
            return self._not_null(self.rule(raw, implied))

    def _not_null(self, rule: Rule) -> Rule:
        if rule.presence is Presence.DEFAULT and rule.default is None:
            self.problem("null can only be given to a target field or an item")
        return rule

    # --- paths, items, objects ----------------------------------------------------------------------------------

    def path(self, text: Value) -> PathOf:
        """Parse a path to one value."""
        if not isinstance(text, str):
            raise PathSyntaxError(
                f"{text!r} is not a path; a key that looks like a number goes in quotes: '\"1\"'"
            )
        path = parse_path(text)
        if path.has_every:
            raise PathSyntaxError(
                f"{text!r} may name many values; [*] belongs to each, first, sum, count, index_by"
            )
        return PathOf(path, self.reading, text=self.reading.xml)

    def condition(self, raw: Value) -> Condition:
        """Parse a condition."""
        return parse_condition(raw, self.path)

    def items(self, raw: Mapping[str, Value], key: str) -> Items:
        """Parse the list under ``key`` and what ``where``, ``group_by``, ``agree`` and ``starting`` do to it."""
        text = raw[key]
        if not isinstance(text, str):
            raise PathSyntaxError(f"'{key}' takes the path of a list, not {kind_of(text)}")
        path = parse_path(text)
        if path.steps and path.steps[-1:] == parse_path("@[*]").steps:
            path = Path(path.text, path.up, path.steps[:-1])
        where = self.condition(raw["where"]) if "where" in raw else None
        starting = self.condition(raw["starting"]) if "starting" in raw else None
        group_by = self._paths(raw.get("group_by", []), "group_by")
        agree = self._paths(raw.get("agree", []), "agree")
        if group_by and starting is not None:
            raise OptionError("'group_by' and 'starting' exclude each other")
        if agree and not group_by:
            raise OptionError("'agree' belongs to 'group_by'")
        return Items(path, where, self.reading, group_by, agree, starting)

    def _paths(self, raw: Value, key: str) -> tuple[PathOf, ...]:
        if not isinstance(raw, str | list):
            raise PathSyntaxError(f"'{key}' takes a path or a list of paths")
        return tuple(self.path(text) for text in ([raw] if isinstance(raw, str) else raw))

    def object(self, raw: Mapping[str, Value]) -> ObjectOf:
        """Parse ``fields`` with their ``currency``."""
        if not isinstance(raw["fields"], dict) or not raw["fields"]:
            raise OptionError("'fields' is an object of target names and rules")
        currency = self.operand(raw["currency"], "currency") if "currency" in raw else None
        self._currency_depth += currency is not None
        parsed = []
        for name, rule in raw["fields"].items():
            with self.at("fields", str(name)):
                parsed.append((str(name), self.rule(rule)))
        self._currency_depth -= currency is not None
        return ObjectOf(tuple(parsed), currency)

    def need_currency(self) -> None:
        """Note that something inside takes the declared currency."""
        if not self._currency_depth:
            self.needs_currency = True

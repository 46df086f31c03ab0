"""The steps of a rule read from a mapping: ``when_present``, ``regex``, ``split``, ``trim``, ``lookup``, ``as``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from crossdock.mapping.conditions import linear_pattern
from crossdock.mapping.conversions import converter
from crossdock.mapping.faults import ValueFault
from crossdock.mapping.options import OptionError
from crossdock.mapping.paths import MISSING, Value, kind_of
from crossdock.mapping.rule_parts import As, Edit, Extract, Lookup, Replace, Split, StepRule, Table
from crossdock.mapping.units import currency_code, minor_digits
from crossdock.mapping.values import anything, to_decimal, to_str

STEP_KEYS: Final = (
    "when_present",
    "regex",
    "split",
    "trim",
    "case",
    "truncate",
    "lookup",
    "on_missing",
    "as",
)
ON_MISSING: Final = ("reject", "keep", "default")


def parse_steps(raw: Mapping[str, Value], tables: Mapping[str, Value]) -> tuple[StepRule, ...]:
    """Read the steps of the rule ``raw``, in the order in which a value takes them."""
    steps: list[StepRule] = []
    if "when_present" in raw:
        steps.append(Replace(_scalar_constant(raw["when_present"], "when_present")))
    if "regex" in raw:
        steps.append(_extract(raw["regex"]))
    if "split" in raw:
        steps.append(_split(raw["split"]))
    if raw.keys() & {"trim", "case", "truncate"}:
        steps.append(_edit(raw))
    if "lookup" in raw:
        steps.append(_lookup(raw, tables))
    elif "on_missing" in raw:
        raise OptionError("'on_missing' belongs to 'lookup'")
    if "as" in raw:
        steps.append(parse_as(raw["as"]))
    return tuple(steps)


def parse_as(raw: Value) -> As:
    """Read ``as``: a type's name, or an object with ``type`` and its options."""
    if isinstance(raw, str):
        options: dict[str, Value] = {}
        type_ = raw
    elif isinstance(raw, dict) and isinstance(raw.get("type"), str):
        options = {key: value for key, value in raw.items() if key != "type"}
        type_ = raw["type"]
    else:
        raise OptionError("'as' is a type's name or an object with 'type'")
    convert = converter(type_, options)
    return As(type_, convert, bool(options.get("minor_units", False)), not options)


def _scalar_constant(value: Value, key: str) -> Value:
    if isinstance(value, str | int | Decimal):
        return value
    raise OptionError(f"'{key}' is a text, a number, true or false, not {kind_of(value)}")


def _extract(raw: Value) -> Extract:
    text, group = (raw.get("pattern"), raw.get("group")) if isinstance(raw, dict) else (raw, None)
    if not isinstance(text, str):
        raise OptionError("'regex' is a pattern or an object with 'pattern' and 'group'")
    pattern = linear_pattern(text)
    groups: int = getattr(pattern, "groups", 0)
    names: Mapping[str, int] = getattr(pattern, "groupindex", {})
    if group is None:
        if groups > 1:
            raise OptionError(
                f"{text!r} has {groups} groups; say which one: regex: {{pattern: ..., group: 1}}"
            )
        group = groups
    if (isinstance(group, str) and group not in names) or (
        isinstance(group, int) and not 0 <= group <= groups
    ):
        raise OptionError(f"{text!r} has no group {group!r}")
    return Extract(text, pattern, group)


def _split(raw: Value) -> Split:
    by, take = (raw.get("by"), raw.get("take")) if isinstance(raw, dict) else (raw, None)
    if not isinstance(by, str) or not by:
        raise OptionError("'split' is a separator or an object with 'by' and 'take'")
    return Split(by, take)


def _edit(raw: Mapping[str, Value]) -> Edit:
    case, truncate = raw.get("case"), raw.get("truncate")
    if case not in (None, "upper", "lower"):
        raise OptionError("'case' is upper or lower")
    if truncate is not None and (not isinstance(truncate, int) or truncate < 1):
        raise OptionError("'truncate' is the greatest number of characters, at least 1")
    return Edit(bool(raw.get("trim", False)), case, truncate)


def _lookup(raw: Mapping[str, Value], tables: Mapping[str, Value]) -> Lookup:
    spec = raw["lookup"]
    spec = {"table": spec} if isinstance(spec, str) else spec
    if not isinstance(spec, dict) or not isinstance(spec.get("table"), str):
        raise OptionError("'lookup' is a table's name or an object with 'table', 'key' and 'column'")
    name, on_missing = spec["table"], raw.get("on_missing", "reject")
    if name not in tables:
        raise OptionError(f"there is no table {name!r}; known tables: {', '.join(sorted(tables)) or 'none'}")
    if on_missing not in ON_MISSING:
        raise OptionError(f"'on_missing' is one of {', '.join(ON_MISSING)}")
    if on_missing == "default" and "default" not in raw:
        raise OptionError("'on_missing: default' needs a 'default'")
    return Lookup(name, _index(name, tables[name], spec.get("key"), spec.get("column")), on_missing)


def _index(name: str, table: Value, key: str | None, column: str | None) -> Table:
    if isinstance(table, dict):
        if key is not None or column is not None:
            raise OptionError(f"table {name!r} has no columns: it is a list of keys and values")
        return {to_str(found): anything(value) for found, value in table.items()}
    columns = list(table[0]) if table else []
    if not columns:
        return {}
    key = columns[0] if key is None else key
    column = columns[min(1, len(columns) - 1)] if column is None else column
    for wanted in (key, column):
        if wanted not in columns:
            raise OptionError(f"table {name!r} has no column {wanted!r}; it has: {', '.join(columns)}")
    index: dict[str, Value] = {}
    for number, row in enumerate(table, start=1):
        if row[key] in index and index[row[key]] != row[column]:
            raise OptionError(
                f"table {name!r}, row {number}: key {row[key]!r} is there twice with different values"
            )
        index[row[key]] = row[column]
    return index


# --- what the steps do to a value -------------------------------------------------------------------------------


def apply_step(step: StepRule, value: Value, currency: str | None) -> Value:
    """Take one step with a value that is there; gives ``MISSING`` where a regex or a part is not found."""
    match step:
        case As():
            return convert_as(step, value, currency)
        case Lookup():
            return look_up(step, value)
        case Replace():
            return step.value
        case Extract():
            match_ = step.pattern.search(_text(value, "regex"))
            found = None if match_ is None else match_.group(step.group)
            return MISSING if found is None else found
        case Split():
            return _parts(step, _text(value, "split"))
        case Edit():
            return edit(step, value) or MISSING


def edit(step: Edit, value: Value) -> str:
    """Trim, change case and truncate a text."""
    text = _text(value, "trim, case and truncate")
    if step.trim:
        text = text.strip()
    if step.case is not None:
        text = text.upper() if step.case == "upper" else text.lower()
    return text[: step.truncate]


def _text(value: Value, operator: str) -> str:
    if isinstance(value, list | dict):
        raise ValueFault("type", f"{operator} work on text, but found {kind_of(value)}")
    return to_str(value)


def _parts(step: Split, text: str) -> Value:
    parts = [part.strip() for part in text.split(step.by)]
    if step.take is None:
        return [part for part in parts if part]
    try:
        return parts[step.take] or MISSING
    except IndexError:
        return MISSING


def look_up(step: Lookup, value: Value) -> Value:
    """Find ``value`` in the step's table."""
    key = _text(value, "lookup")
    found = step.table.get(key)
    if found is not None:
        return found
    if step.on_missing == "keep":
        return value
    if step.on_missing == "default":
        return MISSING
    raise ValueFault(
        "lookup", f"{key!r} is not in the table {step.name!r}; add it there, or say 'on_missing: keep'"
    )


def convert_as(step: As, value: Value, currency: str | None) -> Value:
    """Convert ``value`` to the stated type; money takes the declared ``currency``."""
    if step.type != "money":
        return step.convert(value)
    if currency is None:
        raise ValueFault("currency", "no currency for 'as: money': the mapping's 'currency' gave none")
    return make_money(step.convert(value), currency, minor_units=step.minor_units)


def make_money(amount: Decimal, currency: str, *, minor_units: bool) -> dict[str, Value]:
    """Build canonical money; with ``minor_units`` the amount counts cents (or what ``currency`` has)."""
    amount, currency = to_decimal(amount), currency_code(currency)
    if minor_units:
        if amount != amount.to_integral_value():
            raise ValueFault("type", "an amount in minor units is a whole number")
        amount = amount.scaleb(-minor_digits(currency))
    return {"amount": amount, "currency": currency}

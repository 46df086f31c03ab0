"""What a mapping reads and writes, found without running it; coverage and differences build on that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from crossdock.mapping.compiled import CompiledMapping
from crossdock.mapping.paths import Every, Path, Step, Value, write_step
from crossdock.mapping.rule_parts import As, PathOf
from crossdock.mapping.rules import (
    Call,
    Cases,
    Coalesce,
    Count,
    Each,
    First,
    IndexBy,
    Items,
    Jmespath,
    ListOf,
    MoneyOf,
    ObjectOf,
    QuantityOf,
    Rule,
    Source,
    SumOf,
    Use,
    Within,
    children,
)

Steps: TypeAlias = tuple[Step, ...]
WHOLE: Final = ".**"
"""Ends a path that is read with everything below it."""


@dataclass(frozen=True, slots=True)
class _Base:
    """Where paths start: a place in the document; ``grouped`` if it is a group of the rows there."""

    steps: Steps = ()
    grouped: bool = False

    def follow(self, steps: Steps) -> Steps | None:
        if not self.grouped:
            return self.steps + steps
        if not steps or steps[0] == "key":
            return None
        return (self.steps if steps[0] == "first" else self.steps[:-1]) + steps[1:]


_Bases: TypeAlias = tuple[_Base, ...]


def reads(mapping: CompiledMapping) -> frozenset[str]:
    """Give the source paths that ``mapping`` reads: ``$.line_items[*].sku``; ``.**`` at the end is all below."""
    return frozenset(_reads(mapping.program.body, (_Base(),)))


def _resolve(path: Path, bases: _Bases) -> Steps | None:
    if path.up < 0 or path.up >= len(bases):
        return bases[0].follow(path.steps)
    return bases[-1 - path.up].follow(path.steps)


def _written(steps: Steps | None, ending: str = "") -> Iterator[str]:
    if steps is not None:
        every = (Every.ITEM if isinstance(step, int) else step for step in steps)
        yield "$" + "".join(write_step(step) for step in every) + ending


def _reads(node: object, bases: _Bases) -> Iterator[str]:
    match node:
        case PathOf():
            yield from _written(_resolve(node.path, bases))
        case Rule(source=PathOf() as source) if any(
            isinstance(s, As) and s.type == "any" for s in node.steps
        ):
            yield from _written(_resolve(source.path, bases), WHOLE)
        case Jmespath():
            yield from _written(bases[-1].follow(()), WHOLE)
        case Each() | First() | IndexBy() | SumOf() | Count():
            yield from _reads_of_items(node, node.items, bases)
        case Within():
            steps = _resolve(node.path.path, bases)
            yield from _reads(node.body, (*bases, _Base(steps or ())))
        case Use():
            yield from _reads(node.body, bases[-1:])
        case _:
            for child in children(node):
                yield from _reads(child, bases)


def _reads_of_items(node: object, items: Items, bases: _Bases) -> Iterator[str]:
    listed = _resolve(items.path, bases) or ()
    row = _Base((*listed, Every.ITEM))
    inner = (*bases, row)
    for part in (items.where, items.starting, *items.group_by, *items.agree):
        if part is not None:
            yield from _reads(part, inner)
    body = (*bases, _Base(row.steps, grouped=True)) if items.grouped else inner
    for child in children(node):
        if child is not items:
            yield from _reads(child, body)


def writes(mapping: CompiledMapping) -> frozenset[str]:
    """Give the target paths that ``mapping`` can set: ``lines[].sku``; ``.**`` at the end is all below."""
    return frozenset(path for path in _writes(mapping.program.body, "") if path)


def _writes(rule: Rule, target: str) -> Iterator[str]:
    last = rule.steps[-1] if rule.steps else None
    if isinstance(last, As) and last.type in _CONVERTED:
        yield from (target + ending for ending in _CONVERTED[last.type])
        return
    if (endings := _MADE.get(type(rule.source))) is not None:
        yield from (target + ending for ending in endings)
        return
    inner = list(_inner(rule.source, target))
    if not inner:
        yield target + (WHOLE if isinstance(getattr(rule.source, "value", None), dict | list) else "")
    for part, place in inner:
        yield from _writes(part, place)


_CONVERTED: Final = {"money": (".amount", ".currency"), "any": (WHOLE,)}
_MADE: Final[dict[type, tuple[str, ...]]] = {
    MoneyOf: (".amount", ".currency"),
    QuantityOf: (".value", ".unit"),
    Jmespath: (WHOLE,),
    Call: (WHOLE,),
}


def _inner(source: Source, target: str) -> Iterator[tuple[Rule, str]]:
    """Give the rules that make the parts of ``source``'s value, each with its target."""
    match source:
        case ObjectOf():
            for name, field in source.fields:
                yield field, f"{target}.{name}" if target else name
        case Each():
            yield source.body, target if source.flatten else f"{target}[]"
        case ListOf():
            for rule in source.rules:
                yield rule, target if isinstance(rule.source, Each | ListOf) else f"{target}[]"
        case IndexBy():
            yield source.body, f"{target}.*"
        case First() | Within() | Use():
            yield source.body, target
        case Coalesce():
            yield from ((option, target) for option in source.options)
        case Cases():
            yield from ((case.then, target) for case in source.cases)
        case _:
            pass


# --- coverage ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Coverage:
    """What sample documents hold against what a mapping reads, and what a schema has against what it writes.

    Attributes:
        unread: Source paths with a value in some sample that are never read, and how many values there were.
        absent: Source paths that are read and had a value in no sample.
        unset: Target paths of the schema that the mapping never sets; of an object never set only its own path.
    """

    unread: dict[str, int]
    absent: tuple[str, ...]
    unset: tuple[str, ...]


def coverage(
    mapping: CompiledMapping, documents: Iterable[Value], target_schema: Mapping[str, Value] | None = None
) -> Coverage:
    """Compare what ``mapping`` reads and writes with sample ``documents`` and the target's JSON Schema."""
    read = reads(mapping)
    wholes = [path.removesuffix(WHOLE) for path in read if path.endswith(WHOLE)]
    seen = Counter(path for document in documents for path in _leaves(document, "$"))

    def is_read(path: str) -> bool:
        text = path.removesuffix(".#text")
        return path in read or text in read or any(_below(path, whole) for whole in wholes)

    absent = sorted(
        path
        for path in read
        if not any(_below(found, path.removesuffix(WHOLE).replace("[*]", "")) for found in _plain(seen))
    )
    unset: tuple[str, ...] = ()
    if target_schema is not None:
        unset = tuple(_unset(target_schema, writes(mapping)))
    return Coverage({path: seen[path] for path in sorted(seen) if not is_read(path)}, tuple(absent), unset)


def _plain(paths: Iterable[str]) -> list[str]:
    # One element of XML and a list of them are read by the same path.
    return [path.replace("[*]", "") for path in paths]


def _below(path: str, parent: str) -> bool:
    return path == parent or (path.startswith(parent) and path[len(parent)] in ".[")


def _leaves(value: Value, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, path + write_step(key))
    elif isinstance(value, list):
        for child in value:
            yield from _leaves(child, f"{path}[*]")
    elif value is not None and value != "":
        yield path


def _unset(schema: Mapping[str, Value], written: frozenset[str]) -> Iterator[str]:
    wholes = [path.removesuffix(WHOLE) for path in written if path.endswith(WHOLE)]

    def missing(node: Mapping[str, Value], path: str, open_refs: frozenset[str]) -> Iterator[str]:
        if any(_below(path, whole) for whole in wholes):
            return
        if path and not any(_below(write, path) for write in written):
            yield path
            return
        for option, refs in _options(schema, node, open_refs):
            for name, child in option.get("properties", {}).items():
                yield from missing(child, f"{path}.{name}" if path else name, refs)
            if isinstance(items := option.get("items"), dict):
                yield from missing(items, f"{path}[]", refs)

    yield from dict.fromkeys(missing(schema, "", frozenset()))


def _options(
    schema: Mapping[str, Value], node: Mapping[str, Value], open_refs: frozenset[str]
) -> Iterator[tuple[Mapping[str, Value], frozenset[str]]]:
    """Give ``node`` and what it refers to or combines; a reference inside itself is not followed again."""
    yield node, open_refs
    reference = node.get("$ref", "")
    if reference.startswith("#/") and reference not in open_refs:
        found: Any = schema
        for key in reference[2:].split("/"):
            found = found[key]
        yield from _options(schema, found, open_refs | {reference})
    for combined in ("anyOf", "oneOf", "allOf"):
        for option in node.get(combined, []):
            yield from _options(schema, option, open_refs)


# --- differences ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """One place where two outputs differ; None on a side where there is nothing."""

    path: str
    old: Value
    new: Value


def changes(old: Value, new: Value, path: str = "$") -> Iterator[Change]:
    """Give every place where ``old`` and ``new`` differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from changes(old.get(key), new.get(key), path + write_step(key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            before = old[index] if index < len(old) else None
            after = new[index] if index < len(new) else None
            yield from changes(before, after, f"{path}[{index}]")
    elif old != new or isinstance(old, bool) != isinstance(new, bool):
        yield Change(path, old, new)

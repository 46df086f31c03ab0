"""Tests of mappings as data: ``NAME.tests.yaml`` beside ``NAME.yaml``.

::

    cases:
      - name: an order with one line
        input: {id: 1, ...}              # or input_file: order.json, from the same folder
        expect: {external_id: "1"}       # what must be there; with 'exact: true' all that may be there
        omitted: {lines: 1}              # optional: what 'where' leaves out
      - name: a line without a SKU
        input_file: no_sku.json
        expect_error: {code: mapping.missing, source_path: "$.line_items[0].sku"}
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeAlias

from crossdock.mapping.compiled import CompiledMapping
from crossdock.mapping.faults import DefinitionProblem, MappingDefinitionError, MappingError, shorten
from crossdock.mapping.files import ResourceReader
from crossdock.mapping.library import TESTS_SUFFIX, MappingLibrary
from crossdock.mapping.paths import Value, write_step
from crossdock.mapping.yaml_text import read_yaml

Decode: TypeAlias = Callable[[str, str], Value]
"""Decodes a sample file from its path and text."""

_KEYS: Final = {"name", "input", "input_file", "expect", "exact", "omitted", "expect_error"}


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went; ``problems`` is empty if it passed."""

    mapping: str
    name: str
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the mapping did what the case says."""
        return not self.problems


def decode_sample(path: str, text: str) -> Value:
    """Decode a JSON or YAML sample, numbers with a fraction as ``Decimal``; raises ``ValueError`` otherwise."""
    if path.endswith((".yaml", ".yml")):
        return read_yaml(text, path).value
    return json.loads(text, parse_float=Decimal)


def run_cases(
    library: MappingLibrary, name: str, reader: ResourceReader, decode: Decode = decode_sample
) -> list[CaseResult]:
    """Run the cases beside mapping ``name``; without a tests file there are none.

    Raises:
        MappingDefinitionError: The mapping or its tests file has mistakes.
    """
    path = name + TESTS_SUFFIX
    if path not in reader.paths():
        return []
    text = read_yaml(reader.read_text(path), path)
    cases = text.value.get("cases") if isinstance(text.value, dict) else None
    if not isinstance(cases, list) or not cases:
        raise MappingDefinitionError(path, [DefinitionProblem("cases", "a tests file has a list of 'cases'")])
    mapping = library.get(name)
    results = []
    for number, case in enumerate(cases):
        place = f"cases[{number}]"
        if problem := _malformed(case):
            raise MappingDefinitionError(path, [DefinitionProblem(place, problem, text.line_of(place))])
        document = _input(case, name, reader, decode)
        problems = tuple(_check(mapping, case, document))
        results.append(CaseResult(name, str(case.get("name", place)), problems))
    return results


def _malformed(case: Value) -> str:
    if not isinstance(case, dict):
        return "a case is an object"
    if unknown := sorted(set(case) - _KEYS):
        return f"a case has no {', '.join(unknown)}; it has {', '.join(sorted(_KEYS))}"
    if ("input" in case) == ("input_file" in case):
        return "a case has an 'input' or an 'input_file'"
    if not case.keys() & {"expect", "expect_error"}:
        return "a case says what to 'expect', or which 'expect_error'"
    return ""


def _input(case: Mapping[str, Value], name: str, reader: ResourceReader, decode: Decode) -> Value:
    if "input" in case:
        return case["input"]
    folder = name.rpartition("/")[0]
    path = f"{folder}/{case['input_file']}" if folder else case["input_file"]
    return decode(path, reader.read_text(path))


def _check(mapping: CompiledMapping, case: Mapping[str, Value], document: Value) -> Iterator[str]:
    try:
        result = mapping.map(document)
    except MappingError as error:
        if "expect_error" not in case:
            yield from (str(fault) for fault in error.faults)
            return
        wanted = case["expect_error"]
        if not any(
            all(getattr(fault, key, None) == value for key, value in wanted.items()) for fault in error.faults
        ):
            yield f"no fault like {wanted}, but: {error}"
        return
    if "expect_error" in case:
        yield f"expected the fault {case['expect_error']}, but the document was mapped"
        return
    yield from _differences(case["expect"], result.output, "$", exact=bool(case.get("exact", False)))
    if "omitted" in case and case["omitted"] != result.omitted:
        yield f"expected to leave out {case['omitted']}, but left out {result.omitted}"


def _differences(expected: Value, found: Value, path: str, *, exact: bool) -> Iterator[str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key, value in expected.items():
            if key not in found:
                yield f"{path}{write_step(key)}: expected {shorten(value)}, but there is nothing"
            else:
                yield from _differences(value, found[key], path + write_step(key), exact=exact)
        if exact and (extra := [key for key in found if key not in expected]):
            yield f"{path}: not expected: {', '.join(extra)}"
    elif isinstance(expected, list) and isinstance(found, list):
        if len(expected) != len(found):
            yield f"{path}: expected {len(expected)} items, but there are {len(found)}"
        for index, (one, other) in enumerate(zip(expected, found, strict=False)):
            yield from _differences(one, other, f"{path}[{index}]", exact=exact)
    elif expected != found or isinstance(expected, bool) != isinstance(found, bool):
        yield f"{path}: expected {shorten(expected)}, but found {shorten(found)}"

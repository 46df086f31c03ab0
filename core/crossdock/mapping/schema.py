"""The JSON Schema of mapping files, and what it finds wrong with one."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from crossdock.mapping.faults import DefinitionProblem
from crossdock.mapping.paths import Value
from crossdock.mapping.yaml_text import YamlText


@cache
def mapping_schema() -> dict[str, Value]:
    """Give the JSON Schema (2020-12) of mapping files, which editors use for completion."""
    text = files("crossdock.mapping").joinpath("mapping.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Value] = json.loads(text)
    return schema


def schema_problems(text: YamlText) -> list[DefinitionProblem]:
    """Validate a mapping file; every problem has its path and line."""
    errors = Draft202012Validator(mapping_schema()).iter_errors(text.value)
    return [
        _problem(error, text)
        for error in sorted(errors, key=lambda error: list(map(str, error.absolute_path)))
    ]


def _problem(error: ValidationError, text: YamlText) -> DefinitionProblem:
    # The deepest error inside oneOf and anyOf is the one a person can act on.
    deepest = best_match([error]) or error
    path = _path(deepest.absolute_path)
    return DefinitionProblem(path or "(root)", deepest.message[:300], text.line_of(path))


def _path(parts: Iterable[str | int]) -> str:
    path = ""
    for part in parts:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path

"""YAML as mapping files mean it: no guessing.

PyYAML reads YAML 1.1, where ``NO`` is false, ``010`` is eight, ``1:30`` is ninety and ``2026-03-01`` is a date object.
Here only ``true``, ``false``, ``null``, ``~``, plain decimal integers and plain decimal fractions (as ``Decimal``) are
anything but text, and a key that is there twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import yaml

from crossdock.mapping.faults import DefinitionProblem, MappingDefinitionError
from crossdock.mapping.paths import Value
from crossdock.yaml_model import SafeLoader

_INT = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+")
_WORDS: Final = {"true": True, "false": False, "null": None, "~": None, "": None}


@dataclass(frozen=True, slots=True)
class YamlText:
    """A decoded YAML text: its ``value``, and ``lines``, the line (from 1) of each path such as ``fields.sku``."""

    value: Value
    lines: dict[str, int]

    def line_of(self, path: str) -> int | None:
        """Give the line of ``path`` or of the nearest thing around it."""
        while path and path not in self.lines:
            path = re.sub(r"(^|\.)[^.\[\]]*$|\[\d+\]$", "", path)
        return self.lines.get(path)


def read_yaml(text: str, name: str) -> YamlText:
    """Decode the ``text`` of file ``name``; a ``MappingDefinitionError`` names the line of what can't be read."""
    try:
        node = yaml.compose(text, Loader=SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = None if mark is None else mark.line + 1
        raise MappingDefinitionError(
            name, [DefinitionProblem("(file)", f"not YAML: {error.problem}", line)]
        ) from error
    except yaml.YAMLError as error:
        raise MappingDefinitionError(name, [DefinitionProblem("(file)", f"not YAML: {error}")]) from error
    lines: dict[str, int] = {}
    problems: list[DefinitionProblem] = []
    value = None if node is None else _value(node, "", lines, problems, set())
    if problems:
        raise MappingDefinitionError(name, problems)
    return YamlText(value, lines)


def _value(
    node: yaml.Node, path: str, lines: dict[str, int], problems: list[DefinitionProblem], open_nodes: set[int]
) -> Value:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if id(node) in open_nodes:
        problems.append(DefinitionProblem(path, "an alias to itself", line))
        return None
    inside = open_nodes | {id(node)}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, f"{path}[{n}]", lines, problems, inside) for n, item in enumerate(node.value)]
    result: dict[str, Value] = {}
    for key, key_node, value_node in _entries(node):
        here = f"{path}.{key}" if path else key
        if key in result:
            problems.append(DefinitionProblem(here, "this key is there twice", key_node.start_mark.line + 1))
        lines[here] = key_node.start_mark.line + 1
        result[key] = _value(value_node, here, lines, problems, inside)
    return result


def _entries(node: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    for key_node, value_node in node.value:
        yield str(key_node.value), key_node, value_node


def _scalar(node: yaml.ScalarNode) -> Value:
    text = str(node.value)
    if node.style or (node.tag == "tag:yaml.org,2002:str" and text not in _WORDS):
        # Quoted, block or plain text; the resolver's other tags are YAML 1.1's guesses, decided again below.
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else text

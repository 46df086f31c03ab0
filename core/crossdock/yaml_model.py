"""Reads a YAML file into a pydantic model so that each mistake is told with file, line and what to write."""

from __future__ import annotations

from typing import TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from crossdock.errors import MisconfiguredError

__all__ = ["SafeLoader", "YamlDocument", "validate", "yaml_document"]

# libyaml reads ten times faster: a hub's start is reading YAML to a large part
SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Model = TypeVar("Model", bound=BaseModel)

_WORDS = {
    "extra_forbidden": "unknown key; remove it or correct its spelling",
    "missing": "is missing; add it",
}


class YamlDocument:
    """A parsed YAML mapping that still knows the line of every value."""

    def __init__(self, name: str, tree: yaml.Node, value: dict[str, object]) -> None:
        """Keep the parsed ``value``, and the ``tree`` for its line numbers; ``name`` appears in errors."""
        self.name = name
        self.value = value
        self._tree = tree

    def line(self, location: tuple[int | str, ...]) -> int:
        """The line of a value, or of the nearest one above it that is there."""
        return self._find(location)[0].start_mark.line + 1

    def fault(self, location: tuple[int | str, ...], message: str) -> str:
        """One mistake as ``file:line: where: what``."""
        node, path = self._find(location)
        return f"{self.name}:{node.start_mark.line + 1}: {'.'.join(path)}: {message}"

    def _find(self, location: tuple[int | str, ...]) -> tuple[yaml.Node, list[str]]:
        node, path = self._tree, []
        for step in location:
            below = _child(node, step)
            if below is None:
                # pydantic puts the tag of a union into the path; the YAML has no such node
                if step == location[-1]:
                    path.append(str(step))
                continue
            node = below
            path.append(str(step))
        return node, path


def yaml_document(text: str, name: str, shape: str = "must be a mapping of keys to values") -> YamlDocument:
    """Parse a YAML mapping; ``shape`` is what to tell who wrote no mapping.

    Raises:
        MisconfiguredError: It is no YAML, no mapping, or a key is there twice.
    """
    try:
        tree = yaml.compose(text, Loader=SafeLoader)
        value = yaml.load(text, Loader=SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise MisconfiguredError(f"{name}{line}: {problem}; correct the YAML syntax") from error
    if tree is None or not isinstance(value, dict):
        raise MisconfiguredError(f"{name}:1: {shape}")
    duplicates = _duplicate_keys(tree, name)
    if duplicates:
        raise MisconfiguredError("\n".join(duplicates))
    return YamlDocument(name, tree, value)


def validate(document: YamlDocument, model: type[Model], value: object | None = None) -> Model:
    """Validate the document (or ``value``, its changed content) as ``model``.

    Raises:
        MisconfiguredError: With one line for each mistake.
    """
    try:
        return model.model_validate(document.value if value is None else value)
    except ValidationError as error:
        raise MisconfiguredError(
            "\n".join(
                document.fault(problem["loc"], _WORDS.get(problem["type"]) or _said(problem["msg"]))
                for problem in error.errors()
            )
        ) from error


def _said(message: str) -> str:
    return message.removeprefix("Value error, ")


def _child(node: yaml.Node, step: int | str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        below: yaml.Node = node.value[step]
        return below
    return None


def _duplicate_keys(node: yaml.Node, name: str) -> list[str]:
    """YAML takes the last of two equal keys in silence; we don't."""
    found: list[str] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                found.append(f"{name}:{key.start_mark.line + 1}: {key.value}: is there twice; keep one")
            seen.add(key.value)
            found.extend(_duplicate_keys(value, name))
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            found.extend(_duplicate_keys(value, name))
    return found

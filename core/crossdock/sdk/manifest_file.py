"""Reads ``connector.yaml`` so that each mistake is told with file, line and what to write."""

from __future__ import annotations

from importlib.resources.abc import Traversable
from pathlib import Path

import yaml
from pydantic import ValidationError

from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.manifest import Manifest

__all__ = ["load_manifest", "parse_manifest"]


def load_manifest(source: Path | Traversable) -> Manifest:
    """Read a ``connector.yaml``.

    Raises:
        MisconfiguredError: With a line for each mistake: file, line number, where, what to write.
    """
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MisconfiguredError(f"{source}: can't be read ({error}); it must be a UTF-8 file") from error
    return parse_manifest(text, str(source))


def parse_manifest(text: str, name: str = "connector.yaml") -> Manifest:
    """Like ``load_manifest``, from text; ``name`` appears in the errors."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not YAML"
        raise MisconfiguredError(f"{name}{line}: {problem}; correct the YAML syntax") from error
    if tree is None or not isinstance(value, dict):
        raise MisconfiguredError(f"{name}:1: a manifest is a mapping that starts with `id:`")
    duplicates = list(_duplicate_keys(tree, name))
    if duplicates:
        raise MisconfiguredError("\n".join(duplicates))
    try:
        return Manifest.model_validate(value)
    except ValidationError as error:
        raise MisconfiguredError(
            "\n".join(
                _line(name, tree, problem["loc"], problem["msg"], problem["type"])
                for problem in error.errors()
            )
        ) from error


def _line(name: str, tree: yaml.Node, location: tuple[int | str, ...], message: str, kind: str) -> str:
    """One mistake as ``file:line: where: what``."""
    node, path = tree, []
    for step in location:
        below = _child(node, step)
        if below is None:
            # pydantic puts the tag of a union into the path; the YAML has no such node
            if step == location[-1]:
                path.append(str(step))
            continue
        node = below
        path.append(str(step))
    where = ".".join(path)
    what = {
        "extra_forbidden": "unknown key; remove it or correct its spelling",
        "missing": "is missing; add it",
    }.get(kind, message.removeprefix("Value error, "))
    return f"{name}:{node.start_mark.line + 1}: {where}: {what}"


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

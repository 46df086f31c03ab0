"""Arguments from templates: the profile's YAML with ``${path}`` in it.

A text that is one reference takes the value as it is; a reference inside a text takes it as text. Two objects are
instructions: ``{$each: path, $make: template}`` makes one item for each (the scope's ``item``), and
``{$merge: [template, ...]}`` makes one object of several, later ones win.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from crossdock.sdk.errors import RecordRejectedError, Rejection

__all__ = ["Scope", "lookup", "references", "render"]

Scope = Mapping[str, object]

_REFERENCE: Final = re.compile(r"\$\{([^${}]+)\}")
_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_ABSENT: Final = object()


def lookup(value: object, path: str) -> object:
    """The value at a path such as ``document.lines[0].sku``.

    Raises:
        RecordRejectedError: There is none; code ``profile.missing``.
    """
    for name, index in _STEP.findall(path):
        below: object = _ABSENT
        if index and isinstance(value, Sequence) and not isinstance(value, str) and int(index) < len(value):
            below = value[int(index)]
        elif name and isinstance(value, Mapping):
            below = value.get(name, _ABSENT)
        if below is _ABSENT or below is None:
            raise RecordRejectedError(
                Rejection("profile.missing", f"the profile refers to ${{{path}}}, which is not there", path)
            )
        value = below
    return value


def references(template: object) -> Iterator[str]:
    """Every path that a template refers to."""
    if isinstance(template, str):
        yield from _REFERENCE.findall(template)
    elif isinstance(template, Mapping):
        for key, item in template.items():
            yield from [str(item)] if key == "$each" else references(item)
    elif isinstance(template, Sequence):
        for item in template:
            yield from references(item)


def render(template: object, scope: Scope) -> object:
    """Put the scope's values into a template.

    Raises:
        RecordRejectedError: A reference has no value.
    """
    match template:
        case str():
            return _text(template, scope)
        case Mapping() if "$each" in template:
            items = lookup(scope, str(template["$each"]))
            many = items if isinstance(items, Sequence) and not isinstance(items, str) else [items]
            return [render(template["$make"], {**scope, "item": item}) for item in many]
        case Mapping() if "$merge" in template:
            merged: dict[object, object] = {}
            for part in template["$merge"]:
                made = render(part, scope)
                if not isinstance(made, Mapping):
                    raise RecordRejectedError(
                        Rejection("profile.merge", f"$merge takes objects, not {made!r:.80}", str(part)[:80])
                    )
                merged |= made
            return merged
        case Mapping():
            return {str(key): render(item, scope) for key, item in template.items()}
        case Sequence():
            return [render(item, scope) for item in template]
        case _:
            return template


def _text(template: str, scope: Scope) -> object:
    if whole := _REFERENCE.fullmatch(template):
        return lookup(scope, whole[1])
    return _REFERENCE.sub(lambda match: _written(lookup(scope, match[1])), template)


def _written(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)

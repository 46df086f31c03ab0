"""Paths into a decoded document, and where each of their steps really was.

Grammar (see ``docs/mapping.md``)::

    path   = origin? step*
    origin = "$" (the whole document) | "@" (the current item) | "^"+ (the item around it)
    step   = "." key | "[" integer "]" | "[*]"
    key    = letters, digits and any of _ @ # : - ; anything else in double quotes
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NoReturn, TypeAlias

Value: TypeAlias = Any
"""A decoded JSON value: dict, list, str, int, bool, None, Decimal; a date or datetime where a format has one."""


class Every(Enum):
    """The step ``[*]``: every item of a list."""

    ITEM = "[*]"


class Missing(Enum):
    """What a rule gives when it gives nothing."""

    MISSING = "missing"
    FAILED = "failed"


MISSING: Final = Missing.MISSING
FAILED: Final = Missing.FAILED
"""A fault has been noted already; nothing more is to be said about this value."""

Step: TypeAlias = str | int | Every

_KEY = r'[\w@#:\-]+|"(?:[^"\\]|\\.)*"'
_STEP = re.compile(rf"\.?({_KEY})|\[(-?\d{{1,9}}|\*)\]")
_PLAIN_KEY = re.compile(r"[\w@#:\-]+")


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path.

    Attributes:
        text: As written.
        up: 0 for the current item, 1 for the one around it, ...; -1 for the whole document.
        steps: Keys, indexes and ``[*]``.
    """

    text: str
    up: int
    steps: tuple[Step, ...]

    @property
    def has_every(self) -> bool:
        """Whether the path may name more than one value."""
        return Every.ITEM in self.steps


@dataclass(frozen=True, slots=True)
class Reading:
    """How a format's documents are read.

    Attributes:
        blank_is_missing: An empty text is a missing value.
        xml: One element is a list of one, and an element with attributes counts as its text.
    """

    blank_is_missing: bool = False
    xml: bool = False


JSON_READING: Final = Reading()


class PathSyntaxError(ValueError):
    """A path that can't be read."""


class ShapeError(Exception):
    """A step led into something that is neither the object nor the list it needs."""

    def __init__(self, location: str, value: Value, message: str) -> None:
        """Keep the location of ``value``, the thing that has the wrong shape."""
        super().__init__(message)
        self.location = location
        self.value = value
        self.message = message


def parse_path(text: str) -> Path:
    """Parse ``text``; raise ``PathSyntaxError`` saying where it stops making sense."""
    rest, up = text, 0
    if text.startswith("$"):
        rest, up = text[1:], -1
    elif text.startswith("@") and (len(text) == 1 or text[1] in ".["):
        rest = text[1:]
    elif text.startswith("^"):
        rest = text.lstrip("^")
        up = len(text) - len(rest)
    elif not text or text[0] == ".":
        raise PathSyntaxError(
            f"{text!r} is not a path: write a key such as id or address.city, or @ for the item"
        )
    steps: list[Step] = []
    position = 0
    anchored = len(rest) != len(text)
    while position < len(rest):
        match = _STEP.match(rest, position)
        if match is None or ((position or anchored) and rest[position] not in ".["):
            column = len(text) - len(rest) + position + 1
            raise PathSyntaxError(
                f"{text!r} is not a path: can't read {rest[position:]!r} at character {column}"
            )
        steps.append(_step(match))
        position = match.end()
    return Path(text, up, tuple(steps))


def _step(match: re.Match[str]) -> Step:
    key, index = match.groups()
    if index is not None:
        return Every.ITEM if index == "*" else int(index)
    if key.startswith('"'):
        return re.sub(r"\\(.)", r"\1", key[1:-1])
    return str(key)


def write_step(step: Step) -> str:
    """Write one step the way paths in faults are written."""
    if isinstance(step, Every):
        return "[*]"
    if isinstance(step, int):
        return f"[{step}]"
    if _PLAIN_KEY.fullmatch(step):
        return f".{step}"
    return '."' + step.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Rows(list[Value]):
    """The rows of a group, with the place in the document each of them came from."""

    def __init__(self, rows: list[Value], locations: list[str]) -> None:
        """Keep ``rows`` and, in parallel, their ``locations``."""
        super().__init__(rows)
        self.locations = locations


def kind_of(value: Value) -> str:
    """Name the kind of ``value`` in words for a message."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "true or false"
    return "a number" if isinstance(value, int) or hasattr(value, "as_tuple") else type(value).__name__


def _wrong_shape(location: str, value: Value, step: Step) -> NoReturn:
    wanted = "an object" if isinstance(step, str) else "a list"
    raise ShapeError(
        location, value, f"expected {wanted} here, to read {write_step(step)}, but found {kind_of(value)}"
    )


def step_into(value: Value, location: str, step: str | int) -> tuple[Value, str]:
    """Take one step; a key or index that is not there, and null, are ``MISSING``."""
    if isinstance(step, str):
        if not isinstance(value, dict):
            _wrong_shape(location, value, step)
        found = value.get(step)
        if step == "first" and isinstance(rows := value.get("rows"), Rows):
            return found, rows.locations[0]
        if isinstance(found, Rows):
            return found, location
        return (MISSING if found is None else found), location + write_step(step)
    if not isinstance(value, list):
        _wrong_shape(location, value, step)
    index = step + len(value) if step < 0 else step
    if not 0 <= index < len(value):
        return MISSING, f"{location}[{step}]"
    return (MISSING if value[index] is None else value[index]), item_location(value, location, index)


def item_location(items: list[Value], location: str, index: int) -> str:
    """Say where item ``index`` of ``items`` is in the document."""
    if isinstance(items, Rows):
        return items.locations[index]
    return f"{location}[{index}]"


def walk(value: Value, location: str, steps: tuple[Step, ...], reading: Reading) -> tuple[Value, str]:
    """Follow ``steps`` (without ``[*]``) from ``value``; null on the way is ``MISSING``.

    The location of something missing is that of the first step that led nowhere, with the steps after it.
    """
    for number, step in enumerate(steps):
        if isinstance(step, Every):
            raise TypeError("[*] in a path to one value")
        if number and value == "" and reading.blank_is_missing:
            value = MISSING
        else:
            value, location = step_into(value, location, step)
            number += 1
        if value is MISSING:
            return MISSING, location + "".join(write_step(later) for later in steps[number:])
    return (MISSING if value is None else value), location


def walk_all(
    value: Value, location: str, steps: tuple[Step, ...], reading: Reading
) -> Iterator[tuple[Value, str]] | None:
    """Follow ``steps`` to a list and give its items with their locations; None if there is no list at all.

    In XML something that is not a list counts as a list of one. A list inside a ``[*]`` that is missing has no
    items, unless it is missing everywhere.
    """
    if Every.ITEM not in steps:
        found, where = walk(value, location, steps, reading)
        missing = found is MISSING or (found == "" and reading.blank_is_missing)
        return None if missing else iter(_items(found, where, reading))
    cut = steps.index(Every.ITEM)
    outer = walk_all(value, location, steps[:cut], reading)
    if outer is None:
        return None
    results: list[tuple[Value, str]] = []
    outer_items = list(outer)
    found_any = not outer_items
    for item, where in outer_items:
        if item is None:
            raise ShapeError(where, item, "expected an object in this list, but found null")
        inner = walk_all(item, where, steps[cut + 1 :], reading)
        if inner is not None:
            found_any = True
            results.extend(inner)
    return iter(results) if found_any else None


def _items(found: Value, location: str, reading: Reading) -> list[tuple[Value, str]]:
    if not isinstance(found, list):
        if reading.xml:
            return [(found, location)]
        raise ShapeError(location, found, f"expected a list, but found {kind_of(found)}")
    return [(item, item_location(found, location, index)) for index, item in enumerate(found)]

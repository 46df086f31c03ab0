"""The parts of a rule that follow its source: the steps a value takes, and the conditions it depends on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from crossdock.mapping.options import Convert
from crossdock.mapping.paths import JSON_READING, Path, Reading, Value

Table: TypeAlias = Mapping[str, Value]


class Pattern(Protocol):
    """A compiled regular expression that runs in linear time."""

    def search(self, text: str) -> Any:
        """Find the first match."""
        ...


# --- conditions -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PathOf:
    """``path``; with ``text`` an XML element with attributes counts as its text."""

    path: Path
    reading: Reading = JSON_READING
    text: bool = False


@dataclass(frozen=True, slots=True)
class Compare:
    """One test of one value; ``operator`` is one of ``conditions.OPERATORS``."""

    source: PathOf
    operator: str
    operand: Value


@dataclass(frozen=True, slots=True)
class Combine:
    """``all``, ``any`` or ``not`` of other conditions."""

    operator: str
    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Cel:
    """A CEL expression; ``bindings`` give the variables it uses, by default keys of the current item."""

    text: str
    bindings: tuple[tuple[str, PathOf], ...]
    execute: Callable[[dict[str, Value]], Value]


Condition: TypeAlias = Compare | Combine | Cel


# --- steps a value goes through, in this order ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replace:
    """``when_present``: this constant in place of whatever is there."""

    value: Value


@dataclass(frozen=True, slots=True)
class Extract:
    """``regex``: the group of the first match; no match is missing."""

    text: str
    pattern: Pattern
    group: int | str


@dataclass(frozen=True, slots=True)
class Split:
    """``split``: the trimmed parts of a text, or one of them."""

    by: str
    take: int | None


@dataclass(frozen=True, slots=True)
class Edit:
    """``trim``, ``case`` and ``truncate``: a text made fit."""

    trim: bool
    case: str | None
    truncate: int | None


@dataclass(frozen=True, slots=True)
class Lookup:
    """``lookup``: a key's value in a table; ``on_missing`` is reject, keep or default."""

    name: str
    table: Table
    on_missing: str


@dataclass(frozen=True, slots=True)
class As:
    """``as``: the type; ``convert`` does it (for money: the amount)."""

    type: str
    convert: Convert
    minor_units: bool = False
    plain: bool = False


StepRule: TypeAlias = Replace | Extract | Split | Edit | Lookup | As

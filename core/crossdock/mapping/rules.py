"""The mapping language as a tree: what the parser makes, the interpreter walks and the generator turns into Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from typing import TypeAlias

from crossdock.mapping.options import Convert
from crossdock.mapping.paths import JSON_READING, Path, Reading, Value
from crossdock.mapping.rule_parts import Condition, PathOf, StepRule

PureFunction: TypeAlias = Callable[..., Value]


class Presence(StrEnum):
    """What happens when a rule gives nothing."""

    REQUIRED = "required"
    OPTIONAL = "optional"
    DEFAULT = "default"


# --- where a value comes from -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Items:
    """The items a rule goes over: a list, less what ``where`` leaves out, perhaps grouped.

    Attributes:
        path: The list.
        where: Items for which this is false are left out and counted.
        reading: How the format's documents are read.
        group_by: Rows with equal values at these paths make one group, in the order of the first row of each.
        agree: Paths that must have one value within a group.
        starting: A group starts at each row for which this is true (X12 loops).
    """

    path: Path
    where: Condition | None = None
    reading: Reading = JSON_READING
    group_by: tuple[PathOf, ...] = ()
    agree: tuple[PathOf, ...] = ()
    starting: Condition | None = None

    @property
    def grouped(self) -> bool:
        """Whether the items are groups of rows."""
        return bool(self.group_by) or self.starting is not None


@dataclass(frozen=True, slots=True)
class Const:
    """``const``."""

    value: Value


@dataclass(frozen=True, slots=True)
class Position:
    """``position``: the number of the current item among those kept, counted from ``start``."""

    start: int


@dataclass(frozen=True, slots=True)
class Count:
    """``count``: how many items."""

    items: Items


@dataclass(frozen=True, slots=True)
class Concat:
    """``concat``: the texts of the parts with a separator between those present."""

    parts: tuple[Rule, ...]
    separator: str


@dataclass(frozen=True, slots=True)
class Coalesce:
    """``coalesce``: the first option that is present."""

    options: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class SumOf:
    """``sum`` over a list."""

    items: Items
    of: Rule


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """``sum``, ``multiply`` or ``subtract`` of operands that must all be there."""

    operator: str
    operands: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class MoneyOf:
    """``money``."""

    amount: Rule
    currency: Rule
    minor_units: bool


@dataclass(frozen=True, slots=True)
class QuantityOf:
    """``quantity``."""

    value: Rule
    unit: Rule
    to: str | None
    factors: tuple[tuple[str, Rule], ...]
    fit: Convert


@dataclass(frozen=True, slots=True)
class Case:
    """One branch of ``cases``; without a condition it is ``otherwise``."""

    when: Condition | None
    then: Rule


@dataclass(frozen=True, slots=True)
class Cases:
    """``cases``: the first branch whose condition is true."""

    cases: tuple[Case, ...]


@dataclass(frozen=True, slots=True)
class Jmespath:
    """``jmespath`` on the current item."""

    text: str
    search: Callable[[Value], Value]


@dataclass(frozen=True, slots=True)
class Call:
    """``call``: a registered pure function."""

    name: str
    function: PureFunction
    positional: tuple[Rule, ...]
    named: tuple[tuple[str, Rule], ...]


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """``fields``: an object; ``currency`` is the one that ``as: money`` takes inside it."""

    fields: tuple[tuple[str, Rule], ...]
    currency: Rule | None = None


@dataclass(frozen=True, slots=True)
class ListOf:
    """``list``: one item a rule; a rule that makes a list adds its items."""

    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Each:
    """``each``: one result an item; with ``flatten`` the body makes a list whose items are added."""

    items: Items
    body: Rule
    flatten: bool = False


@dataclass(frozen=True, slots=True)
class IndexBy:
    """``index_by``: an object with one entry an item; keys must differ."""

    items: Items
    key: Rule
    body: Rule


@dataclass(frozen=True, slots=True)
class First:
    """``first``: the body for the first item that ``where`` accepts."""

    items: Items
    body: Rule


@dataclass(frozen=True, slots=True)
class Within:
    """``path`` with ``fields`` or ``use``: the body inside the object at the path."""

    path: PathOf
    body: Rule


@dataclass(frozen=True, slots=True)
class Use:
    """``use``: another mapping's body, which sees the current item as its whole document."""

    mapping: str
    body: Rule


Source: TypeAlias = (
    PathOf | Const | Position | Count | Concat | Coalesce | SumOf | Arithmetic | MoneyOf | QuantityOf | Cases
    | Jmespath | Call | ObjectOf | ListOf | Each | IndexBy | First | Within | Use
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """One target's rule: a source, the steps its value takes, and what to do when there is none."""

    source: Source
    steps: tuple[StepRule, ...] = ()
    presence: Presence = Presence.REQUIRED
    default: Value = None
    when: Condition | None = None


@dataclass(frozen=True, slots=True)
class Program:
    """A parsed mapping.

    Attributes:
        name: Its id.
        version: Its version.
        target: What it makes, such as ``order/1``; empty for a template.
        body: The root rule.
        needs_currency: Some ``as: money`` has no ``currency`` declared around it, so the user must declare one.
    """

    name: str
    version: int
    target: str
    source: Mapping[str, Value]
    body: Rule
    needs_currency: bool = False


def children(node: object) -> Iterator[object]:
    """Give the nodes directly inside ``node``, through tuples."""
    if is_dataclass(node):
        for part in fields(node):
            yield from _nodes(getattr(node, part.name))


def _nodes(value: object) -> Iterator[object]:
    if isinstance(value, tuple):
        for item in value:
            yield from _nodes(item)
    elif is_dataclass(value):
        yield value

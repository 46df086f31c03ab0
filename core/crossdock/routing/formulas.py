"""Truth of conditions for all orders at once: conditions as formulas, and whether a formula can be true.

What is not understood (arithmetic, patterns, a macro) becomes a free yes-or-no question of its own text. So there are
at least as many cases here as there are orders: what can't be true here can't be true of any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

__all__ = [
    "FALSE",
    "TRUE",
    "All",
    "Any",
    "Compared",
    "Constant",
    "Domains",
    "Formula",
    "Not",
    "OneOf",
    "Question",
    "Value",
    "assignments",
    "either",
    "everything",
    "ranges",
]

Value = str | float | bool


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    truth: bool


@dataclass(frozen=True, slots=True)
class OneOf:
    """A text fact is one of some texts."""

    fact: str
    texts: frozenset[str]


@dataclass(frozen=True, slots=True)
class Compared:
    """A number is below, above or equal to another."""

    fact: str
    sign: Literal["<", "<=", "==", ">=", ">"]
    number: float


@dataclass(frozen=True, slots=True)
class Question:
    """Something that is true or not, whatever else is."""

    text: str


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary."""

    part: Formula


@dataclass(frozen=True, slots=True)
class All:
    """Every part is true."""

    parts: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """Some part is true."""

    parts: tuple[Formula, ...]


Formula = Constant | OneOf | Compared | Question | Not | All | Any
TRUE, FALSE = Constant(True), Constant(False)

Domains = Callable[[str, Sequence[Value]], Sequence[Value]]
"""The values that a fact can have, given those that the formula names; of a question, false and true."""

_MOST_WORK = 1_000_000
"""Parts of a formula that are looked at before it is given up: about half a second."""
_WHOLE = frozenset({"line_count", "units", "priority"})
_SIGNS: Mapping[str, Callable[[float, float], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    "==": lambda left, right: left == right,
    ">=": lambda left, right: left >= right,
    ">": lambda left, right: left > right,
}


class _TooManyError(Exception):
    """There are too many cases to look at all of them."""


def everything(parts: Iterable[Formula]) -> Formula:
    """All of ``parts``."""
    kept = [part for part in parts if part != TRUE]
    if FALSE in kept:
        return FALSE
    return kept[0] if len(kept) == 1 else All(tuple(dict.fromkeys(kept))) if kept else TRUE


def either(parts: Iterable[Formula]) -> Formula:
    """One of ``parts``."""
    kept = [part for part in parts if part != FALSE]
    if TRUE in kept:
        return TRUE
    return kept[0] if len(kept) == 1 else Any(tuple(dict.fromkeys(kept))) if kept else FALSE


def assignments(formula: Formula, domains: Domains, most: int = 1) -> list[dict[str, Value]] | None:
    """Up to ``most`` cases in which ``formula`` is true, by fact; empty if there is none, None if nobody can say.

    Numbers stand for the ranges between those that the formula names.
    """
    named: dict[str, list[Value]] = {}
    most_steps = _MOST_WORK // _collect(formula, named)
    facts = [(fact, list(domains(fact, values))) for fact, values in named.items()]
    facts.sort(key=lambda each: len(each[1]))
    found: list[dict[str, Value]] = []
    steps = 0

    def extend(place: int, case: dict[str, Value]) -> None:
        nonlocal steps
        steps += 1
        if steps > most_steps:
            raise _TooManyError
        truth = _truth(formula, case)
        if truth is False or len(found) >= most:
            return
        if place == len(facts):
            found.append(dict(case))
            return
        fact, values = facts[place]
        for value in values:
            case[fact] = value
            extend(place + 1, case)
        del case[fact]

    try:
        extend(0, {})
    except _TooManyError:
        return found or None
    return found


def ranges(fact: str, numbers: Iterable[float]) -> list[Value]:
    """A number of each range that ``numbers`` part, and the numbers themselves."""
    known = sorted(set(numbers))
    if fact in _WHOLE:
        wanted = {step for number in known for step in (int(number) - 1, int(number), int(number) + 1)}
        least = -(10**9) if fact == "priority" else 1
        return [float(number) for number in sorted(wanted) if number >= least] or [1.0]
    between = [(low + high) / 2 for low, high in pairwise(known)]
    return [*known, *between, known[0] - 1, known[-1] + 1]


def _collect(formula: Formula, named: dict[str, list[Value]]) -> int:
    """Collect the facts that ``formula`` names, with the values it compares them to; returns its size."""
    match formula:
        case OneOf(fact=fact, texts=texts):
            named.setdefault(fact, []).extend(sorted(texts))
        case Compared(fact=fact, number=number):
            named.setdefault(fact, []).append(number)
        case Question(text=text):
            named.setdefault(text, [])
        case Not(part=part):
            return 1 + _collect(part, named)
        case All(parts=parts) | Any(parts=parts):
            return 1 + sum(_collect(part, named) for part in parts)
        case Constant():
            pass
    return 1


def _truth(formula: Formula, case: Mapping[str, Value]) -> bool | None:
    """True, false, or None where the facts known so far do not say."""
    match formula:
        case Constant(truth=truth):
            return truth
        case OneOf(fact=fact, texts=texts):
            return None if fact not in case else case[fact] in texts
        case Compared(fact=fact, sign=sign, number=number):
            value = case.get(fact)
            return None if value is None else _SIGNS[sign](float(value), number)
        case Question(text=text):
            return None if text not in case else case[text] is True
        case Not(part=part):
            inner = _truth(part, case)
            return None if inner is None else not inner
        case All(parts=parts):
            return _combined(parts, case, stop=False)
        case Any(parts=parts):
            return _combined(parts, case, stop=True)


def _combined(parts: Sequence[Formula], case: Mapping[str, Value], *, stop: bool) -> bool | None:
    """``stop`` as soon as one part is it; None if none is but some are not known."""
    unknown = False
    for part in parts:
        truth = _truth(part, case)
        if truth is stop:
            return stop
        unknown = unknown or truth is None
    return None if unknown else not stop

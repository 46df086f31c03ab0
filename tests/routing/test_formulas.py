"""Formulas say what conditions say, and of what can't be true no case is found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.routing import formulas
from crossdock.routing.formulas import (
    FALSE,
    TRUE,
    All,
    Any,
    Compared,
    Formula,
    Not,
    OneOf,
    Question,
    Value,
    assignments,
    either,
    everything,
    ranges,
)

A, B = Question("a"), Question("b")
COUNTRIES = ["US", "CA", "MX", "other"]


def domains(fact: str, named: Sequence[Value]) -> Sequence[Value]:
    if fact == "units":
        return ranges(fact, [float(value) for value in named])
    assert set(named) <= {"US", "CA", "MX"}
    return COUNTRIES if fact == "country" else [False, True]


def test_parts_that_decide_nothing_are_left_out() -> None:
    assert everything([TRUE, TRUE]) == everything([]) == TRUE
    assert either([FALSE, FALSE]) == either([]) == FALSE
    assert everything([A, FALSE]) == FALSE
    assert either([A, TRUE]) == TRUE
    assert everything([TRUE, A]) == either([FALSE, A]) == A
    assert everything([A, B, A]) == All((A, B))
    assert either([A, B, A]) == Any((A, B))


@pytest.mark.parametrize(
    ("fact", "numbers", "values"),
    [
        ("units", [2, 3], [1, 2, 3, 4]),
        ("units", [1], [1, 2]),
        ("line_count", [-5], [1]),
        ("priority", [-2], [-3, -2, -1]),
        ("value", [3, 1, 3], [0, 1, 2, 3, 4]),
        ("weight_kg", [2.5], [1.5, 2.5, 3.5]),
    ],
)
def test_a_range_is_stood_for_by_a_number_in_it(fact: str, numbers: list[float], values: list[float]) -> None:
    found = ranges(fact, numbers)
    assert sorted(map(float, found)) == values
    assert all(isinstance(value, float) for value in ranges("units", [2]))


LEAVES = st.sampled_from(
    [
        TRUE,
        FALSE,
        A,
        OneOf("country", frozenset({"US", "CA"})),
        OneOf("country", frozenset({"MX"})),
        *(Compared("units", sign, 2.0) for sign in ("<", "<=", "==", ">=", ">")),
    ]
)
FORMULAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: Any(tuple(parts))),
    ),
    max_leaves=6,
)


def holds(formula: Formula, case: dict[str, Value]) -> bool:
    """What the formula says, by the words of Python."""
    match formula:
        case OneOf(fact=fact, texts=texts):
            return case[fact] in texts
        case Compared(sign=sign):
            return bool(eval(f"{case['units']} {sign} 2.0"))
        case Question(text=text):
            return case[text] is True
        case Not(part=part):
            return not holds(part, case)
        case All(parts=parts):
            return all(holds(part, case) for part in parts)
        case Any(parts=parts):
            return any(holds(part, case) for part in parts)
        case _:
            return formula == TRUE


@settings(max_examples=25)
@given(FORMULAS)
def test_cases_are_found_where_there_are_any_and_only_there(formula: Formula) -> None:
    every = product([False, True], COUNTRIES, [1.0, 2.0, 3.0])
    cases: list[dict[str, Value]] = [
        {"a": a, "country": country, "units": units} for a, country, units in every
    ]
    true = [case for case in cases if holds(formula, case)]
    found = assignments(formula, domains, most=1000)
    assert found is not None
    assert bool(found) == bool(true)
    for case in found:
        assert any(case.items() <= each.items() for each in true)
    for each in true:
        assert any(case.items() <= each.items() for case in found)
    assert assignments(formula, domains) == found[:1]
    assert assignments(formula, domains, most=2) == found[:2]


def test_what_takes_too_long_is_not_told_and_what_was_found_until_then_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(formulas, "_MOST_WORK", 400)
    many = [Question(str(number)) for number in range(12)]
    pairs = [either((Not(one), Not(other))) for one in many for other in many if one != other]
    odd = everything([*pairs, either(map(Not, many)), either(many), either(map(Not, many[:11]))])
    assert assignments(All((odd, A, Not(A))), domains) is None
    assert assignments(either(many), domains, most=10_000) not in (None, [])
    assert len(assignments(either(many), domains, most=10_000) or []) < 4095

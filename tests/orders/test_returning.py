from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.orders.returning import (
    Asked,
    Received,
    ReturnedLine,
    disposition_of,
    returned_lines,
    taken_back,
)
from crossdock_schemas.returns import Condition, Disposition

NEW, DAMAGED = Condition.NEW, Condition.DAMAGED
RESTOCK, SCRAP = Disposition.RESTOCK, Disposition.SCRAP


def test_the_node_says_what_happens_else_the_condition_does() -> None:
    assert disposition_of(NEW, None) is RESTOCK
    assert disposition_of(Condition.UNKNOWN, None) is Disposition.QUARANTINE
    assert disposition_of(NEW, SCRAP) is SCRAP
    assert {condition for condition in Condition if disposition_of(condition, None) is RESTOCK} == {NEW}
    held = {each for each in Condition if disposition_of(each, None) is Disposition.QUARANTINE}
    assert held == {Condition.WRONG_ITEM, Condition.UNKNOWN}


def test_what_came_fills_what_was_asked_for_and_the_rest_is_told_apart() -> None:
    asked = [Asked("1", "A", 2), Asked("2", "A", 1), Asked(None, "B", 1)]
    came = [
        Received(None, "A", 2, NEW, RESTOCK),
        Received("2", "A", 2, DAMAGED, SCRAP),
        Received(None, "C", 1, NEW, RESTOCK),
    ]
    lines = returned_lines(asked, came)
    assert [(line.number, line.sku, line.requested, line.received) for line in lines] == [
        (1, "A", 2, 2), (2, "A", 1, 1), (3, "B", 1, 0), (4, "A", 0, 1), (5, "C", 0, 1),
    ]  # fmt: skip
    assert [line.disposition for line in lines] == [RESTOCK, SCRAP, None, SCRAP, RESTOCK]
    mixed = returned_lines(
        [Asked(None, "A", 2)], [Received(None, "A", 1, NEW, RESTOCK), Received(None, "A", 1, DAMAGED, SCRAP)]
    )
    assert (mixed[0].received, mixed[0].condition, mixed[0].disposition) == (2, None, None)


LINE = st.none() | st.sampled_from(["1", "2"])
SKU = st.sampled_from("AB")
ASKED = st.lists(st.builds(Asked, LINE, SKU, st.integers(1, 4)), max_size=4)
CAME = st.lists(st.builds(Received, LINE, SKU, st.integers(1, 4), st.just(NEW), st.just(RESTOCK)), max_size=5)


@given(ASKED, CAME)
def test_no_unit_is_lost_or_made(asked: Sequence[Asked], came: Sequence[Received]) -> None:
    lines = returned_lines(asked, came)
    want, got = Counter[str](), Counter[str]()
    for each in came:
        want[each.sku] += each.quantity
    for line in lines:
        got[line.sku] += line.received
        assert line.requested == 0 or line.received <= line.requested
    assert +want == +got
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))


@given(CAME, st.dictionaries(st.sampled_from(["1", "2", "3"]), st.integers(0, 5)))
def test_an_order_line_takes_back_at_most_what_has_left(
    came: Sequence[Received], left: dict[str, int]
) -> None:
    skus = {"1": "A", "2": "B", "3": "A"}
    back = taken_back(came, skus.items(), left)
    for line, sku in skus.items():
        mine = [units for name, units in back if name == line]
        assert all(units.sku == sku and units.order_line in (None, line) for units in mine)
        assert sum(units.quantity for units in mine) <= left.get(line, 0)
    assert sum(units.quantity for _, units in back) <= sum(each.quantity for each in came)


def test_received_units_belong_to_the_first_lines_of_their_sku_that_lack_some() -> None:
    left, skus = {"1": 2, "2": 1, "3": 4}, {"1": "A", "2": "B", "3": "A", "4": "A"}
    came = [
        Received(None, "A", 3, NEW, RESTOCK),
        Received("1", "A", 1, NEW, RESTOCK),
        Received("3", "A", 9, DAMAGED, SCRAP),
        Received(None, "C", 1, NEW, RESTOCK),
    ]
    assert taken_back(came, skus.items(), left) == [
        ("1", Received(None, "A", 2, NEW, RESTOCK)),
        ("3", Received(None, "A", 1, NEW, RESTOCK)),
        ("3", Received("3", "A", 3, DAMAGED, SCRAP)),
    ]
    assert left == {"1": 2, "2": 1, "3": 4}, "what is asked with is left alone"
    assert taken_back(came[:1], skus.items(), {"1": -1}) == []


def test_a_line_of_a_return_is_all_that_is_known_of_it() -> None:
    (asked, blind) = returned_lines([Asked("1", "A", 2)], [Received("2", "A", 1, NEW, RESTOCK)])
    assert asked == ReturnedLine(1, "1", "A", 2, 0, None, None)
    assert blind == ReturnedLine(2, "2", "A", 0, 1, NEW, RESTOCK)
    assert ReturnedLine(1, None, "A", 1, 0) == ReturnedLine(1, None, "A", 1, 0, None, None)


@pytest.mark.parametrize(
    ("condition", "disposition"),
    [
        (Condition.NEW, Disposition.RESTOCK),
        (Condition.OPENED, Disposition.REFURBISH),
        (Condition.DAMAGED, Disposition.SCRAP),
        (Condition.DEFECTIVE, Disposition.SUPPLIER),
        (Condition.WRONG_ITEM, Disposition.QUARANTINE),
        (Condition.UNKNOWN, Disposition.QUARANTINE),
    ],
)
def test_a_condition_says_what_happens(condition: Condition, disposition: Disposition) -> None:
    assert disposition_of(condition, None) is disposition

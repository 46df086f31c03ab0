"""Where a return stands, from what is known of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.orders.life_cycles import ReturnState
from crossdock.orders.return_progress import (
    Due,
    Known,
    Reported,
    is_settled,
    paid_units,
    return_state,
    still_due,
)
from crossdock.orders.returning import Received
from crossdock_schemas.returns import Condition, Disposition

GRADED = Received(None, "A", 1, Condition.NEW, Disposition.RESTOCK)
HELD = Received(None, "A", 1, Condition.UNKNOWN, Disposition.QUARANTINE)
DECIDED = Received(None, "A", 1, Condition.UNKNOWN, Disposition.SCRAP)


@pytest.mark.parametrize(
    ("known", "state"),
    [
        (Known((), False, False, False), ReturnState.REQUESTED),
        (Known((), False, True, True), ReturnState.REQUESTED),
        (Known((), False, False, False, cancelled=True), ReturnState.CANCELLED),
        (Known((), False, False, False, closed=True), ReturnState.CLOSED),
        (Known((), False, False, False, cancelled=True, closed=True), ReturnState.CANCELLED),
        (Known((HELD,), True, True, True), ReturnState.RECEIVED),
        (Known((GRADED, HELD), True, False, False, closed=True), ReturnState.RECEIVED),
        (Known((GRADED,), True, False, False), ReturnState.DISPOSED),
        (Known((DECIDED,), True, True, False), ReturnState.DISPOSED),
        (Known((GRADED,), False, False, True), ReturnState.DISPOSED),
        (Known((GRADED,), False, True, True), ReturnState.REFUNDED),
        (Known((GRADED,), True, True, True), ReturnState.CLOSED),
        (Known((GRADED,), True, False, True), ReturnState.CLOSED),
        (Known((GRADED,), False, True, True, closed=True), ReturnState.CLOSED),
        (Known((GRADED,), True, True, True, cancelled=True), ReturnState.CLOSED),
    ],
)
def test_the_state_follows_from_what_is_known(known: Known, state: ReturnState) -> None:
    assert return_state(known) is state


def test_what_the_channel_paid_by_itself_is_not_due() -> None:
    due = [Due("1", 1, 1), Due("1", 2, 3), Due("2", 1, 1)]
    assert still_due(due, []) == {"1": 3, "2": 1}
    assert still_due(due, [Reported("1", 2), Reported("3", 9)]) == {"1": 1, "2": 1}
    assert still_due(due, [Reported("1", 2), Reported("1", 2), Reported("2", 1)]) == {}
    assert still_due(due, [Reported(None, 0)]) == {}


def test_a_refund_that_was_asked_for_and_is_reported_counts_once() -> None:
    assert not is_settled([Due("1", 1, 1, done=True), Due("1", 1, 2)], [Reported("1", 1)])
    assert is_settled([Due("1", 1, 1), Due("1", 2, 3, done=True)], [Reported("1", 2)])
    assert not is_settled([Due("1", 1, 1)], [])
    assert is_settled([Due("1", 1, 1)], [Reported(None, 0)])
    assert is_settled([], [])


@given(
    units=st.lists(st.integers(1, 3), min_size=1, max_size=5),
    reports=st.lists(st.integers(1, 3), max_size=5),
    data=st.data(),
)
def test_what_is_settled_was_paid(units: list[int], reports: list[int], data: st.DataObject) -> None:
    """Whatever the channel carries out and reports, settled means that nothing is missing."""
    total, due = 0, []
    for quantity in units:
        total += quantity
        due.append(Due("1", quantity, total, data.draw(st.booleans())))
    reported = [Reported("1", quantity) for quantity in reports]
    asked = [each for each in due if each.cumulative > sum(reports)]
    assert is_settled(due, reported) == all(each.done for each in asked)
    assert is_settled(due, [*reported, Reported("1", total)])


def test_money_went_back_by_the_account_that_says_more_and_the_two_are_never_added() -> None:
    due = [Due("1", 2, 2, done=True), Due("1", 1, 3), Due("2", 1, 1)]
    assert paid_units(due, []) == {"1": 2}
    assert paid_units(due, [Reported("1", 2)]) == {"1": 2}
    assert paid_units(due, [Reported("1", 2), Reported("1", 1), Reported("3", 1)]) == {"1": 3, "3": 1}
    assert paid_units(due, [Reported(None, 0)]) == {"1": 3, "2": 1}

"""No unit of an order is ever lost, and the order in which independent news comes in changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from crossdock.orders.cancelling import (
    call_back,
    cancel_lines,
    confirm_cancellation,
    refuse_cancellation,
)
from crossdock.orders.effects import Effect, ReleaseAllocation, ReportShipment, Reroute, ShipAllocation
from crossdock.orders.fulfilment import Fulfilment, FulfilmentChange, Quantities, request
from crossdock.orders.life_cycles import ORDER, ORDER_LINE, FulfilmentEvent, OrderState
from crossdock.orders.machine import Machine, TransitionRefusedError
from crossdock.orders.node_answers import apply_progress, apply_rejection, apply_shipment, apply_short_pick
from crossdock.orders.order_state import derive_state
from crossdock.orders.quantities import LineQuantities
from crossdock.sdk.errors import BugError
from tests.orders.builders import open_order, requested_order

UNITS = st.dictionaries(st.sampled_from(["F1", "F2"]), st.integers(1, 4), max_size=2)
ANSWERS = ("accept", "pack", "reject", "short", "ship", "ship_last", "confirm", "refuse")
KINDS = (*ANSWERS, "request", "cancel", "call")
ACTS = st.lists(st.tuples(st.sampled_from(KINDS), UNITS, st.integers(0, 6)), max_size=12)


def act(
    kind: str, fulfilment: Fulfilment, quantities: Quantities, units: dict[str, int], message: str
) -> FulfilmentChange:
    match kind:
        case "request":
            return request(fulfilment, quantities)
        case "accept" | "pack":
            return apply_progress(fulfilment, quantities, FulfilmentEvent(kind), message)
        case "reject":
            return apply_rejection(fulfilment, quantities, message, units or None)
        case "short":
            return apply_short_pick(fulfilment, quantities, message, units or None)
        case "ship" | "ship_last":
            return apply_shipment(fulfilment, quantities, message, units, final=kind == "ship_last")
        case "confirm":
            return confirm_cancellation(fulfilment, quantities, message, units or None)
        case "refuse":
            return refuse_cancellation(fulfilment, quantities, message)
        case "call":
            return call_back(fulfilment, quantities)
        case _:
            wanted = {line.replace("F", "L"): number for line, number in units.items()}
            done = cancel_lines("ORDER-1", wanted, quantities, [fulfilment], "customer")
            return FulfilmentChange(done.fulfilments[0], done.quantities, done.effects)


@settings(max_examples=400)
@given(ACTS)
def test_no_unit_is_ever_lost(acts: list[tuple[str, dict[str, int], int]]) -> None:
    fulfilment, quantities = open_order(3, 5)
    states = [derive_state(quantities.values())]
    lines = [quantities["L1"].state]
    effects: list[Effect] = []
    for kind, units, message in acts:
        try:
            change = act(kind, fulfilment, quantities, units, f"{kind}-{message}")
        except TransitionRefusedError:
            continue
        fulfilment, quantities = change.fulfilment, change.quantities
        effects += change.effects
        states.append(derive_state(quantities.values()))
        lines.append(quantities["L1"].state)
    for line in fulfilment.lines:
        units_of = quantities[line.order_line]
        total = units_of.cancelled + units_of.unallocated + line.open + units_of.shipped
        assert units_of.ordered == total
        assert units_of.allocated == line.open
        assert units_of.requested == (line.open if fulfilment.requested else 0)
        assert min(line.open, line.shipped, line.rejected, line.short, line.cancelled, line.to_cancel) >= 0
        assert line.to_cancel <= line.open
        mine = [each for each in effects if isinstance(each, ReleaseAllocation | ShipAllocation)]
        gone = sum(each.quantity for each in mine if each.fulfilment_line == line.id)
        assert gone == line.quantity - line.open, "allocations are settled exactly once"
        reported = [each for effect in effects if isinstance(effect, ReportShipment) for each in effect.lines]
        assert units_of.shipped == sum(
            each.quantity for each in reported if each.order_line == line.order_line
        )
    follow(ORDER, states)
    follow(ORDER_LINE, lines)


def follow(machine: Machine[Any, Any], states: Sequence[StrEnum]) -> None:
    """Every change of a derived state is one that its machine foresees."""
    foreseen = {(state, target) for (state, _), target in machine.transitions.items()}
    for before, after in pairwise(states):
        assert before == after or (before, after) in foreseen, (before, after)


Tell = Callable[[Fulfilment, Quantities], FulfilmentChange]
NEWS: list[Tell] = [
    request,
    lambda order, units: apply_progress(order, units, FulfilmentEvent.ACCEPT, "M-1"),
    lambda order, units: apply_progress(order, units, FulfilmentEvent.PICK, "M-2"),
    lambda order, units: apply_progress(order, units, FulfilmentEvent.PACK, "M-3"),
    lambda order, units: apply_short_pick(order, units, "M-4", {"F1": 1}),
    lambda order, units: apply_rejection(order, units, "M-5", {"F2": 2}),
    lambda order, units: apply_shipment(order, units, "S-1", {"F1": 1, "F2": 1}, final=False),
    lambda order, units: apply_shipment(order, units, "S-2", {"F1": 1, "F2": 2}, final=False),
]


@settings(max_examples=200)
@given(st.permutations(NEWS), st.lists(st.sampled_from(NEWS)))
def test_the_order_of_news_changes_nothing(told: list[Tell], repeated: list[Tell]) -> None:
    fulfilment, quantities = open_order(3, 5)
    for tell in [*told, *repeated]:
        change = tell(fulfilment, quantities)
        fulfilment, quantities = change.fulfilment, change.quantities
    assert fulfilment.state.value == "incomplete"
    assert quantities == {"L1": LineQuantities(3, shipped=2, short=1), "L2": LineQuantities(5, shipped=3)}


def test_plan_and_release_come_back_to_the_start() -> None:
    start = {"L1": LineQuantities(3), "L2": LineQuantities(5)}
    change = apply_rejection(*requested_order(3, 5), "M-1")
    assert change.quantities == start
    (reroute,) = [effect for effect in change.effects if isinstance(effect, Reroute)]
    assert {line.order_line: line.quantity for line in reroute.lines} == {"L1": 3, "L2": 5}


@pytest.mark.parametrize(
    ("lines", "on_hold", "reported", "state"),
    [
        ([LineQuantities(2)], False, False, OrderState.RECEIVED),
        ([LineQuantities(2)], True, False, OrderState.ON_HOLD),
        ([LineQuantities(2, allocated=1)], False, False, OrderState.PARTLY_ROUTED),
        ([LineQuantities(2, allocated=2), LineQuantities(1, cancelled=1)], False, False, OrderState.ROUTED),
        ([LineQuantities(2, shipped=1, allocated=1)], True, False, OrderState.PARTLY_SHIPPED),
        ([LineQuantities(2, shipped=1, cancelled=1)], False, False, OrderState.SHIPPED),
        ([LineQuantities(2, shipped=2)], False, True, OrderState.CLOSED),
        ([LineQuantities(2, cancelled=2)], False, False, OrderState.CANCELLED),
    ],
)
def test_the_state_of_an_order_is_that_of_its_lines(
    lines: list[LineQuantities], on_hold: bool, reported: bool, state: OrderState
) -> None:
    assert derive_state(lines, on_hold=on_hold, reported=reported) is state
    if not on_hold and not reported:
        assert derive_state(lines) is state


def test_units_no_node_was_asked_for_are_waiting_or_allocated() -> None:
    assert LineQuantities(9, cancelled=1, shipped=2, allocated=4, requested=3).unrequested == 3
    assert LineQuantities(9) == LineQuantities(9, 0, 0, 0, 0, 0, 0, 0)


def test_units_that_come_back_are_counted() -> None:
    assert LineQuantities(2, shipped=2, returned=1).take_back(1).returned == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"allocated": 3},
        {"requested": 1},
        {"shipped": 1, "returned": 2},
        {"cancelled": -1},
        {"short": -1},
        {"over_shipped": -1, "shipped": 1},
    ],
)
def test_units_that_do_not_add_up_are_a_bug(wrong: dict[str, int]) -> None:
    with pytest.raises(BugError, match="do not add up"):
        replace(LineQuantities(2), **wrong)

"""What fulfilment orders between nodes, and the one that sends their goods on, hear of each other."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from crossdock.orders.cancelling import cancel_lines
from crossdock.orders.consolidating import arrive, call_off, lost, not_coming, receive, surplus, under_way
from crossdock.orders.effects import (
    CallOff,
    NotComing,
    ReleaseAllocation,
    ReportCancellation,
    ReportShipment,
    RequestCancellation,
    Reroute,
)
from crossdock.orders.fulfilment import Fulfilment, FulfilmentLine, Quantities, own_quantities, request
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.orders.node_answers import apply_rejection, apply_shipment
from crossdock.orders.quantities import LineQuantities


def on_the_way(units: int = 3) -> tuple[Fulfilment, Fulfilment, Quantities]:
    """A leg that a node was asked for, the fulfilment order that sends it on, and the lines of the order."""
    brings = FulfilmentLine("LEG-1", "L1", "SKU-1", units)
    leg = Fulfilment(
        "LEG", "O", "far", FulfilmentState.OPEN, (brings,), frozenset({"tried"}), to_node="between"
    )
    waits = FulfilmentLine("LAST-1", "L1", "SKU-1", units, awaits="LEG-1", to_come=units)
    own = FulfilmentLine("LAST-2", "L2", "SKU-2", 1)
    last = Fulfilment("LAST", "O", "between", FulfilmentState.SCHEDULED, (waits, own))
    lines = {"L1": LineQuantities(units, allocated=units), "L2": LineQuantities(1, allocated=1)}
    return request(leg, own_quantities(leg)).fulfilment, last, lines


def sent(leg: Fulfilment, units: int, *, final: bool = True) -> Fulfilment:
    return apply_shipment(leg, own_quantities(leg), "S", {"LEG-1": units}, final=final).fulfilment


def test_what_leaves_for_another_node_is_not_reported() -> None:
    leg, last, _ = on_the_way()
    change = apply_shipment(leg, own_quantities(leg), "S", {"LEG-1": 3}, final=True)
    assert not any(isinstance(effect, ReportShipment) for effect in change.effects)
    assert under_way(change.fulfilment) == {"LEG-1": 3}
    assert surplus(change.fulfilment, last) == {}


def test_units_arrive_once_and_the_leg_is_closed_with_the_last() -> None:
    leg, last, _ = on_the_way()
    leg = sent(leg, 3)
    leg, own = receive(leg, {"SKU-1": 2, "SKU-9": 5}, named=False)
    assert (own, leg.state) == ({"LEG-1": 2}, FulfilmentState.SHIPPED)
    last, taken = arrive(last, own)
    assert (taken, last.to_come) == ({"SKU-1": 2}, 1)
    leg, own = receive(leg, {"SKU-1": 7}, named=False)
    assert (own, leg.state) == ({"LEG-1": 1}, FulfilmentState.CLOSED)
    assert arrive(last, own)[0].to_come == 0
    assert receive(leg, {"SKU-1": 1}, named=True)[1] == {}


@pytest.mark.parametrize(("named", "own"), [(True, {"LEG-1": 3}), (False, {})])
def test_what_nobody_has_sent_arrives_only_where_it_is_named(named: bool, own: dict[str, int]) -> None:
    leg, _, _ = on_the_way()
    assert receive(leg, {"SKU-1": 4}, named=named)[1] == own


def test_what_a_leg_cannot_bring_is_routed_again_and_the_rest_goes_on() -> None:
    leg, last, lines = on_the_way()
    refused = apply_rejection(leg, own_quantities(leg), "M", {"LEG-1": 2})
    (said,) = [effect for effect in refused.effects if isinstance(effect, NotComing)]
    assert (said.quantity, sorted(said.exclude_nodes)) == (2, ["far", "tried"])
    change = not_coming(last, lines, said)
    assert [type(effect) for effect in change.effects] == [ReleaseAllocation, Reroute]
    (again,) = [effect for effect in change.effects if isinstance(effect, Reroute)]
    assert sorted(again.exclude_nodes) == ["far", "tried"]
    assert (change.fulfilment.to_come, change.fulfilment.open) == (1, 2)
    assert change.quantities["L1"].unallocated == 2
    assert change.fulfilment.state is FulfilmentState.SCHEDULED


def test_what_is_lost_on_the_way_is_routed_again_also_to_the_node_that_sent_it() -> None:
    leg, last, lines = on_the_way()
    change = lost(sent(leg, 3))
    (said,) = change.effects
    assert said == NotComing("LEG-1", 3, frozenset({"tried"}))
    assert change.fulfilment.state is FulfilmentState.CLOSED
    only = replace(last, lines=last.lines[:1])
    assert (
        not_coming(only, lines, NotComing("LEG-1", 3, frozenset())).fulfilment.state
        is FulfilmentState.CANCELLED
    )


def test_a_cancelled_line_calls_off_what_is_to_come_for_it() -> None:
    leg, last, lines = on_the_way()
    cancelled = cancel_lines("O", {"L1": 2}, lines, [leg, last], "buyer")
    assert cancelled.fulfilments[0] is leg, "the leg hears of it from the one that sends on"
    assert [type(e) for e in cancelled.effects] == [ReleaseAllocation, CallOff, ReportCancellation]
    (said,) = [effect for effect in cancelled.effects if isinstance(effect, CallOff)]
    asked = call_off(leg, {said.fulfilment_line: said.quantity})
    assert [type(effect) for effect in asked.effects] == [RequestCancellation]
    assert asked.fulfilment.lines[0].to_cancel == 2
    left = sent(asked.fulfilment, 3)
    assert surplus(left, cancelled.fulfilments[1]) == {"SKU-1": 2}


def test_a_leg_that_no_node_was_asked_for_is_called_off_at_once() -> None:
    leg, *_ = on_the_way()
    waiting = replace(leg, state=FulfilmentState.SCHEDULED)
    change = call_off(waiting, {"LEG-1": 3})
    assert change.fulfilment.state is FulfilmentState.CANCELLED
    assert [type(effect) for effect in change.effects] == [ReleaseAllocation]


def test_a_leg_that_has_left_is_not_asked_to_stay() -> None:
    leg, *_ = on_the_way()
    gone = sent(leg, 3)
    assert call_off(gone, {"LEG-1": 3}).fulfilment is gone


def test_units_of_a_sku_in_two_lines_come_once() -> None:
    leg, _, _ = on_the_way()
    twice = replace(leg, lines=(*leg.lines, FulfilmentLine("LEG-2", "L3", "SKU-1", 2)))
    came, own = receive(twice, {"SKU-1": 4}, named=True)
    assert (own, [line.arrived for line in came.lines]) == ({"LEG-1": 3, "LEG-2": 1}, [3, 1])

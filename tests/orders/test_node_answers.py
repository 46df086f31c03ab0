from __future__ import annotations

import pytest
from msgspec.structs import replace

from crossdock.orders.cancelling import (
    call_back,
    cancel_lines,
    confirm_cancellation,
    refuse_cancellation,
)
from crossdock.orders.effects import (
    Effect,
    LineUnits,
    RaiseWork,
    ReleaseAllocation,
    ReportCancellation,
    ReportShipment,
    RequestCancellation,
    Reroute,
    ShipAllocation,
    ShipUnasked,
    WhyReleased,
    WriteOff,
)
from crossdock.orders.fulfilment import by_line, given_back, request
from crossdock.orders.life_cycles import FulfilmentEvent, FulfilmentState
from crossdock.orders.machine import TransitionRefusedError
from crossdock.orders.node_answers import apply_progress, apply_rejection, apply_shipment, apply_short_pick
from crossdock.orders.quantities import LineQuantities
from crossdock.orders.worklist import Cause
from crossdock.sdk.errors import RecordRejectedError
from tests.orders.builders import open_order, requested_order

F = FulfilmentState


def causes(effects: tuple[Effect, ...]) -> list[Cause]:
    return [effect.cause for effect in effects if isinstance(effect, RaiseWork)]


def test_a_rejection_is_released_and_routed_elsewhere() -> None:
    change = apply_rejection(*requested_order(2, 3), "R-1")
    assert change.fulfilment.state is F.REJECTED
    assert change.effects == (
        ReleaseAllocation("F1", "SKU-1", "DC-1", 2, WhyReleased.REJECTED),
        ReleaseAllocation("F2", "SKU-2", "DC-1", 3, WhyReleased.REJECTED),
        Reroute("ORDER-1", (LineUnits("L1", 2), LineUnits("L2", 3)), frozenset({"DC-0", "DC-1"})),
    )
    assert change.quantities["L1"] == LineQuantities(2)


def test_a_partial_rejection_leaves_the_rest_with_the_node() -> None:
    change = apply_rejection(*requested_order(2, 3), "R-1", {"F2": 1})
    assert change.fulfilment.state is F.REQUESTED
    assert (change.fulfilment.open, change.quantities["L2"].unallocated) == (4, 1)


@pytest.mark.parametrize("by_rejection", [True, False])
def test_what_is_not_there_is_written_off(by_rejection: bool) -> None:
    order = requested_order(2)
    change = (
        apply_rejection(*order, "R-1", out_of_stock=True) if by_rejection else apply_short_pick(*order, "R-1")
    )
    assert change.fulfilment.state is F.SHORT
    assert WriteOff("SKU-1", "DC-1", 2) in change.effects
    assert change.quantities["L1"].short == 2


def test_the_capacity_of_what_a_node_refuses_is_given_back_and_not_of_what_it_looked_for() -> None:
    refused = apply_rejection(*requested_order(2, 3), "R-1", {"F2": 1})
    assert given_back(refused.fulfilment) == (0, 0, 1)
    more = apply_rejection(refused.fulfilment, refused.quantities, "R-2", {"F2": 2})
    assert given_back(more.fulfilment) == (0, 1, 3)
    fulfilment, quantities = open_order(2, 3)
    everything = cancel_lines("ORDER-1", {"L1": 2, "L2": 3}, quantities, [fulfilment], "customer")
    assert given_back(everything.fulfilments[0]) == (1, 2, 5)
    looked = apply_short_pick(*requested_order(2, 3), "R-1")
    assert given_back(looked.fulfilment) == (0, 0, 0)


def test_the_same_message_twice_changes_nothing() -> None:
    once = apply_short_pick(*requested_order(5), "R-1", {"F1": 2})
    again = apply_short_pick(once.fulfilment, once.quantities, "R-1", {"F1": 2})
    assert (again.fulfilment, again.quantities, again.effects) == (once.fulfilment, once.quantities, ())
    shipped = apply_shipment(once.fulfilment, once.quantities, "S-1", {"F1": 1}, final=False)
    again = apply_shipment(shipped.fulfilment, shipped.quantities, "S-1", {"F1": 1}, final=False)
    assert (again.fulfilment, again.effects) == (shipped.fulfilment, ())


def test_a_whole_shipment() -> None:
    change = apply_shipment(*requested_order(2), "S-1", {"F1": 2}, final=True)
    assert change.fulfilment.state is F.SHIPPED
    assert change.effects == (
        ShipAllocation("F1", "SKU-1", "DC-1", 2),
        ReportShipment("ORDER-1", "FO-1", "S-1", (LineUnits("L1", 2),)),
    )
    assert change.quantities["L1"] == LineQuantities(2, shipped=2)


def test_a_partial_shipment_leaves_the_rest_open_unless_it_was_the_last() -> None:
    part = apply_shipment(*requested_order(5), "S-1", {"F1": 3}, final=False)
    assert (part.fulfilment.state, part.fulfilment.open) == (F.PICKING, 2)
    last = apply_shipment(*requested_order(5), "S-1", {"F1": 3}, final=True)
    assert last.fulfilment.state is F.INCOMPLETE
    assert last.quantities["L1"] == LineQuantities(5, shipped=3, short=2)
    assert last.effects[-1] == Reroute("ORDER-1", (LineUnits("L1", 2),), frozenset({"DC-0", "DC-1"}))


def test_a_last_shipment_of_nothing_is_a_short_pick() -> None:
    assert apply_shipment(*requested_order(5), "S-1", {}, final=True).fulfilment.state is F.SHORT


def test_a_surplus_goes_to_the_worklist() -> None:
    change = apply_shipment(*requested_order(2), "S-1", {"F1": 3}, final=True)
    assert change.quantities["L1"] == LineQuantities(2, shipped=2, over_shipped=1)
    assert ShipUnasked("SKU-1", "DC-1", 1) in change.effects
    assert causes(change.effects) == [Cause.OVER_SHIPPED]
    assert ReportShipment("ORDER-1", "FO-1", "S-1", (LineUnits("L1", 2),)) in change.effects


def test_units_found_again_fill_what_the_order_still_lacks() -> None:
    short = apply_short_pick(*requested_order(5), "R-1", {"F1": 2})
    change = apply_shipment(short.fulfilment, short.quantities, "S-1", {"F1": 5}, final=True)
    assert change.fulfilment.state is F.SHIPPED
    assert change.quantities["L1"].shipped == 5
    assert not [effect for effect in change.effects if isinstance(effect, ShipUnasked | RaiseWork)]


def test_what_ships_after_it_was_routed_elsewhere_is_booked_and_looked_at() -> None:
    gone = apply_rejection(*requested_order(2), "R-1")
    elsewhere = {"L1": gone.quantities["L1"].allocate(2)}
    change = apply_shipment(gone.fulfilment, elsewhere, "S-1", {"F1": 2}, final=True)
    assert change.fulfilment.state is F.REJECTED
    assert change.quantities["L1"].over_shipped == 2
    assert ShipUnasked("SKU-1", "DC-1", 2) in change.effects
    assert causes(change.effects) == [Cause.OVER_SHIPPED, Cause.CALLED_OFF_BUT_DONE]


def test_an_answer_says_that_the_node_was_asked() -> None:
    change = apply_progress(*open_order(2), FulfilmentEvent.PICK, "M-1")
    assert change.fulfilment.state is F.PICKING
    assert change.quantities["L1"].requested == 2
    late = request(change.fulfilment, change.quantities)
    assert (late.fulfilment.state, late.quantities["L1"].requested) == (F.PICKING, 2)


def test_an_answer_to_what_is_on_hold_is_refused() -> None:
    held, quantities = open_order(2)
    with pytest.raises(TransitionRefusedError, match="on_hold"):
        apply_shipment(replace(held, state=F.ON_HOLD), quantities, "S-1", {"F1": 2}, final=True)


def test_a_node_may_name_lines_or_skus() -> None:
    fulfilment, _ = requested_order(2, 3)
    twins = replace(fulfilment, lines=tuple(replace(line, sku="SKU") for line in fulfilment.lines))
    assert by_line(fulfilment, [("F1", "?", 1), (None, "SKU-2", 2), ("F1", "?", 1)]) == {"F1": 2, "F2": 2}
    assert by_line(twins, [(None, "SKU", 3)]) == {"F1": 2, "F2": 1}
    assert by_line(twins, [(None, "SKU", 1), (None, "SKU", 6)]) == {"F1": 2, "F2": 5}
    with pytest.raises(RecordRejectedError, match=r"no SKU X; it holds F1 \(SKU-1\)"):
        by_line(fulfilment, [(None, "X", 1)])
    with pytest.raises(RecordRejectedError, match="no line F9"):
        by_line(fulfilment, [("F9", "SKU-1", 1)])


def test_cancelling_before_release_is_done_at_once() -> None:
    fulfilment, quantities = open_order(5)
    done = cancel_lines("ORDER-1", {"L1": 2}, quantities, [fulfilment], "customer")
    assert done.quantities["L1"] == LineQuantities(5, cancelled=2, allocated=3)
    assert done.fulfilments[0].state is F.OPEN
    assert done.effects == (
        ReleaseAllocation("F1", "SKU-1", "DC-1", 2, WhyReleased.CANCELLED),
        ReportCancellation("ORDER-1", (LineUnits("L1", 2),), "cancelled", "FO-1"),
    )
    rest = cancel_lines("ORDER-1", {"L1": 3}, done.quantities, done.fulfilments, "customer")
    assert rest.fulfilments[0].state is F.CANCELLED


def test_cancelling_takes_what_is_unallocated_first() -> None:
    fulfilment, _ = open_order(3)
    quantities = {"L1": LineQuantities(5, allocated=3)}
    done = cancel_lines("ORDER-1", {"L1": 2}, quantities, [fulfilment], "customer")
    assert done.fulfilments == (fulfilment,)
    assert done.effects == (ReportCancellation("ORDER-1", (LineUnits("L1", 2),), "customer", ""),)


def test_cancelling_after_release_asks_the_node_once() -> None:
    fulfilment, quantities = requested_order(5)
    asked = cancel_lines("ORDER-1", {"L1": 2}, quantities, [fulfilment], "customer")
    assert asked.effects == (RequestCancellation("FO-1", "DC-1"),)
    assert asked.quantities == quantities
    more = cancel_lines("ORDER-1", {"L1": 1}, asked.quantities, asked.fulfilments, "customer")
    assert more.effects == ()
    done = confirm_cancellation(more.fulfilments[0], more.quantities, "C-1")
    assert done.fulfilment.state is F.CANCELLED
    assert done.quantities["L1"] == LineQuantities(5, cancelled=3)
    assert Reroute("ORDER-1", (LineUnits("L1", 2),), frozenset({"DC-0"})) in done.effects


def test_a_node_that_agrees_to_a_part_keeps_the_rest() -> None:
    fulfilment, quantities = requested_order(5)
    asked = cancel_lines("ORDER-1", {"L1": 2}, quantities, [fulfilment], "customer")
    done = confirm_cancellation(asked.fulfilments[0], asked.quantities, "C-1", {"F1": 2})
    assert (done.fulfilment.state, done.fulfilment.open) == (F.ACCEPTED, 3)
    assert done.quantities["L1"] == LineQuantities(5, cancelled=2, allocated=3, requested=3)


def test_a_node_may_refuse_to_cancel() -> None:
    fulfilment, quantities = requested_order(5)
    asked = cancel_lines("ORDER-1", {"L1": 2}, quantities, [fulfilment], "customer")
    done = refuse_cancellation(asked.fulfilments[0], asked.quantities, "C-1", "on the dock")
    assert done.fulfilment.state is F.ACCEPTED
    assert causes(done.effects) == [Cause.PARTNER_REFUSED]
    assert [line.to_cancel for line in asked.fulfilments[0].lines] == [2]
    assert [line.to_cancel for line in done.fulfilment.lines] == [0]
    shipped = apply_shipment(done.fulfilment, done.quantities, "S-1", {"F1": 5}, final=True)
    assert shipped.quantities["L1"] == LineQuantities(5, shipped=5)


def test_what_ships_before_the_node_has_answered_is_booked_and_looked_at() -> None:
    fulfilment, quantities = requested_order(5)
    asked = cancel_lines("ORDER-1", {"L1": 2}, quantities, [fulfilment], "customer")
    part = apply_shipment(asked.fulfilments[0], asked.quantities, "S-1", {"F1": 3}, final=False)
    assert causes(part.effects) == []
    (raised,) = (
        effect
        for effect in apply_shipment(part.fulfilment, part.quantities, "S-2", {"F1": 1}, final=True).effects
        if isinstance(effect, RaiseWork)
    )
    assert (raised.cause, raised.subject) == (Cause.CALLED_OFF_BUT_DONE, "fulfilment_order:FO-1")
    assert "holds 1 units that the buyer does not want any more" in raised.message


def test_what_has_left_can_not_be_cancelled() -> None:
    shipped = apply_shipment(*requested_order(2), "S-1", {"F1": 2}, final=True)
    done = cancel_lines("ORDER-1", {"L1": 2}, shipped.quantities, [shipped.fulfilment], "customer")
    assert done.quantities == shipped.quantities
    assert causes(done.effects) == [Cause.PARTNER_REFUSED]


def test_what_is_missing_of_a_called_back_order_is_not_written_off() -> None:
    called = call_back(*requested_order(2))
    done = apply_shipment(called.fulfilment, called.quantities, "S-1", {}, final=True)
    assert done.fulfilment.state is F.CANCELLED
    assert not [effect for effect in done.effects if isinstance(effect, WriteOff)]


def test_a_silent_node_is_asked_to_give_its_order_back() -> None:
    called = call_back(*requested_order(2))
    assert called.effects == (RequestCancellation("FO-1", "DC-1"),)
    done = confirm_cancellation(called.fulfilment, called.quantities, "C-1")
    assert Reroute("ORDER-1", (LineUnits("L1", 2),), frozenset({"DC-0"})) in done.effects
    at_once = call_back(*open_order(2))
    assert at_once.fulfilment.state is F.CANCELLED
    assert at_once.quantities["L1"] == LineQuantities(2)


def test_a_cancellation_confirmed_after_the_goods_left_is_a_conflict() -> None:
    shipped = apply_shipment(*requested_order(2), "S-1", {"F1": 2}, final=True)
    done = confirm_cancellation(shipped.fulfilment, shipped.quantities, "C-1")
    assert done.quantities == shipped.quantities
    assert causes(done.effects) == [Cause.INVENTORY_CONFLICT]

"""What a fulfilment order holds, and what becomes of its units, line by line."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from crossdock.orders.cancelling import call_back, cancel_lines, confirm_cancellation, refuse_cancellation
from crossdock.orders.effects import (
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
from crossdock.orders.fulfilment import (
    Fulfilment,
    FulfilmentLine,
    by_line,
    drop,
    given_back,
    last_event,
    line_of_lot,
    own_quantities,
)
from crossdock.orders.life_cycles import FulfilmentEvent, FulfilmentState
from crossdock.orders.node_answers import apply_rejection, apply_shipment, apply_short_pick
from crossdock.orders.quantities import LineQuantities
from crossdock.orders.worklist import Cause
from tests.orders.builders import open_order, requested_order

F, FE = FulfilmentState, FulfilmentEvent
SUBJECT = "fulfilment_order:FO-1"


def a_line(number: int = 1, quantity: int = 9, **units: int) -> FulfilmentLine:
    return replace(FulfilmentLine(f"F{number}", f"L{number}", f"SKU-{number}", quantity), **units)


def order_of(*lines: FulfilmentLine, state: FulfilmentState = F.REQUESTED) -> Fulfilment:
    return Fulfilment("FO-1", "ORDER-1", "DC-1", state, lines)


def test_what_is_open_is_what_nothing_has_happened_to() -> None:
    line = a_line(quantity=20, shipped=1, rejected=2, short=3, cancelled=4, to_cancel=5)
    assert line.open == 10
    assert order_of(line, a_line(2, 3)).open == 13
    assert FulfilmentLine("F1", "L1", "SKU-1", 9) == FulfilmentLine(
        "F1", "L1", "SKU-1", 9, 0, 0, 0, 0, 0, None
    )


@pytest.mark.parametrize("state", FulfilmentState)
def test_a_node_was_asked_unless_the_order_waits_here(state: FulfilmentState) -> None:
    assert order_of(state=state).requested is (state not in (F.OPEN, F.SCHEDULED, F.ON_HOLD))


@pytest.mark.parametrize(
    ("lines", "event"),
    [
        ((a_line(shipped=9), a_line(2, 1, shipped=1)), FE.SHIP),
        ((a_line(shipped=8, short=1),), FE.SHIP_SHORT),
        ((a_line(shipped=9), a_line(2, 1, cancelled=1)), FE.SHIP_SHORT),
        ((a_line(short=1, rejected=8), a_line(2, 1, rejected=1)), FE.SHORT),
        ((a_line(rejected=1, cancelled=8), a_line(2, 1, cancelled=1)), FE.REJECT),
        ((a_line(cancelled=9), a_line(2, 1, cancelled=1)), FE.CANCEL),
    ],
)
def test_what_has_become_of_it_follows_from_its_lines(
    lines: tuple[FulfilmentLine, ...], event: FulfilmentEvent
) -> None:
    assert last_event(order_of(*lines)) is event


def test_units_of_a_sku_fill_its_lines_in_their_order_and_the_rest_goes_to_the_last() -> None:
    first, second, third = (replace(a_line(n, quantity), sku="A") for n, quantity in ((1, 2), (2, 3), (3, 1)))
    twins = order_of(first, replace(second, shipped=1), third, a_line(4))
    assert by_line(twins, [(None, "A", 1)]) == {"F1": 1}
    assert by_line(twins, [(None, "A", 3)]) == {"F1": 2, "F2": 1}
    assert by_line(twins, [(None, "A", 4), (None, "A", 5)]) == {"F1": 2, "F2": 2, "F3": 5}
    assert by_line(twins, [("F1", "A", 9), (None, "A", 1)]) == {"F1": 9, "F2": 1}
    assert by_line(twins, [("F1", "A", 0), (None, "SKU-4", 0)]) == {}


def test_a_line_is_found_by_its_lot() -> None:
    order = order_of(replace(a_line(), lot="7"), replace(a_line(2), sku="SKU-1", lot="8"), a_line(3))
    assert [line_of_lot(order, "SKU-1", lot) for lot in ("7", "8", "9", None)] == ["F1", "F2", None, None]
    assert line_of_lot(order, "SKU-3", "7") is None


@pytest.mark.parametrize(
    ("why", "counter", "extra"),
    [
        (WhyReleased.REJECTED, "rejected", ()),
        (WhyReleased.SHORT, "short", (WriteOff("SKU-1", "DC-1", 3, "7"),)),
        (WhyReleased.CANCELLED, "cancelled", ()),
    ],
)
def test_dropped_units_are_counted_by_why_cancelled_where_unwanted_and_else_routed_again(
    why: WhyReleased, counter: str, extra: tuple[WriteOff, ...]
) -> None:
    order = order_of(replace(a_line(to_cancel=2), lot="7"), a_line(2))
    order = replace(order, tried_nodes=frozenset({"DC-0"}))
    quantities = {each.order_line: LineQuantities(9, allocated=9, requested=9) for each in order.lines}
    dropped, changed, effects = drop(order, quantities, {"F1": 3}, why)
    assert dropped.lines == (replace(order.lines[0], to_cancel=0, **{counter: 3}), order.lines[1])
    assert dropped.state is order.state
    short = 3 if why is WhyReleased.SHORT else 0
    assert changed == {
        "L1": LineQuantities(9, cancelled=2, allocated=6, requested=6, short=short),
        "L2": quantities["L2"],
    }
    avoided = {"DC-0"} if why is WhyReleased.CANCELLED else {"DC-0", "DC-1"}
    assert effects == [
        ReleaseAllocation("F1", "SKU-1", "DC-1", 3, why, "7"),
        *extra,
        ReportCancellation("ORDER-1", (LineUnits("L1", 2),), why.value, "FO-1"),
        Reroute("ORDER-1", (LineUnits("L1", 1),), frozenset(avoided)),
    ]


def test_no_more_is_dropped_than_is_open_and_what_is_wanted_is_dropped_last() -> None:
    order, quantities = requested_order(4, 5)
    order = replace(order, lines=(replace(order.lines[0], to_cancel=3), order.lines[1]))
    dropped, changed, effects = drop(order, quantities, {"F1": 99}, WhyReleased.CANCELLED)
    assert (dropped.lines[0].cancelled, dropped.lines[0].to_cancel, dropped.open) == (4, 0, 5)
    assert (changed["L1"].cancelled, changed["L1"].unallocated) == (3, 1)
    some, _, reported = drop(order, quantities, {"F1": 2}, WhyReleased.CANCELLED)
    assert some.lines[0].to_cancel == 1
    assert [type(effect) for effect in reported] == [ReleaseAllocation, ReportCancellation]
    everything, _, _ = drop(order, quantities, None, WhyReleased.CANCELLED)
    assert everything.open == 0
    assert len(effects) == 3


def test_a_surplus_is_what_was_not_found_then_what_was_refused_then_what_was_called_off() -> None:
    before = a_line(quantity=10, short=2, rejected=3, cancelled=4, to_cancel=1)
    lot = order_of(replace(before, lot="7"))
    for units, after, unasked in (
        (1, {"shipped": 1, "to_cancel": 0}, 0),
        (2, {"shipped": 2, "short": 1, "to_cancel": 0}, 0),
        (4, {"shipped": 4, "short": 0, "rejected": 2, "to_cancel": 0}, 1),
        (8, {"shipped": 8, "short": 0, "rejected": 0, "cancelled": 2, "to_cancel": 0}, 5),
        (12, {"shipped": 10, "short": 0, "rejected": 0, "cancelled": 0, "to_cancel": 0}, 9),
    ):
        lacking = {"L1": LineQuantities(30, allocated=1, requested=1)}
        done = apply_shipment(lot, lacking, "S-1", {"F1": units}, final=False)
        assert done.fulfilment.lines == (replace(lot.lines[0], **after),)
        assert done.quantities["L1"].shipped == units
        gone = [effect for effect in done.effects if isinstance(effect, ShipAllocation | ShipUnasked)]
        surplus = [ShipUnasked("SKU-1", "DC-1", unasked, "7")] if unasked else []
        assert gone == [ShipAllocation("F1", "SKU-1", "DC-1", 1, "7"), *surplus]


def test_a_part_of_what_is_to_be_cancelled_may_leave() -> None:
    asked = order_of(a_line(quantity=5, to_cancel=3), state=F.CANCEL_REQUESTED)
    quantities = {"L1": LineQuantities(5, allocated=5, requested=5)}
    for units, unwanted in ((1, 3), (2, 3), (3, 2)):
        done = apply_shipment(asked, quantities, "S-1", {"F1": units}, final=False)
        assert done.fulfilment.lines[0].to_cancel == unwanted


def test_what_is_on_its_way_back_is_told_by_line() -> None:
    kept = a_line(quantity=4, shipped=2, rejected=1, short=1)
    assert given_back(order_of(kept, a_line(2, 3, rejected=2, cancelled=1))) == (0, 1, 4)
    assert given_back(order_of(a_line(1, 1, rejected=1), a_line(2, 3, rejected=2, cancelled=1))) == (1, 2, 4)


def test_units_are_cancelled_where_it_is_cheapest() -> None:
    here, there = order_of(a_line(1, 3), state=F.OPEN), order_of(replace(a_line(1, 4), id="F9"), a_line(2, 2))
    there = replace(there, id="FO-2", node="DC-2")
    quantities = {
        "L1": LineQuantities(9, allocated=7, requested=4),
        "L2": LineQuantities(3, allocated=2, requested=2),
        "L3": LineQuantities(1),
    }
    done = cancel_lines("ORDER-1", {"L1": 6, "L2": 1, "L3": 1}, quantities, [there, here], "fraud")
    assert done.effects == (
        ReportCancellation("ORDER-1", (LineUnits("L1", 2), LineUnits("L2", 1), LineUnits("L3", 1)), "fraud"),
        ReleaseAllocation("F1", "SKU-1", "DC-1", 3, WhyReleased.CANCELLED),
        ReportCancellation("ORDER-1", (LineUnits("L1", 3),), "cancelled", "FO-1"),
        RequestCancellation("FO-2", "DC-2"),
    )
    assert [each.id for each in done.fulfilments] == ["FO-2", "FO-1"]
    assert [each.state for each in done.fulfilments] == [F.CANCEL_REQUESTED, F.CANCELLED]
    assert [line.to_cancel for line in done.fulfilments[0].lines] == [1, 0]
    assert done.quantities["L1"] == LineQuantities(9, cancelled=5, allocated=4, requested=4)
    assert (done.quantities["L2"].cancelled, done.quantities["L3"].cancelled) == (1, 1)
    rest = cancel_lines("ORDER-1", {"L1": 9}, done.quantities, done.fulfilments, "fraud")
    assert [line.to_cancel for line in rest.fulfilments[0].lines] == [4, 0]
    assert rest.effects == (
        RaiseWork(
            Cause.PARTNER_REFUSED,
            "order:ORDER-1",
            "asked to cancel what has left already: 6 of line L1; offer a return instead",
        ),
    )


def test_what_has_left_of_several_lines_is_told_line_by_line() -> None:
    lines = {"L1": LineQuantities(2, shipped=2), "L2": LineQuantities(1), "L3": LineQuantities(1, shipped=1)}
    done = cancel_lines("ORDER-1", {"L1": 2, "L2": 1, "L3": 1}, lines, [], "customer")
    (told,) = [effect for effect in done.effects if isinstance(effect, RaiseWork)]
    assert "already: 2 of line L1, 1 of line L3; offer" in told.message


@pytest.mark.parametrize(("reason", "why"), [("", ""), ("on the dock", ": on the dock")])
def test_a_refused_cancellation_is_told_where_the_buyer_wanted_it(reason: str, why: str) -> None:
    fulfilment, quantities = requested_order(5, 1)
    asked = cancel_lines("ORDER-1", {"L1": 2, "L2": 1}, quantities, [fulfilment], "customer")
    done = refuse_cancellation(asked.fulfilments[0], asked.quantities, "C-1", reason)
    text = f"node DC-1 did not cancel 3 units the buyer does not want any more{why}"
    assert done.effects == (RaiseWork(Cause.PARTNER_REFUSED, SUBJECT, text),)
    again = refuse_cancellation(done.fulfilment, done.quantities, "C-1", reason)
    assert (again.fulfilment, again.quantities, again.effects) == (done.fulfilment, done.quantities, ())
    called = call_back(*requested_order(5))
    silent = refuse_cancellation(called.fulfilment, called.quantities, "C-2", reason)
    assert (silent.fulfilment.state, silent.effects) == (F.ACCEPTED, ())


def test_a_node_may_agree_before_it_is_asked_and_once() -> None:
    done = confirm_cancellation(*open_order(2), "C-1")
    assert done.fulfilment.state is F.CANCELLED
    assert done.fulfilment.messages == {"C-1"}
    assert done.quantities["L1"] == LineQuantities(2)
    again = confirm_cancellation(done.fulfilment, done.quantities, "C-1")
    assert (again.fulfilment, again.effects) == (done.fulfilment, ())
    refused = refuse_cancellation(*requested_order(2), "C-2")
    assert refused.fulfilment.state is F.REQUESTED
    assert refused.fulfilment.messages == {"C-2"}
    part = confirm_cancellation(*requested_order(5), "C-3", {"F1": 2})
    assert (part.fulfilment.state, part.fulfilment.open) == (F.REQUESTED, 3)


def test_calling_back_twice_asks_once() -> None:
    called = call_back(*requested_order(2))
    again = call_back(called.fulfilment, called.quantities)
    assert (again.fulfilment, again.effects) == (called.fulfilment, ())


@pytest.mark.parametrize("refuse", [apply_rejection, apply_short_pick])
def test_what_a_node_refuses_when_nothing_is_open_is_looked_at_and_changes_nothing(refuse: object) -> None:
    shipped = apply_shipment(*requested_order(2), "S-1", {"F1": 2}, final=True)
    apply = apply_rejection if refuse is apply_rejection else apply_short_pick
    late = apply(shipped.fulfilment, shipped.quantities, "R-1")
    assert late.fulfilment == replace(shipped.fulfilment, messages=frozenset({"S-1", "R-1"}))
    assert late.quantities == shipped.quantities
    told = "node DC-1: 'reject' of a fulfilment order that is 'shipped'"
    conflict = RaiseWork(Cause.INVENTORY_CONFLICT, SUBJECT, told)
    assert late.effects == ((conflict,) if refuse is apply_rejection else ())
    confirmed = confirm_cancellation(shipped.fulfilment, shipped.quantities, "C-1")
    assert confirmed.fulfilment.messages == {"S-1", "C-1"}


def test_a_surplus_is_told_by_how_much() -> None:
    change = apply_shipment(*requested_order(2, 1), "S-1", {"F1": 3, "F2": 2}, final=True)
    text = "shipment S-1 of node DC-1 holds 2 units more than the order lacks"
    assert RaiseWork(Cause.OVER_SHIPPED, SUBJECT, text) in change.effects
    assert change.fulfilment.messages == {"S-1"}
    more = apply_shipment(change.fulfilment, change.quantities, "S-2", {"F1": 4}, final=True)
    text = "shipment S-2 of node DC-1 holds 4 units more than the order lacks"
    assert RaiseWork(Cause.OVER_SHIPPED, SUBJECT, text) in more.effects


def test_an_order_goes_to_the_buyer_and_was_tried_nowhere_unless_it_says_so() -> None:
    plain = Fulfilment("FO-1", "ORDER-1", "DC-1", F.OPEN, ())
    assert (plain.tried_nodes, plain.messages, plain.to_node) == (frozenset(), frozenset(), "")


def test_a_shipment_is_reported_with_the_lines_of_which_units_left() -> None:
    change = apply_shipment(*requested_order(2, 3), "S-1", {"F2": 1}, final=False)
    assert change.effects == (
        ShipAllocation("F2", "SKU-2", "DC-1", 1),
        ReportShipment("ORDER-1", "FO-1", "S-1", (LineUnits("L2", 1),)),
    )
    nothing = apply_shipment(*requested_order(2, 3), "S-1", {}, final=False)
    assert nothing.effects == ()


@pytest.mark.parametrize(("state", "requested"), [(F.SCHEDULED, (0, 0)), (F.REQUESTED, (5, 2))])
def test_a_fulfilment_order_to_another_node_has_lines_of_its_own(
    state: FulfilmentState, requested: tuple[int, int]
) -> None:
    first, again = (a_line(1, 6, shipped=2, cancelled=1), replace(a_line(2, 4, cancelled=2), order_line="L1"))
    found = own_quantities(order_of(first, again, a_line(3, 2), state=state))
    assert found == {
        "L1": LineQuantities(10, cancelled=3, allocated=5, requested=requested[0], shipped=2),
        "L3": LineQuantities(2, allocated=2, requested=requested[1]),
    }

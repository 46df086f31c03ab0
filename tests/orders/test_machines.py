from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest

from crossdock.orders.life_cycles import (
    FULFILMENT_ORDER,
    ORDER,
    ORDER_LINE,
    RETURN,
    SHIPMENT,
    FulfilmentEvent,
    FulfilmentState,
    OrderEvent,
    OrderState,
    ReturnEvent,
    ReturnState,
    ShipmentEvent,
    ShipmentState,
)
from crossdock.orders.machine import Machine, Step, StepKind, TransitionRefusedError, advance, take
from crossdock.orders.worklist import Cause
from crossdock.sdk.errors import RecordRejectedError

AnyMachine = Machine[Any, Any]
MACHINES: list[AnyMachine] = [ORDER, ORDER_LINE, FULFILMENT_ORDER, SHIPMENT, RETURN]
each_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)


def moves(machine: AnyMachine) -> Iterator[tuple[StrEnum, StrEnum, StrEnum]]:
    for (state, event), target in machine.transitions.items():
        yield state, event, target


@each_machine
def test_every_state_can_be_reached(machine: AnyMachine) -> None:
    reached, grown = {machine.initial}, True
    while grown:
        found = reached | {target for state, _, target in moves(machine) if state in reached}
        grown, reached = found != reached, found
    assert reached == set(machine.states)


@each_machine
def test_every_state_can_come_to_an_end(machine: AnyMachine) -> None:
    ending = set(machine.finals)
    assert ending
    for _ in machine.states:
        ending |= {state for state, _, target in moves(machine) if target in ending}
    assert ending == set(machine.states)


@each_machine
def test_the_same_event_twice_is_harmless(machine: AnyMachine) -> None:
    for _, event, target in moves(machine):
        step = take(machine, target, event)
        assert step.state is target, (target, event)
        assert step.kind is not StepKind.ESCALATED


@each_machine
def test_no_pair_stands_in_two_tables(machine: AnyMachine) -> None:
    tables = [set(machine.transitions), set(machine.late), set(machine.escalated)]
    assert len(set.union(*tables)) == sum(map(len, tables))


F, FE = FulfilmentState, FulfilmentEvent


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ([FE.REQUEST, FE.ACCEPT, FE.PICK, FE.PACK, FE.SHIP, FE.CLOSE], F.CLOSED),
        ([FE.REQUEST, FE.SHIP, FE.ACCEPT, FE.PACK, FE.PICK], F.SHIPPED),
        ([FE.ACCEPT, FE.REQUEST, FE.PACK], F.PACKED),
        ([FE.REQUEST, FE.REQUEST_CANCEL, FE.PICK, FE.CANCEL], F.CANCELLED),
        ([FE.REQUEST, FE.REQUEST_CANCEL, FE.REFUSE_CANCEL, FE.PACK], F.PACKED),
        ([FE.REQUEST, FE.REQUEST_CANCEL, FE.SHIP, FE.REFUSE_CANCEL], F.SHIPPED),
        ([FE.SCHEDULE, FE.HOLD, FE.RELEASE, FE.CANCEL], F.CANCELLED),
    ],
)
def test_fulfilment_orders(events: list[FulfilmentEvent], state: FulfilmentState) -> None:
    now = FULFILMENT_ORDER.initial
    for event in events:
        now = advance(FULFILMENT_ORDER, now, event)
    assert now is state


def test_late_news_is_ignored_with_its_reason() -> None:
    step = take(FULFILMENT_ORDER, F.PACKED, FE.PICK)
    assert (step.state, step.kind, step.reason) == (F.PACKED, StepKind.IGNORED, "it is packed already")
    assert take(SHIPMENT, ShipmentState.DELIVERED, ShipmentEvent.SCAN).kind is StepKind.IGNORED
    assert take(ORDER, OrderState.ROUTED, OrderEvent.ROUTE).reason == "repeated"


@pytest.mark.parametrize(
    ("machine", "state", "event", "cause"),
    [
        (FULFILMENT_ORDER, F.CANCELLED, FE.SHIP, Cause.CALLED_OFF_BUT_DONE),
        (FULFILMENT_ORDER, F.SHIPPED, FE.CANCEL, Cause.INVENTORY_CONFLICT),
        (SHIPMENT, ShipmentState.VOIDED, ShipmentEvent.SCAN, Cause.CALLED_OFF_BUT_DONE),
        (ORDER, OrderState.SHIPPED, OrderEvent.CANCEL, Cause.PARTNER_REFUSED),
        (RETURN, ReturnState.RECEIVED, ReturnEvent.CANCEL, Cause.PARTNER_REFUSED),
    ],
)
def test_what_was_called_off_and_happened_goes_to_the_worklist(
    machine: AnyMachine, state: StrEnum, event: StrEnum, cause: Cause
) -> None:
    step = take(machine, state, event)
    assert (step.state, step.kind, step.cause) == (state, StepKind.ESCALATED, cause)


def test_the_impossible_is_refused_and_says_what_is_allowed() -> None:
    with pytest.raises(TransitionRefusedError) as refused:
        advance(FULFILMENT_ORDER, F.ON_HOLD, FE.SHIP)
    assert isinstance(refused.value, RecordRejectedError)
    assert refused.value.allowed == ("release", "cancel")
    assert "'ship' can't happen to a fulfilment order that is 'on_hold'; allowed are release, cancel" in str(
        refused.value
    )
    with pytest.raises(TransitionRefusedError, match="nothing is allowed any more"):
        advance(ORDER, OrderState.CLOSED, OrderEvent.HOLD)


SMALL: Machine[FulfilmentState, FulfilmentEvent] = Machine(
    "parcel",
    F.OPEN,
    {(F.OPEN, FE.PICK): F.PICKING, (F.PICKING, FE.PICK): F.PICKING, (F.PICKING, FE.SHIP): F.SHIPPED},
    late={(F.SHIPPED, FE.PICK): "it has left"},
    escalated={(F.SHIPPED, FE.CANCEL): Cause.INVENTORY_CONFLICT},
)


def test_a_step_says_what_an_event_did_and_why_it_did_nothing() -> None:
    assert take(SMALL, F.OPEN, FE.PICK) == Step(F.PICKING) == Step(F.PICKING, StepKind.MOVED, "", None)
    assert take(SMALL, F.SHIPPED, FE.PICK) == Step(F.SHIPPED, StepKind.IGNORED, "it has left", None)
    assert take(SMALL, F.SHIPPED, FE.SHIP) == Step(F.SHIPPED, StepKind.IGNORED, "repeated", None)
    told = "'cancel' of a parcel that is 'shipped'"
    escalated = Step(F.SHIPPED, StepKind.ESCALATED, told, Cause.INVENTORY_CONFLICT)
    assert take(SMALL, F.SHIPPED, FE.CANCEL) == escalated
    assert advance(SMALL, F.SHIPPED, FE.CANCEL) is F.SHIPPED


def test_a_machine_knows_what_moves_a_state_and_what_ends_it() -> None:
    assert SMALL.allowed(F.PICKING) == (FE.PICK, FE.SHIP)
    assert SMALL.allowed(F.SHIPPED) == ()
    assert SMALL.states == tuple(F)
    assert F.PICKING not in SMALL.finals
    assert {F.SHIPPED, F.CLOSED} <= SMALL.finals
    assert [SMALL.repeats(F.SHIPPED, event) for event in (FE.SHIP, FE.PICK)] == [True, False]
    assert Machine("empty", F.OPEN, {}) == Machine("empty", F.OPEN, {}, {}, {})


def test_what_is_refused_is_told_part_by_part() -> None:
    with pytest.raises(TransitionRefusedError) as refused:
        take(SMALL, F.OPEN, FE.SHIP)
    error = refused.value
    assert (error.machine, error.state, error.event, error.allowed) == ("parcel", "open", "ship", ("pick",))
    (rejection,) = error.rejections
    assert rejection.code == "orders.transition"

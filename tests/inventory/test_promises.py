from __future__ import annotations

from dataclasses import replace

import pytest

from crossdock.inventory.availability import Limits
from crossdock.inventory.position import MovementKind, Position
from crossdock.inventory.promises import (
    Allocated,
    Claim,
    Refusal,
    RefusalReason,
    Reservation,
    ReservationState,
    Reserved,
    allocate,
    confirm,
    expire,
    extend,
    lapsed_units,
    move,
    release,
    reserve,
)
from tests.inventory.builders import NODE, SKU, allocation, minute, reservation

STOCK = Position(SKU, NODE, 5)
NOW = minute(0)


def held(units: int = 2) -> tuple[Position, Reservation]:
    done = reserve(STOCK, reservation(units), NOW, "shop")
    assert isinstance(done, Reserved)
    return done.positions[0], done.reservation


def refused(outcome: object) -> RefusalReason:
    assert isinstance(outcome, Refusal)
    return outcome.reason


def test_reserving_holds_units() -> None:
    position, _ = held()
    assert position.balance == (5, 2, 0, 0)


@pytest.mark.parametrize(
    ("limits", "available"),
    [
        (Limits(), 5),
        (Limits(safety_stock=2), 3),
        (Limits(ring_fenced=4), 1),
        (Limits(safety_stock=9), 0),
        (Limits(inbound_due=1), 6),
        (Limits(inbound_promised=1), 6),
        (Limits(backorder_cap=3), 8),
    ],
)
def test_no_more_is_held_than_the_limits_leave(limits: Limits, available: int) -> None:
    outcome = reserve(STOCK, reservation(available + 1), NOW, "shop", limits=limits)
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.available) == (RefusalReason.INSUFFICIENT, available)
    if available:
        assert isinstance(reserve(STOCK, reservation(available), NOW, "shop", limits=limits), Reserved)


def test_a_key_is_one_reservation() -> None:
    position, made = held()
    again = reserve(position, reservation(2), NOW, "shop", existing=made)
    assert again == Reserved(made)
    assert refused(reserve(position, reservation(3), NOW, "shop", existing=made)) is RefusalReason.KEY_REUSED
    late = reserve(position, reservation(2), minute(10), "shop", existing=made)
    assert refused(late) is RefusalReason.EXPIRED
    confirmed = replace(made, state=ReservationState.CONFIRMED)
    assert reserve(position, reservation(2), NOW, "shop", existing=confirmed) == Reserved(confirmed)


def test_a_reservation_must_begin_before_it_ends() -> None:
    assert refused(reserve(STOCK, reservation(expires=0), NOW, "shop")) is RefusalReason.EXPIRED
    with pytest.raises(ValueError, match="at least one"):
        reserve(STOCK, reservation(0), NOW, "shop")


def test_confirming_turns_it_into_an_allocation_once() -> None:
    position, made = held()
    done = confirm(position, made, minute(9.9), "hub")
    assert isinstance(done, Reserved)
    assert done.positions[0].balance == (5, 0, 2, 0)
    assert done.movements[0].kind is MovementKind.ALLOCATED
    assert confirm(done.positions[0], done.reservation, minute(99), "hub") == Reserved(done.reservation)


def test_a_lapsed_reservation_holds_nothing_whether_or_not_the_job_has_run() -> None:
    position, made = held()
    assert refused(confirm(position, made, minute(10), "hub")) is RefusalReason.EXPIRED
    assert refused(extend(position, made, minute(20), minute(10), "hub")) is RefusalReason.EXPIRED
    other = Position(SKU, "DC-2", 9)
    assert refused(move(position, other, made, minute(10), "hub")) is RefusalReason.EXPIRED
    assert lapsed_units([made], minute(10)) == {(SKU, NODE): 2}
    assert lapsed_units([made], minute(9)) == {}


def test_expiring_gives_the_units_back_once() -> None:
    position, made = held()
    assert expire(position, made, minute(9), "sweep") == Reserved(made)
    done = expire(position, made, minute(30), "sweep")
    assert done.positions[0].balance == STOCK.balance
    assert done.movements[0].as_of == minute(10)
    assert expire(done.positions[0], done.reservation, minute(31), "sweep").movements == ()
    assert release(done.positions[0], done.reservation, minute(31), "shop") == Reserved(done.reservation)


def test_extending_only_lengthens() -> None:
    position, made = held()
    longer = extend(position, made, minute(20), NOW, "shop")
    assert isinstance(longer, Reserved)
    assert longer.reservation.expires_at == minute(20)
    assert longer.positions[0] == position
    for instant in (15, 20):
        again = extend(position, longer.reservation, minute(instant), NOW, "shop")
        assert again == Reserved(longer.reservation)


def test_releasing_gives_back_once_and_not_what_is_an_allocation() -> None:
    position, made = held()
    done = release(position, made, minute(20), "shop")
    assert isinstance(done, Reserved)
    assert done.positions[0].balance == STOCK.balance
    assert release(done.positions[0], done.reservation, NOW, "shop") == Reserved(done.reservation)
    assert refused(confirm(position, done.reservation, NOW, "shop")) is RefusalReason.RELEASED
    confirmed = replace(made, state=ReservationState.CONFIRMED)
    assert refused(release(position, confirmed, NOW, "shop")) is RefusalReason.CONFIRMED


def test_moving_checks_the_destination_in_the_same_step() -> None:
    position, made = held()
    poor, rich = Position(SKU, "DC-2", 1), Position(SKU, "DC-2", 2)
    outcome = move(position, poor, made, NOW, "hub")
    assert isinstance(outcome, Refusal)
    assert (outcome.reason, outcome.available) == (RefusalReason.INSUFFICIENT, 1)
    assert (
        refused(move(position, rich, made, NOW, "hub", limits=Limits(safety_stock=1)))
        is RefusalReason.INSUFFICIENT
    )
    done = move(position, rich, made, NOW, "hub")
    assert isinstance(done, Reserved)
    assert [each.balance for each in done.positions] == [(5, 0, 0, 0), (2, 2, 0, 0)]
    assert done.reservation.node == "DC-2"
    assert move(rich, done.positions[1], done.reservation, NOW, "hub") == Reserved(done.reservation)
    with pytest.raises(ValueError, match="holds SKU-1"):
        move(position, Position("OTHER", "DC-2", 9), made, NOW, "hub")


def claims(*units: int) -> list[Claim]:
    return [Claim(f"FO-1/{line}", SKU, NODE, quantity) for line, quantity in enumerate(units)]


def test_allocating_takes_all_claims_or_none() -> None:
    done = allocate({STOCK.key: STOCK}, claims(2, 3), NOW, "hub")
    assert isinstance(done, Allocated)
    assert done.positions[STOCK.key].balance == (5, 0, 5, 0)
    assert [each.quantity for each in done.allocations] == [2, 3]
    outcome = allocate({STOCK.key: STOCK}, claims(2, 4), NOW, "hub")
    assert isinstance(outcome, Refusal)
    assert (outcome.key, outcome.available) == ("FO-1/1", 3)
    assert isinstance(allocate({}, claims(1), NOW, "hub"), Refusal)


def test_allocating_honours_limits_and_is_idempotent() -> None:
    limits = {STOCK.key: Limits(safety_stock=4)}
    assert isinstance(allocate({STOCK.key: STOCK}, claims(2), NOW, "hub", limits=limits), Refusal)
    known = {"FO-1/0": allocation(9, key="FO-1/0")}
    done = allocate({STOCK.key: STOCK}, claims(9), NOW, "hub", existing=known)
    assert isinstance(done, Allocated)
    assert (done.allocations, done.movements, done.positions) == ((known["FO-1/0"],), (), {})
    with pytest.raises(ValueError, match="at least one"):
        allocate({STOCK.key: STOCK}, claims(0), NOW, "hub")

"""What is refused or ignored is told in words that name the thing, and what to do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from crossdock.inventory.availability import NO_LIMITS, Limits
from crossdock.inventory.facts import Allocation
from crossdock.inventory.feeds import (
    NOTHING_IN_FLIGHT,
    FeedContext,
    FeedResult,
    InFlight,
    LineOutcome,
    LineReason,
    OmissionRefused,
    apply_feed,
    close_feed,
)
from crossdock.inventory.invariants import Breach, Invariant, breaches, ledger_breach, reservation_breach
from crossdock.inventory.lots import Lot, SinceCount
from crossdock.inventory.position import Movement, MovementKind, Position, from_units, to_units
from crossdock.inventory.promises import (
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
    move,
    release,
    reserve,
)
from crossdock.inventory.safety_stock import SafetyRule, SafetyStock, product_tags
from crossdock_schemas.stock import FeedMeaning, FeedMode
from tests.inventory.builders import NODE, SKU, feed, minute, reservation

NOW = minute(0)
STOCK = Position(SKU, NODE, 5)
HELD = Position(SKU, NODE, 5, reserved=2)


def in_state(state: ReservationState, units: int = 2) -> Reservation:
    return replace(reservation(units), state=state)


AGAIN = "reserve again under a new key"
EXPIRED = f"reservation cart-1 expired at 2026-11-23T12:10:00+00:00; {AGAIN}"
RELEASED = f"reservation cart-1 was released; {AGAIN}"
CONFIRMED = "reservation cart-1 is an allocation now; cancel its fulfilment order line instead"


@pytest.mark.parametrize(
    ("state", "reason", "message"),
    [
        (ReservationState.EXPIRED, RefusalReason.EXPIRED, EXPIRED),
        (ReservationState.RELEASED, RefusalReason.RELEASED, RELEASED),
        (ReservationState.CONFIRMED, RefusalReason.CONFIRMED, CONFIRMED),
    ],
)
def test_what_holds_nothing_any_more_says_so(
    state: ReservationState, reason: RefusalReason, message: str
) -> None:
    ended = in_state(state)
    refusal = Refusal(reason, "cart-1", message)
    assert extend(HELD, ended, minute(20), NOW, "shop") == refusal
    assert move(HELD, Position(SKU, "DC-2", 9), ended, NOW, "hub") == refusal
    if state is not ReservationState.CONFIRMED:
        assert confirm(HELD, ended, NOW, "hub") == refusal
        assert reserve(HELD, reservation(2), NOW, "shop", existing=ended) == refusal
        assert release(HELD, ended, NOW, "shop") == Reserved(ended)
    else:
        assert release(HELD, ended, NOW, "shop") == refusal


def test_a_promise_that_can_not_be_made_says_why() -> None:
    wanted = reservation(6)
    short = "wanted from node DC-1, 5 can be promised"
    assert reserve(STOCK, wanted, NOW, "shop") == Refusal(
        RefusalReason.INSUFFICIENT, "cart-1", f"cart-1: 6 units of SKU SKU-1 {short}", 5
    )
    assert reserve(STOCK, reservation(expires=-1), NOW, "shop") == Refusal(
        RefusalReason.EXPIRED, "cart-1", "reservation cart-1 would expire before it begins", 0
    )
    for other in (reservation(3), replace(reservation(2), sku="SKU-9")):
        assert reserve(HELD, other, NOW, "shop", existing=reservation(2)) == Refusal(
            RefusalReason.KEY_REUSED,
            "cart-1",
            "key cart-1 already holds 2 units of SKU SKU-1; "
            f"use a new key for {other.quantity} units of SKU {other.sku}",
        )
    claim = Claim("FO-1/1", SKU, NODE, 6)
    assert allocate({STOCK.key: STOCK}, [claim], NOW, "hub") == Refusal(
        RefusalReason.INSUFFICIENT, "FO-1/1", f"FO-1/1: 6 units of SKU SKU-1 {short}", 5
    )
    moved = move(HELD, Position(SKU, "DC-2", 1), reservation(2), NOW, "hub")
    assert isinstance(moved, Refusal)
    assert moved.message == "cart-1: 2 units of SKU SKU-1 wanted from node DC-2, 1 can be promised"


def test_every_promise_is_booked_with_who_when_and_under_which_id() -> None:
    held = reservation(2)

    def movement(
        kind: MovementKind, reserved: int, news: str, allocated: int = 0, node: str = NODE, at: float = 1
    ) -> Movement:
        return Movement(SKU, node, kind, 0, reserved, allocated, 0, minute(at), "hub", news, None)

    now, kinds = minute(1), MovementKind
    made = reserve(STOCK, held, now, "hub")
    assert isinstance(made, Reserved)
    assert made == Reserved(held, (HELD,), (movement(kinds.RESERVED, 2, "cart-1"),))
    longer = extend(HELD, held, minute(20), now, "hub")
    assert isinstance(longer, Reserved)
    assert longer.movements == (movement(kinds.EXTENDED, 0, "cart-1@2026-11-23T12:20:00+00:00"),)
    confirmed = confirm(HELD, held, now, "hub")
    assert isinstance(confirmed, Reserved)
    assert confirmed.movements == (movement(kinds.ALLOCATED, -2, "cart-1", 2),)
    assert confirmed.reservation == in_state(ReservationState.CONFIRMED)
    released = release(HELD, held, now, "hub")
    assert isinstance(released, Reserved)
    assert released.movements == (movement(kinds.RELEASED, -2, "cart-1"),)
    assert released.reservation == in_state(ReservationState.RELEASED)
    lapsed = expire(HELD, held, minute(11), "hub")
    assert lapsed.movements == (movement(kinds.EXPIRED, -2, "cart-1", at=10),)
    assert lapsed.reservation == in_state(ReservationState.EXPIRED)
    moved = move(HELD, Position(SKU, "DC-2", 2), held, now, "hub")
    assert isinstance(moved, Reserved)
    news = "cart-1>DC-2@2026-11-23T12:01:00+00:00"
    assert moved.movements == (
        movement(kinds.RELEASED, -2, news),
        movement(kinds.RESERVED, 2, news, node="DC-2"),
    )
    assert moved.reservation == replace(held, node="DC-2")


def test_a_reservation_holds_until_its_instant() -> None:
    held = reservation(2)
    assert [held.lapsed(minute(at)) for at in (9.99, 10, 11)] == [False, True, True]
    assert not in_state(ReservationState.RELEASED).lapsed(minute(11))


def test_what_is_not_said_is_nothing() -> None:
    assert Position(SKU, NODE) == Position(SKU, NODE, 0, 0, 0, 0, None, None, "", FeedMeaning.PHYSICAL)
    assert Reservation("k", SKU, NODE, 1, NOW) == Reservation(
        "k", SKU, NODE, 1, NOW, ReservationState.ACTIVE, ""
    )
    assert Refusal(RefusalReason.EXPIRED, "k", "m") == Refusal(RefusalReason.EXPIRED, "k", "m", 0)
    assert Reserved(reservation()) == Reserved(reservation(), (), ())
    assert Allocation("k", SKU, NODE, 1) == Allocation("k", SKU, NODE, 1, None)
    assert FeedContext(NODE, "f", "wms", NOW) == FeedContext(
        NODE, "f", "wms", NOW, FeedMode.FULL, FeedMeaning.PHYSICAL, None
    )
    assert LineOutcome(0, SKU, LineReason.OLDER) == LineOutcome(0, SKU, LineReason.OLDER, "")
    assert Lot(SKU, NODE, "1") == Lot(SKU, NODE, "1", None, 0, 0, 0)
    assert InFlight() == NOTHING_IN_FLIGHT == (0, 0, 0, 0)
    assert Limits() == NO_LIMITS == (0, 0, 0, 0, 0)
    assert SinceCount() == (0, 0, 0)
    assert SafetyRule() == SafetyRule(0, Decimal(0), frozenset(), frozenset(), frozenset(), None)
    assert (to_units(Decimal(3)), from_units(3)) == (3, Decimal(3))


def test_lines_that_change_nothing_say_why() -> None:
    def told(result: FeedResult) -> list[tuple[LineReason, str]]:
        return [(each.reason, each.message) for each in (*result.ignored, *result.rejected)]

    lines = [("A", -1, None), ("B", 2, -3), ("X", 1, None)]
    assert told(apply_feed({}, lines, feed(1), {}, known_skus={"A", "B"})) == [
        (LineReason.NEGATIVE_QUANTITY, "-1 units of SKU A: what lies on a shelf can't be negative"),
        (LineReason.NEGATIVE_QUANTITY, "-3 units of SKU B in quarantine: that can't be negative"),
        (
            LineReason.UNKNOWN_SKU,
            "SKU X is not in the catalogue: import the product, then replay the line",
        ),
    ]
    there = {SKU: Position(SKU, NODE, 5)}
    for line in ((SKU, -1, None), (SKU, 1, -1)):
        assert [each.reason for each in apply_feed(there, [line], feed(1), {}).rejected] == [
            LineReason.NEGATIVE_QUANTITY
        ]
    net = feed(1, meaning=FeedMeaning.AVAILABLE)
    assert apply_feed(there, [(SKU, -1, 0)], net, {}).positions[0].on_hand == -1
    known = {SKU: Position(SKU, NODE, 5, as_of=minute(1), feed_id="first")}
    assert told(apply_feed(known, [(SKU, 7, None)], feed(1), {})) == [
        (
            LineReason.CONFLICTING,
            "SKU SKU-1 was counted twice for the same instant, by feed first with a lower number, "
            "which stands; if the rows are bins or lots of one SKU, sum them in the mapping",
        )
    ]
    assert told(apply_feed(known, [(SKU, 5, None)], feed(1), {})) == [(LineReason.DUPLICATE, "")]
    assert told(apply_feed(known, [(SKU, 5, None)], feed(0), {})) == [(LineReason.OLDER, "")]


def test_a_lower_count_of_the_same_instant_may_differ_in_its_quarantine_only() -> None:
    known = {SKU: Position(SKU, NODE, 5, quarantined=1, as_of=minute(1))}
    assert apply_feed(known, [(SKU, 5, 2)], feed(1), {}).positions[0][2:6] == (5, 0, 0, 2)
    assert apply_feed(known, [(SKU, 5, 0)], feed(1), {}).ignored[0].reason is LineReason.CONFLICTING
    assert apply_feed(known, [(SKU, 6, 2)], feed(1), {}).ignored[0].reason is LineReason.CONFLICTING
    zero = apply_feed({}, [(SKU, 0, 0)], feed(1), {}, known_skus={SKU})
    assert (zero.rejected, zero.positions[0].on_hand) == ([], 0)


def test_a_count_is_booked_under_its_feed_and_its_number() -> None:
    result = apply_feed({}, [(SKU, 5, 1)], feed(1, sequence=4), {})
    movement = Movement(SKU, NODE, MovementKind.COUNTED, 5, 0, 0, 1, minute(1), "wms", "feed-1", 4)
    assert result.movements == [movement]
    delta = apply_feed({}, [(SKU, -5, None)], feed(1, mode=FeedMode.DELTA, sequence=4), {})
    added = Movement(SKU, NODE, MovementKind.ADJUSTED, -5, 0, 0, 0, minute(1), "wms", "feed-1", 4)
    assert (delta.movements, delta.positions) == ([added], [Position(SKU, NODE, -5)])


def test_half_of_the_skus_may_be_left_out_or_what_the_connection_says() -> None:
    two = [Position("A", NODE, 3), Position("B", NODE, -1), Position("C", NODE)]
    zeroed = close_feed(two, feed(1), {"A": InFlight(on_hand_since=1)}, mentioned=2)
    assert isinstance(zeroed, FeedResult)
    assert [(each.sku, each.on_hand) for each in zeroed.positions] == [("A", 1), ("B", 0)]
    assert close_feed(two, feed(1), {}, mentioned=1) == OmissionRefused(
        2,
        1,
        "feed feed-1 of node DC-1 names 1 SKUs and leaves out 2 that had stock, more than 50 %: it looks cut off, "
        "so nothing was zeroed. Have it sent again, or raise the limit if it is right",
    )
    assert isinstance(close_feed(two, feed(1), {}, mentioned=1, most_omitted_percent=67), FeedResult)
    assert isinstance(close_feed(two, feed(1), {}, mentioned=3, most_omitted_percent=39), OmissionRefused)


def test_breaches_are_told_with_both_numbers() -> None:
    position = Position(SKU, NODE, 5, reserved=3, allocated=4, quarantined=-1)
    assert breaches(position, open_shortfall=0) == [
        Breach(Invariant.NEGATIVE_BUCKET, SKU, NODE, "quarantined is -1"),
        Breach(
            Invariant.OVERSOLD,
            SKU,
            NODE,
            "3 reserved and 4 allocated of 5 on hand, -1 of them in quarantine: 1 too many, "
            "0 of those are known shortfalls",
        ),
    ]
    assert len(breaches(position, cover=1)) == len(breaches(position, open_shortfall=1)) == 1
    assert breaches(Position(SKU, NODE, -3)) == []
    assert ledger_breach(STOCK, []) == Breach(
        Invariant.LEDGER_DIFFERS,
        SKU,
        NODE,
        "the ledger comes to Balance(on_hand=0, reserved=0, allocated=0, quarantined=0), "
        "the balance says Balance(on_hand=5, reserved=0, allocated=0, quarantined=0)",
    )
    assert ledger_breach(Position(SKU, NODE), []) is None
    ended = [in_state(state) for state in ReservationState]
    assert reservation_breach(HELD, ended, NOW) is None
    assert reservation_breach(STOCK, ended, NOW) == Breach(
        Invariant.RESERVATIONS_DIFFER,
        SKU,
        NODE,
        "active reservations hold 2 units (0 of them lapsed), the balance says 0 are reserved",
    )


def test_safety_rules_speak_of_all_their_tags_one_group_and_their_channels() -> None:
    rule = SafetyRule(
        1, Decimal(50), frozenset({"a", "b"}), frozenset({"east", "west"}), frozenset({"web", "app"})
    )
    tags, groups = frozenset({"a", "b", "c"}), frozenset({"west", "north"})
    assert rule.applies(tags, groups, "web")
    assert not rule.applies(tags - {"a"}, groups, "web")
    assert not rule.applies(tags, frozenset({"north"}), "web")
    assert not rule.applies(tags, groups, "shop")
    assert [rule.kept_of(units) for units in (0, 1, 2, 3)] == [1, 2, 2, 3]
    assert rule.kept(Position(SKU, NODE, 5, quarantined=2)) == 1 + 2
    assert SafetyRule(percent=Decimal(100)).kept_of(7) == 7
    assert product_tags("A", ["cold"]) == {"sku:A", "cold"}
    assert SafetyStock([SafetyRule(channels=frozenset({"web"}))]).rule(tags, groups, "app") == SafetyRule()

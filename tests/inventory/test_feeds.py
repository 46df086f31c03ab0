from __future__ import annotations

import pytest

from crossdock.inventory.facts import ship
from crossdock.inventory.feeds import (
    FeedContext,
    FeedResult,
    InFlight,
    LineReason,
    OmissionRefused,
    apply_feed,
    close_feed,
    is_stale,
    netted_units,
)
from crossdock.inventory.position import Movement, MovementKind, Position, fold
from crossdock_schemas.stock import FeedMeaning, FeedMode
from tests.inventory.builders import NODE, SKU, allocation, feed, minute, news


def test_a_full_feed_sets_what_it_counts_and_books_the_difference() -> None:
    old = Position(SKU, NODE, 7, reserved=1, allocated=2)
    result = apply_feed({SKU: old}, [(SKU, 5, None)], feed(1), {})
    assert result.positions == [Position(SKU, NODE, 5, 1, 2, 0, minute(1), None, "feed-1")]
    assert result.movements == [
        Movement(SKU, NODE, MovementKind.COUNTED, -2, 0, 0, 0, minute(1), "wms", "feed-1")
    ]


def test_a_count_that_finds_what_is_expected_moves_only_its_instant() -> None:
    result = apply_feed({SKU: Position(SKU, NODE, 5)}, [(SKU, 5, None)], feed(1), {})
    assert result.movements == []
    assert [position.as_of for position in result.positions] == [minute(1)]


def test_what_moved_after_the_count_stands() -> None:
    result = apply_feed({SKU: Position(SKU, NODE, 4)}, [(SKU, 10, None)], feed(1), {SKU: InFlight(-3)})
    assert result.positions[0].on_hand == 7


def test_an_available_number_gets_our_own_orders_and_the_quarantine_back() -> None:
    old = Position(SKU, NODE, 10, allocated=3, quarantined=2)
    available = feed(1, meaning=FeedMeaning.AVAILABLE)
    result = apply_feed({SKU: old}, [(SKU, 5, None)], available, {SKU: InFlight(netted=3)})
    assert result.positions[0].on_hand == 5 + 3 + 2
    assert result.movements == []


def test_the_same_number_means_less_on_the_shelf_when_it_is_physical() -> None:
    old = Position(SKU, NODE, 10, allocated=3, quarantined=2)
    result = apply_feed({SKU: old}, [(SKU, 5, None)], feed(1), {SKU: InFlight(netted=3)})
    assert result.positions[0].on_hand == 5


def test_a_feed_that_names_its_quarantine_sets_it() -> None:
    in_flight = {SKU: InFlight(quarantined_since=1)}
    result = apply_feed({SKU: Position(SKU, NODE, 9)}, [(SKU, 9, 4)], feed(1), in_flight)
    assert result.positions[0].quarantined == 5
    assert result.movements[0].quarantined == 5


def test_netted_are_the_orders_the_node_knew_of_and_had_not_shipped() -> None:
    allocations = [
        (allocation(1, known_from=1), None),
        (allocation(2, known_from=1), minute(6)),
        (allocation(4, known_from=1), minute(4)),
        (allocation(8, known_from=6), None),
        (allocation(16), None),
        (allocation(32, known_from=5), None),
        (allocation(64, known_from=1), minute(5)),
    ]
    assert netted_units(allocations, minute(5)) == {SKU: 1 + 2 + 32}


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (feed(1), LineReason.OLDER),
        (feed(2, "feed-a"), LineReason.DUPLICATE),
        (feed(3, sequence=6), LineReason.OLDER),
        (feed(1, "feed-a", sequence=7), LineReason.DUPLICATE),
    ],
)
def test_old_and_repeated_news_changes_nothing(second: FeedContext, reason: LineReason) -> None:
    first = apply_feed({}, [(SKU, 5, None)], feed(2, "feed-a", sequence=7), {}).positions[0]
    number = 5 if reason is LineReason.DUPLICATE else 9
    result = apply_feed({SKU: first}, [(SKU, number, None)], second, {})
    assert (result.positions, result.movements) == ([], [])
    assert [(line.line, line.sku, line.reason) for line in result.ignored] == [(0, SKU, reason)]


def test_a_higher_sequence_wins_over_a_later_instant() -> None:
    first = apply_feed({}, [(SKU, 5, None)], feed(9, sequence=7), {}).positions[0]
    assert apply_feed({SKU: first}, [(SKU, 4, None)], feed(2, sequence=8), {}).positions[0].on_hand == 4


@pytest.mark.parametrize("numbers", [(5, 7), (7, 5)])
def test_of_two_counts_of_one_instant_the_lower_stands(numbers: tuple[int, int]) -> None:
    result = apply_feed({}, [(SKU, number, None) for number in numbers], feed(1), {})
    assert [position.on_hand for position in result.positions] == [5]
    assert sum(movement.on_hand for movement in result.movements) == 5
    assert [line.reason for line in result.ignored] == ([LineReason.CONFLICTING] if numbers == (5, 7) else [])


def test_bad_lines_are_rejected_and_the_others_go_on() -> None:
    lines = [("A", -1, None), ("B", 2, -1), ("X", 3, None), ("D", 4, None)]
    result = apply_feed({}, lines, feed(1), {}, known_skus={"A", "B", "D"})
    assert [(line.line, line.sku, line.reason) for line in result.rejected] == [
        (0, "A", LineReason.NEGATIVE_QUANTITY),
        (1, "B", LineReason.NEGATIVE_QUANTITY),
        (2, "X", LineReason.UNKNOWN_SKU),
    ]
    assert "import the product" in result.rejected[2].message
    assert [position.sku for position in result.positions] == ["D"]


def test_a_node_may_have_less_than_nothing_available() -> None:
    available = feed(1, meaning=FeedMeaning.AVAILABLE)
    result = apply_feed({}, [(SKU, -2, None)], available, {SKU: InFlight(netted=5)})
    assert result.positions[0].on_hand == 3


def test_a_count_below_the_promises_is_a_shortfall() -> None:
    old = Position(SKU, NODE, 10, reserved=2, allocated=4, quarantined=1)
    short = apply_feed({SKU: old}, [(SKU, 4, None)], feed(1), {}).shortfalls
    assert [(each.sku, each.node, each.units) for each in short] == [(SKU, NODE, 3)]
    assert apply_feed({SKU: old}, [(SKU, 4, None)], feed(1), {SKU: InFlight(cover=3)}).shortfalls == []
    assert apply_feed({SKU: old}, [(SKU, 7, None)], feed(1), {}).shortfalls == []


def delta(number: float, feed_id: str = "") -> FeedContext:
    return feed(number, feed_id, mode=FeedMode.DELTA)


def test_deltas_add_and_are_booked_once() -> None:
    first = apply_feed({SKU: Position(SKU, NODE, 5)}, [(SKU, -2, None)], delta(1), {})
    assert first.positions[0].on_hand == 3
    again = apply_feed({SKU: first.positions[0]}, [(SKU, -2, None)], delta(1), {}, already_applied={SKU})
    assert (again.positions, again.movements) == ([], [])
    assert again.ignored[0].reason is LineReason.DUPLICATE


def test_a_delta_twice_in_one_feed_is_booked_once() -> None:
    result = apply_feed({}, [(SKU, 2, None), (SKU, 2, None)], delta(1), {})
    assert [movement.on_hand for movement in result.movements] == [2]


def test_a_full_count_has_seen_the_deltas_before_it() -> None:
    counted = apply_feed({}, [(SKU, 5, None)], feed(3), {}).positions[0]
    assert apply_feed({SKU: counted}, [(SKU, 1, None)], delta(2), {}).ignored[0].reason is LineReason.OLDER
    assert apply_feed({SKU: counted}, [(SKU, 1, None)], delta(4), {}).positions[0].on_hand == 6


def test_a_delta_of_an_unknown_sku_is_rejected_and_a_shortfall_noticed() -> None:
    result = apply_feed(
        {SKU: Position(SKU, NODE, 5, allocated=5)},
        [("X", 1, None), (SKU, -1, None)],
        delta(1),
        {},
        known_skus=set(),
    )
    assert [line.sku for line in result.rejected] == ["X"]
    assert [short.units for short in result.shortfalls] == [1]


def test_a_delta_of_available_stock_has_no_meaning() -> None:
    with pytest.raises(ValueError, match="ask for full available numbers"):
        feed(1, mode=FeedMode.DELTA, meaning=FeedMeaning.AVAILABLE)


def test_closing_a_feed_zeroes_what_it_left_out() -> None:
    omitted = [Position("A", NODE, 3), Position("B", NODE, 0), Position("C", NODE, 4, as_of=minute(9))]
    result = close_feed(omitted, feed(1), {}, mentioned=10)
    assert isinstance(result, FeedResult)
    assert [(position.sku, position.on_hand) for position in result.positions] == [("A", 0)]
    assert [line.reason for line in result.ignored] == [LineReason.OLDER]


@pytest.mark.parametrize(("mentioned", "refused"), [(1, True), (2, False)])
def test_a_feed_that_leaves_out_too_much_looks_cut_off(mentioned: int, refused: bool) -> None:
    omitted = [Position("A", NODE, 3), Position("B", NODE, 3)]
    result = close_feed(omitted, feed(1), {}, mentioned=mentioned)
    assert isinstance(result, OmissionRefused) is refused
    if isinstance(result, OmissionRefused):
        assert "leaves out 2 that had stock" in result.message


def test_a_delta_zeroes_nothing() -> None:
    with pytest.raises(ValueError, match="nothing may be zeroed"):
        close_feed([], delta(1), {}, mentioned=1)


def test_a_feed_goes_stale() -> None:
    assert is_stale(None, minute(0), 60)
    assert not is_stale(minute(0), minute(1), 60)
    assert is_stale(minute(0), minute(1.1), 60)


def test_the_books_of_a_past_instant_can_be_rebuilt() -> None:
    counted = apply_feed({}, [(SKU, 10, None)], feed(1), {})
    left = ship(counted.positions[0]._replace(allocated=2), allocation(2), 2, news(3))
    ledger = [*counted.movements, left.movement]
    assert fold(ledger, until=minute(2)).on_hand == 10
    assert fold(ledger, until=minute(3)).on_hand == 8

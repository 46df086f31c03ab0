from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.inventory.lots import (
    CountedLot,
    Lot,
    LotMovement,
    LotStock,
    SinceCount,
    count_lots,
    expired_units,
    lot_movement,
    lot_name,
    pick,
)
from crossdock.inventory.position import Movement, MovementKind

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = date(2026, 11, 23)
SOON, LATER = date(2026, 11, 30), date(2027, 1, 31)


def a_lot(name: str, units: int, expires_on: date | None = LATER, **more: Any) -> Lot:
    return Lot("A", "CHI", name, expires_on, units, **more)


def test_the_first_to_expire_goes_first_and_what_keeps_goes_last() -> None:
    lots = [a_lot("keeps", 9, None), a_lot("late", 4), a_lot("soon", 3, SOON)]
    assert pick(lots, 8, TODAY) == [("soon", 3), ("late", 4), ("keeps", 1)]


def test_of_one_day_the_lots_go_in_the_order_of_their_names() -> None:
    assert pick([a_lot("2", 1), a_lot("1", 1)], 2, TODAY) == [("1", 1), ("2", 1)]


def test_a_lot_may_be_used_on_its_last_day_and_not_after() -> None:
    lots = [a_lot("soon", 3, SOON)]
    assert (pick(lots, 2, SOON), expired_units(lots, SOON)) == ([("soon", 2)], 0)
    after = date(2026, 12, 1)
    assert (pick(lots, 2, after), expired_units(lots, after)) == ([(None, 2)], 3)


def test_units_in_quarantine_or_named_by_others_are_not_free() -> None:
    lot = a_lot("1", 9, SOON, quarantined=2, allocated=3)
    assert lot.free == 4
    assert pick([lot], 5, TODAY) == [("1", 4), (None, 1)]
    assert expired_units([lot], LATER) == 4
    assert a_lot("1", 1, allocated=3).free == 0


def test_goods_without_a_lot_number_are_called_after_their_day() -> None:
    assert lot_name("L7", SOON) == "L7"
    assert lot_name(None, SOON) == "2026-11-30"
    assert lot_name(None, None) is None


def counted(told: list[CountedLot], *, physical: bool = True, **since: SinceCount) -> dict[str, Lot]:
    known = {"old": a_lot("old", 5, SOON, quarantined=1)}
    found = count_lots(("A", "CHI"), known, told, since, physical=physical)
    return {lot.lot: lot for lot in found}


def test_a_count_makes_lots_and_empties_those_it_leaves_out() -> None:
    found = counted([CountedLot("new", LATER, 7, None)])
    assert found == {"new": a_lot("new", 7), "old": a_lot("old", 0, SOON)}


def test_rows_of_one_lot_are_summed() -> None:
    bins = [CountedLot("new", None, 2, None), CountedLot("new", LATER, 3, 1)]
    assert counted(bins)["new"] == a_lot("new", 5, quarantined=1)


def test_a_count_keeps_what_moved_after_it_and_what_it_does_not_say() -> None:
    found = counted([CountedLot("old", None, 6, None)], old=SinceCount(on_hand=-2, netted=9))
    assert found["old"] == a_lot("old", 4, SOON, quarantined=1)
    told = counted([CountedLot("old", None, 6, 0)], old=SinceCount(quarantined=2))
    assert told["old"] == a_lot("old", 6, SOON, quarantined=2)


def test_an_available_number_left_out_what_was_to_be_picked_and_held_back() -> None:
    since = SinceCount(on_hand=-1, quarantined=1, netted=2)
    found = counted([CountedLot("old", None, 6, 3)], physical=False, old=since)
    assert found["old"] == a_lot("old", 6 - 1 + 2 + 3, SOON, quarantined=4)


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from([None, SOON, LATER, TODAY]), st.integers(0, 3)),
        max_size=5,
    ),
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from([TODAY, SOON, LATER])), max_size=5),
)
def test_no_lot_is_named_for_more_than_it_has_or_past_its_day(
    lots: list[tuple[int, date | None, int]], orders: list[tuple[int, date]]
) -> None:
    made = [a_lot(str(index), units, day, allocated=held) for index, (units, day, held) in enumerate(lots)]
    stock = LotStock({("A", "CHI"): made})
    free = {lot.lot: lot.free for lot in made}
    days = {lot.lot: lot.expires_on for lot in made}
    for units, until in orders:
        picks = stock.take("A", "CHI", units, until)
        assert sum(taken for _, taken in picks) == units
        for name, taken in picks:
            if name is not None:
                free[name] -= taken
                assert free[name] >= 0
                assert (days[name] or date.max) >= until
        missing = dict(picks).get(None, 0)
        if missing:
            assert all(not left or (days[name] or date.max) < until for name, left in free.items())


def test_a_position_without_lots_is_picked_from_as_ever() -> None:
    stock = LotStock()
    assert not stock
    assert stock.take("A", "CHI", 3, TODAY) == [(None, 3)]


@pytest.mark.parametrize(("until", "expected"), [(TODAY, {}), (LATER, {("A", "CHI"): 3})])
def test_what_is_no_stock_on_a_day(until: date, expected: dict[tuple[str, str], int]) -> None:
    assert LotStock({("A", "CHI"): [a_lot("1", 3, SOON), a_lot("2", 4)]}).expired(until) == expected


def test_a_movement_of_a_position_is_one_of_its_lot() -> None:
    moved = Movement("A", "CHI", MovementKind.SHIPPED, -3, 0, -3, -1, AT, "wms", "S-1", 4)
    assert lot_movement(moved, "7") == LotMovement(
        "A", "CHI", "7", MovementKind.SHIPPED, -3, -1, AT, "wms", "S-1"
    )


def test_exactly_what_is_named_is_held_and_given_back() -> None:
    stock = LotStock({("A", "CHI"): [a_lot("1", 5), a_lot("2", 5, allocated=1)]})
    stock.hold("A", "CHI", [("2", 3), (None, 1)])
    assert [lot.allocated for lot in stock.lots["A", "CHI"]] == [0, 4]
    stock.hold("A", "CHI", [("2", 3), ("1", 1)], -1)
    assert [lot.allocated for lot in stock.lots["A", "CHI"]] == [-1, 1]
    stock.hold("B", "CHI", [("1", 1)])
    assert stock.lots["B", "CHI"] == []

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crossdock.orders.kits import Kit, KitPart, Part, of_channel, of_components, unfold, with_siblings

PARTS = (Part("1/POT", "1", 1), Part("1/MUG", "1", 2), Part("2", "2"))
UNITS = st.integers(0, 50)


SET = Kit("1", "SET", (KitPart("1/POT", "POT", 1), KitPart("1/MUG", "MUG", 2)))


def test_a_kit_that_comes_back_is_its_components() -> None:
    assert unfold([SET], "1", "SET", 3) == [("1/POT", "POT", 3), ("1/MUG", "MUG", 6)]
    assert unfold([SET], None, "SET", 1) == [(None, "POT", 1), (None, "MUG", 2)]
    assert unfold([SET], "1", "MUG", 1) == [("1/MUG", "MUG", 1)]
    assert unfold([SET], None, "MUG", 1) == [(None, "MUG", 1)]
    assert unfold([SET], "2", "SET", 1) == [("2", "SET", 1)]
    assert unfold([SET], "1", "CUP", 1) == [("1", "CUP", 1)]


def test_only_whole_kits_count() -> None:
    assert of_channel(PARTS, {"1/POT": 3, "1/MUG": 5, "2": 4}) == {"1": 2, "2": 4}
    assert of_channel(PARTS, {"1/POT": 3}) == {"1": 0, "2": 0}


def test_one_missing_mug_breaks_one_kit_and_nothing_else() -> None:
    assert with_siblings(PARTS, {"1/MUG": 1, "2": 3}) == {"1/POT": 1, "1/MUG": 2, "2": 3}
    assert with_siblings(PARTS, {"1/MUG": 1}) == {"1/POT": 1, "1/MUG": 2}
    assert with_siblings(PARTS, {"2": 3}) == {"2": 3}


@given(kits=UNITS, singles=UNITS)
def test_there_and_back(kits: int, singles: int) -> None:
    units = {"1": kits, "2": singles}
    assert of_channel(PARTS, of_components(PARTS, units)) == units


@given(pots=UNITS, mugs=UNITS)
def test_siblings_are_whole_kits_and_hold_what_is_missing(pots: int, mugs: int) -> None:
    lost = with_siblings(PARTS, {"1/POT": pots, "1/MUG": mugs})
    assert lost.get("1/MUG", 0) == 2 * lost.get("1/POT", 0)
    assert lost.get("1/POT", 0) >= pots
    assert lost.get("1/MUG", 0) >= mugs

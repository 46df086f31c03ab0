from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from crossdock.inventory.publishing import kits_available

SET = {"POT": 1, "MUG": 2}
UNITS = st.fixed_dictionaries(
    {sku: st.dictionaries(st.sampled_from(["CHI", "NYC", "SFO"]), st.integers(0, 9)) for sku in SET}
)


def test_a_kit_that_is_kept_together_ships_from_one_node() -> None:
    units = {"POT": {"CHI": 4, "NYC": 1}, "MUG": {"CHI": 1, "NYC": 5, "SFO": 9}}
    assert kits_available(SET, units, together=True) == 1
    assert kits_available(SET, units, together=False) == 5
    assert kits_available(SET, {"POT": {"CHI": 4}}, together=True) == 0
    assert kits_available(SET, {"POT": {"CHI": 4}}, together=False) == 0


@given(UNITS)
def test_together_there_are_never_more(units: dict[str, dict[str, int]]) -> None:
    together = kits_available(SET, units, together=True)
    assert 0 <= together <= kits_available(SET, units, together=False)

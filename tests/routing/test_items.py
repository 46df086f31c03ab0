"""Lines bundled into items, and the sets of items."""

from __future__ import annotations

from crossdock.routing.items import bundles, by_sku, memberships, shared_skus
from crossdock.routing.model import DemandLine
from tests.routing.builders import demand, line

KIT = (
    line(0, 2, group="g", group_kind="kit"),
    line(1, 3),
    line(2, group="g", group_kind="kit"),
    line(3, group="s", group_kind="set"),
    DemandLine("again", "sku1", 4, group="", group_kind="kit"),
    DemandLine("more", "sku0", 5, group="s", group_kind="set"),
)
ORDER = demand(KIT)


def test_only_groups_of_a_kind_to_be_kept_together_are_one_item() -> None:
    assert bundles(ORDER, ()) == ((0,), (1,), (2,), (3,), (4,), (5,))
    assert bundles(ORDER, ["kit"]) == ((0, 2), (1,), (3,), (4,), (5,))
    assert bundles(ORDER, ["kit", "set"]) == ((0, 2), (1,), (3, 5), (4,))


def test_a_sku_in_several_lines_is_told_with_its_units_in_each_item() -> None:
    assert by_sku(ORDER) == {"sku0": [0, 5], "sku1": [1, 4], "sku2": [2], "sku3": [3]}
    assert shared_skus(ORDER, bundles(ORDER, ["kit", "set"])) == [
        ([0, 5], [2, 0, 5, 0]),
        ([1, 4], [0, 3, 0, 4]),
    ]
    assert shared_skus(demand(KIT[:4]), ((0,), (1,), (2,), (3,))) == []


def test_a_set_holds_the_items_of_its_bits() -> None:
    """What is kept from call to call is asked for anew."""
    assert memberships.__wrapped__(2).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert memberships.__wrapped__(0).shape == (1, 0)
    assert memberships.__wrapped__(2).dtype == float

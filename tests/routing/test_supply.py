"""What nodes can give: units by SKU, without what expires on the way, and capacity of the day."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from crossdock.inventory.lots import Lot, LotStock
from crossdock.routing import Capacity, PolicySet, SupplyView, compile_policy, route
from crossdock.sdk.errors import BugError
from tests.routing.builders import NOW, STANDARD, demand, line, network, node

POLICIES = PolicySet([compile_policy(STANDARD)])
TUESDAY, FRIDAY = date(2026, 11, 24), date(2026, 11, 27)
NET = network([node("far", 34.0, -118.2), node("near")])


def lots(*rows: tuple[str, str, date, int]) -> LotStock:
    stock = LotStock()
    for number, (sku, at, day, units) in enumerate(rows):
        stock.lots.setdefault((sku, at), []).append(Lot(sku, at, str(number), day, units))
    return stock


def test_units_that_expire_before_a_day_are_not_there() -> None:
    supply = SupplyView(NET, [("a", "near", 5), ("a", "far", 1), ("b", "near", 5), ("c", "near", 4)])
    assert supply.lasting_rows(["a"], FRIDAY).tolist() == [[1, 5]]
    supply.lots = lots(
        ("a", "near", TUESDAY, 2), ("a", "far", TUESDAY, 9), ("c", "near", TUESDAY, 1), ("b", "x", TUESDAY, 1)
    )
    assert supply.lasting_rows(["a", "b", "a"], FRIDAY).tolist() == [[0, 3], [0, 5], [0, 3]]
    assert supply.lasting_rows(["a", "b"], TUESDAY).tolist() == [[1, 5], [0, 5]]
    assert supply.rows(["a", "?"]).tolist() == [[1, 5], [0, 0]]


def test_what_expires_on_the_way_is_no_stock_for_an_order() -> None:
    rows = [("sku0", "near", 5), ("sku0", "far", 5)]
    supply = SupplyView(NET, rows)
    order = demand([line(0, 2)], promise=None)
    assert [each.node for each in route(order, supply, NET, POLICIES, NOW).assignments] == ["near"]
    supply.lots = lots(("sku0", "near", NOW.date(), 4))
    moved = route(order, supply, NET, POLICIES, NOW)
    assert [each.node for each in moved.assignments] == ["far"], "it arrives tomorrow, and one unit lasts"
    one = route(demand([line(0)], promise=None), supply, NET, POLICIES, NOW)
    assert [each.node for each in one.assignments] == ["near"]
    late = route(demand([line(0, 2)], promise=FRIDAY), supply, NET, POLICIES, NOW)
    assert [each.node for each in late.assignments] == ["far"]
    supply.lots = lots(("sku0", "near", TUESDAY, 4))
    assert [each.node for each in route(order, supply, NET, POLICIES, NOW).assignments] == ["near"]
    supply.lots = lots(("sku0", "near", NOW.date(), 5), ("sku0", "far", NOW.date(), 5))
    nothing = route(order, supply, NET, POLICIES, NOW)
    assert (nothing.assignments, nothing.reason) == ((), "no_stock")


def test_a_view_counts_only_what_is_there_at_nodes_that_are() -> None:
    supply = SupplyView(
        NET,
        [("a", "near", 5), ("a", "?", 7), ("b", "far", -3), ("b", "near", 0)],
        skus=("z", "a"),
        stale_nodes=("near", "?"),
        used={"?": (1, 1, 1)},
    )
    assert supply.available.tolist() == [[0, 0], [0, 5], [0, 0]]
    assert supply.stale is not None
    assert supply.stale.tolist() == [False, True]
    assert SupplyView(NET, []).stale is None
    assert (supply.opportunity, supply.lots, supply.limited) == (None, None, False)
    assert supply.opportunity_rows(["a"]) is None
    supply.opportunity = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]])
    assert supply.opportunity_rows(["a", "?"]) is not None
    assert np.array_equal(supply.opportunity_rows(["a", "?"]), [[3.0, 4.0], [0.0, 0.0]])  # type: ignore[arg-type]


def test_a_plan_takes_stock_and_capacity_and_gives_them_back() -> None:
    net = network([node("near", capacity=Capacity(orders=5, units=9)), node("far", 34.0, -118.2)])
    supply = SupplyView(net, [("sku0", "near", 5), ("sku1", "near", 5)], used={"near": (1, 7, 2)})
    assert supply.limited
    before = supply.capacity[:, 1].tolist()
    assert before[::2] == [4, 7]
    plan = route(demand([line(0, 2), line(1, 1)]), supply, net, POLICIES, NOW).assignments
    supply.take(plan)
    assert supply.capacity[:, 1].tolist() == [3, before[1], 4]
    assert supply.rows(["sku0", "sku1"])[:, 1].tolist() == [3, 4]
    supply.take(plan, capacity=False)
    assert supply.capacity[:, 1].tolist() == [3, before[1], 4]
    supply.release(plan, capacity=False)
    supply.release(plan)
    assert supply.capacity[:, 1].tolist() == before
    assert supply.rows(["sku0", "sku1"])[:, 1].tolist() == [5, 5]
    supply.available[:] = 2
    supply.take(plan)
    with pytest.raises(BugError, match="more than is available") as bug:
        supply.take([*plan])
    assert "2 > 0" in str(bug.value.detail)

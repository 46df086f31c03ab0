"""Tiers packed into one number: an earlier tier outweighs all that later ones can sum up to, and comes out again."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from crossdock.routing import Network, compile_policy
from crossdock.routing.model import HandlingCost
from crossdock.routing.packing import Packing, packing
from tests.routing.builders import STANDARD, network, node

COSTS = HandlingCost(Decimal("1.50"), Decimal("0.25"), Decimal("0.10"))


def net() -> Network:
    return network([node("a", priority=3, handling_cost=COSTS), node("b", priority=7)])


def packed(*tiers: object, **changes: object) -> Packing:
    policy = compile_policy({**STANDARD, "objective": list(tiers), **changes})
    return packing(policy, net(), money_bits=20, shipments=2, lines=3)


@pytest.mark.parametrize("term", ["late_days", "shipments", "transit_days", "zero_stock", "priority"])
def test_a_whole_term_alone_in_its_tier_counts_as_it_is(term: str) -> None:
    assert packed(term).scales == {term: 1.0}
    assert packed(term).whole == {term: 1.0}
    assert packed({term: 2}).scales == {term: 2000.0}
    assert packed({term: 1, "distance": 1}).scales == {term: 1000.0, "distance": 1000.0}
    assert packed({term: Decimal("0.0005")}).whole == {}


@pytest.mark.parametrize("term", ["distance", "workload", "stock_balance"])
def test_any_other_term_counts_in_thousandths_and_is_rounded(term: str) -> None:
    found = packed(term)
    assert (found.scales, found.whole) == ({term: 1000.0}, {})
    assert found.pack(term, np.array([0.0014, 0.0016])).tolist() == [1.0, 2.0]


@pytest.mark.parametrize("term", ["shipping_cost", "handling_cost", "opportunity_cost"])
def test_money_is_in_thousandths_already(term: str) -> None:
    assert packed(term).scales == packed(term).whole == {term: 1.0}
    assert packed({term: Decimal("0.5")}).pack(term, np.array([2.0, 3.0, 5.0])).tolist() == [1.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("term", "most"),
    [
        ("late_days", 2 * 2000),
        ("shipments", 2),
        ("shipping_cost", 2**20),
        ("handling_cost", 2**20),
        ("opportunity_cost", 2**20),
        ("transit_days", 2 * 1000),
        ("distance", 2 * 20_016_000),
        ("workload", 2 * 1000),
        ("stock_balance", 3 * 1000),
        ("zero_stock", 3),
        ("priority", 2 * 7),
    ],
)
def test_an_earlier_tier_outweighs_the_most_that_a_later_one_can_be(term: str, most: int) -> None:
    first = "shipments" if term != "shipments" else "zero_stock"
    found = packed(first, term)
    assert found.multipliers[1] == 1.0
    assert most < found.multipliers[0] <= 4 * most
    assert found.factor == {first: found.multipliers[0], term: 1.0}
    assert found.unpack(5 * found.multipliers[0] + most) == (5.0, float(most))


def test_each_tier_stands_above_those_after_it() -> None:
    found = packed("late_days", "shipments", "zero_stock")
    assert found.multipliers == (32.0, 8.0, 1.0)
    assert found.unpack(32.0 * 9 + 8.0 * 2 + 3) == (9.0, 2.0, 3.0)
    assert found.exact


def test_what_does_not_fit_is_said_not_to_be_exact() -> None:
    assert packed("distance", "late_days").exact
    assert not packed("distance", "shipping_cost", "stock_balance").exact


def test_what_every_shipment_line_and_unit_costs_is_known_before_any_order() -> None:
    found = packed("shipments", "priority", {"handling_cost": 1})
    above, between = found.multipliers[0], found.multipliers[1]
    assert found.shipment.tolist() == [above + 3 * between + 1500, above + 7 * between]
    assert found.line_handling.tolist() == [250.0, 0.0]
    assert found.unit_handling.tolist() == [100.0, 0.0]
    nothing = packed("distance")
    assert not any(each.any() for each in (nothing.shipment, nothing.line_handling, nothing.unit_handling))


def test_what_a_shipment_has_to_save_is_a_cost_of_it() -> None:
    found = packed("shipments", "shipping_cost", split={"only_if_saves": "2.50 USD"})
    assert found.shipment.tolist() == [found.multipliers[0] + 2500.0] * 2
    assert found.multipliers[0] > 2**20 + 2 * 2500
    large = packed("shipments", "shipping_cost", split={"only_if_saves": "2000 USD"})
    assert large.multipliers[0] > 2**20 + 2 * 2_000_000


def test_a_packing_is_kept_for_orders_of_one_size() -> None:
    policy, places = compile_policy(STANDARD), net()
    known = packing(policy, places, money_bits=20, shipments=2, lines=3)
    assert packing(policy, places, money_bits=20, shipments=2, lines=3) is known
    for size in ((21, 2, 3), (20, 3, 3), (20, 2, 4)):
        bits, shipments, lines = size
        assert packing(policy, places, money_bits=bits, shipments=shipments, lines=lines) is not known
    other = packing(policy, network([node("a")]), money_bits=20, shipments=2, lines=3)
    assert other is not known

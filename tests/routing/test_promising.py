from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from crossdock.routing import PolicySet, SupplyView, compile_policy, route
from crossdock.routing.model import Demand
from crossdock.routing.network import Network
from crossdock.routing.promising import Promises
from tests.routing.builders import (
    NOW,
    STANDARD,
    demand,
    line,
    network,
    node,
    random_demand,
    random_nodes,
    random_supply,
    rate_cards,
    services,
)

CHEAPEST = {"policy": "cheap", "version": 1, "objective": [{"shipping_cost": 1, "handling_cost": 1}]}
ASKED: tuple[dict[str, object], ...] = (
    CHEAPEST,
    STANDARD,
    {**CHEAPEST, "objective": [{"late_days": 5, "shipping_cost": 1, "handling_cost": 1}]},
)


def policies(definition: dict[str, object]) -> PolicySet:
    return PolicySet([compile_policy(definition)])


@pytest.mark.parametrize("seed", range(60))
def test_offers_of_one_line_are_the_frontier_of_all_nodes_and_services(seed: int) -> None:
    random = Random(seed)
    nodes = random_nodes(5, random)
    net = network(nodes)
    order = random_demand(random, 1)
    supply = random_supply(net, order, random, fill=0.8)
    found = Promises(net, policies(random.choice(ASKED))).offers(order, supply, NOW)
    assert [(each.delivery_date, each.cost) for each in found.offers] == frontier(net, order, supply)
    assert (found.refused is None) == bool(found.offers)
    alone = Promises(net, policies(STANDARD)).earliest(order, supply, NOW)
    assert [(each.delivery_date, each.cost) for each in alone.offers] == frontier(net, order, supply)[:1]


def frontier(net: Network, order: Demand, supply: SupplyView) -> list[tuple[date, Decimal]]:
    """Each node alone with each service alone; of these, what nothing earlier or as early beats."""
    points = []
    (wanted,) = order.lines
    available = supply.rows([wanted.sku])[0]
    for place, units in zip(net.nodes, available, strict=True):
        for service in services():
            alone = Network(
                [replace(place, services=(service.id,))], services(), rate_cards(), currency="USD"
            )
            stock = SupplyView(alone, [(wanted.sku, place.id, int(units))])
            single = route(order, stock, alone, policies(CHEAPEST), NOW)
            if single.complete:
                (shipment,) = single.assignments
                costs = dict(shipment.costs)
                points.append((shipment.delivery_date, costs["shipping_cost"] + costs["handling_cost"]))
    best = {day: min(cost for other, cost in points if other <= day) for day, _ in points}
    days = sorted(best)
    return [(day, best[day]) for day in days if day == days[0] or best[day] < best[days[days.index(day) - 1]]]


@pytest.mark.parametrize("seed", range(40))
def test_each_earlier_offer_is_dearer_and_nothing_arrives_before_the_first(seed: int) -> None:
    random = Random(seed)
    net = network(random_nodes(8, random))
    order = random_demand(random, 3)
    supply = random_supply(net, order, random)
    promises = Promises(net, policies(CHEAPEST))
    found = promises.offers(order, supply, NOW)
    for earlier, later in pairwise(found.offers):
        assert earlier.delivery_date < later.delivery_date
        assert earlier.cost > later.cost
    for offer in found.offers:
        again = promises.by(order, supply, offer.delivery_date, NOW)
        assert again is not None
        assert (again.delivery_date, again.cost) == (offer.delivery_date, offer.cost)
    first_alone = promises.earliest(order, supply, NOW)
    assert (first_alone.refused is None) == bool(found.offers)
    if found.offers:
        (alone,) = first_alone.offers
        assert (alone.delivery_date, alone.cost) == (found.offers[0].delivery_date, found.offers[0].cost)
        first = found.offers[0].delivery_date
        assert promises.by(order, supply, date.fromordinal(first.toordinal() - 1), NOW) is None
    assert supply.available.tolist() == random_copy(seed).available.tolist()


def random_copy(seed: int) -> SupplyView:
    random = Random(seed)
    net = network(random_nodes(8, random))
    return random_supply(net, random_demand(random, 3), random)


def test_what_cannot_be_filled_is_refused_line_by_line() -> None:
    net = network([node("a")])
    order = demand([line(1), line(2, 9)])
    found = Promises(net, policies(STANDARD)).offers(
        order, SupplyView(net, [("sku1", "a", 5), ("sku2", "a", 5)]), NOW
    )
    assert found.offers == ()
    assert found.refused is not None
    assert [each.line_id for each in found.refused.unfilled] == ["l2"]


def test_an_offer_holds_until_the_cut_off() -> None:
    net = network([node("a")])
    order = demand([line(1)])
    supply = SupplyView(net, [("sku1", "a", 5)])
    promises = Promises(net, policies(STANDARD))
    (*_, last) = promises.offers(order, supply, NOW).offers
    assert last.valid_until == datetime(2026, 11, 23, 19, 0, tzinfo=UTC)  # 14:00 in New York
    (*_, same) = promises.offers(order, supply, last.valid_until).offers
    assert same.delivery_date == last.delivery_date
    (*_, missed) = promises.offers(order, supply, datetime(2026, 11, 23, 19, 0, 1, tzinfo=UTC)).offers
    assert missed.delivery_date > last.delivery_date


def test_of_an_order_of_many_lines_only_the_best_plan_is_offered() -> None:
    net = network([node("a")])
    order = demand([line(number) for number in range(12)])
    supply = SupplyView(net, [(f"sku{number}", "a", 5) for number in range(12)])
    found = Promises(net, policies(STANDARD)).offers(order, supply, NOW)
    assert (len(found.offers), found.exact) == (1, False)

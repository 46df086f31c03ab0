"""Every node is accounted for, in data and in words, from the stored bytes alone."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import msgspec
import pytest

from crossdock.routing import (
    Capacity,
    Network,
    NodeStatus,
    PolicySet,
    Service,
    SupplyView,
    compile_policy,
    explain,
    route,
)
from crossdock.sdk.errors import MisconfiguredError
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

POLICIES = PolicySet(
    [
        compile_policy(
            {
                **STANDARD,
                "fences": ["serves_destination", "capacity", "fresh", {"require": "node.id != 'no'"}],
            }
        )
    ]
)


def test_every_fence_is_named_with_what_was_found() -> None:
    nodes = [
        node("best"),
        node("empty"),
        node("full", capacity=Capacity(orders=1)),
        node("abroad", serves=("CA",)),
        node("no"),
        node("old"),
        node("paused", status=NodeStatus.PAUSED),
        node("silent", services=()),
        node("tried"),
        node("west", 34.0, -118.2),
    ]
    net = network(nodes)
    rows = [("sku0", each.id, 3 if each.id == "empty" else 9) for each in nodes]
    supply = SupplyView(net, rows, used={"full": (1, 0, 0)}, stale_nodes=["old"])
    order = demand([line(0, 5)], excluded_nodes=("tried",))
    decision = route(order, supply, net, POLICIES, NOW)
    explanation = explain(decision.encode(), net, POLICIES)
    assert {c.node: c.fence for c in explanation.candidates} == {
        "abroad": "serves_destination",
        "best": "",
        "empty": "stock",
        "full": "capacity",
        "no": "require",
        "old": "fresh",
        "paused": "status",
        "silent": "service",
        "tried": "excluded",
        "west": "",
    }
    best = next(c for c in explanation.candidates if c.chosen)
    assert best.offer == decision.assignments[0]
    assert explanation.words().startswith(
        f"Order o1, decided by policy standard version 12 at {NOW.isoformat()}.\n"
    )
    assert "empty: out, it has 3 of 5 sku0." in explanation.words()
    assert [a.assignments[0].node for a in explanation.alternatives] == ["west"]
    assert explanation.alternatives[0].tiers_worse[2] > 0
    worse = explanation.alternatives[0].tiers_worse[2]
    assert explanation.flip == f"west would have won with over {worse:.2f} USD less freight."


def test_a_node_offers_no_more_than_its_capacity_goes() -> None:
    limited = [
        node("lines", capacity=Capacity(lines=3)),
        node("none", capacity=Capacity(units=7)),
        node("some", capacity=Capacity(units=9)),
        node("units", capacity=Capacity(lines=9, units=9)),
    ]
    net = network([node("best"), *limited])
    rows = [(sku, each.id, 9) for each in net.nodes for sku in ("sku0", "sku1")]
    used = {"lines": (1, 3, 3), "none": (1, 1, 7), "some": (1, 1, 4), "units": (1, 1, 8)}
    decision = route(demand([line(0, 5), line(1, 5)]), SupplyView(net, rows, used=used), net, POLICIES, NOW)
    found = {c.node: (c.fence, c.detail, c.lines) for c in explain(decision, net, POLICIES).candidates}
    assert found == {
        "best": ("", "", ("l0", "l1")),
        "lines": ("capacity", "all of its 3 lines of the day are taken", ()),
        "none": ("capacity", "all of its 7 units of the day are taken", ()),
        "some": ("", "", ("l0",)),
        "units": ("capacity", "it takes 8 more lines and 1 more units today", ()),
    }


def test_a_node_offers_no_more_of_a_sku_in_two_lines_than_it_has() -> None:
    net = network([node("best"), node("some")])
    again = msgspec.structs.replace(line(0, 2), line_id="again")
    supply = SupplyView(net, [("sku0", "best", 9), ("sku0", "some", 4)])
    decision = route(demand([line(0, 3), again]), supply, net, POLICIES, NOW)
    found = {c.node: c.lines for c in explain(decision, net, POLICIES).candidates}
    assert found == {"best": ("l0", "again"), "some": ("l0",)}


@pytest.mark.parametrize("seed", range(20))
def test_alternatives_are_never_better_and_come_in_order(seed: int) -> None:
    random = Random(seed)
    net = network(random_nodes(7, random, capacity=True))
    order = random_demand(random, 3)
    supply = random_supply(net, order, random, 0.8)
    decision = route(order, supply, net, POLICIES, NOW)
    worse = [a.tiers_worse for a in explain(decision, net, POLICIES).alternatives]
    assert all(tiers >= (Decimal(0),) * 3 for tiers in worse)
    assert worse == sorted(worse)


def test_a_node_that_does_not_meet_a_preference_is_said_to_be_passed_over() -> None:
    net = network([node("store", tags=("store",)), node("west", 34.0, -118.2)])
    policies = PolicySet([compile_policy({**STANDARD, "prefer": ['!("store" in node.tags)']})])
    supply = SupplyView(net, [("sku0", "store", 9), ("sku0", "west", 1)])
    chosen = explain(route(demand([line(0)]), supply, net, policies, NOW), net, policies)
    assert chosen.decision.assignments[0].node == "west"
    assert '; passed over, it does not meet !("store" in node.tags).' in chosen.words()
    given_up = explain(route(demand([line(0, 2)]), supply, net, policies, NOW), net, policies)
    assert given_up.decision.assignments[0].node == "store"
    assert "passed over" not in given_up.words()


def test_what_is_left_out_is_told() -> None:
    net = network([node("near")])
    decision = route(demand([line(0, 5)]), SupplyView(net, []), net, POLICIES, NOW)
    words = explain(decision, net, POLICIES).words()
    assert "Not placed: 5 x sku0 (line l0): no node that passes the fences has enough." in words
    none = route(demand([line(0)]), SupplyView(net, []), net, PolicySet([]), NOW)
    assert "no policy applies to this order" in explain(none, net, POLICIES).words()


def test_an_order_that_no_node_may_take_is_told_so() -> None:
    net = network([node("near")])
    order = demand([line(0)], excluded_nodes=("near",))
    decision = route(order, SupplyView(net, [("sku0", "near", 1)]), net, POLICIES, NOW)
    assert (
        "Not placed: 1 x sku0 (line l0): no node passes the fences."
        in explain(decision, net, POLICIES).words()
    )


def test_another_version_of_network_or_policy_cannot_explain() -> None:
    net = network([node("near")])
    decision = route(demand([line(0)]), SupplyView(net, [("sku0", "near", 1)]), net, POLICIES, NOW)
    with pytest.raises(MisconfiguredError, match=f"network version {net.version}"):
        explain(decision, network([node("far")]), POLICIES)
    with pytest.raises(MisconfiguredError, match="policy standard version 12"):
        explain(decision, net, PolicySet([]))


def test_a_node_whose_carriers_refuse_the_product_is_out_by_its_service() -> None:
    ground = Service("ground", "parcel", "ground", (1, 2, 3, 4, 5), refuses=("hazmat",))
    nodes = [node("a", services=("ground",), handles=("hazmat",)), node("b", handles=("hazmat",))]
    net = Network(nodes, (ground, services()[1]), rate_cards(), currency="USD")
    order = demand([line(0, restrictions=("hazmat",))])
    supply = SupplyView(net, [("sku0", "a", 5), ("sku0", "b", 5)])
    decision = route(order, supply, net, POLICIES, NOW)
    assert [(a.node, a.service) for a in decision.assignments] == [("b", "express")]
    explanation = explain(decision.encode(), net, POLICIES)
    assert {c.node: c.fence for c in explanation.candidates} == {"a": "service", "b": ""}
    assert "a: out, no carrier service of it takes these products." in explanation.words()


def test_an_order_that_has_no_place_at_all_is_decided_for_certain() -> None:
    """Even where the costs are too many to be packed without rounding."""
    weights = {"distance": 1, "workload": 1, "stock_balance": 1}
    tiers: list[object] = [*weights, "late_days", "transit_days", "shipping_cost", "handling_cost"]
    net = network([node("a"), node("b")])
    policies = PolicySet([compile_policy({**STANDARD, "objective": tiers, "split": {"quantity": False}})])
    decision = route(demand([line(0), line(1)]), SupplyView(net, []), net, policies, NOW)
    assert decision.reason == "no_stock"
    assert decision.optimal
    served = SupplyView(net, [("sku0", "a", 5), ("sku1", "b", 5)])
    assert not route(demand([line(0), line(1)]), served, net, policies, NOW).optimal


def test_what_a_policy_or_an_order_asks_of_nodes_is_told_with_the_figures() -> None:
    far = PolicySet([compile_policy({**STANDARD, "fences": ["stock", {"max_distance_km": 500}]})])
    net = network([node("best"), node("west", 34.0, -118.2), node("plain")])
    rows = [("sku0", each, 9) for each in ("best", "west")]
    order = demand([line(0)])
    words = explain(route(order, SupplyView(net, rows), net, far, NOW), net, far).words()
    assert "west: out, it is 3935 km away, the most is 500 km." in words
    fixed = route(demand([line(0)], fixed_node="west"), SupplyView(net, rows), net, POLICIES, NOW)
    found = {c.node: (c.fence, c.detail) for c in explain(fixed, net, POLICIES).candidates}
    assert found["best"] == ("fixed_node", "the order must be fulfilled by west")
    assert found["west"] == ("", "")
    acid = demand([line(0, restrictions=("hazmat",)), line(1)])
    handling = network([node("able", handles=("hazmat",)), node("best")])
    everywhere = [(sku, each, 9) for sku in ("sku0", "sku1") for each in ("able", "best")]
    decision = route(acid, SupplyView(handling, everywhere[:2]), handling, POLICIES, NOW)
    found = {c.node: (c.fence, c.detail) for c in explain(decision, handling, POLICIES).candidates}
    assert found["best"] == ("restrictions", "it may not handle the restrictions of the products")

"""Orders of more than ten lines: HiGHS within a budget, never worse than allowed, its gap stated."""

from __future__ import annotations

from random import Random

from crossdock.routing import Capacity, PolicySet, SupplyView, compile_policy, route
from crossdock.routing.engine import decision_of
from crossdock.routing.large import solve_large
from crossdock.routing.problem import Problem
from crossdock.routing.situation import situation_of
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
)


def test_a_large_order_is_placed_completely_within_the_rules() -> None:
    random = Random(5)
    net = network(random_nodes(6, random))
    order = random_demand(random, 12)
    supply = random_supply(net, order, random, 0.7)
    policy = compile_policy({**STANDARD, "time_budget_seconds": 20})
    decision = route(order, supply, net, PolicySet([policy]), NOW)
    assert decision.complete
    assert sum(len(a.lines) for a in decision.assignments) == 12
    supply.take(decision.assignments)
    assert (supply.available >= 0).all()


def test_large_and_small_agree_where_both_can_answer() -> None:
    random = Random(11)
    net = network(random_nodes(5, random))
    small = random_demand(random, 6)
    supply = random_supply(net, small, random, 0.8)
    policy = compile_policy({**STANDARD, "time_budget_seconds": 30})
    exact = route(small, supply, net, PolicySet([policy]), NOW)
    problem = Problem(situation_of(small, supply, NOW), net, policy)
    program = decision_of(problem, solve_large(problem, frozenset(), 0))
    assert program.optimal
    assert program.tiers == exact.tiers
    assert len(program.unfilled) == len(exact.unfilled)


def test_without_time_the_plan_is_still_valid_and_says_that_it_is_not_proven() -> None:
    random = Random(7)
    net = network(random_nodes(40, random, capacity=True))
    order = random_demand(random, 25)
    supply: SupplyView = random_supply(net, order, random, 0.4)
    policy = compile_policy({**STANDARD, "time_budget_seconds": 0.02})
    decision = route(order, supply, net, PolicySet([policy]), NOW)
    assert not decision.optimal
    assert decision.gap > 0
    supply.take(decision.assignments)
    assert (supply.available >= 0).all()
    assert (supply.capacity >= 0).all()


def test_a_node_that_is_over_its_capacity_does_not_stop_the_others() -> None:
    net = network(
        [node("far", 34.0, -118.2), node("near", capacity=Capacity(units=5, lines=5)), node("west", 45.0)]
    )
    rows = [("sku0", each, 3) for each in ("far", "near", "west")]
    supply = SupplyView(net, rows, used={"near": (0, 9, 9)})
    decision = route(demand([line(0, 6)]), supply, net, PolicySet([compile_policy(STANDARD)]), NOW)
    assert {a.node for a in decision.assignments} == {"far", "west"}


def test_the_same_large_order_is_decided_the_same_way_whatever_the_order_of_the_nodes() -> None:
    random = Random(3)
    nodes = [node(f"n{number}") for number in range(4)]  # all alike: every plan has its equals
    order = random_demand(random, 11)
    rows = [(each.sku, at.id, 9) for each in order.lines for at in nodes]
    policies = PolicySet([compile_policy({**STANDARD, "time_budget_seconds": 60})])
    plans = []
    for turn in (nodes, nodes[::-1], nodes[1:] + nodes[:1]):
        net = network(turn)
        decision = route(order, SupplyView(net, rows), net, policies, NOW)
        assert decision.optimal
        plans.append(decision.assignments)
    assert plans[0] == plans[1] == plans[2]

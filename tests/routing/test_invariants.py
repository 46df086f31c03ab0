"""What holds for every order, stock and network."""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.routing import (
    AssignedLine,
    Assignment,
    Decision,
    Network,
    PolicySet,
    SupplyView,
    compile_policy,
    decode_decision,
    route,
)
from crossdock.sdk.errors import BugError
from tests.routing.builders import (
    NOW,
    STANDARD,
    demand,
    line,
    network,
    random_demand,
    random_nodes,
    random_supply,
    rate_cards,
    services,
)

POLICIES = PolicySet([compile_policy({**STANDARD, "time_budget_seconds": 0.2})])
WHOLE_LINES = PolicySet([compile_policy({**STANDARD, "split": {"quantity": False}})])
seeds = st.integers(0, 10**6)


def totals(decision: Decision) -> Counter[str]:
    placed: Counter[str] = Counter()
    for assignment in decision.assignments:
        for each in assignment.lines:
            placed[each.line_id] += each.quantity
    for rest in decision.unfilled:
        placed[rest.line_id] += rest.quantity
    return placed


@given(seeds, st.integers(1, 6), st.sampled_from([0.1, 0.5]))
@settings(max_examples=60)
def test_every_unit_is_placed_once_or_declared_unfilled_and_never_more_than_there_is(
    seed: int, lines: int, fill: float
) -> None:
    random = Random(seed)
    net = network(random_nodes(9, random, capacity=True))
    order = random_demand(random, lines)
    supply = random_supply(net, order, random, fill)
    before = supply.available.copy(), supply.capacity.copy()
    decision = route(order, supply, net, WHOLE_LINES, NOW)
    assert (supply.available == before[0]).all(), "routing takes nothing"
    assert totals(decision) == Counter({each.line_id: each.quantity for each in order.lines})
    assert len({a.node for a in decision.assignments}) == len(decision.assignments)
    supply.take(decision.assignments)
    assert (supply.available >= 0).all()
    assert (supply.capacity >= 0).all()
    supply.release(decision.assignments)
    assert (supply.available == before[0]).all()
    assert (supply.capacity == before[1]).all()


@given(seeds)
@settings(max_examples=40)
def test_the_order_of_the_nodes_changes_nothing(seed: int) -> None:
    random = Random(seed)
    nodes = random_nodes(8, random)
    net = network(nodes)
    order = random_demand(random, 3)
    rows = [(x.sku, n.id, random.randint(1, 6)) for x in order.lines for n in nodes if random.random() < 0.5]
    shuffled = list(nodes)
    random.shuffle(shuffled)
    other = Network(shuffled, services()[::-1], rate_cards()[::-1], currency="USD")
    assert other.version == net.version
    first = route(order, SupplyView(net, rows), net, WHOLE_LINES, NOW)
    random.shuffle(rows)
    second = route(order, SupplyView(other, rows), other, WHOLE_LINES, NOW)
    assert first == second


@given(seeds)
@settings(max_examples=30)
def test_a_decision_survives_encoding_and_the_same_input_has_the_same_hash(seed: int) -> None:
    random = Random(seed)
    net = network(random_nodes(5, random))
    order = random_demand(random, 2)
    supply = random_supply(net, order, random)
    decision = route(order, supply, net, WHOLE_LINES, NOW)
    assert decode_decision(decision.encode()) == decision
    assert route(order, supply, net, WHOLE_LINES, NOW).snapshot_hash == decision.snapshot_hash
    supply.available[0, 0] += 1
    assert route(order, supply, net, WHOLE_LINES, NOW).snapshot_hash != decision.snapshot_hash


def test_a_batch_never_takes_the_same_unit_twice() -> None:
    net = network(random_nodes(6, Random(1)))
    supply = SupplyView(net, [("sku0", node.id, 3) for node in net.nodes])
    placed = 0
    for _ in range(30):
        decision = route(demand([line(0)]), supply, net, POLICIES, NOW)
        supply.take(decision.assignments)
        placed += len(decision.assignments)
    assert placed == 18
    assert not supply.available.any()


def test_taking_more_than_there_is_is_a_bug_and_changes_nothing() -> None:
    net = network(random_nodes(1, Random(1)))
    supply = SupplyView(net, [("sku0", "n0000", 3)])
    plan = route(demand([line(0, 2)]), supply, net, POLICIES, NOW).assignments
    supply.take(plan)
    before = supply.available.copy()
    with pytest.raises(BugError):
        supply.take(plan)
    assert np.array_equal(before, supply.available)


def test_a_plan_for_an_unknown_sku_is_a_bug() -> None:
    net = network(random_nodes(1, Random(1)))
    supply = SupplyView(net, [("sku0", "n0000", 3)])
    plan = route(demand([line(0, 2)]), supply, net, POLICIES, NOW).assignments[0]
    ghost = Assignment(
        plan.node, plan.service, (AssignedLine("l1", "ghost", 1),), plan.ship_date, plan.delivery_date, ()
    )
    with pytest.raises(BugError):
        supply.take([ghost])

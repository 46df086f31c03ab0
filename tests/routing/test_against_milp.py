"""The optimiser against an independent mixed-integer program, and against plain enumeration."""

from __future__ import annotations

from decimal import Decimal
from itertools import product
from random import Random

import pytest
from msgspec.structs import replace

from benchmarks.routing_milp import Instance, solve
from crossdock.routing import Decision, Demand, Network, PolicySet, SupplyView, compile_policy, route
from crossdock.routing.supply import UNLIMITED
from tests.routing.builders import NOW, network, random_demand, random_nodes, rate_cards

OBJECTIVES: tuple[list[object], ...] = (
    ["late_days", "shipments", {"shipping_cost": 1, "handling_cost": 1}],
    [{"shipping_cost": 1, "handling_cost": 1}],
    ["late_days", {"shipping_cost": 1, "handling_cost": Decimal("0.5")}],
    ["shipments", "late_days", "shipping_cost"],
)


def instance(seed: int) -> tuple[Demand, Network, SupplyView, PolicySet, dict[tuple[str, str], int]]:
    random = Random(seed)
    net = network(random_nodes(random.randint(2, 14), random, capacity=random.random() < 0.6))
    order = random_demand(random, random.randint(1, 5))
    fill = random.choice([0.2, 0.5])
    stock = {
        (line.sku, node.id): random.randint(1, 12)
        for line in order.lines
        for node in net.nodes
        if random.random() < fill
    }
    split: dict[str, object] = {"quantity": False}
    if random.random() < 0.4:
        split["max_shipments"] = random.randint(1, 3)
    if random.random() < 0.4:
        split["min_value"] = "30.00 USD"
    if random.random() < 0.4:
        split["only_if_saves"] = "2.50 USD"
    policy = compile_policy(
        {"policy": "p", "version": 1, "objective": random.choice(OBJECTIVES), "split": split}
    )
    used = {node.id: (0, 0, random.randint(0, 5)) for node in net.nodes}
    supply = SupplyView(net, [(sku, node, units) for (sku, node), units in stock.items()], used=used)
    return order, net, supply, PolicySet([policy]), stock


def with_saving(decision: Decision, policies: PolicySet) -> tuple[Decimal, ...]:
    """The tiers with what each shipment must save, as the program counts it."""
    policy = policies.policies[0]
    tiers = list(decision.tiers)
    if policy.split.only_if_saves is not None:
        tiers[policy.saving_tier] += policy.split.only_if_saves.amount * len(decision.assignments)
    return tuple(tiers)


@pytest.mark.parametrize("seed", range(150))
def test_costs_what_the_mixed_integer_program_costs(seed: int) -> None:
    order, net, supply, policies, stock = instance(seed)
    decision = route(order, supply, net, policies, NOW)
    left: dict[str, tuple[int, int, int]] = {}
    for position, node in enumerate(net.nodes):
        orders, lines, units = (10**9 if v == UNLIMITED else int(v) for v in supply.capacity[:, position])
        left[node.id] = (orders, lines, units)
    cards = {card.id: card for card in rate_cards()}
    answer = solve(Instance(order, stock, left, net, cards, policies.policies[0].definition, NOW))
    assert len(decision.unfilled) == answer.left_out
    assert with_saving(decision, policies) == answer.tiers
    assert decision.optimal


@pytest.mark.parametrize("seed", range(40))
def test_no_other_assignment_of_lines_to_nodes_is_better_where_costs_are_not_linear(seed: int) -> None:
    """Every line at every node, priced line by line through orders that only that node may take."""
    random = Random(seed)
    net = network(random_nodes(4, random))
    order = random_demand(random, 3)
    supply = SupplyView(
        net,
        [
            (x.sku, n.id, random.randint(1, 9))
            for x in order.lines
            for n in net.nodes
            if random.random() < 0.8
        ],
    )
    objective: list[object] = [
        {"shipping_cost": 1, "stock_balance": Decimal("3.5"), "zero_stock": 2, "distance": Decimal("0.001")}
    ]
    definition = {"policy": "p", "version": 1, "objective": objective, "split": {"quantity": False}}
    policies = PolicySet([compile_policy(definition)])
    decision = route(order, supply, net, policies, NOW)

    def alone(places: tuple[int, ...]) -> Decimal | None:
        total = Decimal(0)
        for place in sorted(set(places)):
            lines = tuple(line for line, at in zip(order.lines, places, strict=True) if at == place)
            only = replace(order, lines=lines, fixed_node=net.nodes[place].id)
            part = route(only, supply, net, policies, NOW)
            if part.unfilled:
                return None
            total += part.tiers[0]
        return total

    costs = [cost for places in product(range(4), repeat=3) if (cost := alone(places)) is not None]
    if decision.unfilled:
        assert not costs
    else:
        assert abs(decision.tiers[0] - min(costs)) <= Decimal("0.012"), "within the rounding of three lines"

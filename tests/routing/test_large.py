"""Orders of more than ten lines: HiGHS within a budget, never worse than allowed, its gap stated."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from random import Random

import numpy as np
import pytest

from crossdock.routing import (
    Capacity,
    DemandLine,
    Network,
    PolicySet,
    RateCard,
    Service,
    SupplyView,
    Surcharge,
    compile_policy,
    route,
)
from crossdock.routing.engine import decision_of
from crossdock.routing.first_plan import first_plan
from crossdock.routing.formulation import Formulation
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


BULKY = Surcharge("bulky", amount=Decimal("2.75"), restriction="oversize")
ACID = Surcharge("acid", amount=Decimal("0.35"), restriction="hazmat")


def restricted_network(random: Random) -> Network:
    """Two carriers, of which one refuses acids; parcels of at most 3 kg; some nodes that may not handle all."""
    rates = tuple(tuple(Decimal(3 + zone + 2 * step) for step in range(3)) for zone in range(2))
    cards = [
        RateCard(
            name, "USD", (500, 1500, 3000), tuple(tuple(factor * rate for rate in row) for row in rates),
            (1500.0,), dim_divisor_cm3_per_kg=5000, surcharges=(BULKY, ACID),
        )
        for name, factor in (("plain", Decimal(1)), ("special", Decimal("1.1")))
    ]  # fmt: skip
    services = [
        Service("plain", "p", "plain", (2, 3), refuses=("hazmat",)),
        Service("special", "s", "special", (1, 2)),
    ]
    nodes = [
        node(
            f"n{number}",
            random.uniform(29, 47),
            random.uniform(-122, -72),
            services=("plain", "special"),
            handles=random.choice([("oversize", "hazmat"), ("oversize", "hazmat"), ("oversize",)]),
            capacity=random.choice([Capacity(), Capacity(orders=20, lines=30, units=40)]),
            priority=number,
        )
        for number in range(4)
    ]
    return Network(nodes, services, cards, currency="USD")


def restricted_lines(random: Random, count: int) -> list[DemandLine]:
    return [
        line(
            number,
            random.randint(1, 4),
            unit_value=Decimal(random.randint(5, 40)),
            unit_weight_grams=random.randint(50, 2500),
            unit_volume_cm3=random.randint(100, 9000),
            restrictions=random.choice([(), (), ("oversize",), ("hazmat",), ("oversize", "hazmat")]),
        )
        for number in range(count)
    ]


EVERY_TERM: list[object] = [
    {
        "shipping_cost": 1,
        "handling_cost": 1,
        "workload": 3,
        "stock_balance": 2,
        "zero_stock": Decimal("0.75"),
        "opportunity_cost": Decimal("0.5"),
        "distance": Decimal("0.001"),
        "priority": Decimal("0.25"),
        "transit_days": Decimal("0.4"),
    }
]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "split", [{}, {"min_value": "40.00 USD"}, {"only_if_saves": "2.00 USD", "max_shipments": 2}]
)
def test_the_program_costs_what_the_table_of_partings_costs(seed: int, split: Mapping[str, object]) -> None:
    """Surcharges, refusals, parcels, dimensional weight and every term that sums up over lines and shipments."""
    random = Random(seed)
    net = restricted_network(random)
    order = demand(restricted_lines(random, random.randint(1, 5)))
    supply = random_supply(net, order, random, 0.7)
    used = {
        place.id: (random.randint(0, 20), random.randint(20, 30), random.randint(20, 40))
        for place in net.nodes
    }
    rows = [
        (each.sku, place.id, int(units))
        for each, row in zip(order.lines, supply.rows([each.sku for each in order.lines]), strict=True)
        for place, units in zip(net.nodes, row, strict=True)
    ]
    supply = SupplyView(net, rows, used=used)
    supply.opportunity = np.array(
        [[random.randint(0, 4000) for _ in net.nodes] for _ in range(len(supply.available))], dtype=np.float64
    )
    policy = compile_policy(
        {
            **STANDARD,
            "objective": EVERY_TERM,
            "split": {"quantity": False, **split},
            "time_budget_seconds": 60,
        }
    )
    exact = route(order, supply, net, PolicySet([policy]), NOW)
    problem = Problem(situation_of(order, supply, NOW), net, policy)
    program = decision_of(problem, solve_large(problem, frozenset(), 0))
    assert program.optimal
    assert len(program.unfilled) == len(exact.unfilled)
    assert abs(program.tiers[0] - exact.tiers[0]) <= Decimal("0.012"), "within the rounding of the lines"


@pytest.mark.parametrize("term", ["stock_balance", "opportunity_cost"])
def test_units_of_a_split_line_come_from_where_they_are_worth_least(term: str) -> None:
    """Ten units of three nodes: most of them, or those that are worth least, are far away."""
    net = network([node("far", 34.0, -118.2), node("near"), node("west", 45.0)])
    stock = {"far": 9, "near": 5, "west": 5}
    supply = SupplyView(net, [("sku0", place, units) for place, units in stock.items()])
    supply.opportunity = np.array([[1000.0, 9000.0, 9000.0]] * 2)
    policy = compile_policy({**STANDARD, "objective": [{term: 10}, "shipping_cost"]})
    decision = route(demand([line(0, 10)]), supply, net, PolicySet([policy]), NOW)
    assert decision.complete
    assert {a.node: a.lines[0].quantity for a in decision.assignments}["far"] == 9
    assert len(decision.assignments) == 2


def test_what_is_worth_more_elsewhere_stays_there() -> None:
    net = network([node("far", 34.0, -118.2), node("near")])
    rows = [("sku0", place, 5) for place in ("far", "near")]
    policy = compile_policy({**STANDARD, "objective": [{"shipping_cost": 1, "opportunity_cost": 1}]})

    def decided(far: float, near: float) -> tuple[str, Decimal]:
        supply = SupplyView(net, rows)
        supply.opportunity = np.array([[far, near], [0.0, 0.0]])
        (assignment,) = route(demand([line(0, 2)]), supply, net, PolicySet([policy]), NOW).assignments
        return assignment.node, dict(assignment.costs)["opportunity_cost"]

    assert decided(0.0, 0.0) == ("near", Decimal(0))
    assert decided(0.0, 1000.0) == ("near", Decimal(2))
    assert decided(250.0, 9000.0) == ("far", Decimal("0.5"))


def test_the_first_plan_takes_the_rest_of_a_split_line_from_the_next_best_node() -> None:
    net = network([node("far", 34.0, -118.2), node("near"), node("west", 45.0)])
    supply = SupplyView(net, [("sku0", "far", 9), ("sku0", "near", 6), ("sku0", "west", 3)])
    order = demand([line(0, 10)])
    problem = Problem(situation_of(order, supply, NOW), net, compile_policy(STANDARD))
    formulation = Formulation(problem, frozenset({0}), 0)
    values = first_plan(formulation)
    sent = {net.nodes[at].id: values[column] for (_, at), column in formulation.x.items()}
    assert sent == {"far": 9, "near": 1, "west": 0}
    assert not values[formulation.left_out].any()
    assert formulation.program.admits(values)

"""Costs and changes of small orders: what is billed, what is told, and where nothing is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossdock.routing import (
    Network,
    PolicySet,
    RateCard,
    Service,
    SupplyView,
    compile_policy,
    explain,
    route,
)
from crossdock.routing.flip import FlipKind
from tests.routing.builders import NOW, STANDARD, demand, line, network, node

RATES = tuple((Decimal(2 * step + 2)) for step in range(3))


def billed(volumes: list[int], weights: list[int]) -> Decimal:
    """Freight of one shipment of lines; parcels of at most 3 kg, 5 litres to the kilogram."""
    card = RateCard("ground", "USD", (1000, 2000, 3000), (RATES,), dim_divisor_cm3_per_kg=5000)
    net = Network(
        [node("a", services=("ground",))], (Service("ground", "p", "ground", (1,)),), [card], currency="USD"
    )
    lines = [
        line(number, unit_volume_cm3=volume, unit_weight_grams=weight)
        for number, (volume, weight) in enumerate(zip(volumes, weights, strict=True))
    ]
    supply = SupplyView(net, [(each.sku, "a", 1) for each in lines])
    decision = route(demand(lines), supply, net, PolicySet([compile_policy(STANDARD)]), NOW)
    (sent,) = decision.assignments
    assert decision.tiers[2] == dict(sent.costs)["shipping_cost"], "the table says what the tariff says"
    return dict(sent.costs)["shipping_cost"]


@pytest.mark.parametrize(
    ("volumes", "weights", "freight"),
    [
        ([0, 0], [500, 500], 2),
        ([0, 0], [500, 501], 4),
        ([5000, 5000], [1, 1], 4),
        ([5000, 5001], [1, 1], 6),
        ([10_000, 5000], [1, 1], 6),
        ([10_000, 5001], [1, 1], 6 + 2),
        ([100, 20_000], [1, 1], 6 + 4),
        ([0, 0], [3000, 1], 6 + 2),
        ([0, 0], [3000, 3000], 6 + 6),
        ([0, 0, 0], [3000, 3000, 1001], 6 + 6 + 4),
        ([20_000, 0], [1, 4001], 6 + 4),
        ([0], [0], 2),
    ],
)
def test_parcels_are_billed_by_weight_or_volume_of_the_whole_shipment(
    volumes: list[int], weights: list[int], freight: int
) -> None:
    assert billed(volumes, weights) == freight


def freight_flips(lines: int, *nodes: str) -> list[tuple[str, Decimal | None]]:
    net = network(
        [node(name, 40.7 if name == "a" else 41.0, -74.0 if name == "a" else -88.0) for name in nodes]
    )
    order = demand([line(number) for number in range(lines)])
    supply = SupplyView(net, [(each.sku, name, 1) for each in order.lines for name in nodes])
    policies = PolicySet([compile_policy({**STANDARD, "objective": ["shipping_cost"]})])
    found = explain(route(order, supply, net, policies, NOW), net, policies)
    assert [each.node for each in found.decision.assignments] == ["a"]
    return [(flip.node, flip.amount) for flip in found.flips if flip.kind is FlipKind.LESS_FREIGHT]


def test_of_nodes_that_would_need_as_much_the_first_is_told() -> None:
    told = freight_flips(1, "a", "c", "b")
    assert [at for at, _ in told] == ["b"]
    assert freight_flips(1, "a", "b") == told


def test_less_freight_is_told_of_up_to_six_lines() -> None:
    assert len(freight_flips(6, "a", "b")) == 1
    assert freight_flips(7, "a", "b") == []
    assert freight_flips(2, "a") == []

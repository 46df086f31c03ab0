"""What shipments cost by each term, and that no cost is lost or outweighs what counts before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from crossdock.routing import (
    Capacity,
    HandlingCost,
    Network,
    RateCard,
    Service,
    SupplyView,
    Surcharge,
    compile_policy,
    route,
)
from crossdock.routing.formulation import Formulation
from crossdock.routing.large import splittable
from crossdock.routing.model import Money
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.program import Budget, Program, Terms
from crossdock.routing.situation import situation_of
from crossdock.routing.tariff import Floats
from tests.routing.builders import (
    NOW,
    STANDARD,
    demand,
    destination,
    line,
    network,
    node,
    policies,
    rate_card,
)


def test_terms_of_a_shipment_are_told_in_their_units() -> None:
    net = network([node("west", 34.0, -118.2, priority=4, capacity=Capacity(orders=8))])
    terms = [
        "late_days",
        "transit_days",
        "distance",
        "workload",
        "priority",
        "opportunity_cost",
        "stock_balance",
    ]
    supply = SupplyView(net, [("sku0", "west", 8), ("sku1", "west", 2)], used={"west": (2, 0, 0)})
    supply.opportunity = np.array([[1500.0], [250.0], [0.0]])
    order = demand([line(0, 2), line(1, 2)], promise=date(2026, 11, 24), ship_by=date(2026, 11, 23))
    decision = route(order, supply, net, policies(objective=[*terms, "zero_stock"]), NOW)
    (sent,) = decision.assignments
    costs = dict(sent.costs)
    assert (sent.ship_date, sent.delivery_date) == (date(2026, 11, 23), date(2026, 11, 25))
    assert {term: costs[term] for term in (*terms, "zero_stock")} == {
        "late_days": 1,
        "transit_days": 2,
        "distance": Decimal("3935.041"),
        "workload": Decimal("0.25"),
        "priority": 4,
        "opportunity_cost": Decimal("3.5"),
        "stock_balance": Decimal("1.25"),
        "zero_stock": 1,
    }
    assert list(costs)[-2:] == ["shipping_cost", "handling_cost"]
    assert decision.tiers == tuple(costs[term] for term in (*terms, "zero_stock"))


@pytest.mark.parametrize(("limit", "used", "share"), [(1, 0, "0"), (1, 1, "1"), (2, 1, "0.5"), (0, 0, "1")])
def test_a_node_is_as_busy_as_its_day_is_taken(limit: int, used: int, share: str) -> None:
    net = network([node("a", capacity=Capacity(orders=limit))])
    supply = SupplyView(net, [("sku0", "a", 3)], used={"a": (used, 0, 0)})
    (sent,) = route(
        demand([line(0)]), supply, net, policies(objective=["workload"], fences=["stock"]), NOW
    ).assignments
    assert dict(sent.costs)["workload"] == Decimal(share)


def test_a_pick_up_has_no_way_and_no_freight() -> None:
    net = network([node("west", 34.0, -118.2)])
    order = demand([line(0)], pick_up=True, fixed_node="west")
    supply = SupplyView(net, [("sku0", "west", 8)])
    fenced = policies(objective=["distance", "workload", "transit_days"], fences=[{"max_distance_km": 1}])
    (sent,) = route(order, supply, net, fenced, NOW).assignments
    assert dict(sent.costs) == dict.fromkeys(
        ("distance", "workload", "transit_days", "shipping_cost", "handling_cost"), Decimal(0)
    )
    assert (sent.service, sent.delivery_date) == ("", date(2026, 11, 23))


def test_an_amount_in_another_currency_is_compared_in_that_of_the_order() -> None:
    cards = [replace(rate_card(), currency="EUR"), rate_card("express", factor="2.6")]
    net = Network(
        [node("a"), node("b")], (Service("ground", "p", "ground", (1,)), Service("express", "p", "express", (1,))),
        cards, currency="USD", exchange_rates={"EUR": Decimal(2), "SEK": Decimal("0.5")},
    )  # fmt: skip
    assert net.converted(Money(Decimal(3), "EUR")) == 6
    supply = SupplyView(net, [("sku0", "a", 1), ("sku1", "b", 1)])
    order = demand([line(0, unit_value=Decimal(40)), line(1, unit_value=Decimal(40))], currency="SEK")
    for least, complete in (
        ("10.00 EUR", True),
        ("10.01 EUR", False),
        ("20 USD", True),
        ("20.01 USD", False),
    ):
        assert route(order, supply, net, policies(split={"min_value": least}), NOW).complete is complete


def test_a_rate_card_without_bands_and_with_one_zone_goes_everywhere() -> None:
    card = RateCard("ground", "USD", (500,), ((Decimal(1),),))
    net = Network(
        [node("a", services=("ground",))], (Service("ground", "p", "ground", (1,)),), [card], currency="USD"
    )
    far = demand([line(0)], destination=destination(-40.0, 100.0))
    assert route(far, SupplyView(net, [("sku0", "a", 1)]), net, policies(), NOW).complete


def test_a_line_that_is_parted_costs_by_line_and_by_unit() -> None:
    cost = HandlingCost(Decimal(1), Decimal("0.20"), Decimal("0.03"))
    net = network([node("a", handling_cost=cost), node("b", 34.0, -118.2)])
    supply = SupplyView(net, [("sku0", "a", 4), ("sku0", "b", 5)])
    supply.opportunity = np.array([[500.0, 250.0], [0.0, 0.0]])
    order = demand([line(0, 8)])

    def costs(term: str) -> dict[str, list[float]]:
        policy = compile_policy({**STANDARD, "objective": [term]})
        problem = Problem(situation_of(order, supply, NOW), net, policy)
        assert splittable(problem) == {0}
        program = Formulation(problem, frozenset({0}), 0)
        (tier,) = program.tiers
        return {
            "line": [tier.get(program.u[0, at], 0.0) for at in (0, 1)],
            "unit": [tier.get(program.x[0, at], 0.0) for at in (0, 1)],
        }

    nothing = {"line": [0.0, 0.0], "unit": [0.0, 0.0]}
    assert costs("shipments") == costs("shipping_cost") == costs("distance") == nothing
    assert costs("handling_cost") == {"line": [200.0, 0.0], "unit": [30.0, 0.0]}
    assert costs("stock_balance") == {"line": [0.0, 0.0], "unit": [250.0, 200.0]}
    assert costs("opportunity_cost") == {"line": [0.0, 0.0], "unit": [500.0, 250.0]}


def test_a_node_without_a_limit_takes_any_number_beside_one_with() -> None:
    net = network([node("free"), node("small", capacity=Capacity(orders=1, lines=1, units=1))])
    lines = [line(number, 100) for number in range(8)]
    supply = SupplyView(net, [(each.sku, "free", 100) for each in lines], used={"free": (999, 999, 99_999)})
    decision = route(demand(lines), supply, net, policies(split={"quantity": False}), NOW)
    assert [(each.node, len(each.lines)) for each in decision.assignments] == [("free", 8)]


def test_each_tier_may_use_its_share_of_the_time_and_what_the_last_has_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shares: list[int] = []
    solve = Program.minimise

    def minimise(
        program: Program, costs: Terms, budget: Budget, start: Floats | None = None, *, share: int = 1
    ) -> tuple[Floats | None, float]:
        shares.append(share)
        return solve(program, costs, budget, start, share=share)

    monkeypatch.setattr(Program, "minimise", minimise)
    net = network([node("a"), node("b", 34.0, -118.2)])
    supply = SupplyView(net, [("sku0", "a", 4), ("sku0", "b", 5)])
    assert route(demand([line(0, 8)]), supply, net, policies(time_budget_seconds=60), NOW).optimal
    assert shares in ([4, 3, 2, 1], [3, 2, 1], [2, 1]), shares


def test_units_of_which_nobody_says_what_they_are_worth_elsewhere_are_worth_nothing() -> None:
    net = network([node("a")])
    rules = policies(objective=["opportunity_cost", "workload"])
    (sent,) = route(demand([line(0)]), SupplyView(net, [("sku0", "a", 3)]), net, rules, NOW).assignments
    assert [dict(sent.costs)[term] for term in ("opportunity_cost", "workload")] == [0, 0]


@pytest.mark.parametrize(("units", "at"), [(1, "near"), (3, "far")])
def test_what_units_are_worth_elsewhere_counts_for_each(units: int, at: str) -> None:
    net = network([node("near"), node("far", 41.0, -88.0)])
    rows = [("sku0", name, 9) for name in ("near", "far")]
    order = demand([line(0, units, unit_weight_grams=10)], promise=None)
    freight = [
        route(order, SupplyView(net, [row]), net, policies(objective=["shipping_cost"]), NOW).tiers[0]
        for row in rows
    ]
    supply = SupplyView(net, rows)
    worth = float((freight[1] - freight[0]) * 1000) / 2
    supply.opportunity = np.array([[0.0, worth], [0.0, 0.0]])
    rules = policies(objective=[{"shipping_cost": 1, "opportunity_cost": 1}])
    assert [each.node for each in route(order, supply, net, rules, NOW).assignments] == [at]


@pytest.mark.parametrize("units", [1, 2, 3])
def test_what_handling_costs_counts_for_each_unit_each_line_and_the_shipment(units: int) -> None:
    cost = HandlingCost(Decimal("0.50"), Decimal("0.30"), Decimal("0.20"))
    net = network([node("near", handling_cost=cost)])
    order = demand([line(0, units), line(1, 2)])
    supply = SupplyView(net, [("sku0", "near", 9), ("sku1", "near", 9)])
    decision = route(order, supply, net, policies(objective=[{"handling_cost": 2}]), NOW)
    assert decision.tiers == (2 * (Decimal("0.50") + 2 * Decimal("0.30") + (units + 2) * Decimal("0.20")),)
    problem = Problem(
        situation_of(order, supply, NOW), net, policies(objective=[{"handling_cost": 2}]).policies[0]
    )
    assert problem.item_cost[:, 0].tolist() == [2 * (300 + units * 200), 2 * (300 + 2 * 200)]
    assert problem.cost.tolist() == [1000, 1000]
    assert problem.table()[-1].tolist() == [1000 + 600 + units * 400 + 600 + 800] * 2


@pytest.mark.parametrize(("share", "term"), [(0.5, "stock_balance"), (0.0, "zero_stock")])
def test_what_an_order_takes_of_the_stock_is_known_for_every_node(share: float, term: str) -> None:
    net = network([node("few"), node("many", 41.0, -88.0), node("none")])
    order = demand([line(0, 2)])
    supply = SupplyView(net, [("sku0", "few", 2), ("sku0", "many", 4), ("sku0", "none", 1)])
    problem = Problem(situation_of(order, supply, NOW), net, policies(objective=[term]).policies[0])
    scale = problem.packing.scales[term]
    assert problem.item_cost[0, :2].tolist() == [scale, share * scale]
    assert problem.item_cost[0, 2] >= IMPOSSIBLE


def test_a_line_is_not_parted_among_nodes_that_may_not_handle_it() -> None:
    able: dict[str, Any] = {"handles": ("hazmat",)}
    net = network([node("a", **able), node("b", 41.0, -88.0, **able), node("c")])
    supply = SupplyView(net, [("sku0", at, 5) for at in ("a", "b", "c")])
    order = demand([line(0, 8, restrictions=("hazmat",))])
    decision = route(order, supply, net, policies(time_budget_seconds=60), NOW)
    assert sorted(each.node for each in decision.assignments) == ["a", "b"]


def test_a_product_that_is_dearer_to_send_makes_its_whole_kit_dearer() -> None:
    bulky = replace(rate_card(), surcharges=(Surcharge("bulky", amount=Decimal(7), restriction="oversize"),))
    carriers = (
        Service("ground", "p", "ground", (1,)),
        Service("express", "p", "express", (1,), refuses=("hazmat",)),
    )
    net = Network(
        [node("a", handles=("oversize", "hazmat"))],
        carriers,
        [bulky, rate_card("express", factor="1.1")],
        currency="USD",
    )

    def sent(restriction: str, keep: list[str]) -> tuple[str, Decimal]:
        kit: dict[str, Any] = {"group": "g", "group_kind": "kit"}
        order = demand([line(0, restrictions=(restriction,), **kit), line(1, **kit)])
        supply = SupplyView(net, [("sku0", "a", 1), ("sku1", "a", 1)])
        rules = policies(objective=["shipping_cost"], split={"keep_together": keep})
        (only,) = route(order, supply, net, rules, NOW).assignments
        return only.service, dict(only.costs)["shipping_cost"]

    for keep in ([], ["kit"]):
        assert sent("oversize", keep) == ("express", Decimal("4.920"))
        assert sent("hazmat", keep) == ("ground", Decimal("4.470"))


@pytest.mark.parametrize("part", ["per_shipment", "per_line", "per_unit", "opportunity", "freight"])
def test_no_cost_however_high_outweighs_an_earlier_tier(part: str) -> None:
    """One shipment from the dear node, though two cheap nodes would cost thousands less."""
    dear = HandlingCost(**{part: Decimal(900)}) if part.startswith("per_") else HandlingCost()
    cards = [rate_card(), rate_card("express", factor="9000" if part == "freight" else "2")]
    places = [
        node("dear", handling_cost=dear, services=("express" if part == "freight" else "ground",)),
        node("one", services=("ground",)),
        node("two", services=("ground",)),
    ]
    net = network(places, cards=cards)
    order = demand([line(number, 50, unit_weight_grams=1, unit_volume_cm3=1) for number in range(4)])
    rows = [
        (each.sku, at, 50) for n, each in enumerate(order.lines) for at in ("dear", ("one", "two")[n % 2])
    ]
    supply = SupplyView(net, rows)
    if part == "opportunity":
        supply.opportunity = np.array([[900_000.0, 0.0, 0.0]] * 4 + [[0.0, 0.0, 0.0]])
    costs = {"shipping_cost": 1, "handling_cost": 1, "opportunity_cost": 1}
    decision = route(order, supply, net, policies(objective=["shipments", costs]), NOW)
    assert [each.node for each in decision.assignments] == ["dear"]
    assert decision.tiers[1] > 800

"""Seldom taken turns: each is reached by an order, a policy or a network that a hub may well have."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace as changed

from crossdock.routing import (
    Calendar,
    Capacity,
    HandlingCost,
    Network,
    OpeningHours,
    PolicyDefinition,
    PolicySet,
    RateCard,
    Service,
    SupplyView,
    Surcharge,
    compile_policy,
    explain,
    route,
)
from crossdock.routing.cel_syntax import parse
from crossdock.routing.conditions import compile_condition
from crossdock.routing.formulation import Formulation
from crossdock.routing.large import splittable
from crossdock.routing.model import Address, Money
from crossdock.routing.policy_checks import Finding, FindingKind
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.program import Budget, Program, Terms
from crossdock.routing.promising import Promises
from crossdock.routing.reading_conditions import formula_of
from crossdock.routing.situation import situation_of
from crossdock.routing.tariff import Floats
from crossdock.sdk.errors import MisconfiguredError
from tests.routing.builders import (
    NOW,
    STANDARD,
    demand,
    destination,
    line,
    network,
    node,
    rate_card,
    rate_cards,
)


def policies(**changes: object) -> PolicySet:
    return PolicySet([compile_policy({**STANDARD, **changes})])


def test_the_shortest_of_several_distances_counts() -> None:
    fences = [{"max_distance_km": 5000}, {"max_distance_km": 100}, {"max_distance_km": 9000}]
    assert compile_policy({**STANDARD, "fences": fences}).max_distance_km == 100


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"split": {"only_if_saves": "1 USD"}}, "split.only_if_saves"),
        ({"reevaluate": {"every": "1h", "min_saving": "1 USD"}}, "reevaluate.min_saving"),
    ],
)
def test_a_saving_needs_a_cost_to_be_of(change: dict[str, object], path: str) -> None:
    with pytest.raises(MisconfiguredError, match=f"^{path.split('.')[1]} needs a cost to compare") as refused:
        compile_policy({**STANDARD, "objective": ["shipments"], **change})
    assert refused.value.path == path
    costs = [compile_policy({**STANDARD, "objective": each, **change}) for each in COSTS]
    tiers = [max(each.saving_tier, each.cost_tier) for each in costs]
    assert tiers == [1, 0, 2]
    assert {min(each.saving_tier, each.cost_tier) for each in costs} == {-1}


COSTS: tuple[list[object], ...] = (
    ["shipments", {"handling_cost": 1}, "shipping_cost"],
    ["opportunity_cost", "shipping_cost"],
    ["shipments", "late_days", {"distance": 1, "shipping_cost": 2}],
)


def test_what_a_policy_decides_for_is_remembered_by_what_it_asks() -> None:
    abroad = node("abroad", serves=("CA", "US-NJ"))
    net = network([abroad, node("home", 34.0, -118.2)])
    rules = policies()
    supply = SupplyView(net, [("sku0", "abroad", 9), ("sku0", "home", 9)])
    for address, at in (("US-NY", "home"), ("US-NJ", "abroad"), ("US-CA", "home")):
        there = changed(destination(), address=Address("US", address, "10001"))
        found = route(demand([line(0)], destination=there), supply, net, rules, NOW)
        assert [each.node for each in found.assignments] == [at]
    canada = changed(destination(), address=Address("CA", "", ""))
    assert (
        route(demand([line(0)], destination=canada), supply, net, rules, NOW).assignments[0].node == "abroad"
    )
    pick_up = demand([line(0)], pick_up=True, fixed_node="abroad")
    assert route(pick_up, supply, net, rules, NOW).complete, "the buyer comes from anywhere"
    assert explain(route(pick_up, supply, net, rules, NOW), net, rules).candidates[0].chosen


def test_amounts_and_durations_may_come_as_values() -> None:
    definition = PolicyDefinition.model_validate(
        {
            "policy": "p",
            "version": 1,
            "objective": ["shipping_cost"],
            "split": {"only_if_saves": Money(Decimal(2), "USD")},
            "release_after": timedelta(minutes=90),
        }
    )
    assert definition.split.only_if_saves == Money(Decimal(2), "USD")
    assert definition.model_dump(mode="json")["release_after"] == "90m"
    with pytest.raises(MisconfiguredError, match="amount and its currency"):
        compile_policy({**STANDARD, "split": {"min_value": "x 15.00 USD"}})


def test_only_a_finding_without_effect_is_let_pass() -> None:
    kinds = {kind: Finding(kind, "p@1", "0", "m").refused for kind in FindingKind}
    assert [kind for kind, refused in kinds.items() if not refused] == [FindingKind.NO_EFFECT]
    assert Finding(FindingKind.GAP, "", "", "") == Finding(FindingKind.GAP, "", "", "", None)


def test_what_is_not_understood_of_a_condition_is_a_question_of_its_own() -> None:
    for source in (r"order.region == '\x41'", "order.tags == []"):
        assert (parse(source) is None) is ("x41" in source)
    escaped = compile_condition(r"order.region == '\x41'", "when", about_node=True)
    assert str(formula_of(escaped, {})) == f"Question(text={escaped.source!r})"
    assert str(formula_of(escaped, {}, node("n"))) == f"Question(text={escaped.source + ' of n'!r})"
    numbers = compile_condition("order.units in [2, 3]", "when", about_node=False)
    two, three = (f"Compared(fact='units', sign='==', number={number})" for number in (2.0, 3.0))
    assert str(formula_of(numbers, {})) == f"Any(parts=({two}, {three}))"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("order.units.all(x, true)", "an int has no elements for all"),
        ("order.lines.exists(l, l.sku)", "exists takes a bool, not a string"),
        ("order.channel.matches(3)", "matches takes a string, not an int"),
        ("order.tags.map(t, t + 1) == ['a']", "needs two of one type, not int and string"),
    ],
)
def test_a_macro_is_checked(source: str, words: str) -> None:
    with pytest.raises(MisconfiguredError, match=words.replace("(", r"\(").replace(")", r"\)")):
        compile_condition(source, "when", about_node=False)


def test_a_field_of_what_has_no_known_type_may_be_anything() -> None:
    condition = compile_condition(
        "{'a': {'b': 1}}.a.b == 1 || dyn(order.lines)[0].sku == 'x'", "when", about_node=False
    )
    assert condition.holds(demand([line(0)]))


def test_an_offer_that_is_as_good_and_later_is_not_made() -> None:
    twice = (
        Service("slow", "parcel", "ground", (3,)),
        Service("quick", "parcel", "ground", (1,)),
    )
    net = Network([node("near", services=("slow", "quick"))], twice, rate_cards(), currency="USD")
    supply = SupplyView(net, [("sku0", "near", 5)])
    order = demand([line(0)], promise=None)
    for objective in (["shipping_cost"], ["shipments"], ["transit_days", "shipping_cost"]):
        found = Promises(net, policies(objective=objective)).offers(order, supply, NOW)
        assert [(each.delivery_date, each.cost) for each in found.offers] == [
            (date(2026, 11, 24), Decimal("3.100"))
        ]
        assert found.exact
        assert found.offers[0].ship_date == date(2026, 11, 23)
        assert found.offers[0].supply_due is None


def test_an_order_that_can_not_be_promised_says_why_either_way() -> None:
    net = network([node("near")])
    supply = SupplyView(net, [("sku0", "near", 1)])
    for order in (demand([line(0, 2)]), demand([line(0), line(1)])):
        asked = Promises(net, policies())
        for found in (asked.offers(order, supply, NOW), asked.earliest(order, supply, NOW)):
            assert found.refused is not None
            assert (found.offers, found.refused.reason, found.exact) == ((), "no_stock", True)
    nobody = Promises(net, policies(when="order.channel == 'x'"))
    both = demand([line(0), line(1)])
    refused = nobody.earliest(both, supply, NOW).refused
    assert refused is not None
    assert refused.reason == "no_policy"


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


def test_a_hub_without_nodes_places_nothing() -> None:
    empty = network([])
    decision = route(
        demand([line(0)]), SupplyView(empty, []), empty, policies(fences=["capacity", "fresh"]), NOW
    )
    assert (decision.reason, decision.assignments) == ("no_node", ())
    assert empty.timetable(NOW).until == NOW
    assert (
        Promises(empty, policies()).earliest(demand([line(0), line(1)]), SupplyView(empty, []), NOW).refused
    )


def test_the_first_day_may_be_yesterday_where_the_goods_are() -> None:
    """On Wednesday morning in Greenwich it is Tuesday evening on Hawaii."""
    now = datetime(2026, 11, 25, 5, tzinfo=UTC)
    always = Calendar(tuple(OpeningHours(day, time(0), time(23, 59)) for day in range(7)))
    quick = {"calendar": always, "cut_off": None, "processing_time": timedelta(0), "services": ("courier",)}
    nodes = [
        node(
            "hawaii",
            21.3,
            -157.9,
            time_zone="Pacific/Honolulu",
            handling_cost=HandlingCost(Decimal(9)),
            **quick,
        ),
        node("london", 51.5, 0.0, time_zone="UTC", **quick),
    ]
    net = Network(nodes, (Service("courier", "c", "ground", (0,)),), [rate_card(zones=1)], currency="USD")
    supply = SupplyView(net, [("sku0", "hawaii", 5), ("sku0", "london", 5)])
    (first,) = (
        Promises(net, policies(objective=["handling_cost"])).earliest(demand([line(0)]), supply, now).offers
    )
    assert (first.delivery_date, first.ship_date) == (date(2026, 11, 24), date(2026, 11, 24))
    assert [each.node for each in first.decision.assignments] == ["hawaii"]


@pytest.mark.parametrize("split", [{}, {"min_value": "1 USD"}])
def test_three_alternatives_are_told_if_there_are_as_many(split: dict[str, object]) -> None:
    net = network([node(f"n{number}", 40.7 - number) for number in range(6)])
    supply = SupplyView(net, [("sku0", each.id, 9) for each in net.nodes])
    rules = policies(split=split)
    found = explain(route(demand([line(0)]), supply, net, rules, NOW), net, rules)
    chosen = found.decision.assignments[0].node
    told = [each.assignments[0].node for each in found.alternatives]
    assert len(told) == len({*told, chosen}) - 1 == 3


@pytest.mark.parametrize("source", ["dyn(order.units) + 1 == 2", "1.5 + dyn(1.0) == 2.5", "-dyn(1) == -1"])
def test_nothing_is_claimed_of_what_may_be_of_any_type(source: str) -> None:
    assert compile_condition(source, "when", about_node=False).holds(demand([line(0)]))


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


def test_a_node_that_would_be_as_good_and_comes_first_would_have_won() -> None:
    net = network([node("a"), node("b")])
    supply = SupplyView(net, [("sku0", "b", 5)])
    rules = policies()
    found = explain(route(demand([line(0, 2)]), supply, net, rules, NOW), net, rules)
    assert found.flip == "a would have won with 2 more units of sku0."


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


def test_a_service_that_stays_in_its_country_is_not_remembered_for_another() -> None:
    carriers = (
        Service("local", "p", "ground", (1,), countries=("US",)),
        Service("world", "p", "express", (1,)),
    )
    net = Network([node("a", services=("local", "world"))], carriers, rate_cards(), currency="USD")
    supply = SupplyView(net, [("sku0", "a", 9)])
    for country, service in (("US", "local"), ("CA", "world"), ("US", "local")):
        order = demand([line(0)], destination=changed(destination(), address=Address(country, "", "10001")))
        assert route(order, supply, net, policies(), NOW).assignments[0].service == service

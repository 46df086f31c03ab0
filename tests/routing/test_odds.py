"""Seldom taken turns: each is reached by an order, a policy or a network that a hub may well have."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from msgspec.structs import replace as changed

from crossdock.routing import (
    Calendar,
    HandlingCost,
    Network,
    OpeningHours,
    PolicyDefinition,
    Service,
    SupplyView,
    compile_policy,
    explain,
    route,
)
from crossdock.routing.cel_syntax import parse
from crossdock.routing.conditions import compile_condition
from crossdock.routing.model import Address, Money
from crossdock.routing.policy_checks import Finding, FindingKind
from crossdock.routing.promising import Promises
from crossdock.routing.reading_conditions import formula_of
from crossdock.sdk.errors import MisconfiguredError
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
    rate_cards,
)


def test_the_shortest_of_several_distances_counts() -> None:
    fences = [{"max_distance_km": 5000}, {"max_distance_km": 100}, {"max_distance_km": 9000}]
    assert compile_policy({**STANDARD, "fences": fences}).max_distance_km == 100


def test_a_node_may_be_just_as_far_as_the_most() -> None:
    net = network([node("far", 34.0, -118.2)])
    away = float(net.reach(destination()).distance_km[0])
    supply = SupplyView(net, [("sku0", "far", 1)])
    for most, complete in ((away, True), (away - 1e-6, False)):
        fenced = policies(fences=[{"max_distance_km": most}])
        assert route(demand([line(0)]), supply, net, fenced, NOW).complete is complete


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


def test_a_node_that_would_be_as_good_and_comes_first_would_have_won() -> None:
    net = network([node("a"), node("b")])
    supply = SupplyView(net, [("sku0", "b", 5)])
    rules = policies()
    found = explain(route(demand([line(0, 2)]), supply, net, rules, NOW), net, rules)
    assert found.flip == "a would have won with 2 more units of sku0."


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


def test_every_tier_counts_in_what_is_offered() -> None:
    carriers = (Service("slow", "p", "ground", (3,)), Service("quick", "p", "express", (1,)))
    net = Network([node("near", services=("slow", "quick"))], carriers, rate_cards(), currency="USD")
    supply = SupplyView(net, [("sku0", "near", 5)])
    for objective in (["shipments", "shipping_cost"], ["shipping_cost"], [{"shipping_cost": 2}, "late_days"]):
        found = Promises(net, policies(objective=objective)).offers(demand([line(0)]), supply, NOW)
        assert [(each.delivery_date.day, each.cost) for each in found.offers] == [
            (24, Decimal("8.060")),
            (26, Decimal("3.100")),
        ]


@pytest.mark.parametrize("units", [0, -1])
def test_a_line_of_nothing_is_refused_beside_others(units: int) -> None:
    net = network([node("a")])
    with pytest.raises(ValueError, match="order o1: needs lines, positive quantities and an aware instant"):
        route(demand([line(0), line(1, units)]), SupplyView(net, []), net, policies(), NOW)
    with pytest.raises(ValueError, match="aware instant"):
        route(demand([line(0)]), SupplyView(net, []), net, policies(), NOW.replace(tzinfo=None))

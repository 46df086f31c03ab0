"""A plan is changed only for a better one: by an earlier tier, by enough money, or because it works no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as changed
from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from crossdock.routing import (
    Assignment,
    Capacity,
    Demand,
    HandlingCost,
    Network,
    Node,
    NodeStatus,
    PolicySet,
    SupplyView,
    compile_policy,
    route,
)
from crossdock.routing.reevaluation import Move, better_plan
from tests.routing.builders import NOW, STANDARD, demand, line, network, node

COSTS = ["shipments", {"shipping_cost": 1, "handling_cost": 1}]
RULE = {"every": "1h", "min_saving": "0.50 USD"}
DEAR, CHEAP = (HandlingCost(Decimal(amount)) for amount in ("3.00", "2.50"))
ORDER = demand([line(0, 2)])


def policies(**changes: object) -> PolicySet:
    return PolicySet([compile_policy({**STANDARD, "objective": COSTS, "reevaluate": RULE, **changes})])


def places(**handling: HandlingCost) -> Network:
    return network([node(name, handling_cost=cost) for name, cost in handling.items()])


def planned(net: Network, at: str, order: Demand = ORDER) -> tuple[Assignment, ...]:
    fixed = replace(order, fixed_node=at)
    supply = SupplyView(net, [(each.sku, at, 99) for each in order.lines])
    return route(fixed, supply, net, policies(), NOW).assignments


def moved(
    net: Network,
    plan: tuple[Assignment, ...],
    stock: Mapping[str, int],
    left: tuple[str, ...] = (),
    order: Demand = ORDER,
    used: Mapping[str, tuple[int, int, int]] | None = None,
    stale: tuple[str, ...] = (),
    rules: PolicySet | None = None,
) -> Move | None:
    rows = [(each.sku, name, units) for each in order.lines for name, units in stock.items()]
    supply = SupplyView(net, rows, used=used, stale_nodes=stale)
    return better_plan(order, plan, left, supply, net, rules or policies(), NOW)


BOTH = {"a": 9, "b": 9}


def test_it_moves_where_enough_is_saved_and_says_what() -> None:
    net = places(a=DEAR, b=CHEAP)
    found = moved(net, planned(net, "a"), BOTH)
    assert found is not None
    assert [each.node for each in found.decision.assignments] == ["b"]
    assert found.why == "shipping_cost + handling_cost 6.970 instead of 7.470"
    assert moved(net, planned(net, "b"), BOTH) is None, "what is best stays"


def test_it_stays_where_too_little_is_saved() -> None:
    net = places(a=DEAR, b=HandlingCost(Decimal("2.501")))
    assert moved(net, planned(net, "a"), BOTH) is None


def test_an_earlier_tier_decides_by_itself_and_a_later_one_never() -> None:
    net = places(a=DEAR, b=CHEAP)
    order = demand([line(0), line(1)])
    apart = tuple(
        changed_line
        for at, number in (("a", 0), ("b", 1))
        for changed_line in planned(net, at, demand([line(number)]))
    )
    found = moved(
        net, apart, BOTH, order=order, rules=policies(reevaluate={"every": "1h", "min_saving": "99 USD"})
    )
    assert found is not None
    assert found.why == "shipments 1 instead of 2"
    dear = moved(
        net, planned(net, "a", order), BOTH, order=order, rules=policies(objective=[COSTS[1], "shipments"])
    )
    assert dear is not None
    assert dear.why.startswith("shipping_cost + handling_cost ")


def test_what_was_left_is_not_gone_back_to_and_what_is_forbidden_neither() -> None:
    net = places(a=DEAR, b=CHEAP)
    assert moved(net, planned(net, "a"), BOTH, left=("b",)) is None
    assert moved(net, planned(net, "a"), BOTH, left=("a",)) is not None, "it is here"
    forbidden = replace(ORDER, excluded_nodes=("b",))
    assert moved(net, planned(net, "a"), BOTH, order=forbidden) is None
    third = places(a=DEAR, b=CHEAP, c=HandlingCost(Decimal("2.40")))
    found = moved(
        third, planned(third, "a"), {**BOTH, "c": 9}, left=("c",), order=replace(ORDER, excluded_nodes=("x",))
    )
    assert found is not None
    assert [each.node for each in found.decision.assignments] == ["b"]


def test_it_stays_where_the_better_plan_is_not_whole_or_nobody_asks() -> None:
    net = places(a=DEAR, b=CHEAP)
    assert moved(net, planned(net, "a"), {"b": 1}) is None
    assert moved(net, planned(net, "a"), BOTH, rules=policies(reevaluate=None)) is None
    assert moved(net, planned(net, "a"), BOTH, rules=policies(when="order.channel == 'other'")) is None
    assert moved(net, planned(net, "a"), BOTH, order=replace(ORDER, pick_up=True)) is None


def test_a_pick_up_is_looked_at_in_its_store() -> None:
    net = places(a=DEAR, b=CHEAP)
    order = replace(ORDER, pick_up=True, fixed_node="b")
    plan = route(order, SupplyView(net, [("sku0", "b", 9)]), net, policies(), NOW).assignments
    assert moved(net, plan, BOTH, order=order) is None
    elsewhere = tuple(replace(each, node="a") for each in plan)
    found = moved(net, elsewhere, BOTH, order=order)
    assert found is not None
    assert found.why == "a can't ship it any more: no capacity, distance or service is left for it"


def other(net: Network, **changes: object) -> Network:
    """The network with another node ``a``."""
    nodes: list[Node] = [changed(each, **changes) if each.id == "a" else each for each in net.nodes]  # type: ignore[arg-type]
    return network(nodes)


@pytest.mark.parametrize(
    ("changes", "rules", "why"),
    [
        ({"status": NodeStatus.PAUSED}, {}, "a can't ship it any more: it is not active"),
        ({"serves": ("CA",)}, {}, "a can't ship it any more: serves_destination"),
        (
            {"tags": ("x",)},
            {"fences": [{"require": "!('x' in node.tags)"}]},
            "a can't ship it any more: !('x' in node.tags)",
        ),
        (
            {"services": ("express",)},
            {},
            "a can't ship it any more: no capacity, distance or service is left for it",
        ),
    ],
)
def test_a_plan_that_works_no_more_is_left_whatever_it_costs(
    changes: dict[str, object], rules: dict[str, object], why: str
) -> None:
    before = places(a=CHEAP, b=DEAR)
    found = moved(other(before, **changes), planned(before, "a"), BOTH, left=("b",), rules=policies(**rules))
    assert found is not None
    assert ([each.node for each in found.decision.assignments], found.why) in ((["b"], why), (["a"], why))


def test_a_node_that_is_gone_full_stale_or_may_not_handle_it_is_left() -> None:
    before = places(a=CHEAP, b=DEAR)
    plan = planned(before, "a")
    gone = moved(places(b=DEAR), plan, {"b": 9})
    assert gone is not None
    assert gone.why == "a can't ship it any more: it is not configured"
    stale = moved(before, plan, BOTH, stale=("a",), rules=policies(fences=["fresh"]))
    assert stale is not None
    assert stale.why == "a can't ship it any more: its feed is stale"
    assert moved(before, plan, BOTH, stale=("a",)) is None, "nobody asks for a fresh feed"
    full = moved(other(before, capacity=Capacity(orders=1)), plan, BOTH, used={"a": (1, 0, 0)})
    assert full is not None
    assert full.why == "a can't ship it any more: no capacity, distance or service is left for it"
    acid = replace(ORDER, lines=(replace(ORDER.lines[0], restrictions=("hazmat",)),))
    able = network([node("a"), node("b", handles=("hazmat",))])
    handled = moved(able, plan, BOTH, order=acid)
    assert handled is not None
    assert handled.why == "a may not handle it any more"


def test_a_preference_that_is_met_again_is_worth_a_move_and_one_that_is_lost_is_not() -> None:
    net = network([node("a", handling_cost=CHEAP), node("b", handling_cost=DEAR, tags=("good",))])
    rules = policies(prefer=["'good' in node.tags"])
    found = moved(net, planned(net, "a"), BOTH, rules=rules)
    assert found is not None
    assert ([each.node for each in found.decision.assignments], found.why) == (
        ["b"],
        "a preference is met again",
    )
    assert moved(net, planned(net, "b"), BOTH, rules=rules) is None
    assert moved(net, planned(net, "b"), {"a": 9, "b": 0}, rules=rules) is None


def test_the_plan_is_measured_as_of_today() -> None:
    net = places(a=CHEAP)
    plan = tuple(replace(each, ship_date=date(2026, 1, 1)) for each in planned(net, "a"))
    assert moved(net, plan, {"a": 9}, rules=policies(objective=["late_days", "transit_days", *COSTS])) is None


def test_it_stays_where_the_rules_of_today_would_allow_only_dearer_plans() -> None:
    net = places(a=CHEAP, b=CHEAP, c=HandlingCost(Decimal(99)))
    order = demand([line(0), line(1)])
    apart = (*planned(net, "a", demand([line(0)])), *planned(net, "b", demand([line(1)])))
    supply = SupplyView(net, [("sku0", "a", 1), ("sku1", "b", 1), ("sku0", "c", 1), ("sku1", "c", 1)])
    rules = policies(objective=COSTS[1:], split={"max_shipments": 1})
    assert route(order, supply, net, rules, NOW).assignments[0].node == "c"
    assert better_plan(order, apart, (), supply, net, rules, NOW) is None


def test_a_node_that_was_left_and_is_used_again_may_have_all_of_it() -> None:
    net = places(a=DEAR, b=CHEAP)
    order = demand([line(0), line(1)])
    apart = (*planned(net, "a", demand([line(0)])), *planned(net, "b", demand([line(1)])))
    found = moved(net, apart, {"a": 9, "b": 1}, left=("a",), order=order)
    assert found is not None
    rows = {"a": 9}
    alone = moved(net, apart, rows, left=("a",), order=order)
    assert alone is not None
    assert [each.node for each in alone.decision.assignments] == ["a"]

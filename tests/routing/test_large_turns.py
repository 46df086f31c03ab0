"""Orders left to the solver: bounds, first plans and explanations, one situation at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace as replace_card
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from crossdock.routing import (
    Capacity,
    Decision,
    Demand,
    DemandLine,
    Network,
    PolicySet,
    Service,
    SupplyView,
    Surcharge,
    compile_policy,
    route,
)
from crossdock.routing.candidates import candidates_of
from crossdock.routing.first_plan import amounts, first_plan, values_of
from crossdock.routing.flip import FlipKind
from crossdock.routing.formulation import Formulation
from crossdock.routing.large import best_values, parted_with_more, plan_of, solve_large, splittable
from crossdock.routing.large_choices import LargeChoices
from crossdock.routing.model import Node
from crossdock.routing.problem import Problem
from crossdock.routing.program import Budget
from crossdock.routing.situation import situation_of
from tests.routing.builders import NOW, STANDARD, demand, line, network, node, rate_card, rate_cards

Stock = Mapping[str, Sequence[int]]
"""Units of sku0, sku1, … at each node."""
FAR = {"a": (40.7, -74.0), "b": (41.0, -88.0), "c": (34.0, -118.2)}


def nodes(**facts: dict[str, Any]) -> Network:
    return network([node(name, *FAR[name], **facts.get(name, {})) for name in FAR])


def problem_of(
    order: Demand, stock: Stock, net: Network | None = None, used: Mapping[str, tuple[int, int, int]] | None = None,
    **changes: object,
) -> Problem:  # fmt: skip
    net = net or nodes()
    rows = [(f"sku{n}", at, units) for at, row in stock.items() for n, units in enumerate(row)]
    policy = compile_policy({**STANDARD, "time_budget_seconds": 60, **changes})
    return Problem(situation_of(order, SupplyView(net, rows, used=used), NOW), net, policy)


def decided(problem: Problem, stock: Stock) -> Decision:
    rows = [(f"sku{n}", at, units) for at, row in stock.items() for n, units in enumerate(row)]
    return route(
        problem.demand, SupplyView(problem.network, rows), problem.network, PolicySet([problem.policy]), NOW
    )


@pytest.mark.parametrize(
    ("stock", "shipments"),
    [
        ({"a": (1, 1, 1, 1), "b": (1, 0, 0, 0)}, 1),
        ({"a": (1, 1, 0, 0), "b": (0, 0, 1, 1)}, 2),
        ({"a": (1, 1, 0, 0), "b": (0, 1, 1, 1), "c": (1, 0, 0, 0)}, 2),
        ({"a": (1, 1, 0, 0), "b": (0, 0, 1, 0), "c": (0, 0, 0, 1)}, 3),
    ],
)
def test_an_order_needs_as_many_shipments_as_hold_all_of_it(stock: Stock, shipments: int) -> None:
    problem = problem_of(demand([line(number) for number in range(4)]), stock)
    plan = solve_large(problem, frozenset(), 0)
    assert (len(plan.shipments), plan.left_out, plan.optimal, plan.gap) == (shipments, (), True, 0.0)
    units = sorted(each for shipment in plan.shipments for each in shipment.units)
    assert units == [(position, 1) for position in range(4)]


def test_a_plan_that_costs_nothing_is_the_best_without_a_search() -> None:
    order = demand([line(number) for number in range(3)])
    plan = solve_large(problem_of(order, {"a": (1, 1, 1)}, objective=["late_days"]), frozenset(), 0)
    assert (plan.optimal, plan.gap, len(plan.shipments)) == (True, 0.0, 1)


def test_what_nobody_has_is_left_out_and_the_rest_goes_ahead_or_not() -> None:
    order = demand([line(0), line(1), line(2)])
    stock = {"a": (1, 0, 0), "b": (1, 1, 0)}
    some = solve_large(problem_of(order, stock), frozenset(), 0)
    assert (some.left_out, len(some.shipments), some.given_up) == ((2,), 1, 0)
    nothing = solve_large(problem_of(order, stock, unfillable={"ship_rest": False}), frozenset(), 2)
    assert (nothing.shipments, nothing.left_out, nothing.given_up) == ((), (0, 1, 2), 2)
    assert (nothing.optimal, nothing.gap) == (True, 0.0)


def test_without_time_only_the_first_plan_is_there_if_it_may_be() -> None:
    problem = problem_of(demand([line(0), line(1)]), {"a": (1, 1), "b": (1, 1)})
    formulation = Formulation(problem, frozenset(), 0)
    rows = len(formulation.program.rows)
    start = first_plan(formulation)
    values, gap = best_values(formulation, start, Budget(0.0))
    assert values is not None
    assert (values.tolist(), gap, len(formulation.program.rows)) == (start.tolist(), 1.0, rows)
    assert best_values(formulation, None, Budget(0.0)) == (None, 1.0)
    plan = plan_of(formulation, None, 1.0, 1)
    assert (plan.shipments, plan.left_out, plan.given_up, plan.optimal, plan.gap) == (
        (),
        (0, 1),
        1,
        False,
        1.0,
    )
    assert not plan_of(formulation, values, gap, 0).optimal


@pytest.mark.parametrize(
    ("units", "stock", "changes", "now", "with_more"),
    [
        (9, {"a": (5,), "b": (5,)}, {}, {0}, {0}),
        (9, {"a": (5,), "b": (4,)}, {}, {0}, {0}),
        (9, {"a": (5,), "b": (3,)}, {}, set(), {0}),
        (9, {"a": (9,), "b": (9,)}, {}, set(), set()),
        (9, {"a": (5,), "b": (5,)}, {"split": {"quantity": False}}, set(), set()),
        (9, {"a": (5,), "b": (5,)}, {"split": {"max_shipments": 1}}, set(), set()),
        (9, {"a": (5,), "b": (5,)}, {"split": {"max_shipments": 2}}, {0}, {0}),
        (1, {"a": (0,), "b": (0,)}, {}, set(), set()),
    ],
)
def test_a_line_is_parted_where_no_node_alone_but_all_together_have_it(
    units: int, stock: Stock, changes: dict[str, Any], now: set[int], with_more: set[int]
) -> None:
    problem = problem_of(demand([line(0, units)]), stock, **changes)
    assert [splittable(problem), parted_with_more(problem)] == [frozenset(now), frozenset(with_more)]


def test_lines_that_stay_together_and_nodes_that_may_not_handle_them_part_nothing() -> None:
    kit = [line(0, 9, group="g", group_kind="kit"), line(1, group="g", group_kind="kit")]
    stock = {"a": (5, 9), "b": (5, 9)}
    assert splittable(problem_of(demand(kit), stock, split={"keep_together": ["kit"]})) == frozenset()
    assert splittable(problem_of(demand(kit), stock)) == frozenset({0})
    acid = demand([line(0, 9, restrictions=("hazmat",))])
    able: dict[str, dict[str, Any]] = {"a": {"handles": ("hazmat",)}, "b": {"handles": ("hazmat",)}}
    assert splittable(problem_of(acid, stock, nodes(**able))) == frozenset({0})
    able.pop("b")
    assert splittable(problem_of(acid, stock, nodes(**able))) == frozenset()


def test_the_first_plan_takes_lines_up_to_stock_and_room() -> None:
    again = DemandLine("again", "sku0", 2)
    order = demand([line(0, 2), again, line(1, 3), line(2, 1)])
    stock: Stock = {"a": (3, 3, 1)}

    def sent(stock: Stock = stock, **limits: int) -> list[int]:
        formulation = Formulation(
            problem_of(order, stock, nodes(a={"capacity": Capacity(**limits)})), frozenset(), 0
        )
        values = first_plan(formulation)
        left = [item for item, column in enumerate(formulation.left_out) if values[column]]
        found = sorted(item for (item, _), column in formulation.x.items() if values[column])
        assert sorted([*left, *found]) == [0, 1, 2, 3]
        return found

    assert sent() == [0, 2, 3]
    assert sent(lines=2) == [0, 2]
    assert sent(units=5) == [0, 2]
    assert sent(units=4) == [0, 3]
    assert sent(units=1) == [3]
    assert sent({"a": (4, 3, 1)}) == [0, 1, 2, 3]
    assert sent({**stock, "b": (2, 9, 1)}) == [0, 1, 2, 3]
    kit = [line(0, 2), line(1, group="g", group_kind="kit"), replace(again, group="g", group_kind="kit")]
    kept = problem_of(demand(kit), {"a": (3, 9)}, split={"keep_together": ["kit"]})
    assert first_plan(Formulation(kept, frozenset(), 0))[
        Formulation(kept, frozenset(), 0).left_out
    ].tolist() == [0, 1]
    one = problem_of(order, {**stock, "b": (2, 9, 1)}, split={"max_shipments": 1})
    formulation = Formulation(one, frozenset(), 0)
    assert first_plan(formulation)[formulation.left_out].sum() == 1


def test_the_amount_of_an_item_is_one_or_its_units_if_they_may_be_parted() -> None:
    problem = problem_of(demand([line(0, 7), line(1, 3)]), {"a": (4, 3), "b": (4, 3)})
    formulation = Formulation(problem, frozenset({0}), 0)
    assert amounts(formulation) == {0: 7.0, 1: 1.0}
    values = values_of(formulation, {0: {0: 4.0, 1: 1.0}, 1: {0: 3.0}})
    assert formulation.program.admits(values)
    assert values[formulation.left_out].tolist() == [0.0, 0.0]
    assert [values[formulation.u[0, at]] for at in (0, 1)] == [1.0, 1.0]
    part = values_of(formulation, {0: {0: 4.0}})
    assert part[formulation.left_out].tolist() == [1.0, 1.0]


def kinds(problem: Problem, stock: Stock) -> set[FlipKind]:
    decision = decided(problem, stock)
    return {flip.kind for flip in LargeChoices(problem, splittable(problem), decision).flips()}


@pytest.mark.parametrize("term", ["zero_stock", "stock_balance"])
def test_what_more_stock_would_change_is_not_told_where_the_objective_is_of_stock(term: str) -> None:
    order, stock = demand([line(0, 2), line(1)]), {"a": (2, 0), "b": (0, 5), "c": (0, 0)}
    assert FlipKind.MORE_STOCK in kinds(problem_of(order, stock), stock)
    assert FlipKind.MORE_STOCK not in kinds(problem_of(order, stock, objective=["shipments", term]), stock)


def test_no_change_is_told_of_a_plan_that_may_not_be_the_best() -> None:
    order, stock = demand([line(0, 2), line(1)]), {"a": (2, 0), "b": (0, 5), "c": (0, 0)}
    problem = problem_of(order, stock)
    decision = decided(problem, stock)
    unproven = Decision(
        **{**{name: getattr(decision, name) for name in decision.__struct_fields__}, "optimal": False}
    )
    assert list(LargeChoices(problem, frozenset(), unproven).flips()) == []


def many(count: int = 11, **facts: object) -> Demand:
    return demand([line(number, 1, **(facts if number == 0 else {})) for number in range(count)])


def test_the_candidates_of_a_large_order_are_told_as_those_of_a_small_one() -> None:
    ground = Service("ground", "parcel", "ground", (1,), refuses=("hazmat",))
    express = Service("express", "parcel", "express", (1,))
    places: list[Node] = [
        node("both", handles=("hazmat",)),
        node("part", 34.0, -118.2, handles=("hazmat",)),
        node("plain", handles=("hazmat",), services=("ground",)),
        node("unable"),
    ]
    net = Network(places, (ground, express), rate_cards(), currency="USD")
    order = many(restrictions=("hazmat",))
    rows = [
        (each.sku, at.id, 1) for each in order.lines for at in places if (at.id, each.sku) != ("part", "sku5")
    ]
    rules = PolicySet([compile_policy({**STANDARD, "time_budget_seconds": 60})])
    decision = route(order, SupplyView(net, rows), net, rules, NOW)
    assert [(each.node, each.service, len(each.lines)) for each in decision.assignments] == [
        ("both", "express", 11)
    ]
    problem = Problem(situation_of(order, SupplyView(net, rows), NOW), net, rules.policies[0])
    candidates = candidates_of(problem, decision)
    found = {each.node: (each.chosen, each.fence, len(each.lines)) for each in candidates}
    assert found == {
        "both": (True, "", 11),
        "part": (False, "", 10),
        "plain": (False, "service", 0),
        "unable": (False, "", 10),
    }
    part = candidates[1]
    assert part.offer is not None
    assert (part.offer.service, [each.sku for each in part.offer.lines].count("sku5")) == ("express", 0)
    assert part.lines == tuple(each.line_id for each in order.lines if each.sku != "sku5")


def test_sets_of_nodes_are_told_once_each_and_no_more_than_there_are() -> None:
    order = many()
    stock: Stock = {"a": (1,) * 11, "b": (1,) * 11, "c": (0,) * 11}
    problem = problem_of(order, stock, objective=["shipping_cost"])
    decision = decided(problem, stock)
    plans = list(LargeChoices(problem, frozenset(), decision).alternatives(3))
    used = [frozenset(problem.lanes.node.item(each.lane) for each in plan.shipments) for plan in plans]
    assert len(used) == len(set(used)) == 2
    assert frozenset(problem.network.index[each.node] for each in decision.assignments) not in used
    assert np.all([plan.optimal and not plan.left_out for plan in plans])
    assert len(list(LargeChoices(problem, frozenset(), decision).alternatives(1))) == 1


def test_parcels_with_a_surcharge_are_those_of_a_shipment_that_holds_what_brings_it() -> None:
    card = replace_card(
        rate_card(), surcharges=(Surcharge("bulky", amount=Decimal(7), restriction="oversize"),)
    )
    ground = Service("ground", "parcel", "ground", (1,))
    net = Network([node("a", services=("ground",), handles=("oversize",))], (ground,), [card], currency="USD")
    order = demand([line(0, restrictions=("oversize",)), line(1, 40, unit_weight_grams=2000)])
    supply = SupplyView(net, [("sku0", "a", 1), ("sku1", "a", 40)])
    problem = Problem(situation_of(order, supply, NOW), net, compile_policy(STANDARD))
    formulation = Formulation(problem, frozenset(), 0)
    ((parcels, _),) = formulation.surcharges[0]
    both, light, heavy = ({0: dict.fromkeys(items, 1.0)} for items in ((0, 1), (0,), (1,)))
    assert [values_of(formulation, sent)[parcels] for sent in (both, light, heavy)] == [3.0, 1.0, 0.0]


def test_a_parcel_may_be_just_as_heavy_as_its_step() -> None:
    problem = problem_of(demand([line(0, 15, unit_weight_grams=2000, unit_volume_cm3=0)]), {"a": (15,)})
    formulation = Formulation(problem, frozenset(), 0)
    values = first_plan(formulation)
    used = [(lane, [values[column] for column, _ in steps]) for lane, steps in formulation.z.items()]
    ((lane, taken),) = [each for each in used if any(each[1])]
    assert taken == [0, 0, 0, 0, 0, 1]
    assert values[formulation.f[lane][0]] == 0
    assert formulation.program.admits(values)

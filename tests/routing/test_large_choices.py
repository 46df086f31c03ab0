"""Alternatives and flips of decisions of the solver, against every change and every plan tried one by one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

import msgspec
import pytest

from crossdock.routing import Decision, PolicySet, SupplyView, compile_policy, explain, route
from crossdock.routing.decision import restore
from crossdock.routing.flip import Flip, FlipKind
from crossdock.routing.large import splittable
from crossdock.routing.large_choices import LargeChoices
from crossdock.routing.problem import Problem
from tests.routing.builders import NOW, STANDARD, demand, line, network, node, random_demand, random_nodes
from tests.routing.test_flips import Setting, lacking_room, random_setting, with_room


def setting_of(seed: int) -> Setting:
    """Orders of which the solver may have to part quantities."""
    found = random_setting(Random(seed))
    policy = dict(found.policy)
    split: dict[str, Any] = {**policy["split"], "quantity": seed % 2 == 0}
    if "stock_balance" in policy["objective"]:
        policy["objective"] = ["shipments", {"shipping_cost": 1, "handling_cost": 2}]
    return replace(found, policy={**policy, "split": split, "time_budget_seconds": 60})


def flips_of(setting: Setting, decision: Decision) -> dict[FlipKind, Flip]:
    net, policy = setting.network(), setting.policies.policies[0]
    problem = Problem(restore(decision.snapshot, net.size), net, policy)
    choices = LargeChoices(problem, splittable(problem), decision)
    return {flip.kind: flip for flip in choices.flips()}


def worth(setting: Setting, decision: Decision) -> tuple[object, ...]:
    """What counts first, second, …: less is better."""
    policy = setting.policies.policies[0]
    tiers = list(decision.tiers) or [Decimal(0)] * len(policy.tiers)
    if policy.split.only_if_saves is not None:
        tiers[policy.saving_tier] += policy.split.only_if_saves.amount * len(decision.assignments)
    return len(decision.unfilled), decision.given_up, tiers


@pytest.mark.parametrize("seed", range(60))
def test_the_least_change_lets_a_better_plan_be(seed: int) -> None:
    setting = setting_of(seed)
    decision = setting.decide()
    now, flips = worth(setting, decision), flips_of(setting, decision)

    def better(changed: Setting) -> bool:
        return worth(setting, changed.decide()) < now

    stocked, room = flips.get(FlipKind.MORE_STOCK), flips.get(FlipKind.MORE_CAPACITY)
    if stocked is not None:
        assert better(setting.with_stock(stocked.sku, stocked.node, stocked.units))
    for sku in {each.sku for each in setting.order.lines}:
        wanted = sum(each.quantity for each in setting.order.lines if each.sku == sku)
        for at in setting.nodes:
            lacking = wanted - setting.stock[sku, at.id]
            most = lacking if stocked is None else min(lacking, stocked.units - 1)
            assert not (most > 0 and better(setting.with_stock(sku, at.id, most))), (sku, at.id, most)
    if room is not None:
        assert better(with_room(setting, room.node, room.measure, room.units))
    for place, measure, lacking in lacking_room(setting):
        most = lacking if room is None else min(lacking, room.units - 1)
        assert not (most > 0 and better(with_room(setting, place, measure, most))), (place, measure, most)


@pytest.mark.parametrize("seed", range(30))
def test_less_freight_than_named_does_not_flip_and_more_does(seed: int) -> None:
    setting = setting_of(seed)
    decision = setting.decide()
    flip = flips_of(setting, decision).get(FlipKind.LESS_FREIGHT)
    used = {assignment.node for assignment in decision.assignments}
    cent = Decimal("0.001")
    least = Decimal("2.50")  # cheaper than that no parcel is
    if flip is not None:
        assert flip.amount is not None
        assert flip.node not in used
        if flip.amount < least:
            after = setting.decide({flip.node: flip.amount + cent})
            assert worth(setting, after) < worth(setting, decision)
        least = min(least, flip.amount - cent)
    if decision.complete and least > 0:
        for at in {each.id for each in setting.nodes} - used:
            assert worth(setting, setting.decide({at: least})) >= worth(setting, decision)


@pytest.mark.parametrize("seed", range(8))
def test_alternatives_are_the_best_plans_of_other_nodes(seed: int) -> None:
    random = Random(seed)
    net = network(random_nodes(4, random))
    order = random_demand(random, 3)
    stock = [(each.sku, at.id, random.choice((0, 9, 9))) for each in order.lines for at in net.nodes]
    policies = PolicySet(
        [compile_policy({**STANDARD, "objective": ["shipping_cost"], "time_budget_seconds": 60})]
    )
    supply = SupplyView(net, stock)
    decision = route(order, supply, net, policies, NOW)
    problem = Problem(restore(decision.snapshot, net.size), net, policies.policies[0])
    costs: dict[frozenset[str], Decimal] = {}
    for places in product([each.id for each in net.nodes], repeat=3):
        parts = [
            route(
                msgspec.structs.replace(
                    order,
                    fixed_node=at,
                    lines=tuple(each for each, where in zip(order.lines, places, strict=True) if where == at),
                ),
                supply,
                net,
                policies,
                NOW,
            )
            for at in sorted(set(places))
        ]
        if all(part.complete for part in parts):
            cost = sum((part.tiers[0] for part in parts), Decimal(0))
            key = frozenset(places)
            costs[key] = min(cost, costs.get(key, cost))
    if decision.unfilled:
        return
    assert costs.pop(frozenset(each.node for each in decision.assignments)) == decision.tiers[0]
    found = [
        frozenset(problem.lanes.node.item(shipment.lane) for shipment in plan.shipments)
        for plan in LargeChoices(problem, frozenset(), decision).alternatives(3)
    ]
    told = [costs[frozenset(net.nodes[node].id for node in nodes)] for nodes in found]
    assert told == sorted(costs.values())[:3]


def test_a_large_order_is_explained_in_words() -> None:
    near, far = node("near"), node("far", 34.0, -118.2)
    net = network([near, far])
    order = demand([line(number) for number in range(12)])
    rows = [(each.sku, at, 1) for each in order.lines for at in ("near", "far")][1:]
    policies = PolicySet([compile_policy({**STANDARD, "time_budget_seconds": 60})])
    decision = route(order, SupplyView(net, rows), net, policies, NOW)
    assert [assignment.node for assignment in decision.assignments] == ["far"]
    found = explain(decision, net, policies)
    assert [[a.node for a in each.assignments] for each in found.alternatives] == [["far", "near"]]
    assert found.flip.startswith("near would have won with 1 more unit of sku0.")

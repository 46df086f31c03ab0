"""Plans by way of a node that sends everything on together."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from itertools import product
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from crossdock.routing import (
    Assignment,
    Capacity,
    Decision,
    Demand,
    Destination,
    HandlingCost,
    Network,
    Node,
    PolicySet,
    SupplyView,
    compile_policy,
    decode_decision,
    explain,
    route,
)
from crossdock.routing.consolidation import consolidated_assignments
from crossdock.routing.engine import problem_of, situation_of, solve, tier_values
from crossdock.routing.packing import tier_scale
from crossdock.routing.problem import Problem
from tests.routing.builders import (
    NOW,
    demand,
    destination,
    line,
    network,
    node,
    random_demand,
    random_nodes,
)

OBJECTIVES: list[list[object]] = [
    ["late_days", "shipments", {"shipping_cost": 1, "handling_cost": 1}],
    [{"shipping_cost": 1, "handling_cost": 1}, "late_days"],
    ["late_days", {"shipping_cost": 1, "handling_cost": 1, "transit_days": 2}, "distance"],
    ["shipments", "transit_days", {"shipping_cost": 1}],
]


def policies(objective: list[object], **changes: object) -> PolicySet:
    return PolicySet([compile_policy({"policy": "p", "version": 1, "objective": objective, **changes})])


class Setting(NamedTuple):
    nodes: list[Node]
    net: Network
    order: Demand
    stock: dict[tuple[str, str], int]

    def supply(self) -> SupplyView:
        return SupplyView(self.net, [(*key, units) for key, units in self.stock.items()])


def some_setting(seed: int) -> Setting:
    random = Random(seed)
    nodes = random_nodes(4, random)
    net = network(nodes)
    order = random_demand(random, random.randint(2, 3), promise=date(2026, 11, random.randint(25, 30)))
    stock = {
        (each.sku, at.id): random.randint(1, 8)
        for each in order.lines
        for at in nodes
        if random.random() < 0.5
    }
    return Setting(nodes, net, order, stock)


def every_consolidated_plan(
    setting: Setting, objective: list[object], via: Node
) -> Iterator[tuple[Decimal, ...]]:
    """The tiers of every way to bring the lines to ``via`` and on: each shipment is priced by itself, direct."""
    by_service = {
        service: network([_only(at, service) for at in setting.nodes]) for service in ("ground", "express")
    }
    plain = policies(objective)

    @cache
    def priced(
        at: str, service: str, lines: frozenset[int], to: Destination, now: datetime
    ) -> Assignment | None:
        net = by_service[service]
        order = setting.order
        part = replace(
            order,
            lines=tuple(order.lines[number] for number in sorted(lines)),
            destination=to,
            promise=order.promise if to == order.destination else None,
        )
        supply = SupplyView(net, [(each.sku, at, 99) for each in part.lines])
        decision = route(part, supply, net, plain, now)
        return decision.assignments[0] if decision.complete else None

    lines = setting.order.lines
    there = Destination(via.address, via.position)
    everything = frozenset(range(len(lines)))
    choices = [
        [at.id for at in setting.nodes if setting.stock.get((each.sku, at.id), 0) >= each.quantity]
        for each in lines
    ]
    for chosen in product(*choices):
        senders = sorted(set(chosen) - {via.id})
        parts = {at: frozenset(n for n, name in enumerate(chosen) if name == at) for at in senders}
        for ways in product(("ground", "express"), repeat=len(senders)):
            legs = [priced(at, way, parts[at], there, NOW) for at, way in zip(senders, ways, strict=True)]
            if not legs or None in legs:
                continue
            sent = [leg for leg in legs if leg is not None]
            arrived = max(leg.delivery_date for leg in sent)
            morning = datetime.combine(arrived + timedelta(days=1), time(), ZoneInfo(via.time_zone))
            for way in ("ground", "express"):
                last = priced(via.id, way, everything, setting.order.destination, morning)
                if last is not None:
                    yield _tiers(objective, sent, last)


def _only(at: Node, service: str) -> Node:
    return node(
        at.id,
        at.position.latitude,
        at.position.longitude,
        handling_cost=at.handling_cost,
        cut_off=at.cut_off,
        services=(service,),
    )


def _tiers(objective: list[object], legs: list[Assignment], last: Assignment) -> tuple[Decimal, ...]:
    def value(term: str) -> Decimal:
        if term == "transit_days":
            return Decimal((last.delivery_date - NOW.date()).days)
        own = dict(last.costs).get(term, Decimal(0))
        return own if term in ("late_days", "shipments") else own + sum(dict(leg.costs)[term] for leg in legs)

    tiers = [tier if isinstance(tier, dict) else {str(tier): 1} for tier in objective]
    return tuple(sum((weight * value(term) for term, weight in tier.items()), Decimal(0)) for tier in tiers)


@given(st.integers(0, 10**6), st.sampled_from(OBJECTIVES))
@settings(max_examples=25)
def test_no_plan_direct_or_by_way_of_a_node_is_better(seed: int, objective: list[object]) -> None:
    setting = some_setting(seed)
    ways = ["n0001", "n0002"]
    direct = route(setting.order, setting.supply(), setting.net, policies(objective), NOW)
    found = route(setting.order, setting.supply(), setting.net, policies(objective, consolidate=ways), NOW)
    every = [
        tiers
        for name in ways
        for tiers in every_consolidated_plan(setting, objective, setting.nodes[setting.net.index[name]])
    ]
    if direct.complete:
        every.append(direct.tiers)
    assert found.complete == bool(every)
    if every:
        assert found.tiers == min(every)
    if found.complete and found.tiers == direct.tiers:
        assert found.assignments == direct.assignments, "consolidation has to be better, not as good"


CHICAGO, DENVER, BOSTON = (41.9, -87.6), (39.7, -105.0), (42.4, -71.1)
HANDLING = HandlingCost(Decimal("1.00"), Decimal("0.50"), Decimal("0.10"))


def around(**changes: Any) -> list[Node]:
    """Two nodes far from the buyer in Boston, each with another product, and one between."""
    return [
        node("denver", *DENVER),
        node("reno", 39.5, -119.8),
        node("chicago", *CHICAGO, handling_cost=HANDLING, **changes),
    ]


def decide(
    nodes: list[Node], stock: dict[str, dict[str, int]], order: Demand, **changes: object
) -> tuple[Decision, Network, PolicySet, SupplyView]:
    net = network(nodes)
    rows = [(sku, at, units) for at, skus in stock.items() for sku, units in skus.items()]
    policy = {"consolidate": ["chicago"], **changes}
    found = policies(["late_days", "shipments", {"shipping_cost": 1, "handling_cost": 1}], **policy)
    supply = SupplyView(net, rows)
    return route(order, supply, net, found, NOW), net, found, supply


ORDER = demand([line(0), line(1), line(2)], destination=destination(*BOSTON), promise=date(2026, 12, 24))
STOCK = {"denver": {"sku0": 5}, "reno": {"sku1": 5}, "chicago": {"sku2": 5}}


def test_the_legs_and_what_is_there_already_go_on_as_one_shipment() -> None:
    decision, *_ = decide(around(), STOCK, ORDER)
    first, second, last = decision.assignments
    assert [(a.node, a.to_node, [x.sku for x in a.lines]) for a in decision.assignments] == [
        ("denver", "chicago", ["sku0"]),
        ("reno", "chicago", ["sku1"]),
        ("chicago", "", ["sku2"]),
    ]
    assert max(first.delivery_date, second.delivery_date) < last.ship_date
    assert dict(last.costs)["shipments"] == 1
    assert dict(first.costs)["shipments"] == dict(first.costs)["late_days"] == 0
    assert dict(last.costs)["handling_cost"] == Decimal("2.80"), "one shipment, three lines, three units"
    assert list(map(int, decision.tiers[:2])) == [0, 1]
    assert decode_decision(decision.encode()) == decision


def test_it_is_not_done_where_it_would_be_late() -> None:
    decision, *_ = decide(around(), STOCK, replace(ORDER, promise=date(2026, 11, 26)))
    assert not any(assignment.to_node for assignment in decision.assignments)
    assert len(decision.assignments) == 3


def test_an_order_that_may_not_be_split_can_come_together_on_the_way() -> None:
    split = {"max_shipments": 1}
    assert not decide(around(), STOCK, ORDER, split=split, consolidate=[])[0].complete
    assert decide(around(), STOCK, ORDER, split=split)[0].complete


@pytest.mark.parametrize(
    ("changes", "order"),
    [
        ({"capacity": Capacity(orders=5, lines=2)}, ORDER),
        ({"capacity": Capacity(orders=5, units=2)}, ORDER),
        ({"capacity": Capacity(orders=0)}, ORDER),
        ({}, replace(ORDER, excluded_nodes=("chicago",))),
        ({"serves": ("CA",)}, ORDER),
        ({}, demand([line(0), line(1, restrictions=("hazmat",))], destination=destination(*BOSTON))),
    ],
    ids=["lines", "units", "orders", "excluded", "serves", "restricted"],
)
def test_a_node_that_may_not_send_everything_on_brings_nothing_together(
    changes: dict[str, object], order: Demand
) -> None:
    nodes = [node("denver", *DENVER, handles=("hazmat",)), node("reno", 39.5, -119.8, handles=("hazmat",))]
    decision, *_ = decide([*nodes, *around(**changes)[2:]], STOCK, order)
    assert not any(assignment.to_node for assignment in decision.assignments)


def test_taking_a_plan_takes_the_capacity_for_all_of_it_where_it_comes_together() -> None:
    nodes = around(capacity=Capacity(orders=5, lines=9, units=9))
    decision, _, _, supply = decide(nodes, STOCK, ORDER)
    before = supply.capacity.copy(), supply.available.copy()
    supply.take(decision.assignments)
    assert supply.capacity[:, 0].tolist() == [4, 6, 6]
    assert supply.available.sum() == 12
    supply.release(decision.assignments)
    assert (supply.capacity == before[0]).all()
    assert (supply.available == before[1]).all()


def test_the_explanation_tells_of_the_legs_and_of_plans_without_them() -> None:
    decision, net, found, _ = decide(around(), STOCK, ORDER)
    explanation = explain(decision, net, found)
    assert "denver sends 1 x sku0 by ground to chicago" in explanation.words()
    assert "chicago sends 1 x sku2 and what comes to it by ground" in explanation.words()
    assert [[a.to_node for a in each.assignments] for each in explanation.alternatives] == [["", "", ""]]
    assert list(map(int, explanation.alternatives[0].tiers_worse[:2])) == [0, 2]
    assert all(each.chosen for each in explanation.candidates)
    direct, *_ = decide(around(), STOCK, replace(ORDER, promise=date(2026, 11, 26)))
    other = explain(direct, net, found).alternatives
    assert [each.assignments[-1].node for each in other] == ["chicago"]
    assert other[0].tiers_worse[0] > 0


def test_a_preference_counts_for_every_node_of_the_way() -> None:
    nodes = [*around(tags=("store",))]
    decision, *_ = decide(nodes, STOCK, ORDER, prefer=['!("store" in node.tags)'])
    assert decision.given_up == 1
    assert any(assignment.to_node for assignment in decision.assignments)
    elsewhere = {"denver": {"sku0": 5}, "reno": {"sku1": 5, "sku2": 5}}
    decision, *_ = decide(nodes, elsewhere, ORDER, prefer=['!("store" in node.tags)'])
    assert decision.given_up == 0
    assert not any(assignment.to_node for assignment in decision.assignments)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    "objective",
    [
        ["zero_stock", "priority", {"shipping_cost": 1}],
        ["stock_balance", "workload"],
        [{"opportunity_cost": 2, "handling_cost": 1}, "distance"],
    ],
    ids=["stock", "balance", "opportunity"],
)
def test_what_is_weighed_is_what_is_told(seed: int, objective: list[object]) -> None:
    """The packed cost of a plan by way of a node is the sum of the costs that its shipments are shown with."""
    random = Random(seed)
    nodes = [
        dataclasses.replace(each, priority=random.randint(0, 5))
        for each in random_nodes(4, random, capacity=True)
    ]
    net = network(nodes)
    order = random_demand(random, 3, promise=None)
    rows = [(each.sku, at.id, random.randint(4, 8)) for each in order.lines for at in random.sample(nodes, 1)]
    supply = SupplyView(net, rows, used={at.id: ((at.capacity.orders or 0) // 3, 0, 0) for at in nodes})
    supply.opportunity = np.array(
        [[random.randint(0, 900) for _ in nodes] for _ in supply.available], dtype=float
    )
    split = {"max_shipments": 1}
    found = policies(objective, consolidate=[at.id for at in nodes], split=split)
    problem = problem_of(situation_of(order, supply, NOW), net, found)
    assert isinstance(problem, Problem)
    plan = solve(problem)
    if plan.consolidation is None:
        return
    told = tier_values(problem.policy, consolidated_assignments(problem, plan.consolidation))
    weighed = problem.packing.unpack(plan.cost)
    scales = [tier_scale(tier) for tier in problem.policy.tiers]
    assert [float(value) * scale for value, scale in zip(told, scales, strict=True)] == pytest.approx(
        weighed, abs=4
    )


@pytest.mark.parametrize(("units", "complete"), [(5, False), (6, True)])
def test_two_lines_of_a_sku_share_what_lies_where_they_come_together(units: int, complete: bool) -> None:
    lines = [line(0), line(2, 3), replace(line(2, 3), line_id="again")]
    order = demand(lines, destination=destination(*BOSTON), promise=None)
    stock = {"denver": {"sku0": 5}, "chicago": {"sku2": units}}
    decision, *_ = decide(around(), stock, order, split={"max_shipments": 1, "quantity": False})
    assert decision.complete == complete


def test_a_product_comes_together_only_where_it_may_be_handled() -> None:
    lines = (line(0), line(1, restrictions=("hazmat",)))
    able = ("hazmat",)
    senders = [node("denver", *DENVER), node("reno", 39.5, -119.8, handles=able)]
    for handles, together in (((), False), (able, True)):
        nodes = [*senders, *around(handles=handles)[2:]]
        decision, *_ = decide(nodes, STOCK, replace(ORDER, lines=lines))
        assert any(assignment.to_node for assignment in decision.assignments) is together


def test_a_node_that_takes_just_the_whole_order_brings_it_together() -> None:
    decision, *_ = decide(around(capacity=Capacity(orders=1, lines=3, units=3)), STOCK, ORDER)
    assert [assignment.to_node for assignment in decision.assignments] == ["chicago", "chicago", ""]

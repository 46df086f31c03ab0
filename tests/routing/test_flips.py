"""What is said to change a decision does change it, and a smaller change does not: tried on the engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.routing import (
    Capacity,
    Decision,
    Demand,
    DemandLine,
    HandlingCost,
    Network,
    Node,
    PolicySet,
    RateCard,
    Service,
    SupplyView,
    compile_policy,
    explain,
    route,
)
from crossdock.routing.flip import MEASURES, Flip, FlipKind
from tests.routing.builders import NOW, STANDARD, demand, line, node, rate_card

CENT = Decimal("0.001")


@dataclass(frozen=True)
class Setting:
    """Every node has a carrier of its own, so that its freight alone can change."""

    nodes: tuple[Node, ...]
    stock: Mapping[tuple[str, str], int]
    order: Demand
    policy: Mapping[str, Any]
    used: Mapping[str, tuple[int, int, int]]

    def decide(self, cheaper: Mapping[str, Decimal] | None = None) -> Decision:
        return route(self.order, self.supply(cheaper), self.network(cheaper), self.policies, NOW)

    @property
    def policies(self) -> PolicySet:
        return PolicySet([compile_policy({**STANDARD, **self.policy})])

    def network(self, cheaper: Mapping[str, Decimal] | None = None) -> Network:
        cards = [
            self._card(number, each.id, (cheaper or {}).get(each.id))
            for number, each in enumerate(self.nodes)
        ]
        carriers = [Service(each.id, "parcel", each.id, (1, 2, 3, 4, 5)) for each in self.nodes]
        return Network(self.nodes, carriers, cards, currency="USD")

    def _card(self, number: int, name: str, less: Decimal | None) -> RateCard:
        card = rate_card(name, factor=str(1 + Decimal(number % 3) / 10))
        rates = tuple(tuple(amount - (less or 0) for amount in row) for row in card.rates)
        return replace(card, rates=rates)

    def supply(self, cheaper: Mapping[str, Decimal] | None = None) -> SupplyView:
        rows = [(sku, at, units) for (sku, at), units in self.stock.items()]
        return SupplyView(self.network(cheaper), rows, used=self.used)

    def with_stock(self, sku: str, at: str, more: int) -> Setting:
        return replace(self, stock={**self.stock, (sku, at): self.stock.get((sku, at), 0) + more})

    def flips(self) -> tuple[Flip, ...]:
        decision = self.decide()
        return explain(decision.encode(), self.network(), self.policies).flips


LIMITS = (Capacity(), Capacity(), Capacity(2), Capacity(units=5), Capacity(lines=3, units=9))


def random_setting(random: Random) -> Setting:
    nodes = tuple(
        node(
            f"n{number}",
            random.uniform(29, 47),
            random.uniform(-122, -72),
            services=(f"n{number}",),
            tags=random.choice((("store",), ("dc",))),
            capacity=random.choice(LIMITS),
            handling_cost=HandlingCost(Decimal(random.randint(50, 300)) / 100),
        )
        for number in range(random.randint(2, 5))
    )
    lines = [
        line(
            number,
            random.randint(1, 4),
            unit_weight_grams=random.randint(50, 2000),
            unit_value=Decimal(random.randint(5, 40)),
        )
        for number in range(random.randint(1, 3))
    ]
    if len(lines) > 1 and random.random() < 0.4:
        lines[1] = replace_line(line(0, random.randint(1, 3)), "again")
    stock = {(each.sku, at.id): random.choice((0, 0, 1, 2, 4, 9)) for each in lines for at in nodes}
    used = {at.id: (2, random.randint(1, 3), random.randint(2, 9)) for at in nodes if random.random() < 0.5}
    policy: dict[str, Any] = {
        "objective": random.choice(
            (
                ["late_days", "shipments", {"shipping_cost": 1, "handling_cost": 1}],
                [{"shipping_cost": 2, "handling_cost": 1}, "shipments"],
                ["shipments", "shipping_cost", "stock_balance"],
            )
        ),
        "split": {"quantity": False, **random.choice(({}, {"max_shipments": 2}, {"min_value": "30.00 USD"}))},
        "prefer": random.choice(([], ['"dc" in node.tags'])),
    }
    if random.random() < 0.2:
        policy["split"]["only_if_saves"] = "1.00 USD"
    return Setting(nodes, stock, demand(lines), policy, used)


Choice = frozenset[tuple[str, tuple[tuple[str, int], ...]]]


def choice(decision: Decision) -> Choice:
    return frozenset(
        (a.node, tuple((each.line_id, each.quantity) for each in a.lines)) for a in decision.assignments
    )


def other(before: Decision, after: Decision) -> bool:
    """Whether another plan was chosen; of an incomplete one, whether more lines have a place."""
    if before.unfilled:
        return len(after.unfilled) < len(before.unfilled)
    return choice(after) != choice(before)


@settings(max_examples=120, deadline=None)
@given(st.randoms(use_true_random=False))
def test_what_is_named_changes_the_decision_and_less_does_not(random: Random) -> None:
    setting = random_setting(random)
    decision = setting.decide()
    flips = {flip.kind: flip for flip in setting.flips()}
    check_stock(setting, decision, flips.get(FlipKind.MORE_STOCK))
    check_freight(setting, decision, flips.get(FlipKind.LESS_FREIGHT))
    check_capacity(setting, decision, flips.get(FlipKind.MORE_CAPACITY))
    assert all(flip.placed == bool(decision.unfilled) for flip in flips.values())


def check_stock(setting: Setting, decision: Decision, flip: Flip | None) -> None:
    most = 8
    if flip is not None:
        assert other(decision, setting.with_stock(flip.sku, flip.node, flip.units).decide())
        most = flip.units - 1
    for sku in {each.sku for each in setting.order.lines}:
        wanted = sum(each.quantity for each in setting.order.lines if each.sku == sku)
        for at in setting.nodes:
            lacking = wanted - setting.stock[sku, at.id]
            for units in range(1, min(most, lacking) + 1):
                assert not other(decision, setting.with_stock(sku, at.id, units).decide()), (
                    at.id,
                    sku,
                    units,
                )


def check_freight(setting: Setting, decision: Decision, flip: Flip | None) -> None:
    unused = {at.id for at in setting.nodes} - {a.node for a in decision.assignments}
    least = Decimal("2.50")  # cheaper than that no parcel is
    if flip is not None:
        assert flip.amount is not None
        assert flip.node in unused
        if flip.amount < least:
            after = setting.decide({flip.node: flip.amount + CENT})
            assert flip.node in {a.node for a in after.assignments}
        least = min(least, flip.amount - CENT)
    if decision.unfilled or least <= 0:
        return
    for at in unused:
        assert not other(decision, setting.decide({at: least})), at


def check_capacity(setting: Setting, decision: Decision, flip: Flip | None) -> None:
    if flip is not None:
        assert other(decision, with_room(setting, flip.node, flip.measure, flip.units).decide())
    for at, measure, lacking in lacking_room(setting):
        most = lacking if flip is None else flip.units - 1
        for more in range(1, min(most, lacking) + 1):
            assert not other(decision, with_room(setting, at, measure, more).decide()), (at, measure, more)


def lacking_room(setting: Setting) -> list[tuple[str, str, int]]:
    """Node, measure, and how much the whole order lacks."""
    lines = setting.order.lines
    wanted = (1, len(lines), sum(each.quantity for each in lines))
    supply, nodes = setting.supply(), setting.network().nodes
    return [
        (at.id, measure, int(most - max(left, 0)))
        for measure, most, row in zip(MEASURES, wanted, supply.capacity, strict=True)
        for at, left in zip(nodes, row, strict=True)
        if left < most
    ]


def with_room(setting: Setting, at: str, measure: str, more: int) -> Setting:
    """As if so much more were left than the node has, or than nothing if it has taken too much."""
    place = next(position for position, each in enumerate(setting.network().nodes) if each.id == at)
    left = int(setting.supply().capacity[MEASURES.index(measure), place])
    used = list(setting.used.get(at, (0, 0, 0)))
    used[MEASURES.index(measure)] -= more + max(-left, 0)
    return replace(setting, used={**setting.used, at: (used[0], used[1], used[2])})


NEAR, FAR = node("near", services=("near",)), node("far", 34.0, -118.2, services=("far",))


def small(stock: dict[str, int], quantity: int = 3, **changes: Any) -> Setting:
    units = {("sku0", at): count for at, count in stock.items()}
    return Setting((NEAR, FAR), units, demand([line(0, quantity)]), changes, {})


@pytest.mark.parametrize(
    ("stock", "kind", "words"),
    [
        ({"near": 1, "far": 9}, FlipKind.MORE_STOCK, "near would have won with 2 more units of sku0."),
        ({"near": 2, "far": 9}, FlipKind.MORE_STOCK, "near would have won with 1 more unit of sku0."),
        ({"near": 9, "far": 9}, FlipKind.LESS_FREIGHT, "far would have won with over 4.32 USD less freight."),
        (
            {"near": 1},
            FlipKind.MORE_STOCK,
            "near would have found a place for more of it with 2 more units of sku0.",
        ),
    ],
)
def test_changes_are_told_in_words(stock: dict[str, int], kind: FlipKind, words: str) -> None:
    (flip,) = small(stock, split={"quantity": False}, objective=["shipments", "shipping_cost"]).flips()
    assert (flip.kind, flip.words()) == (kind, words)


def test_where_nothing_can_change_nothing_is_named() -> None:
    assert small({"near": 9, "far": 0}, quantity=1, fences=[{"require": "node.id == 'near'"}]).flips() == ()
    late = small({"near": 9, "far": 9}, objective=["distance", "shipping_cost"])
    assert late.flips() == ()  # no freight makes up for a tier that comes first


def test_a_few_units_may_be_enough_for_one_of_two_lines() -> None:
    """The two lines of one SKU can part: near needs 2 more units for the second line, not 7 for both."""
    stock = {("sku0", "near"): 0, ("sku0", "far"): 7}
    # from far alone they are three parcels
    lines = [line(0, 5, unit_weight_grams=9000), replace_line(line(0, 2, unit_weight_grams=9000), "second")]
    policy = {"objective": ["shipping_cost"], "split": {"quantity": False}}
    (stocked, *_) = Setting((NEAR, FAR), stock, demand(lines), policy, {}).flips()
    assert (stocked.kind, stocked.node, stocked.units) == (FlipKind.MORE_STOCK, "near", 2)


def replace_line(one: DemandLine, line_id: str) -> DemandLine:
    return msgspec.structs.replace(one, line_id=line_id)


def test_a_node_that_meets_a_preference_wins_whatever_it_costs() -> None:
    nodes = (node("store", services=("store",)), node("dc", 34.0, -118.2, services=("dc",), tags=("dc",)))
    stock = {("sku0", "store"): 9, ("sku0", "dc"): 1}
    policy = {"prefer": ['"dc" in node.tags'], "objective": ["shipping_cost"], "split": {"quantity": False}}
    (flip,) = Setting(nodes, stock, demand([line(0, 3)]), policy, {}).flips()
    assert (flip.node, flip.units) == ("dc", 2)


def test_a_node_that_would_need_one_shipment_more_than_allowed_cannot_win_by_freight() -> None:
    nodes = (NEAR, FAR, node("third", 41.0, -87.0, services=("third",)))
    stock = {("sku0", "near"): 9, ("sku1", "near"): 0, ("sku1", "far"): 9, ("sku2", "far"): 9}
    stock |= {("sku0", "third"): 9}
    order = demand([line(0), line(1), line(2)])
    two = Setting(nodes, {**stock, ("sku1", "third"): 9}, order, {"split": {"max_shipments": 2}}, {})
    assert [flip.node for flip in two.flips() if flip.kind is FlipKind.LESS_FREIGHT] == ["third"]
    one = Setting(
        nodes, {**stock, ("sku2", "near"): 9, ("sku1", "near"): 9}, order, {"split": {"max_shipments": 1}}, {}
    )
    assert [flip for flip in one.flips() if flip.kind is FlipKind.LESS_FREIGHT] == []


def test_without_freight_in_the_objective_handling_is_named() -> None:
    (flip,) = small({"near": 9, "far": 9}, objective=["handling_cost", "distance"]).flips()
    assert (flip.kind, flip.amount) == (FlipKind.LESS_HANDLING, Decimal(0))
    assert flip.words() == "far would have won with over 0.00 USD less cost of handling."

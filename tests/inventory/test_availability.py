from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.inventory.availability import (
    Limits,
    available_to_promise,
    available_to_promise_many,
    oversold_units,
    uncommitted,
)
from crossdock.inventory.back_orders import BackOrder, arrive, beyond_supply, free_supply, ship_by
from crossdock.inventory.inbound import Inbound
from crossdock.inventory.invariants import Invariant, breaches, ledger_breach, reservation_breach
from crossdock.inventory.position import Position, from_units, to_units
from crossdock.inventory.publishing import Publication, levels_to_publish
from crossdock.inventory.ring_fences import (
    RingFence,
    consume,
    fenced_for_others,
    give_back,
    move_fence,
    set_aside,
)
from crossdock.inventory.safety_stock import SafetyRule, SafetyStock, product_tags
from crossdock.inventory.shortfalls import PromiseAtRisk, Standing, VictimPolicy, choose_victims
from tests.inventory.builders import NODE, SKU, minute, reservation

STOCK = Position(SKU, NODE, 20, reserved=1, allocated=2, quarantined=4)
UNITS = st.integers(-50, 50)


def test_the_longer_a_feed_is_stale_the_more_is_kept() -> None:
    hour = timedelta(hours=1)
    rules = SafetyStock(
        [
            SafetyRule(percent=Decimal(100), stale_for=5 * hour),
            SafetyRule(units=4, node_groups=frozenset({"stores"}), stale_for=timedelta(0)),
            SafetyRule(units=1),
        ]
    )
    tags: frozenset[str] = frozenset()
    ages = [None, timedelta(0), 5 * hour - timedelta.resolution, 5 * hour, timedelta.max]
    stores = [rules.rule(tags, frozenset({"stores"}), "web", age).kept_of(9) for age in ages]
    assert stores == [1, 4, 4, 9, 9]
    others = [rules.rule(tags, frozenset({"dcs"}), "web", age).kept_of(9) for age in ages]
    assert others == [1, 1, 1, 9, 9]
    assert [rules.stage(age) for age in ages] == [0, 1, 1, 2, 2]


def test_available_to_promise_is_what_the_formula_says() -> None:
    assert available_to_promise(STOCK) == 13
    assert available_to_promise(STOCK, Limits(3, 5, 7, 11, 13)) == 13 - 3 - 5 + 7 + 11 + 13
    assert available_to_promise(STOCK, Limits(safety_stock=99)) == 0
    assert uncommitted(STOCK, Limits(safety_stock=14)) == -1
    assert available_to_promise(STOCK, lapsed=1) == 14


@given(st.lists(st.tuples(*[UNITS] * 10), min_size=1, max_size=20))
def test_many_are_computed_as_one(rows: list[tuple[int, ...]]) -> None:
    table = np.array(rows, dtype=np.int64)
    many = available_to_promise_many(table[:, :4], table[:, 4:9], table[:, 9])
    one_by_one = [
        available_to_promise(
            Position(SKU, NODE, row[0], row[1], row[2], row[3]), Limits(*row[4:9]), lapsed=row[9]
        )
        for row in rows
    ]
    assert many.tolist() == one_by_one


def test_units_oversold() -> None:
    position = Position(SKU, NODE, 5, reserved=3, allocated=4, quarantined=1)
    assert [oversold_units(position, cover) for cover in (0, 2, 3)] == [3, 1, 0]
    assert oversold_units(Position(SKU, NODE, -4, allocated=2)) == 2


def test_breaches_name_the_rule_and_the_numbers() -> None:
    position = Position(SKU, NODE, 5, reserved=-1, allocated=8)
    found = breaches(position)
    assert [breach.invariant for breach in found] == [Invariant.NEGATIVE_BUCKET, Invariant.OVERSOLD]
    assert "reserved is -1" in found[0].message
    assert "2 too many" in found[1].message
    assert [breach.invariant for breach in breaches(position, open_shortfall=2)] == [
        Invariant.NEGATIVE_BUCKET
    ]
    assert breaches(STOCK) == []


def test_books_that_do_not_add_up_are_found() -> None:
    breach = ledger_breach(STOCK, [])
    assert breach is not None
    assert breach.invariant is Invariant.LEDGER_DIFFERS
    assert reservation_breach(STOCK, [reservation(1, expires=-1)], minute(0)) is None
    lapsed = reservation_breach(STOCK, [reservation(2), reservation(3, expires=-1)], minute(0))
    assert lapsed is not None
    assert "hold 5 units (3 of them lapsed), the balance says 1 are reserved" in lapsed.message


def test_the_first_safety_rule_that_applies_decides() -> None:
    rules = SafetyStock(
        [
            SafetyRule(units=3, product_tags=frozenset({"category:shoes"}), channels=frozenset({"amazon"})),
            SafetyRule(percent=Decimal(10), node_groups=frozenset({"stores"})),
            SafetyRule(units=1),
        ]
    )
    shoes, stores = frozenset({"category:shoes", "heavy"}), frozenset({"stores", "east"})
    assert rules.kept(STOCK, shoes, stores, "amazon") == 3
    assert rules.kept(STOCK, shoes, stores, "web") == 2  # 10 % of 16 sellable units, rounded up
    assert rules.kept(STOCK, shoes, frozenset({"dcs"}), "web") == 1
    assert rules.kept(Position(SKU, NODE, -9), shoes, stores, "web") == 0
    assert SafetyStock([]).kept(STOCK, shoes, stores, "web") == 0


def test_products_that_no_rule_tells_apart_are_remembered_once() -> None:
    rules = SafetyStock([SafetyRule(units=2, product_tags=frozenset({"cold"})), SafetyRule(units=1)])
    found = {
        id(rules.rule(product_tags(f"SKU-{number}", ("cold",) if number % 2 else ()), frozenset(), "web"))
        for number in range(1000)
    }
    assert len(found) == 2
    assert len(rules._decided) == 2


@pytest.mark.parametrize(("units", "percent"), [(-1, 0), (0, -1), (0, 101)])
def test_a_safety_rule_that_can_not_be_meant_is_refused(units: int, percent: int) -> None:
    with pytest.raises(ValueError, match="use 0 or more"):
        SafetyRule(units, Decimal(percent))


def test_a_ring_fence_is_set_aside_moved_consumed_and_given_back() -> None:
    web, amazon = RingFence("web", SKU, NODE, 2), RingFence("amazon", SKU, NODE, 8)
    assert fenced_for_others([web, amazon], "web") == 8
    more, missing = set_aside(STOCK, [web, amazon], web, 5)
    assert (more.quantity, missing) == (5, 2)  # 13 can be promised, 10 of them are fenced
    assert [fence.quantity for fence in move_fence(amazon, web, 9)] == [0, 10]
    left, consumed = consume(web, 3)
    assert (left.quantity, consumed) == (0, 2)
    assert give_back(left, consumed) == web


def back_order(key: str, to_come: int, at: int) -> BackOrder:
    return BackOrder(key, f"order-{key}", "1", SKU, NODE, to_come, to_come, minute(at))


def test_inbound_is_promised_once_the_earliest_to_the_oldest() -> None:
    supply = [Inbound("PO-2", SKU, NODE, 5, minute(20)), Inbound("PO-1", SKU, NODE, 5, minute(10))]
    waiting = [back_order("new", 4, 2), back_order("old", 3, 1)]
    assert free_supply(supply, waiting) == [(minute(20), 3)]
    assert ship_by(supply, waiting) == {"old": minute(10), "new": minute(20)}
    assert ship_by(supply[:1], waiting) == {"old": minute(20), "new": None}
    assert ship_by(supply, [back_order("all", 10, 1)]) == {"all": minute(20)}
    assert ship_by(supply, [back_order("first", 5, 1), back_order("next", 1, 2)])["first"] == minute(10)
    rows, served = arrive(supply, waiting, 6)
    assert [(row.id, row.quantity) for row in rows] == [("PO-1", 0), ("PO-2", 4)]
    assert [(each.key, each.to_come) for each in served] == [("old", 0), ("new", 1)]
    assert [each.key for each in beyond_supply(supply[:1], waiting, 0)] == ["new"]
    assert beyond_supply(supply[:1], waiting, 2) == []


@given(
    st.lists(st.integers(1, 9), max_size=4),
    st.lists(st.integers(1, 9), max_size=4),
    st.integers(0, 40),
)
def test_what_arrives_is_neither_lost_nor_given_twice(due: list[int], owed: list[int], units: int) -> None:
    supply = [Inbound(f"PO-{n}", SKU, NODE, each, minute(n)) for n, each in enumerate(due)]
    waiting = [back_order(f"b{n}", each, n) for n, each in enumerate(owed)]
    rows, served = arrive(supply, waiting, units)
    changed = {row.id: row.quantity for row in rows}
    assert sum(due) - sum(changed.get(row.id, row.quantity) for row in supply) == min(units, sum(due))
    still = {each.key: each.to_come for each in served}
    assert sum(owed) - sum(still.get(each.key, each.to_come) for each in waiting) == min(units, sum(owed))
    assert sum(free for _, free in free_supply(supply, waiting)) == max(0, sum(due) - sum(owed))


def at_risk(key: str, quantity: int, priority: int, when: float, standing: Standing) -> PromiseAtRisk:
    return PromiseAtRisk(key, quantity, priority, minute(when), standing)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (VictimPolicy.LATEST_PROMISE, [("cart", 1), ("late", 2), ("early", 1)]),
        (VictimPolicy.LOWEST_PRIORITY, [("cart", 1), ("early", 2), ("late", 1)]),
    ],
)
def test_victims_are_chosen_by_policy_after_standing(
    policy: VictimPolicy, expected: list[tuple[str, int]]
) -> None:
    promises = [
        at_risk("asked", 5, 0, 9, Standing.REQUESTED),
        at_risk("early", 2, 1, 1, Standing.ALLOCATED),
        at_risk("late", 2, 5, 2, Standing.ALLOCATED),
        at_risk("cart", 1, 9, 0, Standing.RESERVED),
    ]
    victims, left = choose_victims(promises, 4, policy)
    assert [(victim.key, victim.quantity) for victim in victims] == expected
    assert left == 0
    assert choose_victims(promises, 99, policy)[1] == 99 - 10


def test_of_equal_promises_the_other_rule_decides_and_then_the_key() -> None:
    def order(policy: VictimPolicy, *promises: PromiseAtRisk) -> list[str]:
        return [victim.key for victim in choose_victims(promises, 99, policy)[0]]

    first, second = at_risk("a", 1, 3, 1, Standing.ALLOCATED), at_risk("b", 1, 3, 2, Standing.ALLOCATED)
    low = at_risk("c", 1, 2, 2, Standing.ALLOCATED)
    assert order(VictimPolicy.LOWEST_PRIORITY, first, second) == ["b", "a"]
    assert order(VictimPolicy.LATEST_PROMISE, second, low) == ["c", "b"]
    assert order(VictimPolicy.LATEST_PROMISE, second, replace(second, key="a")) == ["a", "b"]


def test_only_changes_are_published_the_scarcest_first() -> None:
    published = {"A": 5, "B": 5, "C": 5}
    available = {"A": 5, "B": 9, "C": 0, "D": 2}
    levels = levels_to_publish(published, available)
    assert levels == [Publication("C", 0, 5), Publication("D", 2, None), Publication("B", 9, 5)]
    assert levels_to_publish(published, available, at_most=1) == levels[:1]


def test_fractions_are_scaled_by_the_step_of_the_sku() -> None:
    assert to_units(Decimal("2.50"), Decimal("0.01")) == 250
    assert from_units(250, Decimal("0.01")) == Decimal("2.50")
    with pytest.raises(ValueError, match="not a multiple"):
        to_units(Decimal("2.505"), Decimal("0.01"))
    with pytest.raises(ValueError, match="must be positive"):
        to_units(Decimal(1), Decimal(0))

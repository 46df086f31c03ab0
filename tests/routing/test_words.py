"""An explanation is read by people: every word of it, once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b

import numpy as np
import pytest
from msgspec.structs import replace

from crossdock.routing import (
    Capacity,
    Decision,
    Network,
    PolicySet,
    Service,
    SupplyView,
    compile_policy,
    explain,
    route,
)
from crossdock.routing.decision import restore, snapshot
from crossdock.routing.explain import Alternative, Candidate, Explanation
from crossdock.routing.flip import MEASURES, Flip, FlipKind
from crossdock.routing.model import AssignedLine, Assignment, UnfilledLine
from crossdock.routing.situation import situation_of
from tests.routing.builders import NOW, STANDARD, demand, line, network, node, rate_cards

DAY = date(2026, 11, 24)


def shipment(place: str, service: str = "ground", **costs: str) -> Assignment:
    lines = (AssignedLine("1", "A", 2), AssignedLine("2", "B", 1))
    values = tuple((term, Decimal(value)) for term, value in costs.items())
    return Assignment(place, service, lines, NOW.date(), DAY, values)


DECISION = Decision(
    order_id="o1",
    policy="standard",
    policy_version=3,
    network_version="n",
    decided_at=datetime(2026, 11, 23, 15, tzinfo=UTC),
    assignments=(
        shipment("near", shipping_cost="3.100", shipments="1"),
        shipment("store", "", distance="120"),
    ),
    unfilled=(UnfilledLine("3", "C", 4, "no_stock"),),
    reason="no_stock",
    given_up=1,
    tiers=(Decimal(0),),
    optimal=False,
    gap=Decimal("0.125"),
    snapshot_hash="",
    snapshot=b"",
)
OFFER = shipment("far", shipping_cost="9.5")
CANDIDATES = (
    Candidate("near", True, "", "", ("1", "2"), DECISION.assignments[0], 1),
    Candidate("out", False, "stock", "it has 0 of 2 A", (), None, 2, stale=True),
    Candidate("far", False, "", "", ("1", "2"), OFFER, 0),
    Candidate("met", False, "", "", ("1", "2"), OFFER, 1, stale=True),
)
FLIPS = (
    Flip(FlipKind.MORE_STOCK, "out", sku="A", units=2),
    Flip(FlipKind.LESS_FREIGHT, "far", amount=Decimal("6.4"), currency="USD"),
)


def test_a_decision_is_told_fact_by_fact() -> None:
    alternatives = (Alternative((OFFER, DECISION.assignments[1]), (Decimal("1.5"), Decimal(-2))),)
    told = Explanation(DECISION, CANDIDATES, alternatives, FLIPS, ("node.id == 'a'", "node.id == 'b'"))
    sent = "sends 2 x A, 1 x B by ground, out 2026-11-23, there 2026-11-24"
    picked = "store sends 2 x A, 1 x B for pick-up, out 2026-11-23, there 2026-11-24 (distance 120)"
    assert told.words().splitlines() == [
        "Order o1, decided by policy standard version 3 at 2026-11-23T15:00:00+00:00.",
        f"Chosen: near {sent} (shipping_cost 3.1, shipments 1).",
        f"Chosen: {picked}.",
        "Not placed: 4 x C (line 3): no node that passes the fences has enough.",
        "Preferences given up: 1, from the last.",
        "Not proven best: at most 12.5% from the best in an unfinished tier.",
        f"Alternative 1: far {sent} (shipping_cost 9.5) and {picked}; tiers +1.5, -2.",
        "out would have won with 2 more units of A. far would have won with over 6.40 USD less freight.",
        "out: out, it has 0 of 2 A.",
        f"far: far {sent} (shipping_cost 9.5); passed over, it does not meet node.id == 'a'.",
        f"met: far {sent} (shipping_cost 9.5).",
        "Last count older than its limit, so that more safety stock may have been kept: out, met.",
    ]


def test_what_there_is_not_is_not_told() -> None:
    plain = replace(DECISION, policy="", assignments=(), unfilled=(), given_up=0, optimal=True)
    assert (
        Explanation(plain, (), (), ()).words()
        == "Order o1, decided by no policy at 2026-11-23T15:00:00+00:00."
    )


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("no_policy", "no policy applies to this order"),
        ("pick_up_without_node", "the pick-up names no node"),
        ("unknown_currency", "no exchange rate for the currency of the order"),
        ("no_node", "no node passes the fences"),
        ("no_stock", "no node that passes the fences has enough"),
        ("no_service", "no carrier service brings it to the destination"),
        ("restricted", "no node with stock may handle its restrictions"),
        ("group_not_together", "no node has the whole group"),
        ("split_rules", "the split rules or the capacity left of the nodes leave no place for it"),
    ],
)
def test_every_reason_has_its_words(reason: str, words: str) -> None:
    left = replace(DECISION, unfilled=(UnfilledLine("3", "C", 4, reason),))
    assert f"Not placed: 4 x C (line 3): {words}." in Explanation(left, (), (), ()).words().splitlines()


@pytest.mark.parametrize(
    ("flip", "words"),
    [
        (Flip(FlipKind.MORE_STOCK, "n", "A", 1), "n would have won with 1 more unit of A."),
        (
            Flip(FlipKind.MORE_STOCK, "n", "A", 2, placed=True),
            "n would have found a place for more of it with 2 more units of A.",
        ),
        (
            Flip(FlipKind.MORE_CAPACITY, "n", units=1, measure="orders"),
            "n would have won with room for 1 more order.",
        ),
        (
            Flip(FlipKind.MORE_CAPACITY, "n", units=3, measure="lines"),
            "n would have won with room for 3 more lines.",
        ),
        (
            Flip(FlipKind.LESS_HANDLING, "n", amount=Decimal("0.5"), currency="EUR"),
            "n would have won with over 0.50 EUR less cost of handling.",
        ),
    ],
)
def test_every_change_has_its_words(flip: Flip, words: str) -> None:
    assert flip.words() == words


def test_what_a_change_does_not_say_is_nothing() -> None:
    assert Flip(FlipKind.MORE_STOCK, "n") == Flip(FlipKind.MORE_STOCK, "n", "", 0, None, "", False, "")


@pytest.mark.parametrize("when", ["", "order.channel == 'other'"])
def test_the_hash_of_a_decision_is_of_its_inputs_and_of_who_decided(when: str) -> None:
    net = network([node("near")])
    policies = PolicySet([compile_policy({**STANDARD, "when": when})])
    decision = route(demand([line(0)]), SupplyView(net, [("sku0", "near", 1)]), net, policies, NOW)
    hashed = blake2b(decision.snapshot, digest_size=16)
    hashed.update(f"{net.version}\0{decision.policy}\0{decision.policy_version}".encode())
    assert decision.snapshot_hash == hashed.hexdigest()
    assert (decision.policy, decision.policy_version) == (("", 0) if when else ("standard", 12))
    assert explain(decision, net, policies).preferences == ()
    assert (decision.gap, decision.optimal, decision.given_up) == (Decimal(0), True, 0)


@pytest.mark.parametrize("units", [0, 1, 255, 256, 65_535, 65_536, 2**31 - 1])
def test_the_stock_that_was_seen_is_kept_whatever_its_size(units: int) -> None:
    net = network([node("far", 34.0, -118.2, capacity=Capacity(orders=3)), node("near")])
    supply = SupplyView(net, [("sku0", "near", units), ("sku1", "far", 1)], stale_nodes=["far"])
    supply.opportunity = np.array([[0.5, 1.5], [2.5, 3.5], [0.0, 0.0]])
    order = demand([line(0), line(1), line(2)])
    seen = situation_of(order, supply, NOW)
    kept = restore(snapshot(seen, "n", "p", 1)[1], net.size)
    assert (kept.demand, kept.now) == (order, NOW)
    assert kept.stock.tolist() == [[0, units], [1, 0], [0, 0]]
    for name in ("capacity", "stale", "opportunity"):
        assert np.array_equal(getattr(kept, name), getattr(seen, name)), name
    bare = situation_of(order, SupplyView(network([node("a"), node("b")]), []), NOW)
    plain = restore(snapshot(bare, "n", "p", 1)[1], 2)
    assert (plain.capacity, plain.stale, plain.opportunity) == (None, None, None)
    assert plain.stock.shape == (3, 2)


def test_a_product_that_no_carrier_takes_has_no_service() -> None:
    carrier = Service("ground", "p", "ground", (1,), refuses=("hazmat",))
    net = Network(
        [node("a", services=("ground",), handles=("hazmat",))], [carrier], rate_cards(), currency="USD"
    )
    supply = SupplyView(net, [("sku0", "a", 1), ("sku1", "a", 1)])
    policies = PolicySet([compile_policy(STANDARD)])
    acid = line(0, restrictions=("hazmat",))
    assert route(demand([acid]), supply, net, policies, NOW).reason == "no_service"
    assert route(demand([acid, line(1)]), supply, net, policies, NOW).reason == "split_rules"


def test_a_node_that_is_full_says_of_what() -> None:
    assert MEASURES == ("orders", "lines", "units")
    limits = [Capacity(orders=1), Capacity(lines=2), Capacity(units=3)]
    net = network([node("free"), *[node(f"n{n}", capacity=limit) for n, limit in enumerate(limits)]])
    supply = SupplyView(
        net, [("sku0", each.id, 1) for each in net.nodes], used={f"n{n}": (1, 2, 3) for n in range(3)}
    )
    policies = PolicySet([compile_policy(STANDARD)])
    found = explain(route(demand([line(0)]), supply, net, policies, NOW), net, policies).candidates
    told = [f"all of its {limit} of the day are taken" for limit in ("1 orders", "2 lines", "3 units")]
    assert [each.detail for each in found] == ["", *told]


def test_a_node_offers_lines_and_units_up_to_the_room_of_its_day() -> None:
    limits = {"two": Capacity(lines=2), "units": Capacity(units=3), "all": Capacity(lines=3, units=6)}
    net = network(
        [node("best"), *[node(name, 41.0, -88.0, capacity=limit) for name, limit in limits.items()]]
    )
    assert len(net.version) == 16
    order = demand([line(0, 2), line(1, 2), line(2, 1)])
    supply = SupplyView(net, [(each.sku, at.id, 9) for each in order.lines for at in net.nodes])
    policies = PolicySet([compile_policy(STANDARD)])
    found = explain(route(order, supply, net, policies, NOW), net, policies).candidates
    lines = {each.node: each.lines for each in found}
    assert lines == {
        "best": ("l0", "l1", "l2"),
        "all": ("l0", "l1", "l2"),
        "two": ("l0", "l1"),
        "units": ("l0", "l2"),
    }

"""An explanation is read by people: every word of it, once."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import blake2b

import pytest
from msgspec.structs import replace

from crossdock.routing import Decision, PolicySet, SupplyView, compile_policy, explain, route
from crossdock.routing.explain import Alternative, Candidate, Explanation
from crossdock.routing.flip import Flip, FlipKind
from crossdock.routing.model import AssignedLine, Assignment, UnfilledLine
from tests.routing.builders import NOW, STANDARD, demand, line, network, node

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

"""What is said of policies is true: nothing that may work is refused, and every gap has an order that shows it."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossdock.routing import PolicySet, compile_policy
from crossdock.routing.conditions import NODE_VARIABLES, ORDER_VARIABLES
from crossdock.routing.example_order import demand_of
from crossdock.routing.facts import LINE_FACTS, NODE_FACTS, ORDER_FACTS
from crossdock.routing.model import Address, Demand, Destination, NodeKind, Position
from crossdock.routing.policy_checks import Finding, FindingKind, World, check_policies
from tests.routing.builders import demand, line, node

NODES = (node("a", tags=("dc",)), node("b", tags=("store",), priority=3))
CHANNELS = {"shop": "web", "amazon": "marketplace"}
WORLD = World(
    nodes=NODES,
    channels=CHANNELS,
    countries=("US", "CA"),
    currencies=("USD",),
    service_levels=("standard", "express"),
)


def check(*changes: dict[str, Any], world: World = WORLD) -> list[Finding]:
    compiled = [
        compile_policy({"policy": f"p{number}", "version": 1, "objective": ["shipments"], **change})
        for number, change in enumerate(changes)
    ]
    return check_policies(compiled, world)


def told(*changes: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding.kind.value, finding.path) for finding in check(*changes)]


def when(*conditions: str) -> list[dict[str, Any]]:
    return [{"when": condition} for condition in conditions]


@pytest.mark.parametrize(
    "policies",
    [
        when("order.channel_kind == 'web'", ""),
        when("order.value > 100.0", "order.value > 50.0", ""),
        when("order.region.startsWith('US-')", "order.region == 'US-CA'", ""),
        when("order.units > 2", "order.line_count > 2", ""),
        when("order.value > 60.0 && order.value < 61.0", "order.units > 1 && order.units < 3", ""),
        when("order.channel == 'shop'", "order.channel == 'amazon'"),
        when("'gift' in order.tags", "!('gift' in order.tags)"),
        when("100.0 >= order.value", "100.0 < order.value"),
        when("100.0 > order.value", "100.0 <= order.value"),
        when("3 == order.units", "3 != order.units"),
        when("order.value <= 100.0", "order.value > 100.0"),
        when("order.service_level == 'express'", "order.service_level != 'express'"),
        when("order.pick_up ? order.units > 3 : true", "order.pick_up && order.units <= 3"),
        when(
            "order.country in ['US', 'CA'] || order.units > 1",
            "order.country in ['MX', 'FR'] || order.units < 2",
        ),
        [
            {
                "fences": [
                    {"require": "'dc' in node.tags"},
                    {"require": "node.priority > 1", "when": "order.pick_up"},
                ]
            }
        ],
        [{"fences": [{"require": "node.country == order.country"}]}],
        [{"fences": [{"require": "order.units > 3 || node.id == 'b'"}], "prefer": ["node.id == 'a'"]}],
        [{"split": {"max_shipments": 2, "min_value": "3 USD", "keep_together": ["kit", "set"]}}],
    ],
)
def test_what_may_work_is_left_alone(policies: list[dict[str, Any]]) -> None:
    assert told(*policies) == []


UNREACHABLE_1 = [("unreachable", "1.when")]


@pytest.mark.parametrize(
    ("policies", "found"),
    [
        (when("", "order.pick_up"), [("unreachable", "1.when")]),
        (when("", ""), [("unreachable", "1")]),
        (when("order.units > 1", "order.units > 2", ""), [("unreachable", "1.when")]),
        (
            when("order.channel == 'shop' || order.pick_up", "order.channel_kind == 'web'", ""),
            [("unreachable", "1.when")],
        ),
        (when("order.channel == 'shop'", "order.channel == 'amazon'", ""), [("no_effect", "2")]),
        (when("order.value > 100.0 && order.value < 50.0", ""), [("unreachable", "0.when")]),
        (when("order.units > 2 && order.units < 3", ""), [("unreachable", "0.when")]),
        (when("2 < order.units && 3 > order.units", ""), [("unreachable", "0.when")]),
        (when("2 >= order.units", "2 == order.units", ""), [("unreachable", "1.when")]),
        (when("2 <= order.units", "order.units == 2", ""), [("unreachable", "1.when")]),
        (when("2 >= order.units && 2 <= order.units && order.units != 2", ""), [("unreachable", "0.when")]),
        (when("order.line_count < 1", ""), [("unreachable", "0.when")]),
        (when("order.channel == 'ebay'", ""), [("unreachable", "0.when")]),
        (when("order.channel_kind == 'b2b'", ""), [("unreachable", "0.when")]),
        (when("order.service_level == 'drone'", ""), [("unreachable", "0.when")]),
        (when("'a' in order.tags && !order.tags.exists(t, t == 'a')", ""), [("unreachable", "0.when")]),
        (when("1 > 2", ""), [("unreachable", "0.when")]),
        (when("order.pick_up ? order.units < 1 : false", ""), [("unreachable", "0.when")]),
        (when("order.pick_up ? false : order.units < 1", ""), [("unreachable", "0.when")]),
        ([{"fences": [{"require": "false"}]}], [("contradiction", "0.fences.0.require")]),
        (
            [{"fences": ["capacity", {"require": "'sfp' in node.tags"}]}],
            [("contradiction", "0.fences.1.require")],
        ),
        (
            [{"fences": [{"require": "node.priority > 9", "when": "order.channel == 'amazon'"}]}],
            [("contradiction", "0.fences.0.require")],
        ),
        (
            [{"fences": [{"require": "'dc' in node.tags"}, {"require": "'store' in node.tags"}]}],
            [("contradiction", "0.fences")],
        ),
        (
            [{"when": "order.country == 'CA'", "fences": [{"require": "node.country == order.country"}]}, {}],
            [("contradiction", "0.fences.0.require")],
        ),
        (
            [
                {
                    "when": "order.pick_up",
                    "fences": [{"require": "node.id == 'a'", "when": "!order.pick_up"}],
                },
                {},
            ],
            [("unreachable", "0.fences.0.when")],
        ),
        ([{"prefer": ["node.kind == 'supplier'"]}], [("no_effect", "0.prefer.0")]),
        ([{"split": {"keep_together": ["bundle"]}}], [("contradiction", "0.split.keep_together.0")]),
        ([{"split": {"max_shipments": 1, "min_value": "2 USD"}}], [("no_effect", "0.split.min_value")]),
        (
            [{"fences": [{"max_distance_km": 100}, {"max_distance_km": 200}]}],
            [("no_effect", "0.fences.1.max_distance_km")],
        ),
        (when("order.channel == 'shop'"), [("gap", "0")]),
        (when("order.value > 100.0", "order.value < 100.0"), [("gap", "1")]),
        (when("order.line_count < 5 && order.units < 9"), [("gap", "0")]),
        (when("order.country == 'US'"), [("gap", "0")]),
        (when("order.region.matches('US-.*')"), [("gap", "0")]),
    ],
)
def test_what_cannot_work_is_found(policies: list[dict[str, Any]], found: list[tuple[str, str]]) -> None:
    assert told(*policies) == found
    assert all(len(finding.message.split()) > 4 for finding in check(*policies))


SAVES: dict[str, Any] = {"objective": ["shipping_cost"]}
EARLIER = "always applies first; move it up, or narrow what stands before it"
NOBODY = "nothing could be placed"


@pytest.mark.parametrize(
    ("policies", "words"),
    [
        (when("order.pick_up", "", "order.units > 1", ""), f"the policy is never asked: p1 {EARLIER}"),
        (
            when("order.pick_up", "!order.pick_up", ""),
            "the policies before it cover all orders there are: it is never asked",
        ),
        (
            when("order.pick_up", "!order.pick_up", "order.units > 1"),
            f"the policy is never asked: one of p0, p1 {EARLIER}",
        ),
        (
            when("order.units > 1 && order.units < 1", ""),
            "no order can meet this condition: correct it, or take the policy out",
        ),
        (
            [{"fences": [{"require": "true", "when": "order.units < 1"}]}],
            "no order of this policy can meet this condition: the fence is never asked",
        ),
        (
            [{"fences": [{"require": "node.id == 'x'"}]}],
            f"no node of the network can pass node.id == 'x': {NOBODY}",
        ),
        (
            [{"fences": [{"require": "node.id == 'a'"}, {"require": "node.id == 'b'"}]}],
            f"each fence can be passed, but no node of the network passes all of them: {NOBODY}",
        ),
        ([{"prefer": ["node.id == 'x'"]}], "no node of the network ever meets it: it is always given up"),
        (
            [{"split": {"keep_together": ["bundle"]}}],
            "lines are never in a group of kind 'bundle'; there are: kit, set",
        ),
        (
            [{"split": {"max_shipments": 1, "only_if_saves": "2 USD"}, **SAVES}],
            "max_shipments is 1: an order is never split, so this is never asked",
        ),
        (
            [{"split": {"only_if_saves": "2 SEK"}, **SAVES}],
            "no exchange rate of SEK is known (hub.exchange_rates); there are: USD",
        ),
        (
            [{"reevaluate": {"every": "1h", "min_saving": "2 SEK"}, **SAVES}],
            "no exchange rate of SEK is known (hub.exchange_rates); there are: USD",
        ),
        (
            [{"fences": [{"max_distance_km": 9}, {"max_distance_km": 8}]}],
            "another fence sets a shorter distance: this one is never asked",
        ),
        (
            when("order.units > 1"),
            "no policy applies to an order of channel shop (web), to US, 1 line with 1 units, in USD: "
            "write a last policy without `when`",
        ),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(policies: list[dict[str, Any]], words: str) -> None:
    assert check(*policies)[0].message == words


KINDS = replace(WORLD, channel_kinds=("web", "marketplace", "store", "b2b"))


def test_a_policy_for_a_kind_of_channel_that_is_not_configured_is_a_note() -> None:
    written = when("order.channel_kind == 'web'", "order.channel_kind in ['web', 'b2b']", "")
    fence = {"require": "'dc' in node.tags", "when": "order.channel_kind == 'store'"}
    written[2]["fences"] = [fence]
    found = check(*written, world=KINDS)
    assert [(each.kind, each.path) for each in found] == [
        (FindingKind.NO_EFFECT, "1.when"),
        (FindingKind.NO_EFFECT, "2.fences.0.when"),
    ]
    kinds = "no channel of this configuration is of a kind whose orders get here: it is never asked"
    assert (found[0].message, found[0].policy) == (kinds, "p1@1")


@pytest.mark.parametrize(
    "condition",
    [
        "order.channel_kind == 'marketplce'",
        "order.channel == 'wholesale'",
        "order.channel_kind == 'b2b' && order.units < 1",
        "order.channel_kind == 'b2b' && order.channel == 'shop'",
    ],
)
def test_what_no_channel_of_any_kind_can_meet_is_refused(condition: str) -> None:
    found = check(*when(condition, ""), world=KINDS)
    assert [(each.kind, each.path) for each in found] == [(FindingKind.UNREACHABLE, "0.when")]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("x", "node 'x' is not configured; there are: a, b, maker, mute"),
        ("maker", "maker is a supplier: it ships its own goods, and receives none of other nodes"),
        ("mute", "mute has no services: it could not send on what it receives"),
    ],
)
def test_goods_come_together_only_at_a_node_that_can_send_them_on(name: str, words: str) -> None:
    world = replace(WORLD, nodes=(*NODES, node("maker", kind=NodeKind.SUPPLIER), node("mute", services=())))
    (finding,) = check({"consolidate": ["a", name]}, world=world)
    assert (finding.kind, finding.path) == (FindingKind.CONTRADICTION, "0.consolidate.1")
    assert (finding.message, finding.policy) == (words, "p0@1")
    nobody = check({"consolidate": ["a"]}, world=World())
    assert [each.message for each in nobody] == ["node 'a' is not configured; there are: none"]


def test_a_gap_is_told_with_an_order_that_no_policy_covers() -> None:
    conditions = when(
        "order.channel == 'shop' && order.value <= 100.0", "'gift' in order.tags && order.units > 3"
    )
    (gap,) = check(*conditions)
    assert gap.message.startswith("no policy applies to an order of channel ")
    assert (gap.policy, gap.path) == ("", "1")
    assert gap.example is not None
    example = demand_of(gap.example, CHANNELS, WORLD.countries, WORLD.currencies)
    assert example is not None
    policies = [
        compile_policy({"policy": "p", "version": 1, "objective": ["shipments"], **each})
        for each in conditions
    ]
    assert PolicySet(policies).choose(example) is None


def test_without_knowledge_of_channels_every_channel_may_come() -> None:
    assert [f.kind for f in check(*when("order.channel == 'ebay'", ""), world=World(nodes=NODES))] == []
    other = World(nodes=NODES, channels={"shop": "web"}, other_channels={"erp": "web"})
    assert check(*when("order.channel == 'erp'", "order.channel_kind == 'web'"), world=other) == []
    assert check(*when("order.channel == 'shop'"), world=other) == []  # an example names channels only


def test_a_draft_is_checked_as_if_it_were_active() -> None:
    draft = {"policy": "p0", "version": 2, "state": "draft"}
    assert told({}, {**draft, "when": "order.pick_up"}) == [("gap", "1.when")]
    assert told({}, draft) == []
    open_ended = {"when": "order.units > 1"}
    assert told(open_ended, {**draft, **open_ended}) == [("gap", "0")], "it was there before"
    assert told(open_ended, draft) == [("gap", "0")]
    assert told({}, {}, {**draft, "fences": [{"require": "false"}]}) == [
        ("unreachable", "1"),
        ("contradiction", "2.fences.0.require"),
    ]
    last = {"policy": "new", "state": "draft", "when": "order.units > 1"}
    assert told({"when": "order.units > 0"}, last) == [("unreachable", "1.when")]
    assert [(each.policy, each.path) for each in check({}, {**draft, "when": "order.pick_up"})] == [
        ("p0@2", "1.when")
    ]
    assert told({}, {**draft, "fences": [{"require": "false"}]}) == [("contradiction", "1.fences.0.require")]
    assert told({}, {"policy": "new", "state": "draft"}) == [("unreachable", "1")]
    assert told({"policy": "new", "state": "draft"}, {}) == []
    assert told({}, {"policy": "old", "state": "archived", "fences": [{"require": "false"}]}) == []


def test_every_variable_is_typed_and_described() -> None:
    assert ORDER_FACTS.keys() == ORDER_VARIABLES.keys()
    assert NODE_FACTS.keys() == NODE_VARIABLES.keys()
    shown = ORDER_VARIABLES["lines"](demand([line(0)]))
    assert isinstance(shown, list)
    assert LINE_FACTS.keys() == shown[0].keys()


ATOMS = (
    "order.channel == 'shop'",
    "order.channel_kind in ['web', 'b2b']",
    "order.country != 'US'",
    "order.country in ['US', 'MX']",
    "order.region.startsWith('US-C')",
    "order.region == 'US-CA'",
    "order.pick_up",
    "order.units > 2",
    "3 <= order.units",
    "order.line_count == 1",
    "order.lines.size() != 2",
    "order.value < 60.5",
    "order.value >= 60",
    "'gift' in order.tags",
    "order.tags.exists(t, t == 'gift')",
    "order.tags.size() == 0",
    "order.service_level == 'express'",
    "order.weight_kg * 2.0 > 1.5",
    "'hazmat' in order.restrictions",
    "1 == 1",
)
NODE_ATOMS = (
    *ATOMS,
    "node.id == 'a'",
    "node.country == order.country",
    "'dc' in node.tags",
    "node.priority > order.units",
)


def conditions(atoms: tuple[str, ...]) -> st.SearchStrategy[str]:
    def extended(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            inner.map(lambda a: f"!({a})"),
            st.tuples(inner, st.sampled_from(("&&", "||")), inner).map(lambda p: f"({p[0]}) {p[1]} ({p[2]})"),
            st.tuples(inner, inner, inner).map(lambda p: f"({p[0]}) ? ({p[1]}) : ({p[2]})"),
        )

    return st.recursive(st.sampled_from(atoms), extended, max_leaves=6)


POLICY = st.fixed_dictionaries(
    {
        "when": st.one_of(st.just(""), conditions(ATOMS)),
        "fences": st.lists(
            st.fixed_dictionaries(
                {"require": conditions(NODE_ATOMS), "when": st.one_of(st.just(""), conditions(ATOMS))}
            ),
            max_size=2,
        ),
    }
)


def random_order(random: Random) -> Demand:
    channel = random.choice(list(CHANNELS))
    country = random.choice(("US", "CA", "MX"))
    return demand(
        [
            line(
                number,
                random.randint(1, 4),
                unit_value=random.choice((20, 30, 60, 61)),
                unit_weight_grams=random.choice((100, 800)),
                restrictions=random.choice(((), ("hazmat",))),
            )
            for number in range(random.randint(1, 3))
        ],
        channel=channel,
        channel_kind=CHANNELS[channel],
        destination=Destination(
            Address(country, random.choice(("", f"{country}-CA", f"{country}-NY"))), Position(0.0, 0.0)
        ),
        pick_up=random.random() < 0.3,
        service_level=random.choice(("", "express", "standard")),
        tags=random.choice(((), ("gift",), ("x", "gift"), ("x",))),
    )


@settings(max_examples=150, deadline=None)
@given(st.lists(POLICY, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_no_order_contradicts_what_is_said(written: list[dict[str, Any]], random: Random) -> None:
    """Orders of all kinds are asked: what is said to be never asked never is, what can't be passed never is."""
    compiled = [
        compile_policy({"policy": f"p{number}", "version": 1, "objective": ["shipments"], **each})
        for number, each in enumerate(written)
    ]
    found = check_policies(compiled, WORLD)
    policies = PolicySet(compiled)
    for order in [random_order(random) for _ in range(40)]:
        chosen = policies.choose(order)
        for finding in found:
            place, *path = finding.path.split(".")
            if chosen is None or compiled.index(chosen) != int(place) or finding.kind is FindingKind.GAP:
                continue
            # A finding on the policy itself says that it is never asked.
            assert path[:1] == ["fences"], finding
            fences = chosen.fences if path == ["fences"] else (chosen.fences[int(path[1])],)
            asked = [fence for fence in fences if fence.when is None or fence.when.holds(order)]
            if finding.kind is FindingKind.UNREACHABLE:
                assert not asked, finding
            elif asked:
                assert not any(all(fence.require.holds(order, at) for fence in asked) for at in NODES), (
                    finding
                )

"""A policy that can't work is refused, with path and reason; one that works is asked in order."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from crossdock.routing import PolicyDefinition, PolicySet, compile_policy
from crossdock.routing.conditions import compile_condition
from crossdock.routing.policy import TERMS
from crossdock.sdk.errors import MisconfiguredError
from tests.routing.builders import STANDARD, demand, line, node

PAGE = Path(__file__).parents[2] / "docs/reference/policy.md"
FULL = """
policy: standard
version: 12
when: 'order.channel_kind in ["web", "marketplace"]'
fences:
  - stock
  - serves_destination
  - capacity
  - require: '"sfp" in node.tags'
    when: 'order.channel == "amazon-prime"'
prefer:
  - '!("store" in node.tags) || order.lines.size() <= 3'
objective:
  - late_days
  - shipments
  - {shipping_cost: 1, handling_cost: 1, workload: 0.2, stock_balance: 0.1, opportunity_cost: 1}
split: {max_shipments: 3, min_value: "15.00 USD", keep_together: [kit], only_if_saves: "2.00 USD"}
unfillable: {retry: on_stock, stop_after: 8h, then: backorder}
"""


def test_the_whole_language_is_understood() -> None:
    policy = compile_policy(yaml.safe_load(FULL))
    assert (policy.id, policy.version, policy.saving_tier) == ("standard", 12, 2)
    assert policy.unfillable.stop_after == timedelta(hours=8)
    assert policy.split.min_value is not None
    assert policy.split.min_value.amount == Decimal("15.00")
    assert policy.preferences[0].order_variables == ("line_count",)


@pytest.mark.parametrize(
    ("change", "path", "words"),
    [
        ({"when": "order.chanel == 'x'"}, "when", "did you mean order.channel?"),
        ({"when": "channel == 'x'"}, "when", "unknown variable 'channel'"),
        ({"when": "order.channel =="}, "when", "is not CEL: column"),
        ({"when": "order.channel"}, "when", "true or false"),
        ({"when": "order.units > 'a'"}, "when", "column 13: an int can't be compared with a string by >"),
        (
            {"when": "order.channel == 'x' && order.units > 'a'"},
            "when",
            "column 37: an int can't be compared",
        ),
        ({"when": "order.pick_up || order.value * 2 > 5.0"}, "when", "not double and int: write 2.0 for 2"),
        ({"when": "order.tags == 'gift'"}, "when", "a list(string) is never equal to a string"),
        ({"when": "order.lines.all(l, l.qty > 1)"}, "when", "unknown variable line.qty"),
        (
            {"when": "order.channel == 'x' && order.lines.all(l, l.quantty > 1)"},
            "when",
            "did you mean quantity?",
        ),
        ({"when": "order.pick_up && foo(order.units)"}, "when", "unknown function 'foo'"),
        ({"when": "order.channel in 'web'"}, "when", "in takes a list, not a string"),
        ({"when": "order.units in ['a']"}, "when", "an int is never in a list(string)"),
        ({"when": "order.pick_up ? order.units : 3"}, "when", "gives an int: write a condition"),
        ({"when": "order.units.contains('a')"}, "when", "contains takes a string, not an int"),
        ({"when": "order.pick_up && order.units"}, "when", "&& takes a bool, not an int"),
        ({"when": "order.channel.size() > 'a'"}, "when", "an int can't be compared with a string"),
        ({"when": "size(order.units) > 1"}, "when", "an int has no size"),
        ({"when": "order.units.first > 1"}, "when", "an int has no field 'first'"),
        ({"when": "order.units.all(x, x > 1)"}, "when", "an int has no elements for all"),
        ({"when": "node.id == 'a'"}, "when", "only in fences"),
        ({"when": "order"}, "when", "unknown variable 'order'"),
        ({"fences": ["stocks"]}, "fences.0", "unknown fence 'stocks'"),
        ({"fences": [{"require": "node.tag == 'x'"}]}, "fences.0.require", "did you mean node.tags?"),
        ({"prefer": ["true", "node.nope"]}, "prefer.1", "unknown variable 'node.nope'"),
        ({"objective": ["cost"]}, "objective.0.cost", "unknown term 'cost'"),
        ({"objective": ["shipments", {"shipments": 2}]}, "objective.1.shipments", "twice"),
        ({"objective": [{"shipments": 0}]}, "objective.0.shipments", "above zero"),
        ({"objective": []}, "objective", "at least 1"),
        (
            {"objective": ["shipments"], "split": {"only_if_saves": "1 USD"}},
            "split.only_if_saves",
            "shipping_cost",
        ),
        ({"split": {"min_value": "15"}}, "split.min_value", '"15.00 USD"'),
        ({"unfillable": {"stop_after": "soon"}}, "unfillable.stop_after", '"8h"'),
        ({"colour": 1}, "colour", "Extra inputs"),
    ],
)
def test_what_cannot_work_is_refused_with_its_path(change: dict[str, object], path: str, words: str) -> None:
    with pytest.raises(MisconfiguredError) as caught:
        compile_policy({**STANDARD, **change})
    assert caught.value.path == path
    assert words in caught.value.message


def test_the_first_policy_that_applies_is_chosen() -> None:
    first = compile_policy({**STANDARD, "policy": "b2b", "when": "order.channel_kind == 'b2b'"})
    last = compile_policy(STANDARD)
    policies = PolicySet([first, last])
    assert policies.choose(demand([line(0)], channel_kind="b2b")) is first
    assert policies.choose(demand([line(0)])) is last
    assert PolicySet([first]).choose(demand([line(0)])) is None
    assert policies.find("b2b", 12) is first


def test_only_active_policies_decide() -> None:
    draft = compile_policy({**STANDARD, "policy": "new", "version": 1, "state": "draft"})
    old = compile_policy({**STANDARD, "version": 11, "state": "archived"})
    active = compile_policy(STANDARD)
    policies = PolicySet([draft, old, active])
    assert policies.choose(demand([line(0)])) is active
    assert policies.find("standard", 11) is old
    assert PolicySet([draft, old]).choose(demand([line(0)])) is None


def test_a_policy_is_written_as_it_was_read() -> None:
    definition = compile_policy(yaml.safe_load(FULL)).definition
    written = definition.model_dump(mode="json")
    assert written["split"]["min_value"] == "15.00 USD"
    assert written["unfillable"]["stop_after"] == "8h"
    assert PolicyDefinition.model_validate(written) == definition


@pytest.mark.parametrize(
    ("text", "written"), [("90m", "90m"), ("2d", "2d"), ("120m", "2h"), ("48h", "2d"), ("0h", "0m")]
)
def test_durations_are_written_in_the_largest_whole_unit(text: str, written: str) -> None:
    policy = compile_policy({**STANDARD, "unfillable": {"stop_after": text}})
    assert policy.definition.model_dump(mode="json")["unfillable"]["stop_after"] == written


def test_names_inside_text_are_left_alone_and_lines_can_be_searched() -> None:
    condition = compile_condition(
        'order.channel == "node.x order.y" || order.lines.exists(l, l.quantity > 2)', "when", about_node=False
    )
    assert condition.holds(demand([line(0, 3)]))
    assert not condition.holds(demand([line(0, 2)]))
    assert condition.holds(demand([line(0)], channel="node.x order.y"))


def test_a_condition_may_compare_order_and_node() -> None:
    condition = compile_condition("node.country == order.country && 'a' in node.tags", "x", about_node=True)
    assert condition.holds(demand([line(0)]), node("n", tags=("a",)))
    assert not condition.holds(demand([line(0)]), node("n"))


def test_what_is_not_said_is_the_usual() -> None:
    policy = compile_policy(STANDARD)
    assert policy.unfillable.retry == "on_stock"
    assert all(f"| `{term}` | {words} |" in PAGE.read_text() for term, words in TERMS.items())

"""What a condition may name is what the order and the node say, and what it can't name is refused with a reason."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossdock.routing.conditions import NODE_VARIABLES, ORDER_VARIABLES, compile_condition
from crossdock.routing.facts import LINE_FACTS, NODE_FACTS, ORDER_FACTS
from crossdock.routing.model import Address, Destination, NodeKind, Position
from crossdock.sdk.errors import MisconfiguredError
from tests.routing.builders import demand, line, node

ORDER = demand(
    [
        line(0, 2, restrictions=("hazmat", "cold"), group="g1"),
        line(1, 3, unit_value=Decimal("0.5"), unit_weight_grams=100, restrictions=("cold",)),
    ],
    currency="CAD",
    priority=7,
    service_level="express",
    tags=("gift",),
    destination=Destination(Address("CA", "CA-ON", "M5V"), Position(0.0, 0.0)),
)
PLACE = node(
    "n1",
    kind=NodeKind.STORE,
    address=Address("US", "US-NJ", "07001"),
    tags=("t",),
    handles=("cold",),
    priority=4,
)


def test_every_fact_of_an_order() -> None:
    assert {name: read(ORDER) for name, read in ORDER_VARIABLES.items()} == {
        "channel": "shop",
        "channel_kind": "web",
        "country": "CA",
        "currency": "CAD",
        "line_count": 2,
        "lines": [
            {
                "sku": "sku0",
                "quantity": 2,
                "value": 40.0,
                "weight_kg": 0.8,
                "restrictions": ("hazmat", "cold"),
                "group": "g1",
            },
            {
                "sku": "sku1",
                "quantity": 3,
                "value": 1.5,
                "weight_kg": 0.3,
                "restrictions": ("cold",),
                "group": "",
            },
        ],
        "pick_up": False,
        "postal_code": "M5V",
        "priority": 7,
        "region": "CA-ON",
        "restrictions": ("cold", "hazmat"),
        "service_level": "express",
        "tags": ("gift",),
        "units": 5,
        "value": 41.5,
        "weight_kg": 1.1,
    }


def test_every_fact_of_a_node() -> None:
    assert {name: read(PLACE) for name, read in NODE_VARIABLES.items()} == {
        "country": "US",
        "handles": ("cold",),
        "id": "n1",
        "kind": "store",
        "name": "N1",
        "postal_code": "07001",
        "priority": 4,
        "region": "US-NJ",
        "services": ("ground", "express"),
        "tags": ("t",),
    }


@pytest.mark.parametrize(
    "source",
    [
        *(f"order.{name} == order.{name}" for name in ORDER_FACTS),
        *(f"order.lines[0].{name} == order.lines[0].{name}" for name in LINE_FACTS),
        *(f"node.{name} == node.{name}" for name in NODE_FACTS),
        *(f"order.{name}[0] == order.{name}[0]" for name in ("restrictions", "tags")),
        *(f"node.{name}[0] == node.{name}[0]" for name in ("handles", "services", "tags")),
        "int(order.postal_code) > 0 && int(node.postal_code) > 0",
        "1 / order.units >= 0 && 1 / order.line_count >= 0 && 1.0 / order.value > 0.0",
    ],
)
def test_every_fact_can_be_asked_for(source: str) -> None:
    condition = compile_condition(source, "prefer.0", about_node=True)
    assert all(f"order.{name}" in source for name in condition.order_variables)
    assert all(f"node.{name}" in source for name in condition.node_variables)


def test_a_condition_names_the_facts_by_which_answers_are_kept() -> None:
    source = "order.units > 4 && node.id == 'n1' && order.channel == 'shop' && order.lines.size() == 2"
    condition = compile_condition(source, "prefer.0", about_node=True)
    assert condition.order_variables == ("channel", "line_count", "units")
    assert condition.node_variables == ("id",)
    assert condition.key(ORDER) == ("shop", 2, 5)
    assert condition.holds(ORDER, PLACE)
    assert not condition.holds(ORDER, node("other"))
    by_line = compile_condition("order.lines.exists(l, l.group == 'g1')", "when", about_node=False)
    assert by_line.key(ORDER) == (ORDER.lines,)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("node.id == 'a'", "\"node.id == 'a'\": a node is known only in fences and preferences"),
        ("order == 1", "'order == 1': unknown variable 'order'; known: order.channel, order.channel_kind, "),
        ("order.unit > 1", "'order.unit > 1': unknown variable 'order.unit'; did you mean order.units?"),
        ("b > a", "'b > a': unknown variable 'a'; facts are named order.… or node.…"),
        ("order.units >", "'order.units >' is not CEL: column "),
        ("dyn(order.lines)", "'dyn(order.lines)' gives [{"),
    ],
)
def test_what_is_wrong_is_told_with_the_condition(source: str, words: str) -> None:
    with pytest.raises(MisconfiguredError) as refused:
        compile_condition(source, "when", about_node=False)
    assert refused.value.message.startswith(words)
    assert refused.value.path == "when"

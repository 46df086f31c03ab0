"""A condition is read as the formula that it is; what is not understood stays a question of its own text."""

from __future__ import annotations

import pytest

from crossdock.routing.conditions import compile_condition
from crossdock.routing.formulas import (
    FALSE,
    TRUE,
    All,
    Any,
    Compared,
    Formula,
    Not,
    OneOf,
    Question,
)
from crossdock.routing.reading_conditions import formula_of
from tests.routing.builders import node

KINDS = {"shop": "web", "app": "web", "amazon": "marketplace"}
PLACE = node("n1", tags=("dc",), priority=3)
GIFT, PICK_UP = Question('"gift" in order.tags'), Question("order.pick_up")


def one_of(fact: str, *texts: str) -> OneOf:
    return OneOf(fact, frozenset(texts))


@pytest.mark.parametrize(
    ("source", "formula"),
    [
        ("order.channel == 'shop'", one_of("channel", "shop")),
        ("'shop' == order.channel", one_of("channel", "shop")),
        ("order.channel != 'shop'", Not(one_of("channel", "shop"))),
        ("order.country in ['US', 'CA']", one_of("country", "US", "CA")),
        ("order.channel_kind == 'web'", one_of("channel", "shop", "app")),
        ("order.channel_kind in ['marketplace', 'b2b']", one_of("channel", "amazon")),
        ("order.units > 2", Compared("units", ">", 2.0)),
        ("2 > order.units", Compared("units", "<", 2.0)),
        ("2 >= order.units", Compared("units", "<=", 2.0)),
        ("2 < order.units", Compared("units", ">", 2.0)),
        ("2 <= order.units", Compared("units", ">=", 2.0)),
        ("2 == order.units", Compared("units", "==", 2.0)),
        ("order.units != 2", Not(Compared("units", "==", 2.0))),
        ("order.value <= 2.5", Compared("value", "<=", 2.5)),
        ("order.units in [2, 3]", Any((Compared("units", "==", 2.0), Compared("units", "==", 3.0)))),
        ("order.channel in ['shop', 1]", Any((one_of("channel", "shop"), Compared("channel", "==", 1.0)))),
        ("order.channel in ['shop', null]", one_of("channel", "shop")),
        ("order.lines.size() >= 3", Compared("line_count", ">=", 3.0)),
        ("size(order.lines) >= 3", Compared("line_count", ">=", 3.0)),
        ("'gift' in order.tags", GIFT),
        ("order.tags.exists(t, t == 'gift')", GIFT),
        ("!('gift' in order.tags)", Not(GIFT)),
        ("order.pick_up", PICK_UP),
        ("order.pick_up && 'gift' in order.tags", All((PICK_UP, GIFT))),
        ("order.pick_up || 'gift' in order.tags", Any((PICK_UP, GIFT))),
        (
            "order.pick_up ? order.units > 2 : true",
            Any((All((PICK_UP, Compared("units", ">", 2.0))), Not(PICK_UP))),
        ),
        ("1 == 1", TRUE),
        ("!(1 == 1)", FALSE),
        ("1 == 1 && order.pick_up", PICK_UP),
        ("1 / 0 == 1 || true", TRUE),
        ("order.channel < 'shop'", Question('(order.channel < "shop")')),
        ("order.pick_up == true", Question("(order.pick_up == true)")),
        ("order.region.startsWith('US')", Question('order.region.startsWith("US")')),
        ("order.units + 1 > 2", Question("((order.units + 1) > 2)")),
        ("order.units > order.line_count", Question("(order.units > order.line_count)")),
        ("order.channel in [order.region]", Question("(order.channel in [order.region])")),
        ("order.tags.exists(t, t != 'gift')", Question('order.tags.exists(t, (t != "gift"))')),
        ("order.tags.all(t, t == 'gift')", Question('order.tags.all(t, (t == "gift"))')),
        ("order.lines.exists(l, l.sku == 'a')", Question('order.lines.exists(l, (l.sku == "a"))')),
    ],
)
def test_a_condition_on_the_order(source: str, formula: Formula) -> None:
    assert formula_of(compile_condition(source, "when", about_node=False), KINDS) == formula


@pytest.mark.parametrize(
    ("source", "formula"),
    [
        ("node.id == 'n1'", TRUE),
        ("node.id == 'n2'", FALSE),
        ("'dc' in node.tags", TRUE),
        ("node.tags.exists(t, t == 'store')", FALSE),
        ("node.priority > order.units", Compared("units", "<", 3.0)),
        ("order.country == node.country", one_of("country", "US")),
        ("order.channel in node.tags", one_of("channel", "dc")),
        ("node.id in ['n1', order.channel]", Question('("n1" in ["n1", order.channel])')),
        ("order.units > 2 && node.kind == 'warehouse'", Compared("units", ">", 2.0)),
        ("node.name.size() == order.units", Question('("N1".size() == order.units)')),
    ],
)
def test_a_condition_at_a_node(source: str, formula: Formula) -> None:
    assert formula_of(compile_condition(source, "prefer.0", about_node=True), KINDS, PLACE) == formula


def test_without_known_channels_a_kind_is_a_fact_of_its_own() -> None:
    condition = compile_condition("order.channel_kind == 'web'", "when", about_node=False)
    assert formula_of(condition, {}) == one_of("channel_kind", "web")

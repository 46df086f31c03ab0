"""Types of conditions: what can't work is refused with its column, what may work is taken and does what CEL says."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossdock.routing.conditions import compile_condition
from crossdock.sdk.errors import MisconfiguredError
from tests.routing.builders import demand, line

ORDER = demand([line(0, 2), line(1, 5, unit_value=Decimal(7))], channel="shop", tags=("gift",))


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        ("order.lines.map(l, l.sku)[0] == 'sku0'", True),
        ("order.lines.map(l, l.quantity).exists(q, q > 5)", False),
        ("order.lines[0].sku == 'sku0'", True),
        ("order.lines.filter(l, l.quantity > 2).size() == 1", True),
        ("order.lines.exists_one(l, l.quantity > 1)", False),
        ("size(order.channel) == 4", True),
        ("{'a': 1}['a'] == 1", True),
        ("[1, 'a'][0] == 1", True),
        ("(order.pick_up ? 1 : 'a') == 'a'", True),
        ("order.tags + ['x'] == ['gift', 'x']", True),
        ("order.channel + '!' == 'shop!'", True),
        ("string(order.units) == '7'", True),
        ("double(order.units) < 7.5 && order.units >= 7.0", True),
        ("int('12') % 5 == 2", True),
        ("-order.units < 0", True),
        ("[1.0] == [1]", True),
        ("dyn(order.units) > 6", True),
        ("type(order.units) == type(1)", True),
        ("bytes(order.channel) == bytes('shop')", True),
        ("uint(order.units) == uint(7)", True),
        ("timestamp('2026-11-23T00:00:00Z') < timestamp('2026-11-24T00:00:00Z')", True),
        ("duration('1h') > duration('1m')", True),
        ("has(order.lines[0].sku)", True),
        ("order.channel.endsWith('op') && order.channel.contains('ho')", True),
        ("order.units / 2 == 3 && order.units * 2 == 14", True),
        ("order.tags[0] == 'gift'", True),
        ("order.lines.map(l, l.quantity > 1, l.sku) == ['sku0', 'sku1']", True),
        ("dyn(order.tags).exists(t, t == 'gift')", True),
    ],
)
def test_what_may_work_is_taken(source: str, holds: bool) -> None:
    assert compile_condition(source, "when", about_node=False).holds(ORDER) is holds


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("order.channel * 2 == 3", "column 15: * can't be done with a string"),
        ("order.channel - 'a' == 'b'", "column 15: - can't be done with a string"),
        ("-order.channel == 'a'", "column 1: - can't be done with a string"),
        ("5 % 2.0 == 1.0", "column 3: % can't be done with a double"),
        ("order.tags - order.tags == order.tags", "column 12: - can't be done with a list(string)"),
        ("1 + 2.0 == 3", "column 3: + needs two of one type, not double and int"),
        ("order.lines.map(l, l.sku)", "gives a list(string): write a condition"),
        ("order.lines.filter(l, l.quantity > 1)", "gives a list(line): write a condition"),
        ("order.lines.map(l, l.quantity)[0] == 'a'", "an int is never equal to a string"),
        ("order.lines.filter(l, l.quantity)", "column 13: filter takes a bool, not an int"),
        ("'x'", "gives a string: write a condition"),
        ("order.units", "gives an int: write a condition"),
        ("1 < 'a'", "column 3: an int can't be compared with a string by <"),
        ("order.channel > order.lines", "a string can't be compared with a list(line) by >"),
        ("order.tags < order.tags", "a list(string) can't be compared with a list(string) by <"),
        ("order.tags in order.tags", "column 12: a list(string) is never in a list(string)"),
        ("order.lines == order.tags", "a list(line) is never equal to a list(string)"),
        ("null == order.tags", "a null is never equal to a list(string)"),
        ("!order.units", "! takes a bool, not an int"),
        ("order.channel || true", "|| takes a bool, not a string"),
        ("order.units ? true : false", "?: takes a bool, not an int"),
        ("order.lines.exists(l, l.skuu == 'a')", "unknown variable line.skuu; did you mean sku?"),
        ("order.lines.exists(l, l.zzz == 'a')", "unknown variable line.zzz; there are: "),
        ("order.zzz == 1", "unknown variable 'order.zzz'; known: order."),
        ("1 / 0 == 1", "can't be evaluated: division by zero"),
        ("9223372036854775807 + 1 == 1", "can't be evaluated: Arithmetic overflow"),
        ("order.lines[1].sku == 'sku1'", "can't be evaluated: index out of bounds: 1"),
        ("int(order.channel) == 3", "can't be evaluated"),
        ("dyn(1)", "gives 1: write a condition that is true or false"),
    ],
)
def test_what_can_not_work_is_refused(source: str, words: str) -> None:
    with pytest.raises(MisconfiguredError) as refused:
        compile_condition(source, "when", about_node=False)
    assert words in refused.value.message
    assert refused.value.path == "when"


def test_what_fails_for_an_order_names_the_order_and_the_condition() -> None:
    condition = compile_condition("100 / (order.units - 7) > 3", "fences.0", about_node=False)
    assert condition.holds(demand([line(0, 8)]))
    with pytest.raises(MisconfiguredError, match="fails for order o1: division by zero") as failed:
        condition.holds(ORDER)
    assert failed.value.path == "fences.0"

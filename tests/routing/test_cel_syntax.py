"""The syntax tree means what CEL means."""

from __future__ import annotations

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.routing.cel_syntax import parse, unparse

FACTS = {"a": 3, "b": 2.5, "s": 'x"y', "l": [1, 2, 3], "t": True, "m": {"k": 4}}


@pytest.mark.parametrize(
    "source",
    [
        "a + 2 * 3 - 4 == 5",
        "-a < -2 && !t || s == 'x\"y'",
        'l.exists(x, x > 2 && x != a) ? s : "no"',
        "l.filter(x, x % 2 == 1).size() + size(s)",
        "m.k > 3 && m['k'] in [4, 5] && has(m.k)",
        "l[0] + l[1] * a",
        "a - 1 - 1 == 1 && 12 / 3 / 2 == 2",
        r'"a\n\"b" + r"\d" + "ü"',
        "1.5e3 > 0x1F && 7u > 3 && 2e2 > 1.0",
        "t ? (t ? 1 : 2) : a > 3 ? 4 : 5",
        "!!t == t",
        "s.startsWith('x') && s.matches('x.*') && (a > 1) == t",
        "a in l && !(a in [1]) && null == null",
    ],
)
def test_a_tree_written_out_again_gives_the_same(source: str) -> None:
    tree = parse(source)
    assert tree is not None
    assert cel.compile(unparse(tree)).execute(FACTS) == cel.compile(source).execute(FACTS)
    assert unparse(parse(unparse(tree)) or tree) == unparse(tree)


NOT_UNDERSTOOD = [
    "",
    "a +",
    "(a",
    "[1, 2",
    "a b",
    "1 ? 2",
    "a..b",
    "'open",
    '"""a"""',
    "b'x'",
    "{1: 2}",
    "f(1 2)",
]


@pytest.mark.parametrize("source", [*NOT_UNDERSTOOD, "(" * 200])
def test_of_what_is_not_understood_nothing_is_claimed(source: str) -> None:
    assert parse(source) is None


@given(st.text(alphabet="abo.rd'\"()[]!&|<>=+-*/%?:, 10inx\\", max_size=30))
def test_no_text_breaks_it(source: str) -> None:
    tree = parse(source)
    assert tree is None or unparse(tree)


def test_columns_point_into_the_source() -> None:
    tree = parse("  order.units  > 'a'")
    assert tree is not None
    assert tree.at == 16

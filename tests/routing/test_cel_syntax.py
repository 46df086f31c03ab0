"""The syntax tree means what CEL means."""

from __future__ import annotations

import cel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossdock.routing.cel_syntax import Call, ListOf, Literal, Name, Select, parse, unparse

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


TREE = parse("f(a.b, -1.5)[0] ? x.size() > 2u : !y in [r'\\d', \"a\\n\"]")


def test_a_tree_holds_every_part_with_its_column() -> None:
    a, x, y = Name("a", 3), Name("x", 19), Name("y", 36)
    called = Call("f", (Select(a, "b", 5), Call("-_", (Literal(1.5, 9),), 8)), 1)
    assert (
        Call(
            "?:",
            (
                Call("[]", (called, Literal(0, 14)), 13),
                Call(">", (Call(".size", (x,), 21), Literal(2, 30)), 28),
                Call("in", (Call("!", (y,), 35), ListOf((Literal("\\d", 42), Literal("a\n", 49)), 41)), 38),
            ),
            17,
        )
        == TREE
    )


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("a?true:null", "(a ? true : null)"),
        ("!false||-a<0x1F", "(!(false) || (-(a) < 31))"),
        ("a - b - 1 * 2", "((a - b) - (1 * 2))"),
        ("m.k['x'] in [1, 2.5]", '(m.k["x"] in [1, 2.5])'),
        ("l.exists(x, x == 'q\"')", 'l.exists(x, (x == "q\\""))'),
        ("size( s ) == 2e2", "(size(s) == 200.0)"),
        (r"'\t\v\f\a\b\r\n\\' == r'\n'", '("\t\v\f\a\b\r\\n\\\\" == "\\\\n")'),
        ("a && b || c && d", "((a && b) || (c && d))"),
        ("f()", "f()"),
        ("[]", "[]"),
    ],
)
def test_a_tree_is_written_with_all_brackets(source: str, written: str) -> None:
    tree = parse(source)
    assert tree is not None
    assert unparse(tree) == written


def test_brackets_go_a_hundred_deep() -> None:
    assert parse("(" * 99 + "a" + ")" * 99) == Name("a", 100)
    assert parse("(" * 100 + "a" + ")" * 100) is None
    assert parse("[" + "(a)," * 150 + "]") is not None, "what is closed again is not deep"
    assert parse("[" + "(a)," * 60 + "(" * 120 + "a" + ")" * 120 + "]") is None, "and leaves no room for more"

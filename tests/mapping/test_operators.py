# ruff: noqa: E501 (one case a line reads better than wrapped ones)
from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from tests.mapping.builders import compile_rule, compile_text, faults_of, map_every_way

D = Decimal
ABSENT = object()

GOOD: list[tuple[str, Any, Any]] = [
    ("a", {"a": "1"}, "1"),
    ("{path: a.b}", {"a": {"b": 2}}, 2),
    ("{path: 'a[1].b'}", {"a": [{}, {"b": 2}]}, 2),
    ("{path: 'a[-1]'}", {"a": [1, 2]}, 2),
    ("""{path: '"order id"."x.y"'}""", {"order id": {"x.y": 1}}, 1),
    ("{path: Weight.@unit}", {"Weight": {"@unit": "KG"}}, "KG"),
    ("{const: {a: [1]}}", {}, {"a": [1]}),
    ("{const: null}", {}, None),
    ("{path: a, default: null}", {}, None),
    ("{path: a, default: 5}", {"a": None}, 5),
    ("{path: a, default: []}", {}, []),
    ("{path: a, optional: true}", {}, ABSENT),
    ("{path: a.b.c, optional: true}", {"a": {"b": None}}, ABSENT),
    ("{path: 'a[3]', optional: true}", {"a": [1]}, ABSENT),
    ("{path: a, as: str}", {"a": 9007199254740993}, "9007199254740993"),
    ("{path: a, as: str}", {"a": D("1E+2")}, "100"),
    ("{path: a, as: int}", {"a": "-07"}, -7),
    ("{path: a, as: int}", {"a": D("5.00")}, 5),
    ("{path: a, as: decimal}", {"a": "12.50"}, D("12.50")),
    ("{path: a, as: decimal}", {"a": 3}, D(3)),
    ("{path: a, as: {type: decimal, decimal_mark: ',', grouping: .}}", {"a": "1.234,50"}, D("1234.50")),
    ("{path: a, as: {type: decimal, implied_places: 2}}", {"a": "1999"}, D("19.99")),
    ("{path: a, as: {type: decimal, places: 2, round: half_up}}", {"a": "0.005"}, D("0.01")),
    ("{path: a, as: {type: decimal, places: 2, round: half_even}}", {"a": "0.005"}, D("0.00")),
    ("{path: a, as: bool}", {"a": False}, False),
    ("{path: a, as: {type: bool, true: [Y, 1], false: N}}", {"a": "Y"}, True),
    ("{path: a, as: {type: bool, true: [Y, 1], false: N}}", {"a": 1}, True),
    ("{path: a, as: {type: bool, true: [Y, 1], false: N}}", {"a": "N"}, False),
    ("{path: a, as: date}", {"a": "2026-03-01"}, "2026-03-01"),
    ("{path: a, as: {type: date, format: '%d.%m.%Y'}}", {"a": "01.03.2026"}, "2026-03-01"),
    ("{path: a, as: {type: date, format: '%Y%m%d'}}", {"a": 20260301}, "2026-03-01"),
    ("{path: a, as: {type: date, zone: Asia/Tokyo}}", {"a": "2026-03-01T20:00:00Z"}, "2026-03-02"),
    ("{path: a, as: date}", {"a": date(2026, 3, 1)}, "2026-03-01"),
    ("{path: a, as: instant}", {"a": "2026-03-01T12:00:00.5-05:00"}, "2026-03-01T17:00:00.500000Z"),
    ("{path: a, as: instant}", {"a": datetime(2026, 3, 1, tzinfo=UTC)}, "2026-03-01T00:00:00Z"),
    ("{path: a, as: {type: instant, zone: America/Chicago}}", {"a": "2026-07-01 12:00"}, "2026-07-01T17:00:00Z"),
    ("{path: a, as: {type: instant, format: epoch_seconds}}", {"a": 1772366400}, "2026-03-01T12:00:00Z"),
    ("{path: a, as: {type: instant, format: epoch_milliseconds}}", {"a": "1500"}, "1970-01-01T00:00:01.500000Z"),
    ("{path: a, as: money}", {"a": "5.10"}, {"amount": D("5.10"), "currency": "USD"}),
    ("{path: a, as: {type: money, minor_units: true}}", {"a": 510}, {"amount": D("5.10"), "currency": "USD"}),
    ("{path: a, as: money, default: 0}", {}, {"amount": D(0), "currency": "USD"}),
    ("{path: a, as: any}", {"a": {"b": [D(1)]}}, {"b": [D(1)]}),
    ("{path: a, as: {type: str, from: decimal, places: 2, decimal_mark: ','}}", {"a": D("5.1")}, "5,10"),
    ("{path: a, as: {type: str, from: decimal, implied_places: 2}}", {"a": D("5.1")}, "510"),
    ("{path: a, as: {type: str, from: bool, true: Y, false: N}}", {"a": False}, "N"),
    ("{path: a, as: {type: str, from: date, format: '%y%m%d'}}", {"a": "2026-03-01"}, "260301"),
    (
        "{path: a, as: {type: str, from: instant, format: '%Y%m%d%H', zone: America/Chicago}}",
        {"a": "2026-03-01T03:00:00Z"},
        "2026022821",
    ),
    ("{path: a, as: {type: str, from: instant, format: epoch_seconds}}", {"a": "1970-01-01T00:01:00Z"}, "60"),
    ("{money: {amount: a, currency: c}}", {"a": "1", "c": "EUR"}, {"amount": D(1), "currency": "EUR"}),
    ("{money: {amount: a, currency: {const: JPY}, minor_units: true}}", {"a": 5}, {"amount": D(5), "currency": "JPY"}),
    ("{money: {amount: a, currency: c}, optional: true}", {}, ABSENT),
    ("{quantity: {value: a, unit: {const: EA}}}", {"a": 3}, {"value": D(3), "unit": "EA"}),
    ("{quantity: {value: a, unit: u, to: KGM, places: 3, round: half_up}}", {"a": 1, "u": "LBR"},
     {"value": D("0.454"), "unit": "KGM"}),
    ("{quantity: {value: a, unit: u, to: EA, factors: {CS: pack}}}", {"a": 3, "u": "CS", "pack": "12"},
     {"value": D(36), "unit": "EA"}),
    ("{quantity: {value: a, unit: u, to: EA, factors: {CS: pack}}}", {"a": 3, "u": "EA"}, {"value": D(3), "unit": "EA"}),
    ("{path: a, lookup: t}", {"a": "k"}, "v"),
    ("{path: a, lookup: t}", {"a": 1}, "one"),
    ("{path: a, lookup: t, on_missing: keep}", {"a": "z"}, "z"),
    ("{path: a, lookup: t, on_missing: default, default: other}", {"a": "z"}, "other"),
    ("{path: a, lookup: {table: rows, key: code, column: name}}", {"a": "2"}, "two"),
    ("{path: a, lookup: rows}", {"a": "1"}, "one"),
    ("{each: a, fields: {b: c}}", {"a": [{"c": 1}, {"c": 2}]}, [{"b": 1}, {"b": 2}]),
    ("{each: a, item: '@'}", {"a": ["p", "q"]}, ["p", "q"]),
    ("{each: a, item: {position: 1}, where: {path: '@', not_equals: p}}", {"a": ["p", "q", "r"]}, [1, 2]),
    ("{each: 'a[*].b', item: c}", {"a": [{"b": [{"c": 1}]}, {}, {"b": [{"c": 2}, {"c": 3}]}]}, [1, 2, 3]),
    ("{each: a, item: ^.n}", {"a": [{}, {}], "n": 5}, [5, 5]),
    ("{each: a, item: {each: b, item: ^^.n}}", {"a": [{"b": [1]}], "n": 5}, [[5]]),
    ("{each: a, item: $.n}", {"a": [{}], "n": 5}, [5]),
    ("{each: a, list: [p, {path: q, optional: true}]}", {"a": [{"p": 1}, {"p": 2, "q": 3}]}, [1, 2, 3]),
    ("{list: [a, {each: b, item: '@'}, {const: z}]}", {"a": 0, "b": [1, 2]}, [0, 1, 2, "z"]),
    ("{each: a, group_by: k, fields: {k: 'key[0]', n: {count: rows}, f: first.v}}",
     {"a": [{"k": 1, "v": 1}, {"k": 2, "v": 2}, {"k": 1, "v": 3}]},
     [{"k": 1, "n": 2, "f": 1}, {"k": 2, "n": 1, "f": 2}]),
    ("{each: a, starting: {path: s, equals: true}, item: {count: rows}}",
     {"a": [{"s": False}, {"s": True}, {"s": False}, {"s": True}]}, [2, 1]),
    ("{first: a, where: {path: k, equals: b}, path: v}", {"a": [{"k": "a", "v": 1}, {"k": "b", "v": 2}]}, 2),
    ("{first: a, where: {path: k, equals: z}, path: v, optional: true}", {"a": [{"k": "a", "v": 1}]}, ABSENT),
    ("{first: a, fields: {v: v}}", {"a": [{"v": 1}]}, {"v": 1}),
    ("{index_by: a, key: k, item: v}", {"a": [{"k": "p", "v": 1}, {"k": 2, "v": 3}]}, {"p": 1, "2": 3}),
    ("{concat: [a, b], separator: '-'}", {"a": "x", "b": 1}, "x-1"),
    ("{concat: [{path: a, optional: true}, {path: b, optional: true}], optional: true}", {}, ABSENT),
    ("{concat: [{const: A}, {path: b, optional: true}]}", {}, "A"),
    ("{coalesce: [a, b.c, {const: z}]}", {"b": {"c": 5}}, 5),
    ("{coalesce: [a, b], default: none}", {}, "none"),
    ("{sum: a, of: v}", {"a": [{"v": "0.1"}, {"v": "0.2"}]}, D("0.3")),
    ("{sum: a, of: v}", {"a": []}, D(0)),
    ("{sum: 'a[*].b', of: v, where: {path: v, greater_than: 1}}", {"a": [{"b": [{"v": 1}, {"v": 2}]}, {"b": [{"v": 4}]}]}, D(6)),
    ("{sum: [a, {path: b, default: 0}]}", {"a": 1}, D(1)),
    ("{multiply: [a, b, {const: 2}]}", {"a": "1.5", "b": 3}, D("9.0")),
    ("{subtract: [a, b], as: money}", {"a": "10", "b": "0.01"}, {"amount": D("9.99"), "currency": "USD"}),
    ("{path: a, when_present: yes, default: no}", {"a": 0}, "yes"),
    ("{path: a, when_present: yes, default: no}", {"a": None}, "no"),
    ("{cases: [{when: {path: a, in: [p, q]}, then: low}, {when: 'a == null', then: {const: none}}, {otherwise: a}]}", {"a": "q"}, "low"),
    ("{cases: [{when: {path: a, in: [p, q]}, then: low}, {when: 'a == null', then: none}]}", {}, "none"),
    ("{cases: [{when: 'n > 5 && k.startsWith(\"B\")', then: big}, {otherwise: {path: k}}]}", {"n": 6, "k": "B1"}, "big"),
    ("{cases: [{when: {cel: 'x > y', bind: {x: a.b, y: $.c}}, then: more}], default: less}", {"a": {"b": D("1.5")}, "c": D("1.2")}, "more"),
    ("{path: a, when: {path: b, present: true}, default: gone}", {"a": 1}, "gone"),
    ("{path: a, when: {not: {path: b, present: true}}, default: gone}", {"a": 1}, 1),
    ("{path: a, when: {any: [{path: a, at_least: 2}, {path: a, at_most: 0}]}, default: 9}", {"a": 2}, 2),
    ("{path: a, when: {all: [{path: a, less_than: 2}, {path: a, not_in: [0, 1]}]}, default: 9}", {"a": 1}, 9),
    ("{path: a, when: {path: a, equals: 1}, default: 9}", {"a": True}, 9),
    ("{path: a, when: {path: a, matches: '^x'}, optional: true}", {"a": "xy"}, "xy"),
    ("{path: a, fields: {p: b}}", {"a": {"b": 1}}, {"p": 1}),
    ("{fields: {p: {path: b, optional: true}}, optional: true}", {}, ABSENT),
    ("{path: a, fields: {p: b}, optional: true}", {"a": None}, ABSENT),
    ("{use: other}", {"b": 1}, {"p": 1, "q": {"amount": D(1), "currency": "USD"}}),
    ("{path: a, use: other}", {"a": {"b": 1}}, {"p": 1, "q": {"amount": D(1), "currency": "USD"}}),
    ("{jmespath: \"a[?k=='y'].v | [0]\"}", {"a": [{"k": "x", "v": 1}, {"k": "y", "v": D("2.5")}]}, D("2.5")),
    ("{jmespath: b, optional: true}", {}, ABSENT),
    ("{call: double, with: [a]}", {"a": 2}, 4),
    ("{call: double, with: {value: a}}", {"a": 2}, 4),
    ("{path: a, regex: '^#([0-9]+)$', as: int}", {"a": "#12"}, 12),
    ("{path: a, regex: {pattern: '(?P<l>[a-z]+)-(?P<n>[0-9]+)', group: n}}", {"a": "ab-12"}, "12"),
    ("{path: a, regex: x, optional: true}", {"a": "y"}, ABSENT),
    ("{path: a, split: ','}", {"a": " p, q,,"}, ["p", "q"]),
    ("{path: a, split: {by: '/', take: -1}}", {"a": "p/q"}, "q"),
    ("{path: a, split: {by: '/', take: 5}, default: none}", {"a": "p/q"}, "none"),
    ("{path: a, trim: true, case: upper, truncate: 2}", {"a": " xyz "}, "XY"),
    ("{path: a, trim: true, optional: true}", {"a": "  "}, ABSENT),
    ("{count: a, where: {path: '@', greater_than: 1}}", {"a": [1, 2, 3]}, 2),
]  # fmt: skip


def _compile(rule: str, source_format: str = "json") -> Any:
    used = compile_text("mapping: other\nversion: 1\nfields: {p: b, q: {path: b, as: money}}")
    tables = {"t": {"k": "v", 1: "one"}, "rows": [{"code": "1", "name": "one"}, {"code": "2", "name": "two"}]}
    functions = {"double": lambda value: value * 2, "half": lambda value: value / 2, "fail": lambda: [][0]}
    return compile_rule(rule, source_format, used={"other": used}, tables=tables, functions=functions)


@pytest.mark.parametrize(
    ("rule", "document", "expected"), GOOD, ids=[f"{i}:{r[:50]}" for i, (r, _, _) in enumerate(GOOD)]
)
def test_an_operator_gives_its_value_on_the_fast_and_on_the_slow_path(
    rule: str, document: Any, expected: Any
) -> None:
    result = map_every_way(_compile(rule), document).document
    assert result == ({} if expected is ABSENT else {"x": expected})
    if expected is not ABSENT and not isinstance(expected, dict | list):
        assert type(result["x"]) is type(expected)


BAD: list[tuple[str, Any, str, str]] = [
    ("a", {}, "missing", "$.a"),
    ("a.b.c", {"a": {}}, "missing", "$.a.b.c"),
    ("a", {"a": {}}, "type", "$.a"),
    ("a", {"a": 1.5}, "float", "$.a"),
    ("a.b", {"a": "text"}, "shape", "$.a"),
    ("'a[0]'", {"a": "text"}, "shape", "$.a"),
    ("{path: a.b, optional: true}", {"a": [1]}, "shape", "$.a"),
    ("{path: a, as: int}", {"a": "1_000"}, "type", "$.a"),
    ("{path: a, as: int}", {"a": " 1"}, "type", "$.a"),
    ("{path: a, as: int}", {"a": "5.0"}, "type", "$.a"),
    ("{path: a, as: int}", {"a": True}, "type", "$.a"),
    ("{path: a, as: decimal}", {"a": "1e5"}, "type", "$.a"),
    ("{path: a, as: decimal}", {"a": "1,5"}, "type", "$.a"),
    ("{path: a, as: decimal}", {"a": "٣"}, "type", "$.a"),
    ("{path: a, as: decimal}", {"a": D("NaN")}, "type", "$.a"),
    ("{path: a, as: {type: decimal, decimal_mark: ','}}", {"a": "1.5"}, "type", "$.a"),
    ("{path: a, as: {type: decimal, decimal_mark: ',', grouping: .}}", {"a": "1.23"}, "type", "$.a"),
    ("{path: a, as: {type: decimal, places: 2}}", {"a": "1.005"}, "type", "$.a"),
    ("{path: a, as: str}", {"a": True}, "type", "$.a"),
    ("{path: a, as: bool}", {"a": "true"}, "type", "$.a"),
    ("{path: a, as: date}", {"a": "2026-03-01T12:00:00Z"}, "type", "$.a"),
    ("{path: a, as: instant}", {"a": "2026-03-01T12:00:00"}, "type", "$.a"),
    ("{path: a, as: {type: instant, zone: America/Chicago}}", {"a": "2026-03-08T02:30:00"}, "type", "$.a"),
    ("{path: a, as: any}", {"a": [{"b": 0.5}]}, "float", "$.a"),
    ("{money: {amount: a, currency: c}}", {"a": 1, "c": "dollars"}, "currency", "$"),
    ("{money: {amount: a, currency: c}}", {"a": 1}, "missing", "$.c"),
    ("{quantity: {value: a, unit: u, to: EA}}", {"a": 1, "u": "KGM"}, "unit", "$"),
    ("{quantity: {value: a, unit: u, to: EA, factors: {CS: pack}}}", {"a": 1, "u": "CS"}, "missing", "$.pack"),
    ("{path: a, lookup: t}", {"a": "z"}, "lookup", "$.a"),
    ("{each: a, item: '@'}", {}, "missing", "$.a"),
    ("{each: a, item: '@'}", {"a": {}}, "shape", "$.a"),
    ("{each: a, item: '@'}", {"a": [1, None]}, "shape", "$.a[1]"),
    ("{each: a, fields: {b: c}}", {"a": [{"c": 1}, {}]}, "missing", "$.a[1].c"),
    ("{each: 'a[*].b', item: c}", {"a": [{"b": [{"c": 1}]}, {"b": [{"c": 1}, {}]}]}, "missing", "$.a[1].b[1].c"),
    ("{each: 'a[*].b', item: c}", {"a": [{}, {}]}, "missing", "$.a[*].b"),
    ("{each: a, group_by: k, item: {each: rows, item: v}}", {"a": [{"k": 1, "v": 1}, {"k": 2, "v": 1}, {"k": 1}]},
     "missing", "$.a[2].v"),
    ("{each: a, group_by: k, agree: v, item: first.v}", {"a": [{"k": 1, "v": 1}, {"k": 1, "v": 2}]}, "disagree", "$"),
    ("{each: a, group_by: k, item: first.v}", {"a": [{"v": 1}]}, "shape", "$.a[0]"),
    ("{index_by: a, key: k, item: k}", {"a": [{"k": 1}, {"k": 1}]}, "duplicate", "$.a[1]"),
    ("{first: a, where: {path: k, equals: 1}, path: v}", {"a": [{"k": 2}]}, "missing", "$.a"),
    ("{concat: [a, b]}", {"a": "x"}, "missing", "$.b"),
    ("{sum: a, of: v}", {"a": [{"v": 1}, {}]}, "missing", "$.a[1].v"),
    ("{sum: a, of: v}", {"a": [{"v": 1}, {"v": "x"}]}, "type", "$.a[1].v"),
    ("{sum: a, of: v, default: 0}", {"a": [{"v": None}]}, "missing", "$.a[0].v"),
    ("{multiply: [a, b]}", {"a": 1}, "missing", "$.b"),
    ("{cases: [{when: 'a > 1', then: x}]}", {"a": "text"}, "condition", "$"),
    ("{cases: [{when: a, then: x}]}", {"a": 1}, "condition", "$"),
    ("{cases: [{when: {path: a, equals: 1}, then: x}]}", {"a": 2}, "missing", "$"),
    ("{path: a, when: {path: a, greater_than: 1}, default: 0}", {"a": "2"}, "condition", "$"),
    ("{jmespath: 'to_number(a)'}", {"a": "1.5"}, "float", "$"),
    ("{jmespath: 'sum(a)'}", {"a": ["x"]}, "function", "$"),
    ("{call: half, with: [a]}", {"a": 3}, "float", "$"),
    ("{call: fail}", {}, "function", "$"),
    ("{path: a, regex: x}", {"a": "y"}, "missing", "$.a"),
    ("{path: ^.a}", {"a": 1}, "shape", "$"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "document", "code", "place"), BAD, ids=[f"{i}:{r[:50]}" for i, (r, *_) in enumerate(BAD)]
)
def test_a_bad_value_is_a_fault_with_its_code_and_place(
    rule: str, document: Any, code: str, place: str
) -> None:
    faults = faults_of(_compile(rule), document)
    assert [(fault.code, fault.source_path) for fault in faults] == [(f"mapping.{code}", place)]
    assert faults[0].target_path.startswith("x")
    assert faults[0].message


def test_a_default_is_not_shared_between_documents() -> None:
    mapping = compile_rule("{path: a, default: []}")
    mapping.map({}).document["x"].append(1)
    assert mapping.map({}).document == {"x": []}


def test_text_formats_take_an_empty_text_as_missing() -> None:
    mapping = compile_rule("{path: a, default: none}", "csv")
    assert map_every_way(mapping, {"a": ""}).document == {"x": "none"}
    assert map_every_way(compile_rule("{path: a, default: none}"), {"a": ""}).document == {"x": ""}


@pytest.mark.parametrize("lines", [{"Line": {"Sku": "a"}}, {"Line": [{"Sku": {"@code": "1", "#text": "a"}}]}])
def test_xml_does_not_care_whether_there_is_one_element_or_an_attribute(lines: Any) -> None:
    mapping = compile_rule("{each: Lines.Line, item: Sku}", "xml")
    assert map_every_way(mapping, {"Lines": lines}).document == {"x": ["a"]}


def test_an_empty_xml_element_has_no_items() -> None:
    mapping = compile_rule("{each: Lines.Line, item: Sku, default: []}", "xml")
    assert mapping.map({"Lines": ""}).document == {"x": []}


def test_a_regular_expression_takes_linear_time() -> None:
    mapping = compile_rule("{path: a, regex: '(a+)+$', optional: true}")
    assert mapping.map({"a": "a" * 50_000 + "b"}).document == {}

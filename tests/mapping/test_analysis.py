from __future__ import annotations

from decimal import Decimal

from benchmarks.mapping import measure, shop_order
from crossdock.mapping.analysis import Change, changes, coverage, reads, writes
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingLibrary
from tests.mapping.builders import FIXTURES, compile_rule, compile_text

LIBRARY = MappingLibrary([FolderReader(FIXTURES)])


def test_reads_name_the_source_paths_through_scopes_templates_and_conditions() -> None:
    found = reads(LIBRARY.get("shop/order"))
    assert {
        "$.id", "$.shipping_address.zip", "$.billing_address.zip", "$.line_items[*].requires_shipping",
        "$.line_items[*].tax_lines[*].price_set.shop_money.amount", "$.note_attributes[*].name", "$.currency",
        "$.shipping_lines[*].code",
    } <= found  # fmt: skip
    assert "$.line_items" not in found


def test_reads_of_groups_are_those_of_their_rows() -> None:
    assert reads(LIBRARY.get("warehouse/stock")) == {
        f"$[*].{name}"
        for name in ["SNAPSHOT", "WAREHOUSE", "STATUS", "ARTICLE", "QTY", "WEIGHT", "UNIT", "BATCH"]
    }


def test_reads_follow_outer_items_cel_and_whole_objects() -> None:
    mapping = compile_rule(
        "{each: a, list: [^.b, $.c, {path: d, as: any}, {cases: [{when: 'e > 1', then: 1}]}]}"
    )
    assert reads(mapping) == {"$.b", "$.c", "$.a[*].d", "$.a[*].d.**", "$.a[*].e"} - {"$.a[*].d"}


def test_writes_name_the_target_paths() -> None:
    found = writes(LIBRARY.get("shop/order"))
    assert {
        "lines[].unit_price.amount",
        "lines[].weight.unit",
        "lines[].taxes[].rate",
        "ship_to.city",
        "status",
    } <= found
    assert writes(compile_rule("{index_by: a, key: k, item: v}")) == {"x.*"}
    assert writes(LIBRARY.get("warehouse/shipping_order")) == {"segments[].id", "segments[].elements[]"}


def test_coverage_tells_what_is_never_read_never_there_and_never_set() -> None:
    mapping = compile_text(
        "mapping: m\nversion: 1\nfields: {a: x.p, l: {each: y, fields: {b: q}}, o: {path: z, optional: true}}"
    )
    item = {"$ref": "#/$defs/item"}
    schema = {
        "properties": {
            "a": {},
            "l": {"type": "array", "items": item},
            "o": {},
            "address": {"properties": {"city": {}}},
        },
        "$defs": {"item": {"properties": {"b": {}, "c": {"anyOf": [item, {"type": "null"}]}}}},
    }
    found = coverage(mapping, [{"x": {"p": 1, "r": 2}, "y": [{"q": 1, "s": 2}, {"q": 1, "s": 2}]}], schema)
    assert found.unread == {"$.x.r": 1, "$.y[*].s": 2}
    assert found.absent == ("$.z",)
    assert found.unset == ("l[].c", "address")


def test_changes_name_every_place() -> None:
    old = {"a": 1, "l": [{"s": "x"}, {"s": "y"}], "t": True}
    new = {"a": Decimal("1.0"), "l": [{"s": "z"}], "n": None, "t": 1}
    assert list(changes(old, new)) == [
        Change("$.l[0].s", "x", "z"),
        Change("$.l[1]", {"s": "y"}, None),
        Change("$.t", True, 1),
    ]


def test_the_benchmark_compares_ours_with_the_others_on_one_order() -> None:
    rows = measure(rounds=1)
    assert {row["other_name"] for row in rows} >= {
        "hand-written Python",
        "jmespath",
        "glom",
        "jsonata-python",
    }
    assert all(set(row) == {"name", "unit", "ours", "other", "other_name", "ratio"} for row in rows)
    assert len(shop_order()["line_items"]) == 5

"""The seven rules of the language, one after the other."""

from __future__ import annotations

import copy
import csv
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mapping import shop_order
from crossdock.mapping import MappingDefinitionError, MappingError, compile_mapping
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingLibrary
from tests.mapping.builders import FIXTURES, compile_rule, compile_text, faults_of, map_every_way

LIBRARY = MappingLibrary([FolderReader(FIXTURES)])


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, child in items for found in [(*path, key), *_paths(child, (*path, key))]]


def test_rule_1_a_target_is_required_unless_it_says_otherwise() -> None:
    mapping = compile_text(
        "mapping: m\nversion: 1\nfields: {a: a, b: {path: b, optional: true}, c: {path: c, default: 0}}"
    )
    assert mapping.map({"a": 1}).document == {"a": 1, "c": 0}
    assert [fault.target_path for fault in faults_of(mapping, {"a": None})] == ["a"]


@pytest.mark.parametrize(
    "rule",
    [
        "{path: a, required: true, optional: true}",
        "{path: a, optional: true, default: 1}",
        "{path: a, required: false}",
        "{each: a, item: {path: b, optional: true}}",
        "{sum: [a, {path: b, optional: true}]}",
        "{path: a, when: {path: b, present: true}}",
    ],
)
def test_rule_1_presence_is_unambiguous(rule: str) -> None:
    with pytest.raises(MappingDefinitionError):
        compile_rule(rule)


def test_rule_1_nothing_that_is_read_vanishes_in_silence() -> None:
    """Every value of an order deleted or nulled in turn: a fault, or an output that differs only where it may."""
    mapping = LIBRARY.get("shop/order")
    whole = mapping.map(shop_order()).document
    for path in _paths(shop_order()):
        for null in (False, True):
            order = shop_order()
            holder: Any = order
            for step in path[:-1]:
                holder = holder[step]
            if null:
                holder[path[-1]] = None
            elif isinstance(holder, dict):
                del holder[path[-1]]
            else:
                continue
            try:
                result = mapping.map(order)
            except MappingError:
                continue
            lines = result.document["lines"]
            assert len(lines) + result.omitted.get("lines", 0) == len(whole["lines"]), path
            if path[-1] != "discount_allocations" and path[-1] != "requires_shipping":
                assert [line["discount"] for line in lines] == [
                    line["discount"] for line in whole["lines"]
                ], path


def test_rule_2_each_keeps_the_number_of_lines_and_where_counts_what_it_leaves_out() -> None:
    mapping = compile_rule("{each: a, item: {each: b, where: {path: '@', greater_than: 1}, item: '@'}}")
    result = map_every_way(mapping, {"a": [{"b": [1, 2]}, {"b": [1, 1]}, {"b": []}]})
    assert result.document == {"x": [[2], [], []]}
    assert result.omitted == {"x[]": 3}


def test_rule_3_no_float_gets_in_or_out_and_large_ids_stay_whole() -> None:
    order = shop_order()
    order["id"] = 9007199254740993
    assert LIBRARY.get("shop/order").map(order).document["external_id"] == "9007199254740993"
    order["line_items"][0]["tax_lines"][0]["rate"] = 0.0575
    assert [fault.code for fault in faults_of(LIBRARY.get("shop/order"), order)] == ["mapping.float"]
    with pytest.raises(MappingDefinitionError, match="float"):
        compile_mapping({"mapping": "m", "version": 1, "fields": {"a": {"const": 0.5}}})


def test_rule_3_fractions_in_a_mapping_file_are_decimals() -> None:
    assert compile_rule("{const: 0.10}").map({}).document == {"x": Decimal("0.10")}


@pytest.mark.parametrize("text", ["01234", "1e5", "NO", "2026-03-01", "1:30", "0x1F", "1_000", "yes", ".inf"])
def test_rule_4_text_that_looks_like_something_else_stays_text(text: str) -> None:
    assert map_every_way(compile_rule("a"), {"a": text}).document == {"x": text}
    assert map_every_way(compile_rule(f"{{const: {text}}}"), {}).document == {"x": text}


def test_rule_5_all_faults_come_at_once_and_say_everything() -> None:
    order = shop_order()
    order["created_at"] = "yesterday"
    del order["line_items"][2]["sku"]
    order["line_items"][4]["tax_lines"][1]["price_set"]["shop_money"]["amount"] = "x" * 100
    first, second, third = faults_of(LIBRARY.get("shop/order"), order)
    assert (first.mapping, first.version, first.source_path, first.target_path, first.value) == (
        "shop/order", 3, "$.created_at", "placed_at", "'yesterday'",
    )  # fmt: skip
    assert (second.code, second.source_path, second.target_path) == (
        "mapping.missing", "$.line_items[2].sku", "lines[2].sku",
    )  # fmt: skip
    assert third.source_path == "$.line_items[4].tax_lines[1].price_set.shop_money.amount"
    assert third.target_path == "lines[4].taxes[1].amount"
    assert len(third.value) == 60
    assert "shop/order v3: $.line_items[2].sku -> lines[2].sku:" in str(second)


def test_rule_6_mappings_cannot_use_each_other_in_a_circle(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("mapping: a\nversion: 1\nfields: {x: {use: b}}")
    (tmp_path / "b.yaml").write_text("mapping: b\nversion: 1\nfields: {x: {use: a}}")
    with pytest.raises(MappingDefinitionError, match="a -> b -> a"):
        MappingLibrary([FolderReader(tmp_path)]).get("a")


def test_rule_6_a_mapping_sees_no_file_outside_of_its_root(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    folder = tmp_path / "mappings"
    folder.mkdir()
    (folder / "a.yaml").write_text(
        "mapping: a\nversion: 1\nfields: {x: {path: a, lookup: t}}\ntables: {t: ../secret.csv}"
    )
    with pytest.raises(MappingDefinitionError, match="no such table"):
        MappingLibrary([FolderReader(folder)]).get("a")


def test_rule_6_generated_code_holds_keys_as_literals_only() -> None:
    key = "a'] + __import__('os').getcwd() + x['"
    mapping = compile_text(
        f'mapping: m\nversion: 1\nfields:\n  "{key}": {{path: \'"{key.replace(chr(39), chr(39) * 2)}"\'}}'
    )
    assert map_every_way(mapping, {key: 1}).document == {key: 1}


def test_rule_7_a_file_is_validated_with_lines(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "mapping: a\nversion: 1\nfields:\n  x: {pth: a}\n  y:\n    path: b\n    as: strr\n"
    )
    with pytest.raises(MappingDefinitionError) as caught:
        MappingLibrary([FolderReader(tmp_path)]).get("a")
    assert [(problem.line, problem.path) for problem in caught.value.problems] == [
        (4, "fields.x"),
        (7, "fields.y.as"),
    ]


def test_a_document_is_not_changed_by_mapping_it() -> None:
    order = shop_order()
    before = copy.deepcopy(order)
    LIBRARY.get("shop/order").map(order)
    assert order == before


def test_rows_become_documents_with_local_times_and_decimal_commas() -> None:
    rows = list(csv.DictReader((FIXTURES / "warehouse" / "stock.csv").read_text().splitlines()))
    result = map_every_way(LIBRARY.get("warehouse/stock"), rows)
    assert result.document == {
        "taken_at": "2026-03-29T01:15:00Z",
        "nodes": [
            {
                "node": "DC-BERLIN",
                "rows": 2,
                "lines": [
                    {"sku": "01234", "quantity": 5, "weight": {"value": Decimal("1.25"), "unit": "KGM"}},
                    {"sku": "777", "quantity": 0, "weight": {"value": Decimal("0.500"), "unit": "KGM"}},
                ],
            },
            {"node": "DC-HAMBURG", "rows": 1, "lines": [{"sku": "1e5", "quantity": 7, "batch": "B-7"}]},
        ],
    }
    assert result.omitted == {"nodes": 1}


def test_faults_in_grouped_rows_name_the_row_of_the_file() -> None:
    rows = list(csv.DictReader((FIXTURES / "warehouse" / "stock.csv").read_text().splitlines()))
    rows[2]["QTY"] = "many"
    (fault,) = faults_of(LIBRARY.get("warehouse/stock"), rows)
    assert (fault.source_path, fault.target_path) == ("$[2].QTY", "nodes[0].lines[1].quantity")


def test_a_canonical_document_becomes_segments_and_segments_become_one() -> None:
    order = {
        "external_id": "FO-1",
        "ship_to": {"name": "Ada Byron"},
        "gift_message": "Enjoy",
        "ship_by": "2026-03-01T03:00:00Z",
        "lines": [{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}],
    }
    segments = map_every_way(LIBRARY.get("warehouse/shipping_order"), order).document["segments"]
    assert [segment["id"] for segment in segments] == [
        "W05",
        "N1",
        "NTE",
        "G62",
        "LX",
        "W01",
        "LX",
        "W01",
        "W76",
    ]
    assert segments[3]["elements"] == ["10", "20260228"]
    assert segments[6:] == [
        {"id": "LX", "elements": ["2"]},
        {"id": "W01", "elements": ["1", "EA", "", "VN", "B"]},
        {"id": "W76", "elements": ["3"]},
    ]
    advice = [["W06", "F", "FO-1"], ["N9", "CN", "1Z999"], ["LX", "1"]]
    advice += [
        ["W12", "SH", "2", "2", "", "EA", "", "VN", "A"],
        ["N9", "SE", "S1"],
        ["N9", "SE", "S2"],
        ["LX", "2"],
    ]
    document = {"segments": [{"id": name, "elements": elements} for name, *elements in advice]}
    (missing, *_) = faults_of(LIBRARY.get("warehouse/shipping_advice"), document)
    assert missing.target_path == "lines[1].sku"
    document["segments"].append({"id": "W12", "elements": ["SH", "1", "1", "", "EA", "", "VN", "B"]})
    shipment = map_every_way(LIBRARY.get("warehouse/shipping_advice"), document).document
    assert shipment["tracking_number"] == "1Z999"
    assert shipment["lines"] == [
        {"number": 1, "sku": "A", "quantity": 2, "serials": ["S1", "S2"]},
        {"number": 2, "sku": "B", "quantity": 1, "serials": []},
    ]

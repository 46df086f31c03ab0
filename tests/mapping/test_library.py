from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from crossdock.mapping import MappingDefinitionError
from crossdock.mapping.cases import run_cases
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingLibrary
from crossdock.mapping.schema import mapping_schema
from crossdock.mapping.sources import READERS
from crossdock.mapping.steps import STEP_KEYS
from crossdock.mapping.yaml_text import read_yaml
from tests.mapping.builders import FIXTURES

OWN = "mapping: shop/address\nversion: 9\nfields: {name: {const: own}}\n"


def _folder(root: Path, **files: str) -> FolderReader:
    for name, text in files.items():
        (root / name.replace("__", "/")).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name.replace('__', '/')}.yaml").write_text(text)
    return FolderReader(root)


def _problems(root: Path, text: str) -> list[str]:
    with pytest.raises(MappingDefinitionError) as caught:
        MappingLibrary([_folder(root, a=text)]).get("a")
    return [str(problem) for problem in caught.value.problems]


def test_an_own_mapping_replaces_a_packaged_one_for_its_users_too(tmp_path: Path) -> None:
    library = MappingLibrary([FolderReader(FIXTURES), _folder(tmp_path, shop__address=OWN)])
    assert library.get("shop/address").version == 9
    entry = next(entry for entry in library.entries() if entry.name == "shop/address")
    assert (entry.version, entry.target) == (9, "")
    assert [e.name for e in library.entries() if e.name.startswith("warehouse")] == [
        "warehouse/shipping_advice", "warehouse/shipping_order", "warehouse/stock",
    ]  # fmt: skip


def test_every_packaged_mapping_and_fixture_passes_its_cases() -> None:
    library = MappingLibrary.packaged(FolderReader(FIXTURES))
    for entry in library.entries():
        if entry.reader is library.readers[-1]:
            library.get(entry.name)
            assert [
                result.problems
                for result in run_cases(library, entry.name, entry.reader)
                if not result.passed
            ] == []


def test_an_unknown_mapping_and_a_wrong_id_are_named(tmp_path: Path) -> None:
    library = MappingLibrary([_folder(tmp_path, a="mapping: b\nversion: 1\nfields: {x: y}")])
    with pytest.raises(MappingDefinitionError, match=r"no file nope\.yaml"):
        library.get("nope")
    with pytest.raises(
        MappingDefinitionError, match=r"line 1, mapping: the file is a\.yaml, so this must be a, but it is b"
    ):
        library.get("a")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("x: {path: a..b}", "line 5, fields.x: 'a..b' is not a path"),
        ("x: {path: 'a[*].b'}", "[*] belongs to each"),
        ("x: {path: a, as: money}", "needs a 'currency'"),
        ("x: {path: a, as: {type: int, places: 2}}", "int has no option places"),
        ("x: {path: a, as: {type: instant, zone: Mars/Base}}", "is not a time zone"),
        ("x: {path: a, as: int, default: many}", "does not fit 'as: int'"),
        ("x: {path: a, regex: '(a)\\1'}", "RE2 syntax"),
        ("x: {path: a, regex: '(a)(b)'}", "2 groups"),
        ("x: {path: a, lookup: t}", "no table 't'"),
        ("x: {path: a, on_missing: keep}", "belongs to 'lookup'"),
        ("x: {use: nope}", "no mapping 'nope'"),
        ("x: {call: nope}", "no registered function 'nope'"),
        ("x: {cases: [{when: 'a ==', then: x}]}", "not a CEL expression"),
        ("x: {cases: [{otherwise: x}, {when: 'a', then: x}]}", "'otherwise' is the last case"),
        ("x: {const: 1, path: a}", "does not go with 'const'"),
        ("x: {path: a, where: 'true'}", "does not go with 'where'"),
        ("x: {each: a}", "what is made of each item"),
        ("x: {each: a, item: b, fields: {c: d}}", "fields and item exclude each other"),
        ("x: {jmespath: 'a ['}", "not a JMESPath expression"),
        ("x: {coalesce: [{path: a, default: null}]}", "null can only be given to a target field"),
        ("x: {quantity: {value: a}}", "'unit' is a required property"),
    ],
)
def test_a_mistake_in_a_mapping_is_explained(tmp_path: Path, fields: str, message: str) -> None:
    problems = _problems(tmp_path, f"mapping: a\nversion: 1\nto: order/1\nfields:\n  {fields}\n")
    assert any(message in problem for problem in problems), problems


def test_problems_name_the_line_of_the_rule(tmp_path: Path) -> None:
    problems = _problems(
        tmp_path, "mapping: a\nversion: 1\nfields:\n  x:\n    concat:\n      - a\n      - {path: 'b['}\n"
    )
    assert problems[0].startswith("line 7, fields.x.concat[1]:")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mapping: a\nmapping: b\n", "line 2, mapping: this key is there twice"),
        ("fields: [1\n", "line 2, (file): not YAML"),
        ("mapping: a\nfields: &x\n  y: *x\n", "alias to itself"),
    ],
)
def test_yaml_mistakes_have_their_line(text: str, message: str) -> None:
    with pytest.raises(MappingDefinitionError) as caught:
        read_yaml(text, "a.yaml")
    assert message in str(caught.value)


def test_yaml_guesses_nothing() -> None:
    text = "[NO, 010, 1:30, 2026-03-01, 1e3, 1_0, true, null, 12, -1.50, '12', .5, =]"
    assert read_yaml(text, "x").value == [
        "NO", "010", "1:30", "2026-03-01", "1e3", "1_0", True, None, 12, Decimal("-1.50"), "12", ".5", "=",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("table", "message"),
    [("code,name\nA\n", "line 2"), ("code,name\nA,1\nA,2\n", "is there twice"), ("code,name\nA,1\n", None)],
)
def test_tables_are_checked(tmp_path: Path, table: str, message: str | None) -> None:
    (tmp_path / "t.csv").write_text(table)
    text = "mapping: a\nversion: 1\nfields: {x: {path: a, lookup: t}}\ntables: {t: t.csv}\n"
    if message is None:
        assert MappingLibrary([_folder(tmp_path, a=text)]).get("a").map({"a": "A"}).document == {"x": "1"}
    else:
        assert message in _problems(tmp_path, text)[0]


def test_the_schema_is_valid_and_knows_every_operator() -> None:
    Draft202012Validator.check_schema(mapping_schema())
    known = set(mapping_schema()["$defs"]["operators"]["properties"])
    assert set(READERS) | set(STEP_KEYS) <= known


def test_a_failing_case_says_what_differs(tmp_path: Path) -> None:
    cases = {
        "cases": [
            {"name": "right", "input": {"a": 1}, "expect": {"x": 1}},
            {"name": "wrong", "input": {"a": 1}, "expect": {"x": 2, "y": 3}},
            {"name": "extra", "input": {"a": 1}, "expect": {}, "exact": True},
            {"name": "fault", "input": {}, "expect": {"x": 1}},
            {"name": "no fault", "input": {"a": 1}, "expect_error": {"code": "mapping.missing"}},
            {"name": "other fault", "input_file": "in.json", "expect_error": {"code": "mapping.type"}},
        ]
    }
    (tmp_path / "in.json").write_text("{}")
    (tmp_path / "a.tests.yaml").write_text(json.dumps(cases))
    reader = _folder(tmp_path, a="mapping: a\nversion: 1\nfields: {x: a}")
    results = run_cases(MappingLibrary([reader]), "a", reader)
    assert [result.passed for result in results] == [True, False, False, False, False, False]
    assert results[1].problems == ("$.x: expected 2, but found 1", "$.y: expected 3, but there is nothing")
    assert "mapping.missing" in results[5].problems[0]

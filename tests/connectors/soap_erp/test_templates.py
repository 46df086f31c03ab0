"""Templates, paths, and the mappings' own cases."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossdock.mapping.cases import run_cases
from crossdock.mapping.files import packaged_mappings
from crossdock.sdk.errors import RecordRejectedError
from crossdock_connectors.soap_erp.reading import encode, find, find_all, text
from crossdock_connectors.soap_erp.templates import references, render
from tests.connectors.soap_erp.builders import library

NAMES = [entry.name for entry in library().entries() if entry.name.startswith("soap_erp/")]
SCOPE = {"document": {"total": Decimal("1.50"), "lines": [{"sku": "A"}, {"sku": "B"}]}, "page": 2}


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("${document.total}", Decimal("1.50")),
        ("page ${page} of ${document.lines[1].sku}", "page 2 of B"),
        ({"a": ["${page}", True, None]}, {"a": [2, True, None]}),
        ({"$each": "document.lines", "$make": {"id": "${item.sku}"}}, [{"id": "A"}, {"id": "B"}]),
        ({"$merge": [{"a": 1, "b": 1}, {"b": "${page}"}]}, {"a": 1, "b": 2}),
    ],
)
def test_render(template: object, made: object) -> None:
    assert render(template, SCOPE) == made


@pytest.mark.parametrize(
    "template", ["${document.none}", "${document.lines[2].sku}", {"$merge": ["${page}"]}]
)
def test_what_is_missing_is_told(template: object) -> None:
    with pytest.raises(RecordRejectedError):
        render(template, SCOPE)


def test_references_are_found_everywhere() -> None:
    template = {"a": ["${x.y} ${z}"], "b": {"$each": "records", "$make": "${item}"}}
    assert list(references(template)) == ["x.y", "z", "records", "item"]


def test_paths_see_no_difference_between_shapes() -> None:
    strict = {"status": {"isSuccess": True}, "list": [{"id": 1}, {"id": 2}]}
    plain = {"response": {"result": {"status": {"isSuccess": "true"}, "list": {"id": 1}}}}
    assert text(find(strict, "status.isSuccess")) == text(find(plain, "status.isSuccess")) == "true"
    assert find_all(strict, "list.id") == [1, 2]
    assert find_all(plain, "list.id") == [1]
    assert find(strict, "none.at.all") is None


def test_what_is_missing_is_not_encoded() -> None:
    assert (
        encode({"a": None, "b": [], "c": {"d": None}, "e": Decimal("1.50"), "f": False})
        == b'{"e":1.50,"f":false}'
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_beside_the_mapping_pass(name: str) -> None:
    results = run_cases(library(), name, packaged_mappings())
    assert [result for result in results if not result.passed] == []
    if library().get(name).target:
        assert results, f"{name} needs cases in {name}.tests.yaml"

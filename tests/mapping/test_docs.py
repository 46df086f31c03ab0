"""The language reference says what the compiler does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crossdock.mapping import compile_mapping
from crossdock.mapping.conditions import OPERATORS
from crossdock.mapping.schema import mapping_schema, schema_problems
from crossdock.mapping.yaml_text import read_yaml
from tests.mapping.builders import compile_text, decode, faults_of, map_every_way

TEXT = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()
BLOCKS = re.findall(r"```(\w+)( recipe)?\n(.*?)```", TEXT, re.DOTALL)
RECIPES = [block for _, recipe, block in BLOCKS if recipe]
FIRST = next(block for kind, _, block in BLOCKS if kind == "yaml")
JSON = [block for kind, _, block in BLOCKS if kind == "json"]


def test_the_first_example_maps_its_document_and_shows_its_fault() -> None:
    assert schema_problems(read_yaml(FIRST, "docs")) == []
    mapping = compile_text(FIRST)
    document, expected = map(decode, JSON)
    result = map_every_way(mapping, document)
    assert (result.document, result.omitted) == (expected, {"lines": 1})
    del document["line_items"][0]["sku"]
    assert f"{faults_of(mapping, document)[0]}\n" in TEXT


@pytest.mark.parametrize("recipe", RECIPES, ids=range(len(RECIPES)))
def test_a_recipe_gives_what_it_says(recipe: str) -> None:
    parts = read_yaml(recipe, "docs").value
    definition = {"mapping": "docs/recipe", "version": 1, "fields": {"x": parts["rule"]}}
    mapping = compile_mapping(definition, tables=parts.get("tables", {}))
    assert map_every_way(mapping, parts["input"]).document == {"x": parts["x"]}


def test_every_operator_and_option_is_explained() -> None:
    schema = mapping_schema()
    words = {*schema["$defs"]["operators"]["properties"], *schema["$defs"]["as"]["properties"], *OPERATORS}
    words |= set(schema["properties"]) - {"description"}
    assert [
        word
        for word in sorted(words)
        if not re.search(rf"`[^`\n]*\b{word}\b[^`\n]*`", TEXT) and word not in FIRST
    ] == []

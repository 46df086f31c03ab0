"""The architecture page and the glossary, held against the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from crossdock.streams.topics import TOPICS
from crossdock_schemas.registry import ENTITIES

ROOT = Path(__file__).parents[2]
CODE = {
    path: path.read_text() for folder in ("core", "schemas") for path in sorted((ROOT / folder).rglob("*.py"))
}


def rows(page: str, heading: str = "") -> Iterator[list[str]]:
    """The cells of each table row below ``heading``, the header rows left out."""
    text = (ROOT / "docs" / page).read_text()
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    for table in re.findall(r"^\|[-|: ]+\|\n((?:\|.*\|\n?)+)", text, re.MULTILINE):
        for line in table.splitlines():
            yield [cell.strip() for cell in line.strip("|").split("|")]


def quoted(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_page_can_be_found_from_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text()
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    assert not {page for page in pages if f"]({page}" not in index}


def test_the_topics_are_those_of_the_code() -> None:
    assert [quoted(row[0])[0] for row in rows("architecture.md", "Topics")] == list(TOPICS)


def test_every_part_that_is_named_exists_and_the_other_way_round() -> None:
    named = {
        name for row in rows("architecture.md", "Parts, and who may import whom") for name in quoted(row[1])
    }
    parts = {f"crossdock.{path.parent.name}" for path in (ROOT / "core/crossdock").glob("*/__init__.py")}
    ways_in = {f"crossdock.{name}" for name in ("api", "cli", "demo", "web")}
    tops = {"crossdock_connectors", "crossdock_mappings", "crossdock_schemas"}
    assert parts - ways_in <= named <= parts | tops


def test_the_glossary_has_each_term_once() -> None:
    terms = [row[0] for row in rows("glossary.md")]
    assert len(terms) > 50
    assert len(terms) == len(set(terms))


def test_every_name_in_the_glossary_is_in_the_code() -> None:
    code = "\n".join(CODE.values())
    for row in rows("glossary.md"):
        for name in quoted(row[3]):
            assert re.search(rf"^(class {name}\b|{name} = )", code, re.MULTILINE), (
                f"{name} of {row[0]!r} is gone"
            )


def test_every_canonical_document_is_in_the_glossary() -> None:
    named = {name for row in rows("glossary.md") for name in quoted(row[3])}
    assert {model.__name__ for model in ENTITIES.values()} <= named


PARTNERS = ROOT / "core/crossdock/demo/partners"


def test_the_names_that_we_do_not_use_are_not_used() -> None:
    refused = {name for row in rows("glossary.md") for name in quoted(row[4])}
    assert "fulfillment" in refused
    # a whole word, or a part of a name in snake_case or CamelCase
    pattern = re.compile(rf"(?i:(?<![a-z])({'|'.join(sorted(refused))})(?![a-z]))")
    used = {
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path, text in CODE.items()
        # the simulated partners speak the words of their vendors
        if PARTNERS not in path.parents
        for match in pattern.finditer(text)
    }
    assert not used

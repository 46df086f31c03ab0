from __future__ import annotations

from pathlib import Path

import pytest

from crossdock.store.engine import Database
from tests.models.runner import MODELS, blocks, run
from tests.processors.conftest import database

__all__ = ["database"]

PAGES = sorted(page for page in MODELS.glob("*.md") if page.name != "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_page_is_true(page: Path, database: Database) -> None:
    run(page, database)


def test_the_readme_names_every_page() -> None:
    text = (MODELS / "README.md").read_text()
    assert [page.name for page in PAGES if f"({page.name})" not in text] == []


def test_a_page_that_lies_is_found(tmp_path: Path, database: Database) -> None:
    page = next(page for page in PAGES if page.stem == "ship-from-dc")
    assert len(list(blocks(page))) > 1
    lie = tmp_path / page.name
    lie.write_text(page.read_text().replace("node: memphis", "node: reno"))
    with pytest.raises(AssertionError, match=r"ship-from-dc.md:\d+: fulfilment_orders:\s+page says .*'reno'"):
        run(lie, database)

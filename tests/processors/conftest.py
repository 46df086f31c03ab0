from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from crossdock.store.engine import Database, open_database
from tests.processors.harness import Harness
from tests.servers.sqlite import new_sqlite


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A fresh database of each kind, with the schema in it."""
    if request.param == "sqlite":
        url = new_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "hub.sqlite")
    else:
        url = request.getfixturevalue("postgres_url")
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def make(database: Database) -> Callable[..., Harness]:
    """A hub with changes to its configuration."""

    def build(**changes: Any) -> Harness:
        return Harness(database, changes)

    return build


@pytest.fixture
def hub(make: Callable[..., Harness]) -> Harness:
    return make()

"""Every test of the store that takes ``database`` runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crossdock.store.engine import Database, open_database
from tests.servers.sqlite import new_sqlite


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated, empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    return new_sqlite(request.getfixturevalue("sqlite_template"), tmp_path / "store.sqlite")


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = open_database(database_url)
    yield opened
    opened.close()

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from crossdock.store.engine import create_store_engine
from crossdock.store.migrations import current_revision, migrate, newest_revision
from crossdock.store.schema import metadata

_DEFINITIONS = {
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite%'",
    "postgresql": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conname NOT LIKE 'alembic%'
        UNION ALL
        SELECT tablename, indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND indexname NOT LIKE 'alembic%'
    """,
}


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    if request.param == "postgresql":
        made = create_store_engine(request.getfixturevalue("empty_postgres_url"))
    else:
        made = create_store_engine(f"sqlite:///{tmp_path}/store.sqlite")
    yield made
    made.dispose()


def definitions(engine: Engine) -> set[tuple[Any, ...]]:
    """Every constraint and index as the database itself writes it, whatever the order of its parts."""
    with engine.connect() as connection:
        rows = connection.execute(text(_DEFINITIONS[engine.dialect.name])).all()
    # A column that was added later stands at the end, after other punctuation.
    plain = str.maketrans(",()", "   ")
    return {tuple(" ".join(sorted(str(value).translate(plain).split())) for value in row) for row in rows}


def test_migrated_schema_is_the_metadata(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []


def test_migrated_constraints_are_those_of_the_metadata(engine: Engine) -> None:
    """Alembic compares no CHECK constraints and no partial indexes; the databases' own definitions do."""
    metadata.create_all(engine)
    expected = definitions(engine)
    metadata.drop_all(engine)
    migrate(engine)
    assert definitions(engine) == expected


def test_migrating_twice_changes_nothing(engine: Engine) -> None:
    assert current_revision(engine) is None
    migrate(engine)
    before = definitions(engine)
    migrate(engine)
    assert definitions(engine) == before
    assert current_revision(engine) == newest_revision()

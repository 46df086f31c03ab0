"""SQLite files with the schema in them: one is migrated a session, a test gets a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from crossdock.store.engine import create_store_engine
from crossdock.store.migrations import migrate

__all__ = ["new_sqlite", "sqlite_template"]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("template") / "store.sqlite"
    engine = create_store_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


def new_sqlite(template: Path, path: Path) -> str:
    """Copy ``template``; returns the URL of the copy."""
    shutil.copyfile(template, path)
    return f"sqlite:///{path}"

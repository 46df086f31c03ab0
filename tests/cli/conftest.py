from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from crossdock.store.engine import open_database
from tests.cli.builders import Cli
from tests.doctor.builders import build
from tests.processors.harness import CONFIG, Harness
from tests.servers.sqlite import new_sqlite


@pytest.fixture(autouse=True)
def own_logs() -> Iterator[None]:
    """``crossdock run`` sets logging up for its process; the next test has another standard error."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A hub's folder: configuration and database."""
    (tmp_path / "var").mkdir()
    (tmp_path / "crossdock.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture
def hub(folder: Path, sqlite_template: Path) -> Iterator[Harness]:
    database = open_database(new_sqlite(sqlite_template, folder / "var/crossdock.sqlite"))
    yield build(database)
    database.close()


@pytest.fixture
def cli(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "160")
    return Cli(monkeypatch, capfd)

from __future__ import annotations

from pathlib import Path

import pytest

from crossdock.store.engine import Database
from tests.api.builders import CHANNELS, Client, build_api
from tests.doctor.builders import build
from tests.processors.conftest import database
from tests.processors.harness import Harness

__all__ = ["call", "database", "hub"]


@pytest.fixture
def hub(database: Database) -> Harness:
    return build(database, CHANNELS)


@pytest.fixture
def call(hub: Harness, tmp_path: Path) -> Client:
    return Client(build_api(hub, tmp_path / "bodies"))

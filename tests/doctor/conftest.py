from __future__ import annotations

import pytest

from crossdock.store.engine import Database
from tests.doctor.builders import build
from tests.processors.conftest import database
from tests.processors.harness import Harness

__all__ = ["database", "hub"]


@pytest.fixture
def hub(database: Database) -> Harness:
    return build(database)

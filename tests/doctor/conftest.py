from __future__ import annotations

import pytest
import yaml

from crossdock.store.engine import Database
from tests.doctor.builders import build
from tests.processors.conftest import database
from tests.processors.harness import CONFIG, Harness

__all__ = ["database", "hub"]


@pytest.fixture
def hub(database: Database) -> Harness:
    """What Chicago ships is bought of it."""
    chicago, *others = yaml.safe_load(CONFIG)["nodes"]
    posting = {"connection": "erp", "sales_order": True, "purchase_order": True}
    return build(database, {"nodes": [chicago | {"kind": "supplier"}, *others], "postings": [posting]})

"""Databases as for the store, and a partner on the loopback."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.edges.partner import Partner, running_partner
from tests.store.conftest import database, database_url
from tests.streams.conftest import plain_logs

__all__ = ["database", "database_url", "plain_logs"]


@pytest.fixture
def partner() -> Iterator[Partner]:
    with running_partner() as running:
        yield running

"""Databases for the tests of the streams: the same as for those of the store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import structlog

from tests.store.conftest import database, database_url

__all__ = ["database", "database_url"]


@pytest.fixture(autouse=True, scope="session")
def plain_logs() -> Iterator[None]:
    """The default renderer draws each traceback with all its locals, which takes a second."""
    structlog.configure(
        processors=[structlog.processors.format_exc_info, structlog.processors.KeyValueRenderer()]
    )
    yield
    structlog.reset_defaults()

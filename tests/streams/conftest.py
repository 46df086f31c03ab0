"""Databases for the tests of the streams: the same as for those of the store."""

from __future__ import annotations

from tests.store.conftest import database, database_url, sqlite_template

__all__ = ["database", "database_url", "sqlite_template"]

"""Fixtures of real servers, for every area."""

from __future__ import annotations

from tests.servers.postgres import empty_postgres_url, postgres_server, postgres_template, postgres_url

__all__ = ["empty_postgres_url", "postgres_server", "postgres_template", "postgres_url"]

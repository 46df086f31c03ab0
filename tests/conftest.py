"""Fixtures of real servers, for every area, and how property tests run."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests.servers.postgres import empty_postgres_url, postgres_server, postgres_template, postgres_url

__all__ = ["empty_postgres_url", "postgres_server", "postgres_template", "postgres_url"]

# How long an example takes tells of the machine, which the tests share with others.
settings.register_profile("shared_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared_machine")

"""Fixtures of real servers, for every area, and how property tests run."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.kafka import kafka_broker, kafka_brokers, kafka_prefix
from tests.servers.postgres import (
    empty_postgres_url,
    postgres_databases,
    postgres_server,
    postgres_template,
    postgres_url,
)
from tests.servers.sqlite import sqlite_template

__all__ = [
    "empty_postgres_url",
    "kafka_broker",
    "kafka_brokers",
    "kafka_prefix",
    "postgres_databases",
    "postgres_server",
    "postgres_template",
    "postgres_url",
    "sqlite_template",
]

# How long an example takes tells of the machine, which the tests share with others.
settings.register_profile("shared_machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared_machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest: else one worker is still at it when the others have finished."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_configure(config: pytest.Config) -> None:
    """Set the hub's clock ahead: a test that passes today and not then depends on the clock on the wall."""
    hours = float(str(config.getoption("--hours-ahead")))
    if hours:
        from crossdock.sdk.clock import SystemClock

        real = SystemClock.now
        SystemClock.now = lambda self: real(self) + timedelta(hours=hours)  # type: ignore[method-assign]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--hours-ahead", default=0.0, type=float, help="let the hub believe that it is so much later"
    )
    parser.addoption(
        "--chaos-seconds",
        default=0.0,
        type=float,
        help="how long servers and workers of a hub on Kafka are killed, paused and cut off",
    )
    parser.addoption(
        "--storm-seconds",
        default=4.0,
        type=float,
        help="how long many writers at once work on the same stock",
    )

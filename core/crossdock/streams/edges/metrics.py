"""Counters and gauges of the edges, for Prometheus."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import Counter, Gauge

__all__ = [
    "ACTIVITY_HEALTHY",
    "ACTIVITY_LAST_SUCCESS_SECONDS",
    "COMMANDS",
    "EMPTY_FILES",
    "ITEMS_OMITTED",
    "RECORDS_IN",
    "RECORDS_REJECTED",
    "SOURCE_LAG_SECONDS",
    "WEBHOOKS_REFUSED",
    "WEBHOOK_GAP",
    "healthy",
    "unhealthy",
]

RECORDS_IN = Counter(
    "crossdock_records_in", "Records stored that were not there before", ["connection", "stream"]
)
RECORDS_REJECTED = Counter(
    "crossdock_records_rejected", "Records given up by normalise", ["connection", "stream"]
)
EMPTY_FILES = Counter(
    "crossdock_empty_files", "Files of partners that held no record", ["connection", "stream"]
)
ITEMS_OMITTED = Counter(
    "crossdock_items_omitted",
    "Items (lines, rows) that a mapping leaves out by its conditions",
    ["connection", "stream", "path"],
)
WEBHOOKS_REFUSED = Counter(
    "crossdock_webhooks_refused", "Calls that were not answered with 2xx", ["connection", "status"]
)
WEBHOOK_GAP = Counter(
    "crossdock_webhook_gap",
    "Documents that a poll brought although a webhook should have",
    ["connection", "stream"],
)
SOURCE_LAG_SECONDS = Gauge(
    "crossdock_source_lag_seconds",
    "Age of the instant up to which nothing of the source is missing",
    ["connection", "stream"],
)
COMMANDS = Counter("crossdock_commands", "What became of commands", ["connection", "command", "state"])
ACTIVITY_HEALTHY = Gauge(
    "crossdock_activity_healthy",
    "1 while what a connection does goes well, 0 while it does not",
    ["connection", "activity", "stream"],
)
ACTIVITY_LAST_SUCCESS_SECONDS = Gauge(
    "crossdock_activity_last_success_timestamp_seconds",
    "When what a connection does last went well, as Unix time",
    ["connection", "activity", "stream"],
)


def healthy(connection: str, activity: str, stream: str, at: datetime) -> None:
    """Say that an activity went well at an instant."""
    ACTIVITY_HEALTHY.labels(connection, activity, stream).set(1)
    ACTIVITY_LAST_SUCCESS_SECONDS.labels(connection, activity, stream).set(at.timestamp())


def unhealthy(connection: str, activity: str, stream: str) -> None:
    """Say that an activity does not go well."""
    ACTIVITY_HEALTHY.labels(connection, activity, stream).set(0)

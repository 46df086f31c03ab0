"""Counters and gauges of the edges, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

__all__ = [
    "COMMANDS",
    "RECORDS_IN",
    "RECORDS_REJECTED",
    "SOURCE_LAG_SECONDS",
    "WEBHOOKS_REFUSED",
    "WEBHOOK_GAP",
]

RECORDS_IN = Counter(
    "crossdock_records_in", "Records stored that were not there before", ["connection", "stream"]
)
RECORDS_REJECTED = Counter(
    "crossdock_records_rejected", "Records given up by normalise", ["connection", "stream"]
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

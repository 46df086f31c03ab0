"""Counters and gauges of the streams, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

__all__ = [
    "BACKLOG",
    "BATCH_SECONDS",
    "CONSUMER_FAILURES",
    "DEAD_LETTERS",
    "DUPLICATES",
    "HANDLED",
    "RELAYED",
    "RELAY_FAILURES",
    "RETRIES",
    "SERVICE_FAILURES",
    "TIMER_FAILURES",
    "WORK_ITEMS_OPEN",
    "WORK_ITEMS_OVERDUE",
]

HANDLED = Counter("crossdock_messages_handled", "Messages handled and committed", ["processor"])
DUPLICATES = Counter("crossdock_messages_duplicate", "Messages that had been handled before", ["processor"])
DEAD_LETTERS = Counter(
    "crossdock_messages_dead", "Messages isolated from their batch as poison", ["processor"]
)
RETRIES = Counter("crossdock_batch_retries", "Batches repeated because of the infrastructure", ["processor"])
BATCH_SECONDS = Histogram(
    "crossdock_batch_seconds",
    "Time of a batch from begin to commit, waiting included",
    ["processor"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
BACKLOG = Gauge("crossdock_backlog_messages", "Messages waiting, counted up to the limit", ["processor"])
RELAYED = Counter("crossdock_messages_relayed", "Messages published on Kafka by this process")
RELAY_FAILURES = Counter("crossdock_relay_failures", "Times that publishing on Kafka had to be begun again")
CONSUMER_FAILURES = Counter(
    "crossdock_consumer_failures", "Times that a consumer had to be started again", ["processor"]
)
TIMER_FAILURES = Counter("crossdock_timer_failures", "Runs of a timer that failed", ["timer"])
SERVICE_FAILURES = Counter(
    "crossdock_service_failures", "Services that failed and were started again", ["service"]
)
WORK_ITEMS_OPEN = Gauge("crossdock_work_items_open", "Work items that wait for a person", ["cause", "owner"])
WORK_ITEMS_OVERDUE = Gauge(
    "crossdock_work_items_overdue", "Work items that are open past their time", ["cause", "owner"]
)

"""Files without a record: they change nothing, and somebody is told."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog

from crossdock.orders.worklist import Cause, open_item
from crossdock.sdk.manifest import Entity
from crossdock.store.worklist import raise_items, settle
from crossdock.streams.edges import metrics
from crossdock.streams.edges.connections import Stream
from crossdock.streams.processor import Transaction

__all__ = ["note_emptiness"]

_FIX = "Ask the partner whether its export failed; the next file with records closes this."


def note_emptiness(
    tx: Transaction, stream: Stream, file_name: str, records: int, due: Mapping[Cause, timedelta]
) -> None:
    """Take note of a good file with so many ``records``.

    None: a warning and a metric. A partner may have nothing to report; but a stock feed without a line is work for
    people until one with lines comes, since stock is then as old as the last one.
    """
    subject = f"connection:{stream.connection}/drop/{stream.name}/empty"
    is_feed = stream.spec.emits is Entity.STOCK_FEED
    if records:
        if is_feed:
            settle(tx.connection, [subject], f"{file_name} has records", tx.now)
        return
    metrics.EMPTY_FILES.labels(stream.connection, stream.name).inc()
    structlog.get_logger(__name__).warning(
        "file holds no record", connection=stream.connection, stream=stream.name, file=file_name
    )
    if is_feed:
        said = f"{stream.connection}/{stream.name} {file_name}: holds no line, so no stock was changed"
        item = open_item(Cause.UPSTREAM_LAG, subject, said, tx.now, fix=_FIX, due=due)
        raise_items(tx.connection, [(item, None)], tx.now)

"""Nodes whose last count is older than the configuration lets it be, and what channels hear of that."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from crossdock.store import feeds, publications
from crossdock.streams.processor import Timer, Transaction
from crossdock.streams.processors.hub import Hub

__all__ = ["stale_feeds_timer", "stale_nodes"]


def stale_nodes(hub: Hub, connection: Connection, now: datetime) -> dict[str, timedelta]:
    """By stale node, for how long it has been; one that never counted, for ever."""
    if not hub.feed_limits:
        return {}
    counted = feeds.last_count(connection, list(hub.feed_limits))
    found: dict[str, timedelta] = {}
    for node, max_age in hub.feed_limits.items():
        last = counted.get(node)
        if last is None:
            found[node] = timedelta.max
        elif now - last > max_age:
            found[node] = now - last - max_age
    return found


def stale_feeds_timer(hub: Hub) -> tuple[Timer, ...]:
    """Has stock published anew where a node's feed gets or was stale; nothing where safety stock does not mind."""
    return (Timer("stale_feeds", 30.0, partial(_republish, hub)),) if hub.safety.stages else ()


def _republish(hub: Hub, tx: Transaction) -> None:
    stale = stale_nodes(hub, tx.connection, tx.now)
    stages = {node: hub.safety.stage(stale.get(node)) for node in hub.feed_limits}
    known = publications.load_stages(tx.connection)
    changed = {node: stage for node, stage in stages.items() if stage != known.get(node, 0)}
    publications.save_stages(tx.connection, changed)
    publications.mark_nodes(tx.connection, changed)

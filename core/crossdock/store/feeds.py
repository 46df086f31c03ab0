"""Feeds as they arrive in parts, and what must be known of a node to read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Text, and_, bindparam, func, literal_column, select, update

from crossdock.inventory.facts import Allocation
from crossdock.inventory.feeds import Short
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.metadata import Instant
from crossdock.store.order_tables import fulfilment_order_lines, fulfilment_orders
from crossdock.store.stock_tables import feeds, ledger, positions

__all__ = [
    "FeedPart",
    "RefusedFeed",
    "accuracy_by_node",
    "allocations_known",
    "close",
    "last_count",
    "newest_refused",
    "note_part",
    "shortfalls",
]


class FeedPart(NamedTuple):
    """One part of a feed; ``last_part`` is its number if it is the last one, else None, ``parts`` 0 for a
    mended row: the part that it was left out of has been counted.
    """

    node: str
    feed_id: str
    connection: str
    as_of: datetime
    sequence: int | None
    mentioned: int
    last_part: int | None
    zero_omitted: bool
    drift_lines: int
    parts: int = 1


_note = InsertMany(
    feeds,
    (
        "node",
        "feed_id",
        "connection",
        "as_of",
        "sequence",
        "mentioned",
        "last_part",
        "zero_omitted",
        "drift_lines",
        "parts",
        "state",
        "updated_at",
    ),
    conflict=("node", "feed_id"),
    update=lambda new: {
        "mentioned": feeds.c.mentioned + new.mentioned,
        "parts": feeds.c.parts + new.parts,
        "drift_lines": feeds.c.drift_lines + new.drift_lines,
        "last_part": func.coalesce(feeds.c.last_part, new.last_part),
        "updated_at": new.updated_at,
    },
)


def note_part(connection: Connection, part: FeedPart, now: datetime) -> int | None:
    """Count a part in. Returns how many SKUs the feed named when this completed it, else None."""
    row = (*part[:7], int(part.zero_omitted), part.drift_lines, part.parts, "open", now)
    _note(connection, [row])
    found = connection.execute(
        select(feeds.c.mentioned, feeds.c.parts, feeds.c.last_part, feeds.c.state).where(
            feeds.c.node == part.node, feeds.c.feed_id == part.feed_id
        )
    ).one()
    return found.mentioned if found.state == "open" and found.parts == found.last_part else None


def close(connection: Connection, node: str, feed_id: str, state: str, now: datetime) -> None:
    """Mark a feed as ``closed``, or ``refused`` where it looked cut off."""
    connection.execute(
        update(feeds)
        .where(feeds.c.node == node, feeds.c.feed_id == feed_id)
        .values(state=state, updated_at=now)
    )


class RefusedFeed(NamedTuple):
    """A full feed that looked cut off; ``meaning`` is that of the positions it named, None where it named none."""

    feed_id: str
    connection: str
    as_of: datetime
    sequence: int | None
    mentioned: int
    meaning: str | None


def newest_refused(connection: Connection, node: str) -> RefusedFeed | None:
    """The newest feed of a node, if it was refused."""
    meaning = (
        select(positions.c.meaning)
        .where(positions.c.node == feeds.c.node, positions.c.feed_id == feeds.c.feed_id)
        .limit(1)
        .scalar_subquery()
    )
    row = connection.execute(
        select(*(feeds.c[name] for name in RefusedFeed._fields[:-1]), meaning, feeds.c.state)
        .where(feeds.c.node == node, feeds.c.state != "open")
        .order_by(feeds.c.as_of.desc(), feeds.c.updated_at.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None or row.state != "refused" else RefusedFeed._make(row[:-1])


def last_count(connection: Connection, nodes: Sequence[str]) -> dict[str, datetime]:
    """Instant of the newest feed of each node; nodes never counted are missing."""
    rows = connection.execute(
        select(feeds.c.node, func.max(feeds.c.as_of, type_=Instant()))
        .where(feeds.c.node.in_(nodes))
        .group_by(feeds.c.node)
    )
    return {row[0]: row[1] for row in rows}


def accuracy_by_node(connection: Connection, since: datetime, until: datetime) -> dict[str, Decimal]:
    """The share of counted positions that were as the ledger said, by node, in feeds from ``since`` to ``until``.

    A node's first feed is left out, because before it there was nothing to compare; so is a node with no other.
    """
    earlier = feeds.alias("earlier")
    not_the_first = select(earlier.c.node).where(
        earlier.c.node == feeds.c.node, earlier.c.as_of < feeds.c.as_of
    )
    rows = connection.execute(
        select(feeds.c.node, func.sum(feeds.c.mentioned), func.sum(feeds.c.drift_lines))
        .where(
            feeds.c.state == "closed", feeds.c.as_of >= since, feeds.c.as_of < until, not_the_first.exists()
        )
        .group_by(feeds.c.node)
    )
    return {
        node: max(Decimal(0), 1 - Decimal(int(drift)) / int(counted))
        for node, counted, drift in rows
        if counted
    }


def _known_lines() -> Select[Any, Any, Any, Any]:
    """Fulfilment order lines that the node ``at`` knew of at ``as_of``."""
    lines, heads = fulfilment_order_lines.c, fulfilment_orders.c
    return (
        select(lines.id, lines.sku, lines.open, heads.known_from)
        .join_from(fulfilment_order_lines, fulfilment_orders, lines.fulfilment_order_id == heads.id)
        .where(heads.node == bindparam("at"), heads.known_from <= bindparam("as_of", type_=Instant()))
    )


_known_of = SelectMany(
    {"id": Text()},
    lambda wanted: _known_lines().join(wanted, wanted.c.id == fulfilment_order_lines.c.id),
)


def allocations_known(
    connection: Connection, node: str, as_of: datetime
) -> list[tuple[Allocation, datetime | None]]:
    """Allocations that ``node`` knew of at ``as_of``, each with the instant its units left or were given
    back.

    What was settled before is left out. Of what was shipped or given back, the ledger's external id begins
    with the fulfilment order line, before a ``|``.
    """
    at = {"at": node, "as_of": as_of}
    still: list[tuple[Allocation, datetime | None]] = [
        (Allocation(row.id, row.sku, node, row.open, row.known_from), None)
        for row in connection.execute(_known_lines().where(fulfilment_order_lines.c.open > 0), at)
    ]
    settled = connection.execute(
        select(ledger.c.external_id, ledger.c.sku, ledger.c.allocated, ledger.c.as_of).where(
            ledger.c.node == node,
            ledger.c.as_of > as_of,
            ledger.c.kind != literal_column("'counted'"),
            ledger.c.allocated < 0,
        )
    ).all()
    ids = sorted({row.external_id.partition("|")[0] for row in settled})
    since = {row.id: row.known_from for row in _known_of(connection, [(each,) for each in ids], **at)}
    for row in settled:
        line = row.external_id.partition("|")[0]
        if line in since:
            left = Allocation(line, row.sku, node, -row.allocated, since[line])
            still.append((left, row.as_of))
    return still


_short = SelectMany(
    {"sku": Text(), "node": Text()},
    lambda wanted: (
        select(positions.c.sku, positions.c.shortfall)
        .select_from(wanted)
        .join(positions, and_(positions.c.sku == wanted.c.sku, positions.c.node == wanted.c.node))
        .where(positions.c.shortfall > 0)
        .order_by(positions.c.sku)
    ),
)


def shortfalls(connection: Connection, node: str, skus: Sequence[str]) -> list[Short]:
    """Positions of ``node`` that hold less than is promised from them."""
    rows = _short(connection, [(sku, node) for sku in sorted(set(skus))])
    return [Short(sku, node, units) for sku, units in rows]

"""What channels were told of stock, and how far in the ledger that goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, Text, and_, delete, literal_column, select
from sqlalchemy.dialects import postgresql, sqlite

from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.plumbing import processor_cursors
from crossdock.store.stock_tables import feed_stages, marked_stock, positions, published_stock

__all__ = [
    "load_position",
    "load_published",
    "load_stages",
    "mark",
    "mark_nodes",
    "save_position",
    "save_published",
    "save_stages",
    "take_marked",
]

_CURSOR = "publish"

_save = InsertMany(
    published_stock,
    ("channel", "sku", "quantity", "published_at"),
    conflict=("channel", "sku"),
    update=lambda new: {"quantity": new.quantity, "published_at": new.published_at},
)


# The whole key comes from the rows: with a channel fixed beside them, SQLite reads all that it was ever told.
_published = SelectMany(
    {"channel": Text(), "sku": Text()},
    lambda wanted: (
        select(published_stock.c.sku, published_stock.c.quantity)
        .select_from(wanted)
        .join(
            published_stock,
            and_(published_stock.c.channel == wanted.c.channel, published_stock.c.sku == wanted.c.sku),
        )
    ),
)


def load_position(connection: Connection) -> int:
    """The row of the ledger up to which channels have been told; 0 at first."""
    found = connection.execute(
        select(processor_cursors.c.position).where(processor_cursors.c.processor == _CURSOR)
    ).scalar_one_or_none()
    return found or 0


def save_position(connection: Connection, position: int, now: datetime) -> None:
    """Remember the row."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = insert(processor_cursors).values(
        processor=_CURSOR, topic="ledger", position=position, updated_at=now
    )
    changed = {"position": row.excluded.position, "updated_at": row.excluded.updated_at}
    connection.execute(row.on_conflict_do_update(index_elements=["processor"], set_=changed))


def load_published(connection: Connection, channel: str, skus: Sequence[str]) -> dict[str, int]:
    """The last number told to ``channel``, by SKU; what was never told is missing."""
    return dict(map(tuple, _published(connection, [(channel, sku) for sku in skus])))


def save_published(
    connection: Connection, channel: str, levels: Sequence[tuple[str, int]], now: datetime
) -> None:
    """Remember what ``channel`` is told now."""
    _save(connection, [(channel, sku, quantity, now) for sku, quantity in levels])


_stages = InsertMany(
    feed_stages, ("node", "stage"), conflict=("node",), update=lambda new: {"stage": new.stage}
)


def load_stages(connection: Connection) -> dict[str, int]:
    """The stage of staleness of each node by which channels were told; a node that was never stale is missing."""
    return dict(map(tuple, connection.execute(select(feed_stages.c.node, feed_stages.c.stage))))


def save_stages(connection: Connection, stages: Mapping[str, int]) -> None:
    """Remember the stages of nodes."""
    _stages(connection, sorted(stages.items()))


_mark = InsertMany(marked_stock, ("sku",), ignore=True)


def mark(connection: Connection, skus: Iterable[str]) -> None:
    """Have ``skus`` compared with what channels were told."""
    _mark(connection, [(sku,) for sku in sorted(skus)])


def mark_nodes(connection: Connection, nodes: Iterable[str]) -> None:
    """Have all that lies at ``nodes`` compared with what channels were told."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    there = (
        select(positions.c.sku)
        .where(positions.c.node.in_(sorted(nodes)), positions.c.on_hand > literal_column("0"))
        .distinct()
    )
    marked = insert(marked_stock).from_select(["sku"], there)
    connection.execute(marked.on_conflict_do_nothing())


def take_marked(connection: Connection, limit: int) -> list[str]:
    """SKUs that were marked, which they are not any more."""
    found = connection.execute(select(marked_stock.c.sku).order_by(marked_stock.c.sku).limit(limit))
    skus = list(found.scalars())
    if skus:
        connection.execute(delete(marked_stock).where(marked_stock.c.sku.in_(skus)))
    return skus

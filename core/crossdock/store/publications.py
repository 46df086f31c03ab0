"""What channels were told of stock, and how far in the ledger that goes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Text, and_, select
from sqlalchemy.dialects import postgresql, sqlite

from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.plumbing import processor_cursors
from crossdock.store.stock_tables import published_stock

__all__ = ["load_position", "load_published", "save_position", "save_published"]

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

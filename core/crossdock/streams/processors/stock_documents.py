"""The parts of stock feeds and movements that processors read, as ``documents`` does for the others."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from crossdock.streams.processors.documents import Part
from crossdock_schemas.stock import FeedMeaning, FeedMode, MovementReason

__all__ = ["FeedDocument", "MovementDocument", "MovementLineDocument"]


class FeedDocument(Part, frozen=True):
    """``StockFeed``; its lines are read as they are, a million of them."""

    feed_id: str
    node: str
    mode: FeedMode
    meaning: FeedMeaning
    as_of: datetime
    lines: list[dict[str, Any]]
    sequence: int | None = None
    part: int = 1
    last: bool = True
    zero_omitted: bool = False


class MovementLineDocument(Part, frozen=True):
    """``StockMovementLine``."""

    sku: str
    quantity: int
    reason: MovementReason
    lot: str | None = None
    expires_on: date | None = None
    external_id: str | None = None


class MovementDocument(Part, frozen=True):
    """``StockMovement``."""

    external_id: str
    node: str
    occurred_at: datetime
    lines: tuple[MovementLineDocument, ...]
    references: tuple[dict[str, str], ...] = ()

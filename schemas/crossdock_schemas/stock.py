"""What lies where: feeds and movements coming in, levels going out."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crossdock_schemas.base import Canonical, Id, Instant, Name, Reference, Sku, Units

__all__ = [
    "FeedMeaning",
    "FeedMode",
    "MovementReason",
    "StockFeed",
    "StockFeedLine",
    "StockLevel",
    "StockMovement",
    "StockMovementLine",
]


class FeedMode(StrEnum):
    """Whether a feed states everything or only what changed."""

    FULL = "full"
    DELTA = "delta"


class FeedMeaning(StrEnum):
    """What a feed's number counts."""

    PHYSICAL = "physical"
    """What lies on the shelf."""
    AVAILABLE = "available"
    """Already net of the orders that the node knew of at ``as_of``."""


class StockFeedLine(Canonical):
    """One SKU. In a delta, ``quantity`` may be negative (a change); in a full feed it may not."""

    sku: Sku
    quantity: Annotated[int, Field(strict=True, ge=-2_000_000_000, le=2_000_000_000)]
    quarantined: Units | None = None
    """Absent: the feed does not say it."""
    lot: Name | None = None
    expires_on: date | None = None
    as_of: Instant | None = None
    """Overrides the feed's."""


class StockFeed(Canonical):
    """A node's stock, or one part of it: a large file becomes many parts of one ``feed_id``."""

    feed_id: Id
    node: Id
    mode: FeedMode
    meaning: FeedMeaning
    as_of: Instant
    sequence: Annotated[int, Field(strict=True, ge=0)] | None = None
    """The node's own counter; where there is one it decides what is newer, else ``as_of`` does."""
    part: Annotated[int, Field(strict=True, ge=1)] = 1
    last: bool = True
    """No further part follows."""
    zero_omitted: bool = False
    """After the last part of a full feed, SKUs of the node that no part names are set to zero."""
    lines: Annotated[tuple[StockFeedLine, ...], Field(max_length=10_000)]
    references: tuple[Reference, ...] = ()


class MovementReason(StrEnum):
    """Why stock changed at a node."""

    RECEIVED = "received"
    ADJUSTED = "adjusted"
    DAMAGED = "damaged"
    QUARANTINED = "quarantined"
    RELEASED = "released"
    """From quarantine."""
    RETURNED = "returned"
    TRANSFERRED_OUT = "transferred_out"
    TRANSFERRED_IN = "transferred_in"


class StockMovementLine(Canonical):
    """One SKU's change: signed for ``adjusted``, else positive (the reason gives the direction)."""

    sku: Sku
    quantity: Annotated[int, Field(strict=True, ge=-2_000_000_000, le=2_000_000_000)]
    reason: MovementReason
    lot: Name | None = None
    expires_on: date | None = None
    external_id: Id | None = None


class StockMovement(Canonical):
    """Changes at a node that are not the hub's own doing: receipts, adjustments, damage, transfers."""

    external_id: Id
    node: Id
    occurred_at: Instant
    lines: Annotated[tuple[StockMovementLine, ...], Field(min_length=1, max_length=10_000)]
    note: Name | None = None
    references: tuple[Reference, ...] = ()


class StockLevel(Canonical):
    """What a channel may sell now of one SKU, as sent to it."""

    sku: Sku
    channel: Id
    quantity: Units
    as_of: Instant
    location: Id | None = None
    """The channel's own location id, where it wants stock by location."""
    previous: Units | None = None
    """What it was told before, for a compare-and-set; absent: never told."""
    references: tuple[Reference, ...] = ()

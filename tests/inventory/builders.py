"""Instants by the minute, and values with defaults."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from crossdock.inventory.facts import Allocation, News
from crossdock.inventory.feeds import FeedContext
from crossdock.inventory.promises import Reservation
from crossdock_schemas.stock import FeedMeaning, FeedMode

SKU = "SKU-1"
NODE = "DC-1"


def minute(number: float) -> datetime:
    return datetime(2026, 11, 23, 12, tzinfo=UTC) + timedelta(minutes=number)


def news(number: float, external_id: str = "news") -> News:
    return News("wms", external_id, minute(number))


def feed(
    number: float,
    feed_id: str = "",
    *,
    meaning: FeedMeaning = FeedMeaning.PHYSICAL,
    mode: FeedMode = FeedMode.FULL,
    sequence: int | None = None,
) -> FeedContext:
    return FeedContext(NODE, feed_id or f"feed-{number}", "wms", minute(number), mode, meaning, sequence)


def allocation(quantity: int = 1, known_from: float | None = None, key: str = "FO-1/1") -> Allocation:
    return Allocation(key, SKU, NODE, quantity, None if known_from is None else minute(known_from))


def reservation(quantity: int = 1, expires: float = 10, key: str = "cart-1") -> Reservation:
    return Reservation(key, SKU, NODE, quantity, minute(expires))

"""A position is what one node holds of one SKU; movements are the rows its balances are the sum of.

Quantities are whole base units (``int``). A SKU that is sold in fractions is scaled by its step when it
enters (``to_units``: 2.50 m of cable in steps of 0.01 m are 250 units), so that sums are exact and fast
everywhere inside.

Both types are named tuples, not dataclasses: a feed makes a million of them, a named tuple is built three to
five times faster than a frozen dataclass, and it is already the row that a set-based statement wants.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from crossdock_schemas.stock import FeedMeaning

__all__ = [
    "Balance",
    "Movement",
    "MovementKind",
    "Position",
    "fold",
    "from_units",
    "post",
    "to_units",
]


class MovementKind(StrEnum):
    """Why balances changed."""

    COUNTED = "counted"
    RECEIVED = "received"
    ADJUSTED = "adjusted"
    SHIPPED = "shipped"
    RETURNED = "returned"
    QUARANTINED = "quarantined"
    RESERVED = "reserved"
    EXTENDED = "extended"
    RELEASED = "released"
    EXPIRED = "expired"
    ALLOCATED = "allocated"
    DEALLOCATED = "deallocated"
    TRANSFERRED_OUT = "transferred_out"
    TRANSFERRED_IN = "transferred_in"
    FENCED = "fenced"
    """No unit moved: what channels may be promised has."""


class Balance(NamedTuple):
    """Units by bucket. ``on_hand`` includes what is reserved, allocated and quarantined."""

    on_hand: int
    reserved: int
    allocated: int
    quarantined: int


class Position(NamedTuple):
    """What one node holds of one SKU.

    Attributes:
        sku: Stock keeping unit.
        node: Node id.
        on_hand: Units that lie at the node as far as the hub knows, all of them. Below zero means that news
            is missing (a shipment was heard of before the receipt it was made from); nothing is promised from
            it.
        reserved: Units held for a while, by reservations that expire.
        allocated: Units promised to fulfilment orders and not shipped yet.
        quarantined: Units that lie there and may not be sold.
        as_of: Instant of the count that ``on_hand`` rests on (aware UTC); None before the first count.
        sequence: The feed's own number of that count, where its connection orders feeds by number.
        feed_id: The feed of that count.
        meaning: What that count's number was.
    """

    sku: str
    node: str
    on_hand: int = 0
    reserved: int = 0
    allocated: int = 0
    quarantined: int = 0
    as_of: datetime | None = None
    sequence: int | None = None
    feed_id: str = ""
    meaning: FeedMeaning = FeedMeaning.PHYSICAL

    @property
    def balance(self) -> Balance:
        """The four buckets."""
        return Balance(self.on_hand, self.reserved, self.allocated, self.quarantined)

    @property
    def key(self) -> tuple[str, str]:
        """``(sku, node)``: rows are locked in this order."""
        return (self.sku, self.node)


class Movement(NamedTuple):
    """One row of the ledger: what was added to each bucket of a position, why, and on whose word.

    ``(source, external_id, kind, sku, node)`` is unique: the same news twice is one row.

    Attributes:
        sku: Stock keeping unit.
        node: Node id.
        kind: Why.
        on_hand: Units added, negative when taken away; so are the next three.
        reserved: See ``Position``.
        allocated: See ``Position``.
        quarantined: See ``Position``.
        as_of: When it happened (aware UTC), not when the hub heard of it.
        source: Who said so: a connection, ``hub``, a user.
        external_id: The source's id of the news: a feed, shipment, reservation key.
        sequence: The source's own number of the news, if it has one.
    """

    sku: str
    node: str
    kind: MovementKind
    on_hand: int
    reserved: int
    allocated: int
    quarantined: int
    as_of: datetime
    source: str
    external_id: str
    sequence: int | None = None


def post(position: Position, movement: Movement) -> Position:
    """Return ``position`` with ``movement`` added to its balances."""
    sku, node, on_hand, reserved, allocated, quarantined, as_of, sequence, feed_id, meaning = position
    return Position(
        sku,
        node,
        on_hand + movement.on_hand,
        reserved + movement.reserved,
        allocated + movement.allocated,
        quarantined + movement.quarantined,
        as_of,
        sequence,
        feed_id,
        meaning,
    )


def fold(movements: Iterable[Movement], until: datetime | None = None) -> Balance:
    """Sum the movements of one position, in any order; with ``until``, those that had happened by then."""
    on_hand = reserved = allocated = quarantined = 0
    for movement in movements:
        if until is None or movement.as_of <= until:
            on_hand += movement.on_hand
            reserved += movement.reserved
            allocated += movement.allocated
            quarantined += movement.quarantined
    return Balance(on_hand, reserved, allocated, quarantined)


def to_units(quantity: Decimal, step: Decimal = Decimal(1)) -> int:
    """Turn a quantity in its SKU's unit of measure into base units of ``step`` each.

    Raises:
        ValueError: ``quantity`` is not a whole number of steps, or ``step`` is not positive.
    """
    if step <= 0:
        raise ValueError(f"the step of a SKU must be positive, not {step}")
    units = quantity / step
    if units != units.to_integral_value():
        raise ValueError(f"{quantity} is not a multiple of {step}, the smallest quantity of this SKU")
    return int(units)


def from_units(units: int, step: Decimal = Decimal(1)) -> Decimal:
    """Turn base units into a quantity in the SKU's unit of measure."""
    return units * step

"""What a node did, as movements: shipped, received, adjusted, returned, quarantined, transferred.

News comes late and in any order, so every fact is set against the count that ``on_hand`` rests on:

* it happened after the count: the count could not know it, ``on_hand`` changes;
* it happened before the count, or at its instant: the count has seen it, ``on_hand`` stays. What the hub
  itself holds (``allocated``) changes in both cases.

A count of ``AVAILABLE`` stock leaves out the orders the node knew of and had not shipped. The hub added those
back (``Allocation.netted``); when it later learns that one of them had left, or had not been known, it takes
that back too. The outcome is the same whatever order the news comes in: docs/inventory.md draws the time
lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from crossdock.inventory.position import Movement, MovementKind, Position, post
from crossdock_schemas.stock import FeedMeaning

__all__ = [
    "Allocation",
    "AllocationChange",
    "Change",
    "News",
    "acknowledge",
    "adjust",
    "deallocate",
    "quarantine",
    "receive",
    "restock",
    "ship",
    "transfer",
]


@dataclass(frozen=True, slots=True)
class News:
    """Who says that something happened, under which id, and when it happened (aware UTC)."""

    source: str
    external_id: str
    as_of: datetime


class Change(NamedTuple):
    """A position after a movement, and the movement."""

    position: Position
    movement: Movement


@dataclass(frozen=True, slots=True)
class Allocation:
    """Units promised to one line of a fulfilment order and not shipped or given back yet.

    Attributes:
        key: Id of the fulfilment order line.
        sku: Stock keeping unit.
        node: Node id.
        quantity: Units still promised.
        known_from: From when on the node certainly knows of it: the instant of its acknowledgement; for a
            node that never acknowledges, when it was sent plus the time the node takes to read it. None while
            that is not certain, which errs towards promising less.
    """

    key: str
    sku: str
    node: str
    quantity: int
    known_from: datetime | None = None

    def netted(self, count: datetime | None, until: datetime | None = None) -> bool:
        """Whether a count of available stock at ``count`` had left these units out.

        ``until`` is the instant they left or were given back, None while they have not.
        """
        if count is None or self.known_from is None:
            return False
        return self.known_from <= count and (until is None or count < until)


class AllocationChange(NamedTuple):
    """A position after a movement of an allocation, the movement, and what is left of the allocation."""

    position: Position
    movement: Movement
    allocation: Allocation


def receive(position: Position, quantity: int, news: News) -> Change:
    """Add units that arrived."""
    return _record(position, MovementKind.RECEIVED, news, on_hand=_positive(quantity))


def adjust(position: Position, delta: int, news: News) -> Change:
    """Add (or take away) units that the node found (or lost)."""
    return _record(position, MovementKind.ADJUSTED, news, on_hand=delta)


def restock(position: Position, quantity: int, news: News, *, sellable: bool) -> Change:
    """Add units that a customer returned; those that are not ``sellable`` go to quarantine."""
    held = 0 if sellable else _positive(quantity)
    return _record(position, MovementKind.RETURNED, news, on_hand=_positive(quantity), quarantined=held)


def quarantine(position: Position, delta: int, news: News) -> Change:
    """Put units that lie at the node into quarantine, or with a negative ``delta`` take them out again."""
    return _record(position, MovementKind.QUARANTINED, news, quarantined=delta)


def transfer(position: Position, delta: int, news: News) -> Change:
    """Take away units that left for another node (negative ``delta``), or add those that came from one."""
    kind = MovementKind.TRANSFERRED_IN if delta > 0 else MovementKind.TRANSFERRED_OUT
    return _record(position, kind, news, on_hand=delta)


def ship(position: Position, allocation: Allocation, quantity: int, news: News) -> AllocationChange:
    """Take away units that left for a customer, together with the promise they fulfil.

    A node may ship more than was asked of it: the surplus leaves ``on_hand`` only.
    """
    promised = min(_positive(quantity), allocation.quantity)
    on_hand = 0 if _counted(position, news.as_of) else -quantity
    if _uncounts(position, allocation, news.as_of):
        on_hand -= promised
    return _settle(position, allocation, MovementKind.SHIPPED, news, on_hand=on_hand, promised=promised)


def deallocate(position: Position, allocation: Allocation, quantity: int, news: News) -> AllocationChange:
    """Give back units that will not be shipped: cancelled, rejected, short, re-routed.

    ``news.as_of`` is when the node dropped them, if it knew of them: giving back on hearsay counts units
    twice.

    Raises:
        ValueError: More than the allocation still holds.
    """
    if not 0 < quantity <= allocation.quantity:
        raise ValueError(
            f"can't give back {quantity} units of allocation {allocation.key}, it holds {allocation.quantity}"
        )
    on_hand = -quantity if _uncounts(position, allocation, news.as_of) else 0
    return _settle(position, allocation, MovementKind.DEALLOCATED, news, on_hand=on_hand, promised=quantity)


def acknowledge(
    position: Position, allocation: Allocation, news: News, settled: Iterable[tuple[int, datetime]] = ()
) -> AllocationChange:
    """Keep the instant at which the node knew of an allocation, and mend the last count if it came after
    that.

    The movement is empty unless the count has to be mended. An earlier acknowledgement stands against a later
    one.

    Args:
        position: Where it is allocated.
        allocation: What is left of it.
        news: The acknowledgement.
        settled: Units of it that left or were given back before the acknowledgement was heard of, and when.
    """
    known = allocation.known_from
    if known is not None and known <= news.as_of:
        return _settle(position, allocation, MovementKind.COUNTED, news, on_hand=0, promised=0)
    acknowledged = replace(allocation, known_from=news.as_of)
    mended = 0
    if _is_net(position):
        for quantity, until in ((allocation.quantity, None), *settled):
            before = allocation.netted(position.as_of, until)
            mended += quantity * (acknowledged.netted(position.as_of, until) - before)
    return _settle(position, acknowledged, MovementKind.COUNTED, news, on_hand=mended, promised=0)


def _record(
    position: Position, kind: MovementKind, news: News, *, on_hand: int = 0, quarantined: int = 0
) -> Change:
    if _counted(position, news.as_of):
        # A count of available stock saw neither these units nor the hold on them: both are added to what it
        # saw.
        on_hand = quarantined if _is_net(position) else 0
    movement = Movement(
        position.sku,
        position.node,
        kind,
        on_hand,
        0,
        0,
        quarantined,
        news.as_of,
        news.source,
        news.external_id,
    )
    return Change(post(position, movement), movement)


def _settle(
    position: Position, allocation: Allocation, kind: MovementKind, news: News, *, on_hand: int, promised: int
) -> AllocationChange:
    movement = Movement(
        position.sku, position.node, kind, on_hand, 0, -promised, 0, news.as_of, news.source, news.external_id
    )
    left = replace(allocation, quantity=allocation.quantity - promised) if promised else allocation
    return AllocationChange(post(position, movement), movement, left)


def _counted(position: Position, as_of: datetime) -> bool:
    return position.as_of is not None and as_of <= position.as_of


def _is_net(position: Position) -> bool:
    return position.meaning is FeedMeaning.AVAILABLE


def _uncounts(position: Position, allocation: Allocation, until: datetime) -> bool:
    """Whether the last count was mended for units that, as we now hear, had gone by then."""
    return (
        _is_net(position)
        and allocation.netted(position.as_of)
        and not allocation.netted(position.as_of, until)
    )


def _positive(quantity: int) -> int:
    if quantity <= 0:
        raise ValueError(f"a quantity that moves must be positive, not {quantity}")
    return quantity

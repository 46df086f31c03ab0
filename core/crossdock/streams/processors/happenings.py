"""What happened to goods that were promised, as movements of the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from crossdock.inventory import facts
from crossdock.inventory.facts import Allocation, News
from crossdock.inventory.position import Movement, Position
from crossdock.orders.effects import ReleaseAllocation, ShipAllocation, ShipUnasked, WriteOff

__all__ = ["Acknowledge", "Fact", "Occurrence", "movement_of"]


class Occurrence(Struct, frozen=True):
    """What made something change: the id of the news, who said it, and when it happened (aware UTC)."""

    id: str
    source: str
    at: datetime


class Acknowledge(Struct, frozen=True):
    """The node has read of an allocation: a count of available stock from then on leaves it out."""

    fulfilment_line: str
    sku: str
    node: str
    quantity: int
    lot: str | None = None


Fact = ReleaseAllocation | ShipAllocation | WriteOff | ShipUnasked | Acknowledge


def movement_of(
    position: Position, fact: Fact, occurrence: Occurrence, known_from: datetime | None, index: int
) -> tuple[Position, Movement]:
    """What a fact makes of a position, and the movement it is written down as."""
    match fact:
        case ReleaseAllocation() | ShipAllocation():
            # The part before | is read back by crossdock.store.feeds.allocations_known.
            news = News(occurrence.source, f"{fact.fulfilment_line}|{occurrence.id}", occurrence.at)
            allocation = Allocation(fact.fulfilment_line, fact.sku, fact.node, fact.quantity, known_from)
            book = facts.ship if isinstance(fact, ShipAllocation) else facts.deallocate
            change = book(position, allocation, fact.quantity, news)
            return change.position, change.movement
        case Acknowledge():
            news = News(occurrence.source, f"{fact.fulfilment_line}|{occurrence.id}", occurrence.at)
            allocation = Allocation(fact.fulfilment_line, fact.sku, fact.node, fact.quantity, known_from)
            read = facts.acknowledge(position, allocation, news)
            return read.position, read.movement
        case WriteOff() | ShipUnasked():
            news = News(occurrence.source, f"{occurrence.id}#{index}", occurrence.at)
            adjusted = facts.adjust(position, -fact.quantity, news)
            return adjusted.position, adjusted.movement
        case _:
            assert_never(fact)

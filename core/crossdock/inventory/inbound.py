"""Supply that is due: purchase orders, advance ship notices, transfers. It can be promised, but only once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

__all__ = [
    "Inbound",
    "InboundShare",
    "due_by",
    "promise_inbound",
    "promised_inbound",
    "receive_inbound",
    "unpromise",
]


@dataclass(frozen=True, slots=True)
class Inbound:
    """Units on their way to a node.

    Attributes:
        id: Line of the purchase order, ship notice or transfer.
        sku: Stock keeping unit.
        node: Where they will arrive.
        quantity: Units still to arrive.
        due: When they can be shipped on (aware UTC).
        promised: Of ``quantity``, units promised already.
    """

    id: str
    sku: str
    node: str
    quantity: int
    due: datetime
    promised: int = 0

    @property
    def free(self) -> int:
        """Units not promised yet."""
        return self.quantity - self.promised


@dataclass(frozen=True, slots=True)
class InboundShare:
    """Units of an inbound row that cover a promise; keep them with it, to give them back."""

    inbound: str
    quantity: int


def due_by(rows: Iterable[Inbound], by: datetime) -> int:
    """Free units of one position that are due by an instant: ``Limits.inbound_due``."""
    return sum(row.free for row in rows if row.due <= by)


def promised_inbound(rows: Iterable[Inbound]) -> int:
    """Promised units of one position: ``Limits.inbound_promised``."""
    return sum(row.promised for row in rows)


def promise_inbound(
    rows: Iterable[Inbound], units: int, by: datetime
) -> tuple[dict[str, Inbound], tuple[InboundShare, ...], int]:
    """Cover ``units`` with supply that is due by an instant: the latest first, so that the earliest stays
    free.

    Returns:
        The rows that changed by id, the shares taken, and how many units stay uncovered.
    """
    changed: dict[str, Inbound] = {}
    shares: list[InboundShare] = []
    left = units
    for row in sorted(rows, key=lambda row: (row.due, row.id), reverse=True):
        taken = min(left, row.free) if row.due <= by else 0
        if taken:
            changed[row.id] = replace(row, promised=row.promised + taken)
            shares.append(InboundShare(row.id, taken))
            left -= taken
    return changed, tuple(shares), left


def unpromise(row: Inbound, share: InboundShare) -> Inbound:
    """A promise was called off: its share is free again. Supply that has arrived meanwhile holds nothing."""
    return replace(row, promised=max(0, row.promised - share.quantity))


def receive_inbound(row: Inbound, units: int) -> Inbound:
    """Units have arrived: they are on hand now, and cover the promises made on them first."""
    arrived = min(units, row.quantity)
    return replace(row, quantity=row.quantity - arrived, promised=max(0, row.promised - arrived))

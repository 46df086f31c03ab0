"""Supply that is due: purchase orders, advance ship notices, transfers. ``back_orders`` says who waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Inbound"]


@dataclass(frozen=True, slots=True)
class Inbound:
    """Units on their way to a node.

    Attributes:
        id: Line of the purchase order, ship notice or transfer.
        sku: Stock keeping unit.
        node: Where they will arrive.
        quantity: Units still to arrive.
        due: When they can be shipped on (aware UTC).
    """

    id: str
    sku: str
    node: str
    quantity: int
    due: datetime

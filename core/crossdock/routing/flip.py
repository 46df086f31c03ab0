"""A flip: the smallest change of its kind that would have led to another decision."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

__all__ = ["MEASURES", "Flip", "FlipKind"]

MEASURES = ("orders", "lines", "units")
"""What a node's capacity is counted in, in the order of ``SupplyView.capacity``."""


class FlipKind(StrEnum):
    """What would have to be different."""

    MORE_STOCK = "more_stock"
    LESS_FREIGHT = "less_freight"
    LESS_HANDLING = "less_handling"
    MORE_CAPACITY = "more_capacity"


@dataclass(frozen=True, slots=True)
class Flip:
    """A change of one node that would have led to another plan.

    Attributes:
        node: Where.
        sku: Of which there would have to be more, for ``MORE_STOCK``.
        units: How many units more, at least; for ``MORE_CAPACITY`` how many of ``measure``.
        measure: Of what there would have to be more room, for ``MORE_CAPACITY``: ``orders``, ``lines`` or ``units``.
        amount: By more than how much its shipment would have to be cheaper, in the currency of the network.
        placed: Whether it would have found a place for what has none, rather than a better plan.
    """

    kind: FlipKind
    node: str
    sku: str = ""
    units: int = 0
    amount: Decimal | None = None
    currency: str = ""
    placed: bool = False
    measure: str = ""

    def words(self) -> str:
        """As a sentence."""
        end = "would have found a place for more of it" if self.placed else "would have won"
        if self.kind is FlipKind.MORE_STOCK:
            return f"{self.node} {end} with {_count(self.units, 'units')} of {self.sku}."
        if self.kind is FlipKind.MORE_CAPACITY:
            return f"{self.node} {end} with room for {_count(self.units, self.measure)}."
        what = "freight" if self.kind is FlipKind.LESS_FREIGHT else "cost of handling"
        return f"{self.node} {end} with over {self.amount:.2f} {self.currency} less {what}."


def _count(number: int, measure: str) -> str:
    return f"{number} more {measure.removesuffix('s') if number == 1 else measure}"

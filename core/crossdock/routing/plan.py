"""What the optimisers answer, in positions of the problem's arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from crossdock.routing.consolidation import Consolidation

__all__ = ["Plan", "Shipment"]


class Shipment(Struct, frozen=True):
    """A lane, and the units of each line position that go by it."""

    lane: int
    units: tuple[tuple[int, int], ...]


class Plan(Struct, frozen=True):
    """Shipments, the items left out, and what is known of how good it is.

    Attributes:
        given_up: Number of preferences given up, from the last.
        cost: Packed cost of a plan that leaves nothing out, where it was weighed.
        consolidation: How the goods are brought together on the way; then ``shipments`` is empty.
        gap: How far from the best a tier may be, as a share of it; 0 if ``optimal``.
    """

    shipments: tuple[Shipment, ...]
    left_out: tuple[int, ...]
    given_up: int
    optimal: bool
    gap: float = 0.0
    cost: float = math.inf
    consolidation: Consolidation | None = None

"""Where the units of an order line are. None is ever lost:

    ordered = cancelled + unallocated + allocated + shipped

``allocated`` are the units in open fulfilment orders, ``requested`` those of them that a node was asked for.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from crossdock.errors import BugError
from crossdock.orders.life_cycles import LineState

__all__ = ["LineQuantities"]


class LineQuantities(Struct, frozen=True):
    """The units of one order line.

    Attributes:
        ordered: What the buyer wants, and what may not be exceeded.
        cancelled: Will not be shipped any more.
        allocated: In open fulfilment orders.
        requested: Of ``allocated``, those a node was asked for.
        shipped: Left a node, up to ``ordered``.
        short: How often a unit could not be found; history, such units are unallocated again.
        returned: Came back.
        over_shipped: Left a node although nobody had asked for them.

    Raises:
        BugError: The units do not add up.
    """

    ordered: int
    cancelled: int = 0
    allocated: int = 0
    requested: int = 0
    shipped: int = 0
    short: int = 0
    returned: int = 0
    over_shipped: int = 0

    def __post_init__(self) -> None:
        """Refuse units that do not add up."""
        if (
            self.cancelled < 0
            or self.requested < 0
            or self.shipped < 0
            or self.short < 0
            or self.returned < 0
            or self.over_shipped < 0
            or self.allocated < self.requested
            or self.shipped + self.over_shipped < self.returned
            or self.unallocated < 0
        ):
            raise BugError(f"the units of an order line do not add up: {self!r}")

    @property
    def unallocated(self) -> int:
        """Units no node is going to ship yet: to be routed, or on back-order."""
        return self.ordered - self.cancelled - self.allocated - self.shipped

    @property
    def unrequested(self) -> int:
        """Units no node was asked for yet."""
        return self.unallocated + self.allocated - self.requested

    @property
    def state(self) -> LineState:
        """How far the line is, by its least advanced units."""
        if self.cancelled == self.ordered:
            return LineState.CANCELLED
        if self.shipped + self.cancelled == self.ordered:
            return LineState.SHIPPED
        if self.shipped:
            return LineState.PARTLY_SHIPPED
        if self.unallocated:
            return LineState.OPEN
        return LineState.REQUESTED if self.requested == self.allocated else LineState.ALLOCATED

    def allocate(self, units: int) -> LineQuantities:
        """Put units into a fulfilment order."""
        return replace(self, allocated=self.allocated + units)

    def request(self, units: int) -> LineQuantities:
        """Ask a node for allocated units."""
        return replace(self, requested=self.requested + units)

    def deallocate(self, units: int, *, requested: bool, short: bool = False) -> LineQuantities:
        """Take units out of a fulfilment order; ``short`` when the node could not find them."""
        return replace(
            self,
            allocated=self.allocated - units,
            requested=self.requested - (units if requested else 0),
            short=self.short + (units if short else 0),
        )

    def ship(self, units: int, *, requested: bool = True) -> LineQuantities:
        """Allocated units left the node."""
        return replace(
            self,
            allocated=self.allocated - units,
            requested=self.requested - (units if requested else 0),
            shipped=self.shipped + units,
        )

    def ship_unasked(self, units: int) -> LineQuantities:
        """Units left that no open fulfilment order held: they fill what is unallocated, then are surplus."""
        filled = min(units, self.unallocated)
        return replace(self, shipped=self.shipped + filled, over_shipped=self.over_shipped + units - filled)

    def cancel(self, units: int) -> LineQuantities:
        """Give up unallocated units."""
        return replace(self, cancelled=self.cancelled + units)

    def take_back(self, units: int) -> LineQuantities:
        """Shipped units came back."""
        return replace(self, returned=self.returned + units)

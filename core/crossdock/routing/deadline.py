"""By when goods have to be there, or gone: the days that ``late_days`` counts from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from msgspec import Struct

from crossdock.routing.model import Demand
from crossdock.routing.packing import LONGEST_DELAY_DAYS
from crossdock.routing.tariff import Floats

__all__ = ["Deadline"]


class Deadline(Struct, frozen=True):
    """Ordinal days; None where nobody cares. One missed for years counts as missed for ``LONGEST_DELAY_DAYS``.

    Attributes:
        deliver: The goods are to be there.
        ship: The carrier is to have them.
    """

    deliver: int | None
    ship: int | None

    @classmethod
    def of(cls, demand: Demand, today: int) -> Deadline:
        """Those of an order that arrives ``today``."""
        return cls(_ordinal(demand.promise, today), _ordinal(demand.ship_by, today))

    def late_days(self, delivery: int, shipping: int) -> int:
        """Days by which a shipment misses the deadline that it misses by more."""
        missed = [0]
        if self.deliver is not None:
            missed.append(delivery - self.deliver)
        if self.ship is not None:
            missed.append(shipping - self.ship)
        return max(missed)

    def late_days_of_all(self, delivery: Floats, shipping: Sequence[Sequence[int]]) -> Floats | None:
        """The same for many, shape (services, nodes, zones); None where nothing can be late."""
        if self.deliver is None and self.ship is None:
            return None
        late: Floats = np.zeros(delivery.shape)
        if self.deliver is not None:
            late = np.maximum(late, delivery - self.deliver)
        if self.ship is not None:
            days = np.array(shipping, dtype=float).reshape(delivery.shape[:2])
            late = np.maximum(late, days[:, :, None] - self.ship)
        return late


def _ordinal(day: date | None, today: int) -> int | None:
    return None if day is None else max(day.toordinal(), today - LONGEST_DELAY_DAYS)

"""What an order finds: stock, capacity and stale feeds at one instant."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from crossdock.routing.model import Demand
from crossdock.routing.supply import SupplyView
from crossdock.routing.tariff import Floats

__all__ = ["Situation", "situation_of"]


class Situation(Struct, frozen=True, eq=False):
    """Everything a decision depends on, besides network and policy.

    Attributes:
        stock: Available to promise of each line's SKU, shape (lines, nodes).
        capacity: Orders, lines, units left, shape (3, nodes); ``None`` if nothing is limited.
        stale: Nodes with an old feed, shape (nodes,); ``None`` if there are none.
        opportunity: What a unit of each line is worth elsewhere, in thousandths of the network's currency, shape
            (lines, nodes); ``None`` if nobody said.
    """

    demand: Demand
    now: datetime
    stock: NDArray[np.int32]
    capacity: NDArray[np.int32] | None
    stale: NDArray[np.bool_] | None
    opportunity: Floats | None


def situation_of(demand: Demand, supply: SupplyView, now: datetime, until: date | None = None) -> Situation:
    """What ``demand`` finds in ``supply`` at ``now``; with ``until``, of lots only those that last until that day."""
    skus = [line.sku for line in demand.lines]
    return Situation(
        demand=demand,
        now=now,
        stock=supply.rows(skus) if until is None else supply.lasting_rows(skus, until),
        capacity=supply.capacity if supply.limited else None,
        stale=supply.stale,
        opportunity=supply.opportunity_rows(skus),
    )

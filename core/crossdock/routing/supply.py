"""What the nodes can give: available to promise, and capacity left.

A ``SupplyView`` is the snapshot of one batch. It is the one mutable object of routing, and belongs to the caller:
``take`` a plan and the next order of the batch sees what is left; ``release`` gives it back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from crossdock.errors import BugError
from crossdock.inventory.lots import LotStock
from crossdock.routing.model import Assignment
from crossdock.routing.network import UNLIMITED, Network

__all__ = ["UNLIMITED", "SupplyView"]

Integers = NDArray[np.int32]


class SupplyView:
    """Stock by SKU and node, and capacity by node, of one batch.

    Attributes:
        available: Units available to promise, shape (skus, nodes).
        capacity: Orders, lines and units left on each node's own day, shape (3, nodes); ``UNLIMITED`` where there is
            no limit.
        opportunity: What a unit is worth elsewhere, in thousandths of the network's currency, shape (skus, nodes), or
            ``None``; the caller may set it.
        lots: Of the positions that have any; the caller may set it.
        stale: True for a node whose stock feed is older than its limit, shape (nodes,); ``None`` if there are none.
    """

    __slots__ = ("_index", "_row", "available", "capacity", "limited", "lots", "opportunity", "stale")

    def __init__(
        self,
        network: Network,
        stock: Iterable[tuple[str, str, int]],
        *,
        used: Mapping[str, tuple[int, int, int]] | None = None,
        stale_nodes: Iterable[str] = (),
        skus: Sequence[str] = (),
    ) -> None:
        """Load the snapshot.

        Args:
            stock: Rows (sku, node id, units available to promise). Rows of nodes unknown to the network are ignored;
                negative availability counts as none.
            used: Orders, lines, units already placed on the day that it is there, by node id.
            stale_nodes: Nodes whose feed is too old to be trusted.
            skus: SKUs of the batch; those in ``stock`` are added.
        """
        self._index = network.index
        self._row: dict[str, int] = {sku: row for row, sku in enumerate(dict.fromkeys(skus))}
        row_of = self._row
        rows, nodes, free = [], [], []
        for sku, node, units in stock:
            column = network.index.get(node)
            if column is not None and units > 0:
                rows.append(row_of.setdefault(sku, len(row_of)))
                nodes.append(column)
                free.append(units)
        self.available: Integers = np.zeros((len(row_of) + 1, network.size), dtype=np.int32)
        self.available[rows, nodes] = free
        self.capacity: Integers = network.capacity.copy()
        self.limited = network.limited
        for node, (orders, lines, units) in (used or {}).items():
            if node in network.index:
                self._shift_capacity(network.index[node], -orders, -lines, -units)
        self.opportunity: NDArray[np.float64] | None = None
        self.lots: LotStock | None = None
        stale = np.zeros(network.size, dtype=bool)
        stale[[network.index[node] for node in stale_nodes if node in network.index]] = True
        self.stale = stale if stale.any() else None

    def rows(self, skus: Sequence[str]) -> Integers:
        """Availability of ``skus`` at every node, shape (len(skus), nodes); a SKU not in the view has none."""
        return self.available.take([self._row.get(sku, -1) for sku in skus], axis=0)

    def lasting_rows(self, skus: Sequence[str], until: date) -> Integers:
        """As ``rows``, less the units in lots that may not be used any more on the day ``until``."""
        units = self.rows(skus)
        for (sku, node), expired in (self.lots.expired(until) if self.lots else {}).items():
            if sku in skus and node in self._index:
                here = np.array([each == sku for each in skus])
                units[here, self._index[node]] = np.maximum(units[here, self._index[node]] - expired, 0)
        return units

    def opportunity_rows(self, skus: Sequence[str]) -> NDArray[np.float64] | None:
        """The opportunity cost of a unit of ``skus`` at every node, shape (len(skus), nodes)."""
        if self.opportunity is None:
            return None
        return self.opportunity.take([self._row.get(sku, -1) for sku in skus], axis=0)

    def take(self, plan: Iterable[Assignment], *, capacity: bool = True) -> None:
        """Take the stock of ``plan`` away, and the capacity, unless it was taken on another day.

        Raises:
            BugError: the plan holds more than there is; nothing is changed.
        """
        plan = tuple(plan)
        wanted: dict[tuple[int, int], int] = {}
        for assignment in plan:
            node = self._index[assignment.node]
            for line in assignment.lines:
                key = (self._row.get(line.sku, -1), node)
                wanted[key] = wanted.get(key, 0) + line.quantity
        for (row, node), units in wanted.items():
            if units > self.available[row, node]:
                raise BugError(
                    "a plan takes more than is available to promise",
                    detail=f"row {row}, node {node}: {units} > {self.available[row, node]}",
                )
        self._apply(plan, -1, capacity=capacity)

    def release(self, plan: Iterable[Assignment], *, capacity: bool = True) -> None:
        """Give the stock of ``plan`` back, and the capacity, unless it was taken on another day."""
        self._apply(tuple(plan), 1, capacity=capacity)

    def _apply(self, plan: Sequence[Assignment], sign: int, *, capacity: bool) -> None:
        for assignment in plan:
            node = self._index[assignment.node]
            lines, units = sign * len(assignment.lines), 0
            for line in assignment.lines:
                self.available[self._row[line.sku], node] += sign * line.quantity
                units += sign * line.quantity
            if capacity:
                self._shift_capacity(node, sign, lines, units)
                if assignment.to_node:
                    self._shift_capacity(self._index[assignment.to_node], 0, lines, units)

    def _shift_capacity(self, node: int, orders: int, lines: int, units: int) -> None:
        for kind, change in enumerate((orders, lines, units)):
            if self.capacity[kind, node] != UNLIMITED:
                self.capacity[kind, node] += change

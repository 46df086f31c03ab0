"""What the nodes can give, as one batch of orders sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from operator import itemgetter

from crossdock.inventory.lots import LotStock, Pick
from crossdock.inventory.safety_stock import product_tags
from crossdock.routing import Assignment, Decision, Demand, SupplyView
from crossdock.store import capacity, supply
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.demand import ProductFacts
from crossdock.streams.processors.limits import consumed, unfenced
from crossdock.streams.processors.staleness import stale_nodes

__all__ = ["Snapshot", "View", "take_capacity"]


_UNITS = itemgetter(0, 1, 2)


class Snapshot:
    """Stock and capacity of the batch; each channel sees it less its safety stock."""

    def __init__(self, books: Books, skus: Sequence[str], facts: Mapping[str, ProductFacts]) -> None:
        """Read what the nodes have of ``skus``; ``facts`` are those of the products."""
        self._hub, self._tx, self._skus, self._facts = books.hub, books.tx, skus, facts
        found = supply.available_to_route(self._tx.connection, skus, self._tx.now)
        self._rows, self.fences, self._lots = found.rows, found.fences, found.lots
        books.entries.lapsed |= found.lapsed
        books.entries.fenced = books.entries.fenced or bool(self.fences)
        self._channel = ""
        self._days = self._hub.network.days(self._tx.now)
        self._used = capacity.load(self._tx.connection, self._days) if self._days else {}
        self._stale = stale_nodes(self._hub, self._tx.connection, self._tx.now)
        self._taken: dict[str, tuple[int, int, int]] = {}
        self._units_taken: dict[tuple[str, str], int] = {}
        self._view: View | None = None

    def view(self, channel: str) -> View:
        """What ``channel`` may be promised now; without safety stock and ring-fences that is the same for all."""
        self._channel = channel
        differs = bool(self._hub.safety.rules or self.fences)
        if self._view is not None and not differs:
            return self._view
        rows: Iterable[tuple[str, str, int]] = map(_UNITS, self._rows)
        if differs:
            rows = (
                (
                    sku,
                    node,
                    units - self._units_taken.get((sku, node), 0) - self._kept(sku, node, sellable, channel),
                )
                for sku, node, units, sellable, _ in unfenced(self._rows, self.fences, channel)
            )
        supply = SupplyView(
            self._hub.network,
            rows,
            used=self._used,
            stale_nodes=self._stale,
            skus=self._skus,
        )
        supply.lots = self._lots
        self._view = View(supply, self._lots)
        return self._view

    def _kept(self, sku: str, node: str, sellable: int, channel: str) -> int:
        """Units that ``channel`` may not be promised."""
        groups = self._hub.node_groups.get(node)
        if groups is None:
            return 0
        product = self._facts.get(sku)
        tags = product_tags(sku, product.restrictions if product else ())
        return self._hub.safety.rule(tags, groups, channel, self._stale.get(node)).kept_of(max(0, sellable))

    def keep(self, view: View) -> None:
        """Take off what the orders of a channel got."""
        for assignment in view.drain():
            for line in assignment.lines:
                key = (line.sku, assignment.node)
                self._units_taken[key] = self._units_taken.get(key, 0) + line.quantity
                if key in self.fences:
                    self.fences[key] = consumed(self.fences[key], self._channel, line.quantity)
            for table in (self._taken, self._used):
                take_capacity(table, assignment)

    def close(self) -> None:
        """Write down the capacity that was taken."""
        if self._days:
            capacity.take(self._tx.connection, self._days, self._taken)


class View:
    """One channel's view, and the plans taken from it."""

    def __init__(self, supply: SupplyView, lots: LotStock) -> None:
        """Take from ``supply``, and say from which ``lots``."""
        self.supply = supply
        self._lots = lots
        self._plans: list[Assignment] = []

    def take(self, demand: Demand, decision: Decision) -> list[list[list[Pick]]]:
        """Take what a decision on ``demand`` assigns.

        Returns:
            For every line of every shipment the lots to pick: they last until it arrives, and until the promised day.
        """
        promised = demand.promise or date.min
        if any(shipment.to_node for shipment in decision.assignments):
            promised = max(promised, *(shipment.delivery_date for shipment in decision.assignments))
        self.supply.take(decision.assignments)
        self._plans.extend(decision.assignments)
        return [
            [
                self._lots.take(line.sku, shipment.node, line.quantity, max(shipment.delivery_date, promised))
                for line in shipment.lines
            ]
            for shipment in decision.assignments
        ]

    def release(self, plan: Assignment, picks: Iterable[tuple[str, Pick]], *, capacity: bool) -> None:
        """Let others have what ``plan`` holds: lots by SKU, and the capacity if it was taken today."""
        self.supply.release([plan], capacity=capacity)
        for sku, picked in picks:
            self._lots.hold(sku, plan.node, [picked], -1)

    def hold(self, plan: Assignment, picks: Iterable[tuple[str, Pick]], *, capacity: bool) -> None:
        """Undo ``release``."""
        self.supply.take([plan], capacity=capacity)
        for sku, picked in picks:
            self._lots.hold(sku, plan.node, [picked])

    def drain(self) -> list[Assignment]:
        """The plans taken since the last time."""
        plans, self._plans = self._plans, []
        return plans


def take_capacity(used: dict[str, capacity.Used], assignment: Assignment) -> None:
    """Add what one shipment of a plan takes of nodes' capacity; where it is sent on, it is work once more."""
    lines, units = len(assignment.lines), sum(line.quantity for line in assignment.lines)
    used[assignment.node] = _add(used.get(assignment.node, (0, 0, 0)), (1, lines, units))
    if assignment.to_node:
        used[assignment.to_node] = _add(used.get(assignment.to_node, (0, 0, 0)), (0, lines, units))


def _add(left: tuple[int, int, int], right: tuple[int, int, int]) -> tuple[int, int, int]:
    return (left[0] + right[0], left[1] + right[1], left[2] + right[2])

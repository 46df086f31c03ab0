"""One order against the network, as numbers: the cost of every set of lines at every node.

A table has one row for every set of items (bit i of the row number is item i) and one column for every node. All
costs are packed (see ``packing``); infeasible is at least ``IMPOSSIBLE``.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from crossdock.routing.model import Demand, Service
from crossdock.routing.network import Network
from crossdock.routing.packing import LONGEST_DELAY_DAYS, packing
from crossdock.routing.policy import CompiledPolicy
from crossdock.routing.supply import UNLIMITED
from crossdock.routing.tariff import Floats, Tariff, thousandths

__all__ = ["IMPOSSIBLE", "Option", "Problem", "Situation", "memberships"]

IMPOSSIBLE = 1e300
"""Cost of what can't be; whatever it is part of is above every real cost."""


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


class Option(Struct, frozen=True, eq=False):
    """A way to ship: a carrier service, or the customer's own pick-up (no service, no tariff).

    Attributes:
        ship: Ordinal day of collection at each node.
        delivery: Ordinal day of delivery from each node.
        zone: Tariff zone of each node; -1 where the service does not go.
        cost: Packed cost of one shipment from each node, without freight and lines; infinite if it never leaves.
    """

    service: Service | None
    tariff: Tariff | None
    ship: Floats
    delivery: Floats
    zone: NDArray[np.intp] | None
    cost: Floats


@cache
def memberships(count: int) -> Floats:
    """Row S holds 1 for each item of the set S, shape (2**count, count)."""
    sets = np.arange(1 << count)
    return ((sets[:, None] >> np.arange(count)) & 1).astype(np.float64)


class Problem:
    """The numbers of one order, computed once for each decision.

    Attributes:
        items: Bundles of line positions: the units of splitting.
        eligible: Nodes that pass every fence that does not depend on the lines, shape (nodes,).
        weight, volume, units, value: Of each item: grams, cm3, units, thousandths of the demand's currency.
        item_cost: Packed cost of each item at each node, ``IMPOSSIBLE`` where it can't be, shape (items, nodes).
        options: Ways to ship.
        promised_ordinal: The promised day; a promise broken for years counts as broken for ``LONGEST_DELAY_DAYS``.
    """

    def __init__(self, situation: Situation, network: Network, policy: CompiledPolicy) -> None:
        """Read the order; the table is computed by ``table``."""
        demand = situation.demand
        self.situation, self.demand, self.network, self.policy = situation, demand, network, policy
        self.items = _bundles(demand, policy)
        self.reach = network.reach(demand.destination)
        self.timetable = network.timetable(situation.now)
        masks = policy.masks(demand, network)
        self.kept_preferences = masks.kept
        self.eligible = self._eligible(masks.passed)
        self._measure_items()
        self.most_shipments = min(policy.split.max_shipments or len(self.items), len(self.items))
        self.packing = packing(
            policy,
            network,
            money_bits=int(self._money_bound()).bit_length(),
            shipments=self.most_shipments,
            lines=len(demand.lines),
        )
        today = situation.now.date().toordinal()
        self.promised_ordinal = (
            max(demand.promise.toordinal(), today - LONGEST_DELAY_DAYS) if demand.promise else today
        )
        self.options = self._options()
        self.item_cost = self._item_cost()

    def _measure_items(self) -> None:
        lines = self.demand.lines
        weight = [line.unit_weight_grams * line.quantity for line in lines]
        volume = [line.unit_volume_cm3 * line.quantity for line in lines]
        units = [line.quantity for line in lines]
        value = [thousandths(line.unit_value) * line.quantity for line in lines]
        self.quantities = np.array(units, dtype=np.int32)
        measures = [weight, volume, units, value]
        if len(self.items) != len(lines):
            measures = [[sum(m[p] for p in item) for item in self.items] for m in measures]
        self.weight, self.volume, self.units, self.value = measures
        self.restricted = any(line.restrictions for line in lines)

    def _eligible(self, passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        demand, policy, situation = self.demand, self.policy, self.situation
        eligible = passed
        if policy.capacity and situation.capacity is not None:
            eligible = eligible & (situation.capacity[0] > 0)
        if policy.fresh and situation.stale is not None:
            eligible = eligible & ~situation.stale
        if policy.max_distance_km is not None and not demand.pick_up:
            eligible = eligible & (self.reach.distance_km <= policy.max_distance_km)
        if demand.fixed_node or demand.excluded_nodes:
            index = self.network.index
            if demand.fixed_node:
                only = np.zeros(self.network.size, dtype=bool)
                if demand.fixed_node in index:
                    only[index[demand.fixed_node]] = True
                eligible = eligible & only
            else:
                eligible = eligible.copy()
            eligible[[index[node] for node in demand.excluded_nodes if node in index]] = False
        return eligible

    def _money_bound(self) -> float:
        """More, in thousandths, than the money terms of any plan can sum up to."""
        highest = self.network.highest_handling
        shipments = self.most_shipments
        bound = highest[0] * shipments + highest[1] * len(self.demand.lines) + highest[2] * sum(self.units)
        weight, volume = sum(self.weight), sum(self.volume)
        opportunity = self.situation.opportunity
        if opportunity is not None:
            bound += float(opportunity.max(initial=0.0)) * sum(self.units)
        freight = max(
            (tariff.bound(weight, volume, shipments) for tariff in self.network.tariffs), default=0.0
        )
        return bound + freight + 1

    def _options(self) -> list[Option]:
        demand, timetable = self.demand, self.timetable
        if demand.pick_up:
            cost = self._option_cost(timetable.ready, shipped=False)
            return [Option(None, None, timetable.ready, timetable.ready, None, cost)]
        options = []
        for index, service in enumerate(self.network.services):
            if demand.service_level and demand.service_level not in service.levels:
                continue
            delivery = timetable.delivery[index].take(self.reach.cells[index])
            cost = self._option_cost(delivery, shipped=True)
            tariff, zone = self.network.tariffs[index], self.reach.zones[index]
            options.append(Option(service, tariff, timetable.ship[index], delivery, zone, cost))
        return options

    def _option_cost(self, delivery: Floats, *, shipped: bool) -> Floats:
        pack, scales = self.packing.pack, self.packing.scales
        cost = self.packing.shipment
        if "late_days" in scales and self.demand.promise is not None:
            cost = cost + pack("late_days", np.maximum(delivery - self.promised_ordinal, 0.0))
        if "transit_days" in scales:
            days = delivery - self.situation.now.date().toordinal()
            cost = cost + pack("transit_days", np.maximum(days, 0.0))
        if "distance" in scales and shipped:
            cost = cost + pack("distance", self.reach.distance_km)
        if "workload" in scales and self.situation.capacity is not None:
            cost = cost + pack("workload", self.workload(self.situation.capacity[0]))
        return cost if self.timetable.all_open else np.where(delivery < np.inf, cost, np.inf)

    def workload(self, orders_left: NDArray[np.int32]) -> Floats:
        """Share of each node's daily orders already taken; none where there is no limit."""
        share = 1.0 - orders_left / self.network.daily_orders
        return np.where(orders_left == UNLIMITED, 0.0, np.minimum(np.maximum(share, 0.0), 1.0))

    def _item_cost(self) -> Floats:
        demand, network, stock = self.demand, self.network, self.situation.stock
        fits = stock >= self.quantities[:, None]
        fits &= self.eligible
        if self.restricted:
            for position, line in enumerate(demand.lines):
                for restriction in line.restrictions:
                    fits[position] &= network.handles(restriction)
        cost = np.where(fits, 0.0, IMPOSSIBLE)
        scales, pack = self.packing.scales, self.packing.pack
        if "handling_cost" in scales and network.handles_by_line:
            cost += self.packing.line_handling
            cost += np.multiply.outer(self.quantities, self.packing.unit_handling)
        if "stock_balance" in scales:
            share = self.quantities[:, None] / np.maximum(stock, 1)
            cost += pack("stock_balance", np.minimum(share, 1.0, out=share))
        if "zero_stock" in scales:
            cost += pack("zero_stock", (stock <= self.quantities[:, None]).astype(np.float64))
        if "opportunity_cost" in scales and self.situation.opportunity is not None:
            cost += pack("opportunity_cost", self.situation.opportunity * self.quantities[:, None])
        if len(self.items) != len(demand.lines):
            return np.array([cost[list(item)].sum(axis=0) for item in self.items])
        return cost

    @property
    def least_value(self) -> float | None:
        """The least value of each shipment of a split order, in thousandths of the demand's currency."""
        least = self.policy.split.min_value
        if least is None:
            return None
        rates = self.network.exchange_rates
        return float(thousandths(self.network.converted(least) / rates[self.demand.currency]))

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Nodes that are eligible and that some option ships from, shape (nodes,)."""
        ships = np.zeros(self.network.size, dtype=bool)
        for option in self.options:
            goes = option.cost < np.inf
            ships |= goes if option.zone is None else goes & (option.zone >= 0)
        return ships & self.eligible

    @property
    def most_shipments_allowed(self) -> int:
        """The most shipments if quantities may be split too."""
        return self.policy.split.max_shipments or min(sum(self.units), self.network.size)

    def allowed(self, given_up: int) -> NDArray[np.bool_]:
        """Nodes that meet the preferences that are left when the last ``given_up`` are given up."""
        kept = self.kept_preferences
        if kept is None:
            return np.ones(self.network.size, dtype=bool)
        return kept >= len(self.policy.preferences) - given_up

    def may_handle(self, position: int) -> NDArray[np.bool_]:
        """Nodes that may handle the product of a line, shape (nodes,)."""
        able = np.ones(self.network.size, dtype=bool)
        for restriction in self.demand.lines[position].restrictions:
            able &= self.network.handles(restriction)
        return able

    def shared_skus(self) -> list[tuple[list[int], list[int]]]:
        """For each SKU that stands in several lines: the positions of the lines, and its units in each item."""
        if len({line.sku for line in self.demand.lines}) == len(self.demand.lines):
            return []
        positions: dict[str, list[int]] = {}
        for position, line in enumerate(self.demand.lines):
            positions.setdefault(line.sku, []).append(position)
        return [
            (shared, [sum(self.demand.lines[p].quantity for p in item if p in shared) for item in self.items])
            for shared in positions.values()
            if len(shared) > 1
        ]

    def packed_freight(self, amount: float) -> float:
        """Packed cost of ``amount`` thousandths of freight."""
        if "shipping_cost" not in self.packing.scales:
            return 0.0
        return float(self.packing.pack("shipping_cost", np.array(amount)))

    def tables(self) -> list[Floats]:
        """Packed cost of every set of items at every node by each option, each of shape (2**items, nodes).

        Row 0, the empty set, means nothing.
        """
        member = memberships(len(self.items))
        lines = member @ self.item_cost
        sums = member @ np.array((self.weight, self.volume, self.units), dtype=np.float64).T
        self._forbid_sets(lines, member, sums)
        weigh = "shipping_cost" in self.packing.scales
        tables = []
        for option in self.options:
            if option.tariff is None or option.zone is None:
                tables.append(lines + option.cost)
                continue
            freight = option.tariff.freight(sums[:, 0], sums[:, 1])
            if self.restricted:
                self._restrict(option, freight, member, sums)
            packed = (
                self.packing.pack("shipping_cost", freight)
                if weigh
                else np.where(freight < np.inf, 0.0, freight)
            )
            table = packed.take(option.zone, axis=1)
            table += lines
            table += option.cost
            tables.append(table)
        return tables

    def _restrict(self, option: Option, freight: Floats, member: Floats, sums: Floats) -> None:
        """Add surcharges on restricted lines, and forbid what the carrier refuses, in ``freight`` (sets, zones)."""
        for restriction in sorted({r for line in self.demand.lines for r in line.restrictions}):
            holders = [
                any(restriction in self.demand.lines[p].restrictions for p in item) for item in self.items
            ]
            sets = (member @ np.array(holders, dtype=np.float64)) > 0
            if option.service is not None and restriction in option.service.refuses:
                freight[sets] = np.inf
            elif option.tariff is not None and restriction in option.tariff.restricted:
                parcels = option.tariff.parcels(sums[:, 0], sums[:, 1])
                freight[sets] += (parcels * option.tariff.restricted[restriction])[sets, None]

    def _forbid_sets(self, lines: Floats, member: Floats, sums: Floats) -> None:
        """Forbid sets that exceed a node's capacity, or its stock of a SKU that stands in several lines."""
        capacity = self.situation.capacity
        if self.policy.capacity and capacity is not None:
            if capacity[2].min(initial=UNLIMITED) < sums[-1, 2]:
                lines[sums[:, 2, None] > capacity[2]] = IMPOSSIBLE
            if capacity[1].min(initial=UNLIMITED) < len(self.demand.lines):
                count = member @ np.array([len(item) for item in self.items], dtype=np.float64)
                lines[count[:, None] > capacity[1]] = IMPOSSIBLE
        for positions, wanted in self.shared_skus():
            total = member @ np.array(wanted, dtype=np.float64)
            lines[total[:, None] > self.situation.stock[positions[0]]] = IMPOSSIBLE


def _bundles(demand: Demand, policy: CompiledPolicy) -> list[tuple[int, ...]]:
    kinds = policy.split.keep_together
    if not kinds:
        return [(position,) for position in range(len(demand.lines))]
    groups: dict[str, list[int]] = {}
    for position, line in enumerate(demand.lines):
        together = line.group and line.group_kind in kinds
        groups.setdefault(f"group:{line.group}" if together else f"line:{position}", []).append(position)
    return [tuple(group) for group in groups.values()]

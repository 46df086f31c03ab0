"""One order against the network, as numbers: the cost of every set of lines at every node.

A table has one row for every set of items (bit i of the row number is item i) and one column for every node. All
costs are packed (see ``packing``); infeasible is at least ``IMPOSSIBLE``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache

import numpy as np
from numpy.typing import NDArray

from crossdock.routing.model import Demand, Service
from crossdock.routing.network import Network
from crossdock.routing.packing import LONGEST_DELAY_DAYS, packing
from crossdock.routing.policy import CompiledPolicy
from crossdock.routing.supply import UNLIMITED
from crossdock.routing.tariff import Floats, Tariff, thousandths

__all__ = ["IMPOSSIBLE", "Option", "Problem", "Situation", "memberships"]

IMPOSSIBLE = 1e17
"""Cost of what can't be; whatever it is part of is above every real cost."""


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Everything a decision depends on, besides network and policy.

    Attributes:
        stock: Available to promise of each line's SKU, shape (lines, nodes).
        capacity: Orders, lines, units left, shape (3, nodes); ``None`` if nothing is limited.
        stale: Nodes with an old feed, shape (nodes,).
        opportunity: What a unit of each line is worth elsewhere, in thousandths of the network's currency, shape
            (lines, nodes); ``None`` if nobody said.
    """

    demand: Demand
    now: datetime
    stock: NDArray[np.int32]
    capacity: NDArray[np.int32] | None
    stale: NDArray[np.bool_]
    opportunity: Floats | None


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """A way to ship: a carrier service, or the customer's own pick-up (no service, no tariff).

    Attributes:
        ship: Ordinal day of collection at each node.
        delivery: Ordinal day of delivery from each node.
        zone: Tariff zone of each node; -1 where the service does not go.
        cost: Packed cost of one shipment from each node, without freight and lines.
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
        if policy.fresh:
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
            late = delivery - self.demand.promise.toordinal()
            cost = cost + pack(
                "late_days", np.minimum(np.maximum(late, 0.0, out=late), LONGEST_DELAY_DAYS, out=late)
            )
        if "transit_days" in scales:
            days = delivery - self.situation.now.date().toordinal()
            cost = cost + pack("transit_days", np.minimum(np.maximum(days, 0.0), LONGEST_DELAY_DAYS))
        if "distance" in scales and shipped:
            cost = cost + pack("distance", self.reach.distance_km)
        if "workload" in scales and self.situation.capacity is not None:
            cost = cost + pack("workload", self.workload(self.situation.capacity[0]))
        return np.where(self.eligible & (delivery < np.inf), cost, np.inf)

    def workload(self, orders_left: NDArray[np.int32]) -> Floats:
        """Share of each node's daily orders already taken; none where there is no limit."""
        share = 1.0 - orders_left / self.network.daily_orders
        return np.where(orders_left == UNLIMITED, 0.0, np.minimum(np.maximum(share, 0.0), 1.0))

    def _item_cost(self) -> Floats:
        demand, network, stock = self.demand, self.network, self.situation.stock
        fits = stock >= self.quantities[:, None]
        if self.restricted:
            for position, line in enumerate(demand.lines):
                for restriction in line.restrictions:
                    fits[position] &= network.handles(restriction)
        cost = np.where(fits, 0.0, IMPOSSIBLE)
        scales, pack = self.packing.scales, self.packing.pack
        if "handling_cost" in scales and network.handles_by_line:
            for position, line in enumerate(demand.lines):
                cost[position] += pack("handling_cost", self.line_handling(line.quantity))
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

    def line_handling(self, quantity: int) -> Floats:
        """Handling of one line at each node, in thousandths."""
        return self.network.handling_per_line + self.network.handling_per_unit * quantity

    @property
    def least_value(self) -> float | None:
        """The least value of each shipment of a split order, in thousandths of the demand's currency."""
        least = self.policy.split.min_value
        if least is None:
            return None
        rates = self.network.exchange_rates
        return float(thousandths(self.network.converted(least) / rates[self.demand.currency]))

    def costs(
        self, node: int, option: Option, units: Sequence[tuple[int, int]]
    ) -> tuple[tuple[str, Decimal], ...]:
        """Natural value of every term, and always freight and handling, of one shipment of (line position, units)."""
        named = [term for tier in self.policy.tiers for term, _ in tier]
        named.extend(term for term in ("shipping_cost", "handling_cost") if term not in named)
        return tuple((term, self._natural(term, node, option, units)) for term in named)

    def _natural(self, term: str, node: int, option: Option, units: Sequence[tuple[int, int]]) -> Decimal:
        situation, network = self.situation, self.network
        if term == "shipping_cost":
            return _money(self._freight(node, option, units))
        if term == "handling_cost":
            per_shipment, per_line, per_unit = network.handling[node]
            return _money(per_shipment + per_line * len(units) + per_unit * sum(count for _, count in units))
        if term == "shipments":
            return Decimal(1)
        if term == "late_days":
            promise = self.demand.promise
            late = 0 if promise is None else int(option.delivery[node]) - promise.toordinal()
            return Decimal(min(max(late, 0), LONGEST_DELAY_DAYS))
        if term == "transit_days":
            days = int(option.delivery[node]) - situation.now.date().toordinal()
            return Decimal(min(max(days, 0), LONGEST_DELAY_DAYS))
        if term == "priority":
            return Decimal(network.nodes[node].priority)
        if term == "distance":
            return Decimal(0) if option.zone is None else _rounded(float(self.reach.distance_km[node]))
        if term == "workload":
            left = situation.capacity
            return Decimal(0) if left is None else _rounded(float(self.workload(left[0])[node]))
        stock = situation.stock
        if term == "stock_balance":
            return _rounded(sum(min(count / max(int(stock[p, node]), 1), 1.0) for p, count in units))
        if term == "zero_stock":
            return Decimal(sum(int(stock[p, node]) <= count for p, count in units))
        worth = situation.opportunity
        return (
            Decimal(0) if worth is None else _money(sum(float(worth[p, node]) * count for p, count in units))
        )

    def _freight(self, node: int, option: Option, units: Sequence[tuple[int, int]]) -> float:
        if option.tariff is None or option.zone is None:
            return 0.0
        lines = self.demand.lines
        return option.tariff.price(
            int(option.zone[node]),
            sum(lines[p].unit_weight_grams * count for p, count in units),
            sum(lines[p].unit_volume_cm3 * count for p, count in units),
            {r for p, _ in units for r in lines[p].restrictions} if self.restricted else (),
        )

    def why_unfilled(self, position: int) -> str:
        """Code of the reason why the line at ``position`` can't be placed."""
        line, demand = self.demand.lines[position], self.demand
        stock = self.situation.stock[position]
        if not self.eligible.any():
            return "no_node"
        if not stock[self.eligible].any():
            return "no_stock"
        if all(not (option.cost < np.inf).any() for option in self.options):
            return "no_service"
        item = next(index for index, positions in enumerate(self.items) if position in positions)
        if not (self.item_cost[item][self.eligible] < IMPOSSIBLE).any():
            if (
                line.restrictions
                and (stock[self.eligible] >= line.quantity).any()
                and len(self.items[item]) == 1
            ):
                return "restricted"
            return "no_stock" if len(self.items[item]) == 1 else "group_not_together"
        return "split_rules" if len(demand.lines) > 1 else "no_service"

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
        skus = [line.sku for line in self.demand.lines]
        if len(set(skus)) == len(skus):
            return
        for sku in sorted({sku for sku in skus if skus.count(sku) > 1}):
            wanted = [
                sum(self.demand.lines[p].quantity for p in item if skus[p] == sku) for item in self.items
            ]
            total = member @ np.array(wanted, dtype=np.float64)
            lines[total[:, None] > self.situation.stock[skus.index(sku)]] = IMPOSSIBLE


def _money(value: float) -> Decimal:
    return Decimal(int(value)).scaleb(-3)


def _rounded(value: float) -> Decimal:
    return Decimal(round(value * 1000)).scaleb(-3)


def _bundles(demand: Demand, policy: CompiledPolicy) -> list[tuple[int, ...]]:
    kinds = policy.split.keep_together
    if not kinds:
        return [(position,) for position in range(len(demand.lines))]
    groups: dict[str, list[int]] = {}
    for position, line in enumerate(demand.lines):
        together = line.group and line.group_kind in kinds
        groups.setdefault(f"group:{line.group}" if together else f"line:{position}", []).append(position)
    return [tuple(group) for group in groups.values()]

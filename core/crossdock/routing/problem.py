"""One order against the network, as numbers: the cost of every set of lines by every lane.

A table has one row for every set of items (bit i of the row number is item i) and one column for every lane. All
costs are packed (see ``packing``); infeasible is at least ``IMPOSSIBLE``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from crossdock.routing.compiled_policy import CompiledPolicy
from crossdock.routing.deadline import Deadline
from crossdock.routing.items import bundles, memberships, shared_skus
from crossdock.routing.network import Network
from crossdock.routing.packing import Packing, of_legs, packing
from crossdock.routing.situation import Situation
from crossdock.routing.supply import UNLIMITED
from crossdock.routing.tariff import Floats, thousandths

__all__ = ["IMPOSSIBLE", "Problem"]

_REMEMBERED_CELLS = 2**22
"""Of the tables of costs that a timetable keeps, together: 32 MiB."""

IMPOSSIBLE = 1e300
"""Cost of what can't be; whatever it is part of is above every real cost."""


class Problem:
    """The numbers of one order, computed once for each decision.

    Attributes:
        items: Bundles of line positions: the units of splitting.
        eligible: Nodes that pass every fence that does not depend on the lines, shape (nodes,).
        weight, volume, units: Of each item: grams, cm3, units.
        item_cost: Packed cost of each item at each node, ``IMPOSSIBLE`` where it can't be, shape (items, nodes).
        lanes: Ways to ship.
        zone: Tariff zone of each lane, shape (lanes,).
        arrival: Flat position of each lane in the tables by service, node and zone, shape (lanes,).
        cost: Packed cost of one shipment by each lane, without freight and lines.
        deadline: By when the goods have to be there, or gone.
    """

    def __init__(
        self, situation: Situation, network: Network, policy: CompiledPolicy, whole: Problem | None = None
    ) -> None:
        """Read the order; the table is computed by ``table``.

        Args:
            whole: The order whose goods are to be brought to the destination of ``situation`` first, line by line.
        """
        demand = situation.demand
        self.situation, self.demand, self.network, self.policy = situation, demand, network, policy
        self.items = bundles(demand, () if whole else policy.split.keep_together)
        self.reach = network.reach(demand.destination)
        self.timetable = network.timetable(max(situation.now, demand.ready_from or situation.now))
        masks = policy.masks((whole or self).demand, network, demand.destination.address)
        self.kept_preferences = masks.kept
        self.least_capacity = self._least_capacity()
        self.eligible = self._eligible(masks.passed)
        self._measure_items()
        self.most_shipments = min(policy.split.max_shipments or len(self.items), len(self.items))
        self.packing: Packing = of_legs(policy, network, whole.packing) if whole else self._packing()
        self.today = situation.now.date().toordinal()
        self.deadline = Deadline.of(demand, self.today)
        self.lanes = network.lanes(masks.passed, demand)
        self.zone = self.reach.zones.take(self.lanes.chart)
        self.arrival = self.lanes.arrival + self.zone
        self.cost = self._lane_cost(fenced=self.eligible is not masks.passed)
        self.item_cost = self._item_cost()
        self._table: Floats | None = None

    def _packing(self) -> Packing:
        lines, shipments, bound = len(self.demand.lines), self.most_shipments, 0.0
        if self.policy.definition.consolidate:
            # Every line may go on its own, and then all of them together once more.
            shipments, bound = lines + 1, self._money_bound(1)
        bits = int(bound + self._money_bound(shipments)).bit_length()
        return packing(self.policy, self.network, money_bits=bits, shipments=shipments, lines=lines)

    def _measure_items(self) -> None:
        lines = self.demand.lines
        weight = [line.unit_weight_grams * line.quantity for line in lines]
        volume = [line.unit_volume_cm3 * line.quantity for line in lines]
        units = [line.quantity for line in lines]
        self.quantities = np.array(units, dtype=np.int32)[:, None]
        self.weight, self.volume, self.units = map(self._by_item, (weight, volume, units))
        restrictions = [restriction for line in lines for restriction in line.restrictions]
        self.restrictions = sorted(set(restrictions)) if restrictions else restrictions

    def _by_item(self, by_line: list[int]) -> list[int]:
        if len(self.items) == len(by_line):
            return by_line
        return [sum(by_line[position] for position in item) for item in self.items]

    @property
    def value(self) -> list[int]:
        """Worth of each item in thousandths of the demand's currency."""
        return self._by_item([thousandths(line.unit_value) * line.quantity for line in self.demand.lines])

    def _least_capacity(self) -> list[int]:
        """The fewest orders, lines and units that any node has left, if the policy minds."""
        capacity = self.situation.capacity
        if capacity is None or not self.policy.capacity:
            return [UNLIMITED] * 3
        least: list[int] = capacity.min(axis=1, initial=UNLIMITED).tolist()
        return least

    def _eligible(self, passed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        demand, policy, situation = self.demand, self.policy, self.situation
        eligible = passed
        if situation.capacity is not None and self.least_capacity[0] <= 0:
            eligible = eligible & (situation.capacity[0] > 0)
        if policy.fresh and situation.stale is not None:
            eligible = eligible & ~situation.stale
        if policy.max_distance_km is not None and not demand.pick_up:
            eligible = eligible & (self.reach.distance_km <= policy.max_distance_km)
        if demand.fixed_node or demand.excluded_nodes:
            index = self.network.index
            if demand.fixed_node:
                eligible = eligible & np.array([node == demand.fixed_node for node in index], dtype=bool)
            else:
                eligible = eligible.copy()
            eligible[[index[node] for node in demand.excluded_nodes if node in index]] = False
        return eligible

    def _money_bound(self, shipments: int) -> float:
        """More, in thousandths, than the money terms of any plan of so many shipments can sum up to."""
        units = sum(self.units)
        per_shipment, per_line, per_unit = self.network.highest_handling
        bound = per_shipment * shipments + per_line * len(self.demand.lines) + per_unit * units
        weight, volume = sum(self.weight), sum(self.volume)
        opportunity = self.situation.opportunity
        if opportunity is not None:
            bound += float(opportunity.max(initial=0.0)) * units
        return bound + self.network.freight_bound(weight, volume, shipments) + 1

    def _lane_cost(self, *, fenced: bool) -> Floats:
        scales, node = self.packing.scales, self.lanes.node
        cost: Floats = self._cost_by_zone().take(self.arrival)
        if "distance" in scales and not self.demand.pick_up:
            cost += self.packing.pack("distance", self.reach.distance_km).take(node)
        if "workload" in scales and self.situation.capacity is not None:
            cost += self.packing.pack("workload", self.workload(self.situation.capacity[0])).take(node)
        if fenced:
            cost[~self.eligible.take(node)] = IMPOSSIBLE
        return cost

    def _cost_by_zone(self) -> Floats:
        """Packed cost of a shipment that does not depend on its lines, shape (services, nodes, zones)."""
        packing, timetable = self.packing, self.timetable
        key = (packing, self.deadline, self.today)
        known = timetable.costs.get(key)
        if known is None:
            days = timetable.delivery
            known = np.broadcast_to(packing.shipment[:, None], days.shape).copy()
            late = self.deadline.late_days_of_all(days, timetable.ship)
            if "late_days" in packing.scales and late is not None:
                known += packing.pack("late_days", late)
            if "transit_days" in packing.scales:
                known += packing.pack("transit_days", np.maximum(days - self.today, 0.0))
            known[days == np.inf] = IMPOSSIBLE
            if len(timetable.costs) * days.size >= _REMEMBERED_CELLS:
                timetable.costs.clear()
            timetable.costs[key] = known
        return known

    def workload(self, orders_left: NDArray[np.int32]) -> Floats:
        """Share of each node's daily orders already taken; none where there is no limit."""
        share = 1.0 - orders_left / self.network.daily_orders
        return np.where(orders_left == UNLIMITED, 0.0, np.minimum(np.maximum(share, 0.0), 1.0))

    def _item_cost(self) -> Floats:
        demand, network, stock = self.demand, self.network, self.situation.stock
        fits = stock >= self.quantities
        if self.restrictions:
            for position, line in enumerate(demand.lines):
                for restriction in line.restrictions:
                    fits[position] &= network.handles(restriction)
        scales, pack = self.packing.scales, self.packing.pack
        handling: Floats | float = 0.0
        if "handling_cost" in scales:
            handling = self.quantities * self.packing.unit_handling
            handling += self.packing.line_handling
        cost = np.where(fits, handling, IMPOSSIBLE)
        if "stock_balance" in scales:
            cost += pack("stock_balance", self.quantities / np.maximum(stock, 1))
        if "zero_stock" in scales:
            cost += pack("zero_stock", (stock <= self.quantities).astype(np.float64))
        if "opportunity_cost" in scales and self.situation.opportunity is not None:
            cost += pack("opportunity_cost", self.situation.opportunity * self.quantities)
        if len(self.items) != len(demand.lines):
            return np.array([cost[list(item)].sum(axis=0) for item in self.items])
        return cost

    @property
    def least_value(self) -> float | None:
        """The least value of each shipment of a split order, in thousandths of the demand's currency."""
        least, rates = self.policy.split.min_value, self.network.exchange_rates
        own = self.demand.currency
        return None if least is None else float(thousandths(self.network.converted(least) / rates[own]))

    @property
    def sends(self) -> NDArray[np.bool_]:
        """Lanes that are open to this order, shape (lanes,)."""
        return self.cost < IMPOSSIBLE

    def delivery(self, lane: int) -> int:
        """Ordinal day of delivery by an open ``lane``."""
        return int(self.timetable.delivery.item(self.arrival.item(lane)))

    def shipping(self, lane: int) -> int:
        """Ordinal day on which the carrier has the goods, by an open ``lane``."""
        service = self.lanes.numbers[self.lanes.service.item(lane)]
        return self.timetable.ship[service][self.lanes.node.item(lane)]

    @property
    def usable(self) -> NDArray[np.bool_]:
        """Nodes that are eligible and that have an open lane, shape (nodes,)."""
        usable = np.zeros(self.network.size, dtype=bool)
        usable[self.lanes.node[self.sends]] = True
        return usable

    @property
    def most_shipments_allowed(self) -> int:
        """The most shipments if quantities may be split too."""
        return self.policy.split.max_shipments or min(sum(self.units), self.network.size)

    def allowed(self, given_up: int) -> NDArray[np.bool_]:
        """Nodes that meet the preferences left when the last ``given_up`` are given up, shape (nodes,)."""
        kept = self.kept_preferences
        met = len(self.policy.preferences) - given_up
        return np.ones(self.network.size, dtype=bool) if kept is None else kept >= met

    def may_handle(self, position: int) -> NDArray[np.bool_]:
        """Nodes that may handle the product of a line, shape (nodes,)."""
        able = np.ones(self.network.size, dtype=bool)
        for restriction in self.demand.lines[position].restrictions:
            able &= self.network.handles(restriction)
        return able

    def shared_skus(self) -> list[tuple[list[int], list[int]]]:
        """As ``items.shared_skus``, of the items of this order."""
        return shared_skus(self.demand, self.items)

    def packed_freight(self, amount: float) -> float:
        """Packed cost of ``amount`` thousandths of freight."""
        return float(self.packed_freights(amount))

    def packed_freights(self, amounts: float | list[float]) -> Floats:
        """Packed costs of ``amounts`` thousandths of freight."""
        values = np.array(amounts)
        counts = "shipping_cost" in self.packing.scales
        return self.packing.pack("shipping_cost", values) if counts else 0.0 * values

    def table(self) -> Floats:
        """Packed cost of every set of items by every lane, shape (2**items, lanes); row 0 means nothing."""
        if self._table is None:
            self._table = self._priced()
        return self._table

    def _priced(self) -> Floats:
        lanes, member = self.lanes, memberships(len(self.items))
        weight, volume = np.array((self.weight, self.volume), dtype=np.float64) @ member.T
        table: Floats = np.empty((1 << len(self.items), lanes.node.size))
        table[0] = self.cost
        for item, cost in enumerate(self.item_cost.take(lanes.node, axis=1)):
            np.add(table[: 1 << item], cost, out=table[1 << item : 2 << item])
        self._forbid_sets(table, member)
        freight = lanes.freight.of_sets(weight, volume, self._holders(member))
        if "shipping_cost" in self.packing.scales:
            packed = self.packing.pack("shipping_cost", freight)
        else:
            packed = np.where(freight < np.inf, 0.0, freight)
        table += packed.take(lanes.rate + self.zone, axis=1)
        return table

    def _holders(self, member: Floats) -> dict[str, NDArray[np.bool_]]:
        """For each restriction of the order, the sets of items that hold it."""
        lines, found = self.demand.lines, {}
        for restriction in self.restrictions:
            holds = [any(restriction in lines[p].restrictions for p in item) for item in self.items]
            found[restriction] = (member @ np.array(holds, dtype=np.float64)) > 0
        return found

    def _forbid_sets(self, table: Floats, member: Floats) -> None:
        """Forbid sets that exceed a node's capacity, or its stock of a SKU that stands in several lines."""
        capacity, node = self.situation.capacity, self.lanes.node
        if capacity is not None and self.least_capacity[2] < sum(self.units):
            units = member @ np.array(self.units, dtype=np.float64)
            table[units[:, None] > capacity[2].take(node)] = IMPOSSIBLE
        if capacity is not None and self.least_capacity[1] < len(self.demand.lines):
            count = member @ np.array([len(item) for item in self.items], dtype=np.float64)
            table[count[:, None] > capacity[1].take(node)] = IMPOSSIBLE
        for positions, wanted in self.shared_skus():
            total = member @ np.array(wanted, dtype=np.float64)
            table[total[:, None] > self.situation.stock[positions[0]].take(node)] = IMPOSSIBLE

"""Consolidation: goods of several nodes brought together at one, and sent on from there as one shipment.

For every day by which goods can be there, the best parting of the lines among the lanes that are there in time is added
to the cost of the last leg that starts then. Every plan has such a day, so the least sum is the best plan, exactly.

Terms that count for the buyer (``late_days``, ``shipments``, ``transit_days``) are those of the last leg; all others
are sums over the legs and the last leg.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from crossdock.routing.account import assignment_of, freight, last_leg_costs, shipment_of
from crossdock.routing.items import memberships
from crossdock.routing.model import AssignedLine, Assignment, Destination
from crossdock.routing.packing import BUYERS_TERMS
from crossdock.routing.partitions import FEASIBLE, MOST_ITEMS, Costs, best_parting
from crossdock.routing.plan import Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.schedule import NEVER, delivery_ordinal
from crossdock.routing.tariff import Floats

__all__ = ["Consolidation", "Legs", "consolidated_assignments", "legs_of"]


class LastLeg(Struct, frozen=True):
    """The shipment of everything to the destination.

    Attributes:
        lane: Of the order's problem.
        ship, delivery: Ordinal days.
        cost: Packed.
    """

    lane: int
    ship: int
    delivery: int
    cost: float


class Consolidation(Struct, frozen=True, eq=False):
    """A plan by way of a node.

    Attributes:
        problem: Of the legs.
        legs: Shipments to the node, by lanes of ``problem``.
        own: Units by line position that are at the node already.
        cost: Packed, of all of it.
    """

    problem: Problem
    legs: tuple[Shipment, ...]
    own: tuple[tuple[int, int], ...]
    last: LastLeg
    cost: float


def legs_of(problem: Problem) -> list[Legs]:
    """The ways to consolidate an order: one for each node of its policy that can send all of it on."""
    names = problem.policy.definition.consolidate
    demand = problem.demand
    if not names or demand.pick_up or demand.fixed_node or not 1 < len(demand.lines) <= MOST_ITEMS:
        return []
    nodes = [problem.network.index[name] for name in names if name in problem.network.index]
    return [Legs(problem, node) for node in nodes if _sends_on(problem, node)]


def _sends_on(problem: Problem, node: int) -> bool:
    """Whether a node may send the whole order to its destination, once it has it."""
    if not problem.eligible[node]:
        return False
    capacity = problem.situation.capacity
    if capacity is not None and problem.policy.capacity:
        lines, units = capacity[1:, node].tolist()
        if lines < len(problem.demand.lines) or units < sum(problem.units):
            return False
    return all(problem.may_handle(position)[node] for position in range(len(problem.demand.lines)))


class Legs:
    """What it costs to bring the lines of an order to one node, and from there to the destination."""

    def __init__(self, whole: Problem, node: int) -> None:
        """Price every set of lines by every lane to ``node``."""
        self.whole, self.node = whole, node
        here, situation = whole.network.nodes[node], whole.situation
        there = Destination(here.address, here.position)
        demand = replace(whole.demand, destination=there, promise=None, ship_by=None)
        self.problem = Problem(replace(situation, demand=demand), whole.network, whole.policy, whole)
        self._units = tuple((position, line.quantity) for position, line in enumerate(whole.demand.lines))
        lanes = self.problem.lanes.node
        days: Floats = self.problem.timetable.delivery.take(self.problem.arrival)
        days = np.where(self.problem.sends & (lanes != node), days, np.inf)
        # What is there already arrives before everything else, by a lane of its own at the end.
        self._days, self._nodes = np.append(days, 0.0), np.append(lanes, node)
        self._table: Floats = np.column_stack([self.problem.table(), self._staying()])
        self._fixed = self._fixed_cost()

    def best(self, given_up: int, limit: float) -> Consolidation | None:
        """The best plan when so many preferences are given up; None where there is none below the cost ``limit``."""
        if not self.whole.allowed(given_up)[self.node]:
            return None
        days = np.where(self.problem.allowed(given_up).take(self._nodes), self._days, np.inf)
        found: Consolidation | None = None
        cheapest: float | None = None
        for day in np.unique(days[(days > 0.0) & (days < np.inf)]).astype(int).tolist():
            last = self._last_leg(day)
            if last is None:
                continue
            if cheapest is None:
                cheapest = self._parted(days < np.inf)[0]
            if last.cost + cheapest >= limit:
                continue
            cost, sets = self._parted(days <= day)
            if cost < FEASIBLE and last.cost + cost < limit:
                limit = last.cost + cost
                found = self._plan(sets, last, limit)
        return found

    def _parted(self, open_lanes: NDArray[np.bool_]) -> _Parted:
        """The best parting of the lines among some lanes, its lanes numbered as in the table."""
        numbers = np.flatnonzero(open_lanes)
        costs = Costs.of(self._table[:, numbers], self._nodes[numbers])
        found = best_parting(costs, len(self._units), None)
        if found is None:
            return np.inf, ()
        return found[0], tuple((each, int(numbers[lane])) for each, lane in found[1])

    def _plan(self, sets: tuple[tuple[int, int], ...], last: LastLeg, cost: float) -> Consolidation:
        staying = len(self._nodes) - 1
        own: tuple[tuple[int, int], ...] = ()
        legs: list[Shipment] = []
        for each, lane in sets:
            if lane == staying:
                own = tuple(units for units in self._units if each >> units[0] & 1)
            else:
                legs.append(shipment_of(self.problem, each, lane))
        return Consolidation(self.problem, tuple(legs), own, last, cost)

    def _staying(self) -> Floats:
        """Packed cost of every set of lines that is at the node already; handling counts with the last leg."""
        problem, node = self.problem, self.node
        cost = problem.item_cost[:, node].copy()
        if "handling_cost" in problem.packing.scales:
            cost -= problem.quantities[:, 0] * problem.packing.unit_handling[node]
            cost -= problem.packing.line_handling[node]
        member = memberships(len(problem.items))
        sums: Floats = member @ np.where(problem.item_cost[:, node] < IMPOSSIBLE, cost, IMPOSSIBLE)
        for positions, wanted in problem.shared_skus():
            total = member @ np.array(wanted, dtype=np.float64)
            sums[total > problem.situation.stock[positions[0], node]] = IMPOSSIBLE
        return sums

    def _fixed_cost(self) -> float:
        """Packed cost of the last leg whatever its day and service."""
        whole, node = self.whole, self.node
        packing, capacity = whole.packing, whole.situation.capacity
        cost = float(packing.shipment[node])
        if "handling_cost" in packing.scales:
            units = sum(count for _, count in self._units)
            cost += float(packing.unit_handling[node]) * units
            cost += float(packing.line_handling[node]) * len(self._units)
        if "distance" in packing.scales:
            cost += float(packing.pack("distance", whole.reach.distance_km)[node])
        if "workload" in packing.scales and capacity is not None:
            cost += float(packing.pack("workload", whole.workload(capacity[0]))[node])
        return cost

    def _last_leg(self, day: int) -> LastLeg | None:
        """The best shipment of everything that is there in the course of ``day``, an ordinal."""
        return min(self._last_legs(day), key=lambda last: last.cost, default=None)

    def _last_legs(self, day: int) -> Iterator[LastLeg]:
        whole = self.whole
        clock = whole.network.clocks[self.node]
        ready_at = clock.ready_after(date.fromordinal(day))
        restrictions = {each for line in whole.demand.lines for each in line.restrictions}
        for lane in whole.lanes.of_node(self.node):
            service, _ = whole.lanes.carrier(lane)
            if whole.cost[lane] >= IMPOSSIBLE or restrictions & set(service.refuses):
                continue
            ship = clock.collection_ordinal(ready_at, service)
            transit = service.transit_days
            days = transit[0] if len(transit) == 1 else transit[whole.zone.item(lane)]
            delivery = delivery_ordinal(ship, days, service)
            if delivery < NEVER:
                cost = self._fixed + self._dated_cost(ship, delivery)
                cost += whole.packed_freight(freight(whole, lane, self._units))
                yield LastLeg(lane, ship, delivery, cost)

    def _dated_cost(self, ship: int, delivery: int) -> float:
        whole = self.whole
        values = {
            "late_days": whole.deadline.late_days(delivery, ship),
            "transit_days": max(delivery - whole.today, 0),
        }
        packing = whole.packing
        costs = [
            packing.pack(term, np.array(float(values[term]))) for term in values if term in packing.scales
        ]
        return float(sum(costs))


_Parted = tuple[float, tuple[tuple[int, int], ...]]
"""Packed cost, and set and lane of each shipment."""


def consolidated_assignments(whole: Problem, plan: Consolidation) -> tuple[Assignment, ...]:
    """The legs, then the last leg, which takes only what is at its node already out of the stock there."""
    last, lines = plan.last, whole.demand.lines
    node = whole.network.nodes[whole.lanes.node.item(last.lane)]
    legs = [assignment_of(plan.problem, leg) for leg in plan.legs]
    units = tuple((position, line.quantity) for position, line in enumerate(lines))
    sent_on = Assignment(
        node=node.id,
        service=whole.lanes.carrier(last.lane)[0].id,
        lines=tuple(AssignedLine(lines[p].line_id, lines[p].sku, count) for p, count in plan.own),
        ship_date=date.fromordinal(last.ship),
        delivery_date=date.fromordinal(last.delivery),
        costs=last_leg_costs(whole, last.lane, units, plan.own, (last.ship, last.delivery)),
    )
    return (*[_leg(each, node.id) for each in legs], sent_on)


def _leg(assignment: Assignment, to_node: str) -> Assignment:
    costs = tuple((term, value * 0 if term in BUYERS_TERMS else value) for term, value in assignment.costs)
    return replace(assignment, costs=costs, to_node=to_node)

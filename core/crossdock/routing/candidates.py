"""Every node of the network, as one order saw it: chosen, out by a fence, or what it would have cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crossdock.routing.account import cheapest_lane, packed_shipment
from crossdock.routing.decision import Decision
from crossdock.routing.engine import assignment_of
from crossdock.routing.flip import MEASURES
from crossdock.routing.model import Assignment, NodeStatus
from crossdock.routing.partitions import FEASIBLE, MOST_ITEMS
from crossdock.routing.plan import Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.supply import UNLIMITED

__all__ = ["Candidate", "candidates_of"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One node of the network.

    Attributes:
        chosen: Whether the plan uses it.
        fence: Code or condition of the first fence it failed; empty if it could have sent something.
        detail: The fence in words, with what was expected and what was found.
        lines: Ids of the lines it could have sent.
        offer: What it sends, or what sending all of those lines would cost; ``None`` if a fence failed.
        preferences_met: How many of the policy's preferences it meets, from the first.
        stale: Whether its last count was older than its limit: rules may have kept more safety stock of it.
    """

    node: str
    chosen: bool
    fence: str
    detail: str
    lines: tuple[str, ...]
    offer: Assignment | None
    preferences_met: int
    stale: bool = False


def candidates_of(problem: Problem, decision: Decision) -> tuple[Candidate, ...]:
    """Every node, in the order of the ids; those of the plan as ``decision`` has them."""
    chosen = {assignment.node: assignment for assignment in decision.assignments}
    look = _Look(problem)
    found = tuple(look.candidate(position, chosen) for position in range(problem.network.size))
    stale = problem.situation.stale
    if stale is None:
        return found
    return tuple(replace(each, stale=bool(old)) for each, old in zip(found, stale, strict=True))


class _Look:
    """One order, looked at from node after node.

    Attributes:
        usable: Whether the node is eligible and has an open lane.
        fits: Whether it could send each item alone.
        shared: Positions of the lines of each SKU that stands in several.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.usable: list[bool] = problem.usable.tolist()
        self.fits: list[list[bool]] = (problem.item_cost < IMPOSSIBLE).T.tolist()
        self.shared = [positions for positions, _ in problem.shared_skus()]

    def candidate(self, position: int, chosen: Mapping[str, Assignment]) -> Candidate:
        problem = self.problem
        node = problem.network.nodes[position]
        met = len(problem.policy.preferences)
        if problem.kept_preferences is not None:
            met = int(problem.kept_preferences[position])
        sent = chosen.get(node.id)
        if sent is not None:
            return Candidate(node.id, True, "", "", tuple(line.line_id for line in sent.lines), sent, met)
        items = self.sendable(position)
        fence, detail = self.fence(position, items)
        if fence:
            return Candidate(node.id, False, fence, detail, (), None, met)
        lines = sorted(p for item in items for p in problem.items[item])
        units = tuple((p, problem.demand.lines[p].quantity) for p in lines)
        lane = self.lane(position, items, units)
        if lane is None:
            detail = "no carrier service of it takes these products"
            return Candidate(node.id, False, "service", detail, (), None, met)
        offer = assignment_of(problem, Shipment(lane, units))
        ids = tuple(problem.demand.lines[p].line_id for p in lines)
        return Candidate(node.id, False, "", "", ids, offer, met)

    def sendable(self, position: int) -> list[int]:
        """The items that the node could send together: from the first, as far as stock and capacity go."""
        problem = self.problem
        fitting = [item for item, fits in enumerate(self.fits[position]) if fits]
        if problem.situation.capacity is None and not self.shared:
            return fitting
        _, lines, units = self.room(position)
        stock = [int(problem.situation.stock[positions[0], position]) for positions in self.shared]
        found: list[int] = []
        for item in fitting:
            own = problem.items[item]
            left = [
                there - sum(problem.demand.lines[p].quantity for p in own if p in positions)
                for there, positions in zip(stock, self.shared, strict=True)
            ]
            if len(own) <= lines and problem.units[item] <= units and min(left, default=0) >= 0:
                found.append(item)
                lines, units, stock = lines - len(own), units - problem.units[item], left
        return found

    def lane(self, position: int, items: list[int], units: tuple[tuple[int, int], ...]) -> int | None:
        """The best lane for these items; None if there is none that takes them."""
        problem = self.problem
        if len(problem.items) > MOST_ITEMS:
            lane = cheapest_lane(problem, position, units)
            return lane if packed_shipment(problem, lane, units) < IMPOSSIBLE else None
        lanes = problem.lanes.of_node(position)
        costs = problem.table()[sum(1 << item for item in items), lanes.start : lanes.stop]
        best = int(costs.argmin())
        return lanes[best] if costs[best] < FEASIBLE else None

    def fence(self, position: int, items: list[int]) -> tuple[str, str]:
        """Code of the first fence that keeps the node out, and the words; empty if none does."""
        failed, detail = _node_fence(self.problem, position)
        if not failed:
            failed, detail = self.state_fence(position)
        if failed:
            return failed, detail
        if not self.usable[position]:
            detail = "no carrier service of it brings the order to the destination, or it does not open"
            return "service", detail
        return self.line_fence(position, items)

    def state_fence(self, position: int) -> tuple[str, str]:
        """What keeps the node out now, for any lines."""
        problem = self.problem
        node, policy, situation = problem.network.nodes[position], problem.policy, problem.situation
        limits = (node.capacity.orders, node.capacity.lines, node.capacity.units)
        for measure, limit, left in zip(MEASURES, limits, self.room(position), strict=True):
            if left <= 0:
                return "capacity", f"all of its {limit} {measure} of the day are taken"
        if policy.fresh and situation.stale is not None and situation.stale[position]:
            return "fresh", "its stock feed is older than its limit"
        most = policy.max_distance_km
        if most is not None and not problem.demand.pick_up:
            distance = problem.reach.distance_km[position]
            if distance > most:
                return "max_distance_km", f"it is {distance:.0f} km away, the most is {most:.0f} km"
        return "", ""

    def line_fence(self, position: int, items: list[int]) -> tuple[str, str]:
        """What keeps the node out for these lines."""
        if items:
            return "", ""
        if any(self.fits[position]):
            left = [
                f"{number} more {measure}"
                for measure, number in zip(MEASURES[1:], self.room(position)[1:], strict=True)
                if number < UNLIMITED
            ]
            return "capacity", f"it takes {' and '.join(left)} today"
        lines = self.problem.demand.lines
        stock = [int(units) for units in self.problem.situation.stock[:, position]]
        if any(
            units >= line.quantity and line.restrictions for units, line in zip(stock, lines, strict=True)
        ):
            return "restrictions", "it may not handle the restrictions of the products"
        found = ", ".join(
            f"{units} of {line.quantity} {line.sku}" for units, line in zip(stock, lines, strict=True)
        )
        return "stock", f"it has {found}"

    def room(self, position: int) -> tuple[int, int, int]:
        """Orders, lines and units that the node takes today, if the policy minds."""
        capacity = self.problem.situation.capacity
        if capacity is None or not self.problem.policy.capacity:
            return UNLIMITED, UNLIMITED, UNLIMITED
        orders, lines, units = (int(left) for left in capacity[:, position])
        return orders, lines, units


def _node_fence(problem: Problem, position: int) -> tuple[str, str]:
    """What keeps the node out whatever its stock and its day are like."""
    demand, network = problem.demand, problem.network
    node = network.nodes[position]
    if node.status is not NodeStatus.ACTIVE:
        return "status", f"it is {node.status.value}"
    if node.id in demand.excluded_nodes:
        return "excluded", "it was tried before or is forbidden for this order"
    if demand.fixed_node and node.id != demand.fixed_node:
        return "fixed_node", f"the order must be fulfilled by {demand.fixed_node}"
    failed = problem.policy.failed_fence(demand, network, position)
    if failed == "serves_destination":
        address = demand.destination.address
        return failed, f"it does not serve {address.region or address.country}"
    if failed:
        return "require", f"it fails {failed}"
    return "", ""

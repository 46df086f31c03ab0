"""Every node of the network, as one order saw it: chosen, out by a fence, or what it would have cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from crossdock.routing.account import cheapest_lane, packed_shipment
from crossdock.routing.decision import Decision
from crossdock.routing.engine import assignment_of
from crossdock.routing.model import Assignment, NodeStatus
from crossdock.routing.plan import Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.supply import UNLIMITED

__all__ = ["Candidate", "candidates_of"]

_KINDS = ("orders", "lines", "units")


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
    found = tuple(_candidate(problem, position, chosen) for position in range(problem.network.size))
    stale = problem.situation.stale
    if stale is None:
        return found
    return tuple(replace(each, stale=bool(old)) for each, old in zip(found, stale, strict=True))


def _candidate(problem: Problem, position: int, chosen: Mapping[str, Assignment]) -> Candidate:
    node = problem.network.nodes[position]
    met = len(problem.policy.preferences)
    if problem.kept_preferences is not None:
        met = int(problem.kept_preferences[position])
    sent = chosen.get(node.id)
    if sent is not None:
        return Candidate(node.id, True, "", "", tuple(line.line_id for line in sent.lines), sent, met)
    fence, detail = _fence(problem, position)
    if fence:
        return Candidate(node.id, False, fence, detail, (), None, met)
    lines = sorted(p for item in _sendable(problem, position) for p in problem.items[item])
    units = tuple((p, problem.demand.lines[p].quantity) for p in lines)
    lane = cheapest_lane(problem, position, units)
    if not packed_shipment(problem, lane, units) < IMPOSSIBLE:
        return Candidate(
            node.id, False, "service", "no carrier service of it takes these products", (), None, met
        )
    offer = assignment_of(problem, Shipment(lane, units))
    ids = tuple(problem.demand.lines[p].line_id for p in lines)
    return Candidate(node.id, False, "", "", ids, offer, met)


def _fence(problem: Problem, position: int) -> tuple[str, str]:
    """Code of the first fence that keeps the node out, and the words; empty if none does."""
    for fence in (_node_fence, _state_fence, _line_fence):
        failed, detail = fence(problem, position)
        if failed:
            return failed, detail
    return "", ""


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


def _state_fence(problem: Problem, position: int) -> tuple[str, str]:
    """What keeps the node out now, for any lines."""
    node, policy, situation = problem.network.nodes[position], problem.policy, problem.situation
    limits = (node.capacity.orders, node.capacity.lines, node.capacity.units)
    for kind, limit, left in zip(_KINDS, limits, _room(problem, position), strict=True):
        if left <= 0:
            return "capacity", f"all of its {limit} {kind} of the day are taken"
    if policy.fresh and situation.stale is not None and situation.stale[position]:
        return "fresh", "its stock feed is older than its limit"
    distance = 0.0 if problem.demand.pick_up else problem.reach.distance_km[position]
    if policy.max_distance_km is not None and distance > policy.max_distance_km:
        return "max_distance_km", f"it is {distance:.0f} km away, the most is {policy.max_distance_km:.0f} km"
    if not problem.usable[position]:
        return "service", "no carrier service of it brings the order to the destination, or it does not open"
    return "", ""


def _room(problem: Problem, position: int) -> tuple[int, int, int]:
    """Orders, lines and units that the node takes today, if the policy minds."""
    capacity = problem.situation.capacity
    if capacity is None or not problem.policy.capacity:
        return UNLIMITED, UNLIMITED, UNLIMITED
    orders, lines, units = (int(left) for left in capacity[:, position])
    return orders, lines, units


def _sendable(problem: Problem, position: int) -> list[int]:
    """The items that the node could send together: from the first, as far as its capacity goes."""
    _, lines, units = _room(problem, position)
    found: list[int] = []
    for item, positions in enumerate(problem.items):
        fits = len(positions) <= lines and problem.units[item] <= units
        if fits and problem.item_cost[item, position] < IMPOSSIBLE:
            found.append(item)
            lines, units = lines - len(positions), units - problem.units[item]
    return found


def _line_fence(problem: Problem, position: int) -> tuple[str, str]:
    if (problem.item_cost[:, position] < IMPOSSIBLE).any():
        if _sendable(problem, position):
            return "", ""
        _, *rest = zip(_KINDS, _room(problem, position), strict=True)
        return (
            "capacity",
            f"it takes {' and '.join(f'{n} more {kind}' for kind, n in rest if n < UNLIMITED)} today",
        )
    lines = problem.demand.lines
    stock = [int(units) for units in problem.situation.stock[:, position]]
    if any(units >= line.quantity and line.restrictions for units, line in zip(stock, lines, strict=True)):
        return "restrictions", "it may not handle the restrictions of the products"
    found = ", ".join(
        f"{units} of {line.quantity} {line.sku}" for units, line in zip(stock, lines, strict=True)
    )
    return "stock", f"it has {found}"

"""Why a decision is what it is: every node with its fence or its cost, the best alternatives, the change that flips it.

The decision's snapshot is put through the same engine again; nothing here runs when an order is routed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from crossdock.errors import MisconfiguredError
from crossdock.routing.account import cheapest_lane, packed_shipment
from crossdock.routing.compiled_policy import PolicySet
from crossdock.routing.decision import Decision, decode_decision, restore
from crossdock.routing.engine import assignment_of, shipment_of, tier_values, too_small_sets
from crossdock.routing.flips import Flip, flips_of
from crossdock.routing.model import Assignment, NodeStatus
from crossdock.routing.network import Network
from crossdock.routing.partitions import MOST_ITEMS, Costs, ranked_partings
from crossdock.routing.plan import Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem

__all__ = ["Alternative", "Candidate", "Explanation", "explain"]

_ALTERNATIVES = 3


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
    """

    node: str
    chosen: bool
    fence: str
    detail: str
    lines: tuple[str, ...]
    offer: Assignment | None
    preferences_met: int


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another complete plan, and how much each tier of the objective would be worse."""

    assignments: tuple[Assignment, ...]
    tiers_worse: tuple[Decimal, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with everything that was weighed.

    Attributes:
        preferences: Of the policy, as written.
        flips: The smallest change of each kind that would have led to another plan.
    """

    decision: Decision
    candidates: tuple[Candidate, ...]
    alternatives: tuple[Alternative, ...]
    flips: tuple[Flip, ...]
    preferences: tuple[str, ...] = ()

    @property
    def flip(self) -> str:
        """The changes that would have led to another plan, in words; empty if none was found."""
        return " ".join(flip.words() for flip in self.flips)

    def words(self) -> str:
        """The explanation as text, one fact a line."""
        decision = self.decision
        by = f"policy {decision.policy} version {decision.policy_version}" if decision.policy else "no policy"
        out = [f"Order {decision.order_id}, decided by {by} at {decision.decided_at.isoformat()}."]
        for assignment in decision.assignments:
            out.append(f"Chosen: {_shipment_words(assignment)}.")
        for line in decision.unfilled:
            out.append(
                f"Not placed: {line.quantity} x {line.sku} (line {line.line_id}): {_REASONS[line.reason]}."
            )
        if decision.given_up:
            out.append(f"Preferences given up: {decision.given_up}, from the last.")
        if not decision.optimal:
            out.append(f"Not proven best: at most {decision.gap:.1%} from the best in an unfinished tier.")
        for number, alternative in enumerate(self.alternatives, start=1):
            plan = " and ".join(_shipment_words(a) for a in alternative.assignments)
            worse = ", ".join(f"{value:+f}" for value in alternative.tiers_worse)
            out.append(f"Alternative {number}: {plan}; tiers {worse}.")
        if self.flip:
            out.append(self.flip)
        for candidate in self.candidates:
            if candidate.offer is None:
                out.append(f"{candidate.node}: out, {candidate.detail}.")
            elif not candidate.chosen:
                unmet = self._unmet(candidate)
                out.append(f"{candidate.node}: {_shipment_words(candidate.offer)}{unmet}.")
        return "\n".join(out)

    def _unmet(self, candidate: Candidate) -> str:
        """What a node was passed over for, whatever it costs."""
        place = candidate.preferences_met
        if place + self.decision.given_up >= len(self.preferences):
            return ""
        return f"; passed over, it does not meet {self.preferences[place]}"


_REASONS = {
    "no_policy": "no policy applies to this order",
    "pick_up_without_node": "the pick-up names no node",
    "unknown_currency": "no exchange rate for the currency of the order",
    "no_node": "no node passes the fences",
    "no_stock": "no node that passes the fences has enough",
    "no_service": "no carrier service brings it to the destination",
    "restricted": "no node with stock may handle its restrictions",
    "group_not_together": "no node has the whole group",
    "split_rules": "the split rules or the capacity left of the nodes leave no place for it",
}


def explain(data: bytes | Decision, network: Network, policies: PolicySet) -> Explanation:
    """Explain a decision.

    Args:
        data: The decision, or what its ``encode`` gave.
        network: The network of the version the decision names.
        policies: Holding the policy of the version the decision names.

    Raises:
        MisconfiguredError: network or policy are of another version; the message names the one needed.
    """
    decision = decode_decision(data) if isinstance(data, bytes) else data
    if network.version != decision.network_version:
        raise MisconfiguredError(
            f"order {decision.order_id} was decided with network version {decision.network_version}, "
            f"this is {network.version}: load the configuration of that version"
        )
    if not decision.policy:
        return Explanation(decision, (), (), ())
    policy = policies.find(decision.policy, decision.policy_version)
    if policy is None:
        raise MisconfiguredError(
            f"order {decision.order_id} was decided by policy {decision.policy} version {decision.policy_version}: "
            "load that version"
        )
    problem = Problem(restore(decision.snapshot, network.size), network, policy)
    chosen = {assignment.node: assignment for assignment in decision.assignments}
    candidates = tuple(_candidate(problem, position, chosen) for position in range(network.size))
    alternatives = _alternatives(problem, decision)
    flips = flips_of(problem, decision.given_up, complete=decision.complete)
    preferences = policy.definition.prefer
    return Explanation(decision, candidates, alternatives, flips, preferences)


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
    items = [item for item in range(len(problem.items)) if problem.item_cost[item, position] < IMPOSSIBLE]
    lines = sorted(p for item in items for p in problem.items[item])
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
    demand, policy, network, situation = problem.demand, problem.policy, problem.network, problem.situation
    node = network.nodes[position]
    if node.status is not NodeStatus.ACTIVE:
        return "status", f"it is {node.status.value}"
    if node.id in demand.excluded_nodes:
        return "excluded", "it was tried before or is forbidden for this order"
    if demand.fixed_node and node.id != demand.fixed_node:
        return "fixed_node", f"the order must be fulfilled by {demand.fixed_node}"
    failed = policy.failed_fence(demand, network, position)
    if failed == "serves_destination":
        address = demand.destination.address
        return failed, f"it does not serve {address.region or address.country}"
    if failed:
        return "require", f"it fails {failed}"
    if policy.capacity and situation.capacity is not None and situation.capacity[0, position] <= 0:
        return "capacity", f"all of its {node.capacity.orders} orders of the day are taken"
    if policy.fresh and situation.stale is not None and situation.stale[position]:
        return "fresh", "its stock feed is older than its limit"
    if policy.max_distance_km is not None and problem.reach.distance_km[position] > policy.max_distance_km:
        distance = problem.reach.distance_km[position]
        return "max_distance_km", f"it is {distance:.0f} km away, the most is {policy.max_distance_km:.0f} km"
    if not problem.usable[position]:
        return "service", "no carrier service of it brings the order to the destination, or it does not open"
    return _line_fence(problem, position)


def _line_fence(problem: Problem, position: int) -> tuple[str, str]:
    if (problem.item_cost[:, position] < IMPOSSIBLE).any():
        return "", ""
    lines = problem.demand.lines
    stock = [int(units) for units in problem.situation.stock[:, position]]
    if any(units >= line.quantity and line.restrictions for units, line in zip(stock, lines, strict=True)):
        return "restrictions", "it may not handle the restrictions of the products"
    found = ", ".join(
        f"{units} of {line.quantity} {line.sku}" for units, line in zip(stock, lines, strict=True)
    )
    return "stock", f"it has {found}"


def _alternatives(problem: Problem, decision: Decision) -> tuple[Alternative, ...]:
    """The best other plans for all lines; none for orders that were left incomplete or are too large to rank."""
    if decision.unfilled or len(problem.items) > MOST_ITEMS:
        return ()
    nodes = problem.lanes.node
    table = np.where(problem.allowed(decision.given_up).take(nodes), problem.table(), IMPOSSIBLE)
    used = {(a.node, tuple(line.line_id for line in a.lines)) for a in decision.assignments}
    found: list[Alternative] = []
    too_small, wanted = too_small_sets(problem), _ALTERNATIVES + 1
    for _, sets in ranked_partings(Costs.of(table, nodes), problem.most_shipments, too_small, wanted):
        assignments = tuple(assignment_of(problem, shipment_of(problem, *each)) for each in sets)
        if {(a.node, tuple(line.line_id for line in a.lines)) for a in assignments} == used:
            continue
        values = tier_values(problem.policy, assignments)
        found.append(
            Alternative(assignments, tuple(v - w for v, w in zip(values, decision.tiers, strict=True)))
        )
    return tuple(found[:_ALTERNATIVES])


def _shipment_words(assignment: Assignment) -> str:
    lines = ", ".join(f"{line.quantity} x {line.sku}" for line in assignment.lines)
    costs = ", ".join(f"{term} {value.normalize():f}" for term, value in assignment.costs)
    how = f"by {assignment.service}" if assignment.service else "for pick-up"
    return (
        f"{assignment.node} sends {lines} {how}, out {assignment.ship_date}, "
        f"there {assignment.delivery_date} ({costs})"
    )

"""Planned once more: whether what is planned, and not yet under way, would better go otherwise now.

The plan's own units are free again, the same engine decides, and the present plan is measured in the same situation.
What is not better by an earlier tier, or by the least saving of its policy, stays. A node that an order has left is not
gone back to while the present plan works: an order moves at most once for each node, whatever costs do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from crossdock.routing.compiled_policy import CompiledPolicy, PolicySet
from crossdock.routing.decision import Decision
from crossdock.routing.engine import assignment_of, route, tier_values
from crossdock.routing.model import Assignment, Demand
from crossdock.routing.network import Network
from crossdock.routing.plan import Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.situation import situation_of
from crossdock.routing.supply import SupplyView

__all__ = ["Move", "better_plan"]


@dataclass(frozen=True, slots=True)
class Move:
    """A better plan, and in words why it is better."""

    decision: Decision
    why: str


@dataclass(frozen=True, slots=True)
class _Present:
    """What a plan is worth now."""

    given_up: int
    tiers: tuple[Decimal, ...]


def better_plan(
    demand: Demand,
    planned: Sequence[Assignment],
    left_nodes: Sequence[str],
    supply: SupplyView,
    network: Network,
    policies: PolicySet,
    now: datetime,
) -> Move | None:
    """The plan to change to; ``None`` where ``planned`` stays.

    Args:
        demand: Exactly the units of ``planned``.
        left_nodes: Nodes that the order was moved away from before.
        supply: In which the units of ``planned`` are free.
    """
    policy = policies.choose(demand)
    if policy is None or policy.definition.reevaluate is None or (demand.pick_up and not demand.fixed_node):
        return None
    present = _measured(Problem(situation_of(demand, supply, now), network, policy), planned)
    here = {assignment.node for assignment in planned}
    avoided = sorted({*demand.excluded_nodes, *(node for node in left_nodes if node not in here)})
    if isinstance(present, _Present):
        demand = replace(demand, excluded_nodes=tuple(avoided))
    found = route(demand, supply, network, policies, now)
    if not found.complete:
        return None
    why = _gain(network, policy, present, found) if isinstance(present, _Present) else present
    return Move(found, why) if why else None


def _measured(problem: Problem, planned: Sequence[Assignment]) -> _Present | str:
    """What ``planned`` is worth in the situation of ``problem``, started now; or why it does not work any more."""
    position = {line.line_id: number for number, line in enumerate(problem.demand.lines)}
    measured: list[Assignment] = []
    kept = len(problem.policy.preferences)
    for assignment in planned:
        node = problem.network.index.get(assignment.node, -1)
        lane = _lane(problem, node, assignment.service) if node >= 0 else None
        if lane is None:
            return f"{assignment.node} can't ship it any more: {_reason(problem, node)}"
        units = tuple(sorted((position[line.line_id], line.quantity) for line in assignment.lines))
        if not all(problem.may_handle(place)[node] for place, _ in units):
            return f"{assignment.node} may not handle it any more"
        measured.append(assignment_of(problem, Shipment(lane, units)))
        if problem.kept_preferences is not None:
            kept = min(kept, int(problem.kept_preferences[node]))
    given_up = len(problem.policy.preferences) - kept
    return _Present(given_up, tier_values(problem.policy, tuple(measured)))


def _lane(problem: Problem, node: int, service: str) -> int | None:
    """The open lane of a node by a service."""
    for lane in problem.lanes.of_node(node):
        if problem.lanes.carrier(lane)[0].id == service and problem.cost[lane] < IMPOSSIBLE:
            return lane
    return None


def _reason(problem: Problem, node: int) -> str:
    """Why a node has no lane."""
    if node < 0:
        return "it is not configured"
    if not problem.network.active[node]:
        return "it is not active"
    fence = problem.policy.failed_fence(problem.demand, problem.network, node)
    if fence:
        return fence
    stale = problem.situation.stale
    if problem.policy.fresh and stale is not None and stale[node]:
        return "its feed is stale"
    return "no capacity, distance or service is left for it"


def _gain(network: Network, policy: CompiledPolicy, present: _Present, found: Decision) -> str:
    """What a decision has over the present plan, in words; empty where it is not worth a move."""
    if found.given_up != present.given_up:
        return "a preference is met again" if found.given_up < present.given_up else ""
    rule = policy.definition.reevaluate
    least = network.converted(rule.min_saving) if rule else Decimal(0)
    for tier, (was, now) in enumerate(zip(present.tiers, found.tiers, strict=True)):
        if tier == policy.cost_tier and was - now < least:
            return ""
        if was != now:
            terms = " + ".join(term for term, _ in policy.tiers[tier])
            return f"{terms} {now:f} instead of {was:f}" if now < was else ""
    return ""

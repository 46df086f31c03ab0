"""From a demand to a decision.

The order of things: the first policy that applies; every node against the fences; the best parting of the lines
among the nodes. If not everything can be placed, preferences are given up from the last to the first, then lines
are left out.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from crossdock.routing.account import assignment_of, shipment_of, why_unfilled
from crossdock.routing.compiled_policy import CompiledPolicy, PolicySet
from crossdock.routing.consolidation import consolidated_assignments, legs_of
from crossdock.routing.decision import Decision, snapshot
from crossdock.routing.items import memberships
from crossdock.routing.large import solve_large, splittable
from crossdock.routing.model import Assignment, Demand, UnfilledLine
from crossdock.routing.network import Network
from crossdock.routing.partitions import FEASIBLE, MOST_ITEMS, Costs, best_parting
from crossdock.routing.plan import Plan, Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.situation import Situation, situation_of
from crossdock.routing.supply import SupplyView

__all__ = [
    "assignment_of",
    "assignments_of",
    "problem_of",
    "route",
    "shipment_of",
    "situation_of",
    "tier_values",
    "too_small_sets",
]


def route(
    demand: Demand, supply: SupplyView, network: Network, policies: PolicySet, now: datetime
) -> Decision:
    """Decide where each line of ``demand`` is fulfilled.

    Nothing is reserved: a caller that acts on the decision takes its plan from ``supply``.

    Args:
        now: Aware instant at which the order counts as received.

    Raises:
        ValueError: the demand has no lines, a quantity that is not positive, or ``now`` is naive.
        MisconfiguredError: a condition of a policy fails for this order.
    """
    if not demand.lines or min([line.quantity for line in demand.lines]) <= 0 or now.tzinfo is None:
        raise ValueError(f"order {demand.order_id}: needs lines, positive quantities and an aware instant")
    if not supply.lots:
        return _decide(situation_of(demand, supply, now), network, policies)
    until = max(now.date(), demand.promise or date.min)
    while True:
        decision = _decide(situation_of(demand, supply, now, until), network, policies)
        arrival = max((each.delivery_date for each in decision.assignments), default=until)
        # What expires on the way is no stock for this order: decide again without it.
        if arrival <= until or supply.lots.expired(arrival) == supply.lots.expired(until):
            return decision
        until = arrival


def _decide(situation: Situation, network: Network, policies: PolicySet) -> Decision:
    problem = problem_of(situation, network, policies)
    return problem if isinstance(problem, Decision) else decision_of(problem, solve(problem))


def problem_of(situation: Situation, network: Network, policies: PolicySet) -> Problem | Decision:
    """What there is to solve; the decision where there is nothing to solve.

    Raises:
        MisconfiguredError: a condition of a policy fails for this order.
    """
    demand = situation.demand
    policy = policies.choose(demand)
    if policy is None:
        return _undecided(situation, network, "no_policy")
    if demand.pick_up and not demand.fixed_node:
        return _undecided(situation, network, "pick_up_without_node")
    if policy.split.min_value is not None and demand.currency not in network.exchange_rates:
        return _undecided(situation, network, "unknown_currency")
    return Problem(situation, network, policy)


_NO_GAP, _NOTHING = Decimal("0.0"), Decimal(0)


def solve(problem: Problem) -> Plan:
    """The best plan of ``problem``: most lines placed, then fewest preferences given up, then least cost."""
    costs, split = _weigh(problem)
    ways = legs_of(problem) if costs is not None else []
    preferences = len(problem.policy.preferences)
    best: Plan | None = None
    for given_up in range(preferences + 1):
        if costs is None:
            plan = solve_large(problem, split, given_up)
        elif given_up < preferences:
            allowed = problem.allowed(given_up).take(costs.nodes)
            plan = _place(
                problem, Costs.of(np.where(allowed, costs.table, IMPOSSIBLE), costs.nodes), given_up
            )
        else:
            plan = _place(problem, costs, given_up)
        for legs in ways:
            found = legs.best(given_up, plan.cost)
            if found is not None:
                exact = problem.packing.exact
                plan = Plan((), (), given_up, exact, cost=found.cost, consolidation=found)
        if best is None or len(plan.left_out) < len(best.left_out):
            best = plan
        if not best.left_out:
            break
    assert best is not None
    return best


def _weigh(problem: Problem) -> tuple[Costs | None, frozenset[int]]:
    """The costs of an order for which every parting can be weighed, or else the items to be split by quantity."""
    if len(problem.items) > MOST_ITEMS:
        return None, splittable(problem)
    costs = Costs.of(problem.table(), problem.lanes.node)
    if costs.cheapest[-1] >= FEASIBLE and len(costs.placeable()) < len(problem.items):
        split = splittable(problem)
        return (None if split else costs), split
    return costs, frozenset()


def _place(problem: Problem, costs: Costs, given_up: int) -> Plan:
    too_small = too_small_sets(problem)
    exact, most = problem.packing.exact, problem.most_shipments
    found = best_parting(costs, most, too_small)
    if found is not None:
        shipments = tuple([shipment_of(problem, *each) for each in found[1]])
        return Plan(shipments, (), given_up, exact, cost=found[0])
    items = range(len(problem.items))
    placeable = costs.placeable()
    most_kept = min(len(placeable), len(items) - 1) if problem.policy.unfillable.ship_rest else 0
    for size in range(most_kept, 0, -1):
        best: tuple[float, tuple[Shipment, ...], tuple[int, ...]] | None = None
        for kept in combinations(placeable, size):
            rows = _rows(kept)
            small = None if too_small is None else too_small[rows]
            part = best_parting(costs.rows(rows), most, small)
            if part is not None and (best is None or part[0] < best[0]):
                shipments = tuple(shipment_of(problem, int(rows[each]), lane) for each, lane in part[1])
                best = part[0], shipments, tuple(item for item in items if item not in kept)
        if best is not None:
            return Plan(best[1], best[2], given_up, exact)
    return Plan((), tuple(items), given_up, exact or not placeable)


def _rows(kept: tuple[int, ...]) -> NDArray[np.intp]:
    """For every set of the kept items, its row in the table of all items."""
    return (memberships(len(kept)) @ np.array([1 << item for item in kept], dtype=np.float64)).astype(np.intp)


def too_small_sets(problem: Problem) -> NDArray[np.bool_] | None:
    """Sets of items worth too little to be one shipment of several; ``None`` if the policy does not mind."""
    least = problem.least_value
    if least is None:
        return None
    return (memberships(len(problem.items)) @ np.array(problem.value, dtype=np.float64)) < least


def decision_of(problem: Problem, plan: Plan) -> Decision:
    """Put ``plan`` in words of the domain."""
    situation, network, policy = problem.situation, problem.network, problem.policy
    digest, data = snapshot(situation, network.version, policy.id, policy.version)
    lines = problem.demand.lines
    assignments = assignments_of(problem, plan)
    unfilled = tuple(
        UnfilledLine(lines[p].line_id, lines[p].sku, lines[p].quantity, why_unfilled(problem, p))
        for item in plan.left_out
        for p in problem.items[item]
    )
    return Decision(
        order_id=problem.demand.order_id,
        policy=policy.id,
        policy_version=policy.version,
        network_version=network.version,
        decided_at=situation.now,
        assignments=assignments,
        unfilled=unfilled,
        reason=unfilled[0].reason if unfilled else "",
        given_up=plan.given_up,
        tiers=tier_values(policy, assignments),
        optimal=plan.optimal,
        gap=Decimal(repr(plan.gap)) if plan.gap else _NO_GAP,
        snapshot_hash=digest,
        snapshot=data,
    )


def assignments_of(problem: Problem, plan: Plan) -> tuple[Assignment, ...]:
    """The shipments of ``plan`` with their dates and the value of each term."""
    if plan.consolidation is not None:
        return consolidated_assignments(problem, plan.consolidation)
    return tuple([assignment_of(problem, shipment) for shipment in plan.shipments])


def tier_values(policy: CompiledPolicy, assignments: tuple[Assignment, ...]) -> tuple[Decimal, ...]:
    """Value of each tier of the objective for a plan, in natural units."""
    totals = dict(assignments[0].costs) if assignments else dict.fromkeys(policy.named_terms, _NOTHING)
    for assignment in assignments[1:]:
        for term, value in assignment.costs:
            totals[term] += value
    return tuple([sum([weight * totals[term] for term, weight in tier], _NOTHING) for tier in policy.tiers])


def _undecided(situation: Situation, network: Network, reason: str) -> Decision:
    digest, data = snapshot(situation, network.version, "", 0)
    demand = situation.demand
    return Decision(
        order_id=demand.order_id,
        policy="",
        policy_version=0,
        network_version=network.version,
        decided_at=situation.now,
        assignments=(),
        unfilled=tuple(UnfilledLine(line.line_id, line.sku, line.quantity, reason) for line in demand.lines),
        reason=reason,
        given_up=0,
        tiers=(),
        optimal=True,
        gap=Decimal(0),
        snapshot_hash=digest,
        snapshot=data,
    )

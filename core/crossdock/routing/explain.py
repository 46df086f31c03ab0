"""Why a decision is what it is: every node with its fence or its cost, the best alternatives, the change that flips it.

The decision's snapshot is put through the same engine again; nothing here runs when an order is routed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from crossdock.errors import MisconfiguredError
from crossdock.routing.candidates import Candidate, candidates_of
from crossdock.routing.compiled_policy import PolicySet
from crossdock.routing.consolidation import legs_of
from crossdock.routing.decision import Decision, decode_decision, restore
from crossdock.routing.engine import assignments_of, shipment_of, tier_values, too_small_sets
from crossdock.routing.flip import Flip
from crossdock.routing.flips import flips_of
from crossdock.routing.large import splittable
from crossdock.routing.large_choices import LargeChoices
from crossdock.routing.model import Assignment
from crossdock.routing.network import Network
from crossdock.routing.partitions import FEASIBLE, MOST_ITEMS, Costs, ranked_partings
from crossdock.routing.plan import Plan
from crossdock.routing.problem import IMPOSSIBLE, Problem

__all__ = ["Alternative", "Candidate", "Explanation", "explain"]

_ALTERNATIVES = 3


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
        out += [f"Chosen: {words}." for words in _plan_words(decision.assignments)]
        for line in decision.unfilled:
            out.append(
                f"Not placed: {line.quantity} x {line.sku} (line {line.line_id}): {_REASONS[line.reason]}."
            )
        if decision.given_up:
            out.append(f"Preferences given up: {decision.given_up}, from the last.")
        if not decision.optimal:
            out.append(f"Not proven best: at most {decision.gap:.1%} from the best in an unfinished tier.")
        for number, alternative in enumerate(self.alternatives, start=1):
            plan = " and ".join(_plan_words(alternative.assignments))
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
        return "\n".join(out + self._stale())

    def _stale(self) -> list[str]:
        """Which nodes have been silent for too long."""
        nodes = [each.node for each in self.candidates if each.stale]
        if not nodes:
            return []
        return [
            f"Last count older than its limit, so that more safety stock may have been kept: {', '.join(nodes)}."
        ]

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
    candidates = candidates_of(problem, decision)
    split = splittable(problem)
    flips: tuple[Flip, ...]
    if split or len(problem.items) > MOST_ITEMS:
        choices = LargeChoices(problem, split, decision)
        others = () if decision.unfilled else choices.alternatives(_ALTERNATIVES)
        alternatives = tuple(_alternative(problem, decision, plan) for plan in others)
        flips = tuple(choices.flips())
    else:
        alternatives = _alternatives(problem, decision)
        # Flips are proven smallest among direct plans alone, so none is told where others compete.
        competing = legs_of(problem)
        flips = () if competing else flips_of(problem, decision.given_up, complete=decision.complete)
    preferences = policy.definition.prefer
    return Explanation(decision, candidates, alternatives, flips, preferences)


def _alternatives(problem: Problem, decision: Decision) -> tuple[Alternative, ...]:
    """The best other plans for all lines; none for orders that were left incomplete."""
    if decision.unfilled:
        return ()
    nodes = problem.lanes.node
    table = np.where(problem.allowed(decision.given_up).take(nodes), problem.table(), IMPOSSIBLE)
    too_small, wanted = too_small_sets(problem), _ALTERNATIVES + 1
    plans = [
        Plan(tuple(shipment_of(problem, *each) for each in sets), (), decision.given_up, True, cost=cost)
        for cost, sets in ranked_partings(Costs.of(table, nodes), problem.most_shipments, too_small, wanted)
    ]
    for legs in legs_of(problem):
        best = legs.best(decision.given_up, FEASIBLE)
        if best is not None:
            plans.append(Plan((), (), decision.given_up, True, cost=best.cost, consolidation=best))
    used = _shape(decision.assignments)
    others = [_alternative(problem, decision, plan) for plan in sorted(plans, key=lambda plan: plan.cost)]
    return tuple([each for each in others if _shape(each.assignments) != used][:_ALTERNATIVES])


def _shape(assignments: Iterable[Assignment]) -> set[tuple[str, str, tuple[str, ...]]]:
    """Which node sends which lines where to."""
    return {(a.node, a.to_node, tuple(line.line_id for line in a.lines)) for a in assignments}


def _alternative(problem: Problem, decision: Decision, plan: Plan) -> Alternative:
    assignments = assignments_of(problem, plan)
    values = tier_values(problem.policy, assignments)
    return Alternative(assignments, tuple(v - w for v, w in zip(values, decision.tiers, strict=True)))


def _plan_words(assignments: Sequence[Assignment]) -> list[str]:
    """Each shipment of a plan."""
    met_at = {assignment.to_node for assignment in assignments}
    return [_shipment_words(each, brought=each.node in met_at) for each in assignments]


def _shipment_words(assignment: Assignment, *, brought: bool = False) -> str:
    lines = ", ".join(f"{line.quantity} x {line.sku}" for line in assignment.lines)
    costs = ", ".join(f"{term} {value.normalize():f}" for term, value in assignment.costs)
    how = f"by {assignment.service}" if assignment.service else "for pick-up"
    if assignment.to_node:
        how += f" to {assignment.to_node}"
    elif brought:
        lines = f"{lines} and what comes to it" if lines else "what comes to it"
    return (
        f"{assignment.node} sends {lines} {how}, out {assignment.ship_date}, "
        f"there {assignment.delivery_date} ({costs})"
    )

"""Policies that can't work, found before they decide: unreachable rules, contradictions, gaps.

Every finding is proven: a rule is unreachable, or a fence passed by no node, for all orders that the hub can make; a
gap is told with an order for which the policies themselves were asked. What can't be proven is not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from crossdock.routing.compiled_policy import CompiledPolicy, Fence, PolicySet
from crossdock.routing.example_order import demand_of, described
from crossdock.routing.formulas import (
    TRUE,
    Formula,
    Not,
    Value,
    assignments,
    either,
    everything,
)
from crossdock.routing.model import NodeKind
from crossdock.routing.policy import DistanceFence, PolicyState
from crossdock.routing.policy_world import World
from crossdock.routing.reading_conditions import formula_of

__all__ = ["Finding", "FindingKind", "World", "check_policies"]

_MOST_EXAMPLES = 200


class FindingKind(StrEnum):
    """What is wrong with a policy."""

    UNREACHABLE = "unreachable"
    CONTRADICTION = "contradiction"
    GAP = "gap"
    NO_EFFECT = "no_effect"
    """It works, but a rule of it changes nothing: told, not refused."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        policy: Name and version, ``standard@12``; empty for a gap.
        path: Where, from the list of policies: ``1.fences.0.require``.
        example: Facts of an order that shows it, for a gap.
    """

    kind: FindingKind
    policy: str
    path: str
    message: str
    example: Mapping[str, Value] | None = None

    @property
    def refused(self) -> bool:
        """Whether policies with it can't work as written."""
        return self.kind is not FindingKind.NO_EFFECT


def check_policies(policies: Sequence[CompiledPolicy], world: World) -> list[Finding]:
    """What is wrong with the active policies, and with each draft as if it were active in place of its name."""
    places = [place for place, policy in enumerate(policies) if policy.state is PolicyState.ACTIVE]
    found = list(_Check(policies, places, world).findings())
    for place, draft in enumerate(policies):
        if draft.state is not PolicyState.DRAFT:
            continue
        same = [each for each in places if policies[each].id == draft.id]
        # It stands where the version that it replaces stands; of a new name, where it is written.
        rank = {each: (each, 0) for each in places if each not in same} | {place: ((same or [place])[0], 1)}
        draft_findings = _Check(policies, sorted(rank, key=rank.__getitem__), world).findings()
        known = any(finding.kind is FindingKind.GAP for finding in found)
        for finding in draft_findings:
            if finding.kind is FindingKind.GAP and not known:
                found.append(replace(finding, policy=f"{draft.id}@{draft.version}", path=f"{place}.when"))
            elif finding.kind is not FindingKind.GAP and finding.path.partition(".")[0] == str(place):
                found.append(finding)
    return found


class _Check:
    """The policies that decide, in their order, as formulas."""

    def __init__(self, policies: Sequence[CompiledPolicy], places: Sequence[int], world: World) -> None:
        self._world = world
        self._places = places
        self._policies = [policies[place] for place in places]
        self._applies = [
            formula_of(policy.when, world.kinds) if policy.when else TRUE for policy in self._policies
        ]

    def findings(self) -> Iterator[Finding]:
        for number, policy in enumerate(self._policies):
            reached = self._reached(number, self._applies)
            if self._never(reached):
                yield self._unasked(number) or self._unreachable(number)
                continue
            yield from self._rules(number, policy, reached)
            yield from self._static(number, policy)
        yield from self._gap()

    def _reached(self, number: int, applies: Sequence[Formula]) -> Formula:
        return everything((applies[number], *map(Not, applies[:number])))

    def _unasked(self, number: int) -> Finding | None:
        """A note, where only the kinds of channels of this configuration keep orders from a policy."""
        there = self._world.elsewhere
        applies = [formula_of(each.when, there.kinds) if each.when else TRUE for each in self._policies]
        if assignments(self._reached(number, applies), there.possible) == []:
            return None
        message = "no channel of this configuration is of a kind whose orders get here: it is never asked"
        path = "when" if self._policies[number].when else ""
        return self._finding(FindingKind.NO_EFFECT, number, path, message)

    def _never(self, formula: Formula) -> bool:
        return assignments(formula, self._world.possible) == []

    def _finding(self, kind: FindingKind, number: int, path: str, message: str) -> Finding:
        policy = self._policies[number]
        where = f"{self._places[number]}.{path}" if path else str(self._places[number])
        return Finding(kind, f"{policy.id}@{policy.version}", where, message)

    def _unreachable(self, number: int) -> Finding:
        applies = self._applies[number]
        if self._never(applies):
            message = "no order can meet this condition: correct it, or take the policy out"
            return self._finding(FindingKind.UNREACHABLE, number, "when", message)
        earlier = [
            policy.id
            for policy, other in zip(self._policies[:number], self._applies, strict=False)
            if self._never(everything((applies, Not(other))))
        ]
        if self._policies[number].when is None and not earlier:
            message = "the policies before it cover all orders there are: it is never asked"
            return self._finding(FindingKind.NO_EFFECT, number, "", message)
        names = earlier[:1] or [policy.id for policy in self._policies[:number]]
        said = (
            f"{names[0]} always applies" if len(names) == 1 else f"one of {', '.join(names)} always applies"
        )
        message = f"the policy is never asked: {said} first; move it up, or narrow what stands before it"
        path = "when" if self._policies[number].when else ""
        return self._finding(FindingKind.UNREACHABLE, number, path, message)

    def _rules(self, number: int, policy: CompiledPolicy, reached: Formula) -> Iterator[Finding]:
        """What is wrong with the conditions inside a policy that is reached."""
        world, nodes = self._world, self._world.nodes
        passing: list[list[Formula]] = [[] for _ in nodes]
        failed = False
        for place, fence in policy.placed_fences():
            when = formula_of(fence.when, world.kinds) if fence.when else TRUE
            asked = everything((reached, when))
            if self._never(asked):
                message = "no order of this policy can meet this condition: the fence is never asked"
                kind = (
                    FindingKind.NO_EFFECT if self._asked_elsewhere(number, fence) else FindingKind.UNREACHABLE
                )
                yield self._finding(kind, number, f"fences.{place}.when", message)
                continue
            at_node = [formula_of(fence.require, world.kinds, node) for node in nodes]
            if nodes and self._never(everything((asked, either(at_node)))):
                failed = True
                message = f"no node of the network can pass {fence.require.source}"
                yield self._finding(
                    FindingKind.CONTRADICTION,
                    number,
                    f"fences.{place}.require",
                    f"{message}: nothing could be placed",
                )
            for formulas, require in zip(passing, at_node, strict=True):
                formulas.append(either((Not(when), require)))
        every = either(everything(formulas) for formulas in passing)
        if nodes and not failed and self._never(everything((reached, every))):
            message = "each fence can be passed, but no node of the network passes all of them: nothing could be placed"
            yield self._finding(FindingKind.CONTRADICTION, number, "fences", message)
        for place, preference in enumerate(policy.preferences):
            met = either(formula_of(preference, world.kinds, node) for node in nodes)
            if nodes and self._never(everything((reached, met))):
                message = "no node of the network ever meets it: it is always given up"
                yield self._finding(FindingKind.NO_EFFECT, number, f"prefer.{place}", message)

    def _asked_elsewhere(self, number: int, fence: Fence) -> bool:
        """Whether a fence is asked where channels of all kinds are."""
        there = self._world.elsewhere
        conditions = [each for each in (self._policies[number].when, fence.when) if each]
        asked = everything(formula_of(each, there.kinds) for each in conditions)
        return assignments(asked, there.possible) != []

    def _static(self, number: int, policy: CompiledPolicy) -> Iterator[Finding]:
        split = policy.split
        for place, kind in enumerate(split.keep_together):
            if kind not in self._world.group_kinds:
                known = ", ".join(self._world.group_kinds)
                message = f"lines are never in a group of kind {kind!r}; there are: {known}"
                yield self._finding(
                    FindingKind.CONTRADICTION, number, f"split.keep_together.{place}", message
                )
        for name in ("min_value", "only_if_saves"):
            if split.max_shipments == 1 and getattr(split, name) is not None:
                message = "max_shipments is 1: an order is never split, so this is never asked"
                yield self._finding(FindingKind.NO_EFFECT, number, f"split.{name}", message)
        yield from self._money(number, policy)
        yield from self._consolidation(number, policy)
        distances = [
            (place, fence.max_distance_km)
            for place, fence in enumerate(policy.definition.fences)
            if isinstance(fence, DistanceFence)
        ]
        for place, distance in distances:
            if distance > min(each for _, each in distances):
                message = "another fence sets a shorter distance: this one is never asked"
                yield self._finding(FindingKind.NO_EFFECT, number, f"fences.{place}.max_distance_km", message)

    def _consolidation(self, number: int, policy: CompiledPolicy) -> Iterator[Finding]:
        """Nodes at which nothing can be brought together."""
        nodes = {node.id: node for node in self._world.nodes}
        for place, name in enumerate(policy.definition.consolidate):
            node = nodes.get(name)
            message = ""
            if node is None:
                message = f"node {name!r} is not configured; there are: {', '.join(sorted(nodes)) or 'none'}"
            elif node.kind is NodeKind.SUPPLIER:
                message = f"{name} is a supplier: it ships its own goods, and receives none of other nodes"
            elif not node.services:
                message = f"{name} has no services: it could not send on what it receives"
            if message:
                yield self._finding(FindingKind.CONTRADICTION, number, f"consolidate.{place}", message)

    def _money(self, number: int, policy: CompiledPolicy) -> Iterator[Finding]:
        """Amounts that can't be compared with costs."""
        rule = policy.definition.reevaluate
        amounts = {"split.only_if_saves": policy.split.only_if_saves}
        amounts["reevaluate.min_saving"] = rule.min_saving if rule else None
        for path, amount in amounts.items():
            if amount and self._world.currencies and amount.currency not in self._world.currencies:
                known = ", ".join(self._world.currencies)
                message = (
                    f"no exchange rate of {amount.currency} is known (hub.exchange_rates); there are: {known}"
                )
                yield self._finding(FindingKind.CONTRADICTION, number, path, message)

    def _gap(self) -> Iterator[Finding]:
        if not self._policies:
            return
        uncovered = everything(map(Not, self._applies))
        policies = PolicySet([replace(policy, state=PolicyState.ACTIVE) for policy in self._policies])
        for case in assignments(uncovered, self._world.likely, _MOST_EXAMPLES) or ():
            demand = demand_of(case, self._world.kinds, self._world.countries, self._world.currencies)
            if demand is None or policies.choose(demand) is not None:
                continue
            yield Finding(
                FindingKind.GAP,
                "",
                str(self._places[-1]),
                f"no policy applies to {described(demand)}: write a last policy without `when`",
                case,
            )
            return

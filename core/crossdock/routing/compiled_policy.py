"""Policies checked and compiled. ``compile_policy`` refuses one that can't work, and says where and why."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from crossdock.errors import MisconfiguredError
from crossdock.routing.conditions import Condition, compile_condition
from crossdock.routing.model import Address, Demand
from crossdock.routing.network import Network
from crossdock.routing.policy import (
    BUILT_IN_FENCES,
    MONEY_TERMS,
    TERMS,
    DistanceFence,
    PolicyDefinition,
    PolicyState,
    RequireFence,
    SplitRule,
    Unfillable,
)

if TYPE_CHECKING:
    from crossdock.routing.packing import Packing

__all__ = ["CompiledPolicy", "NodeMasks", "PolicySet", "compile_policy"]

_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Fence:
    """A compiled ``require`` fence."""

    require: Condition
    when: Condition | None


@dataclass(frozen=True, slots=True)
class NodeMasks:
    """What the conditions of a policy say of each node, for one kind of order.

    Attributes:
        passed: True where every hard fence of the policy holds, shape (nodes,).
        kept: Number of leading preferences the node meets, shape (nodes,); ``None`` if there are none.
    """

    passed: NDArray[np.bool_]
    kept: NDArray[np.intp] | None


@dataclass(frozen=True, slots=True, eq=False)
class CompiledPolicy:
    """A policy ready to decide.

    Attributes:
        tiers: For each tier its terms with their weights.
        saving_tier: The tier that ``only_if_saves`` counts in; -1 if it is not used.
        cost_tier: The tier that ``reevaluate.min_saving`` counts in; -1 if it is not used.
        conditions: Of the fences and preferences.
        named_terms: Every term of the objective, and always freight and handling: what a decision tells.
    """

    definition: PolicyDefinition
    id: str
    version: int
    state: PolicyState
    when: Condition | None
    serves_destination: bool
    capacity: bool
    fresh: bool
    max_distance_km: float | None
    fences: tuple[Fence, ...]
    preferences: tuple[Condition, ...]
    tiers: tuple[tuple[tuple[str, Decimal], ...], ...]
    saving_tier: int
    cost_tier: int
    split: SplitRule
    unfillable: Unfillable
    conditions: tuple[Condition, ...]
    named_terms: tuple[str, ...]
    packings: dict[Hashable, Packing] = field(default_factory=dict)
    _masks: dict[Hashable, NodeMasks] = field(default_factory=dict)
    _applies: dict[Hashable, bool] = field(default_factory=dict)

    def applies(self, demand: Demand) -> bool:
        """Whether the policy is meant for ``demand``."""
        if self.when is None:
            return True
        key = self.when.key(demand)
        known = self._applies.get(key)
        if known is None:
            known = self.when.holds(demand)
            if len(self._applies) >= _REMEMBERED:
                self._applies.clear()
            self._applies[key] = known
        return known

    def masks(self, demand: Demand, network: Network, to: Address | None = None) -> NodeMasks:
        """What the conditions say of every node; remembered by the facts they name.

        Args:
            to: Where the nodes have to send to, if that is not the destination of ``demand``.
        """
        address = to or demand.destination.address
        key = (
            network.version,
            (address.country, address.region) if self.serves_destination and not demand.pick_up else None,
            *[condition.key(demand) for condition in self.conditions],
        )
        known = self._masks.get(key)
        if known is None:
            known = self._examine(demand, network, address)
            if len(self._masks) >= _REMEMBERED:
                self._masks.clear()
            self._masks[key] = known
        return known

    def _examine(self, demand: Demand, network: Network, to: Address) -> NodeMasks:
        passed = network.active.copy()
        kept = np.zeros(network.size, dtype=np.intp)
        for position, node in enumerate(network.nodes):
            passed[position] &= self.failed_fence(demand, network, position, to) == ""
            while kept[position] < len(self.preferences):
                if not self.preferences[kept[position]].holds(demand, node):
                    break
                kept[position] += 1
        return NodeMasks(passed, kept if self.preferences else None)

    def placed_fences(self) -> Iterator[tuple[int, Fence]]:
        """Each fence with a condition, and its place in the list of the definition."""
        written = self.definition.fences
        places = [place for place, item in enumerate(written) if isinstance(item, RequireFence)]
        return zip(places, self.fences, strict=True)

    def failed_fence(self, demand: Demand, network: Network, position: int, to: Address | None = None) -> str:
        """The first fence on the node itself that fails: its name or condition; empty if all hold."""
        node = network.nodes[position]
        if self.serves_destination and not demand.pick_up and node.serves:
            address = to or demand.destination.address
            if address.country not in node.serves and address.region not in node.serves:
                return "serves_destination"
        for fence in self.fences:
            if fence.when is not None and not fence.when.holds(demand):
                continue
            if not fence.require.holds(demand, node):
                return fence.require.source
        return ""


class PolicySet:
    """Policies in order; of the active ones, the first that applies decides.

    Attributes:
        policies: All of them; drafts never decide, archived ones explain what they decided once.
        active: Those that decide.
    """

    def __init__(self, policies: Iterable[CompiledPolicy]) -> None:
        """Keep ``policies`` in the order in which they are asked."""
        self.policies = tuple(policies)
        self.active = tuple(policy for policy in self.policies if policy.state is PolicyState.ACTIVE)

    def choose(self, demand: Demand) -> CompiledPolicy | None:
        """The first active policy that applies to ``demand``, or ``None``."""
        for policy in self.active:
            if policy.applies(demand):
                return policy
        return None

    def find(self, policy_id: str, version: int) -> CompiledPolicy | None:
        """The policy of that id and version, or ``None``."""
        return next((p for p in self.policies if p.id == policy_id and p.version == version), None)


def compile_policy(definition: Mapping[str, object] | PolicyDefinition) -> CompiledPolicy:
    """Check and compile a policy.

    Raises:
        MisconfiguredError: with the path inside the policy and the reason.
    """
    if not isinstance(definition, PolicyDefinition):
        name = definition.get("policy", "policy")
        try:
            definition = PolicyDefinition.model_validate(definition)
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in first["loc"])
            raise MisconfiguredError(f"policy {name!r}: {first['msg']}", path=path) from error
    fences, distance = _fences(definition)
    preferences = tuple(
        compile_condition(source, f"prefer.{position}", about_node=True)
        for position, source in enumerate(definition.prefer)
    )
    tiers = _tiers(definition)
    return CompiledPolicy(
        definition=definition,
        id=definition.policy,
        version=definition.version,
        state=definition.state,
        when=compile_condition(definition.when, "when", about_node=False) if definition.when else None,
        serves_destination="serves_destination" in definition.fences,
        capacity="capacity" in definition.fences,
        fresh="fresh" in definition.fences,
        max_distance_km=distance,
        fences=fences,
        preferences=preferences,
        tiers=tiers,
        saving_tier=_money_tier(tiers, "split.only_if_saves") if definition.split.only_if_saves else -1,
        cost_tier=_money_tier(tiers, "reevaluate.min_saving") if definition.reevaluate else -1,
        split=definition.split,
        unfillable=definition.unfillable,
        conditions=(*[c for fence in fences for c in (fence.require, fence.when) if c], *preferences),
        named_terms=tuple(
            dict.fromkeys((*[term for tier in tiers for term, _ in tier], "shipping_cost", "handling_cost"))
        ),
    )


def _fences(definition: PolicyDefinition) -> tuple[tuple[Fence, ...], float | None]:
    """The fences with a condition, and the farthest a node may be away."""
    distance: float | None = None
    fences: list[Fence] = []
    for position, item in enumerate(definition.fences):
        path = f"fences.{position}"
        if isinstance(item, DistanceFence):
            distance = min(item.max_distance_km, distance or item.max_distance_km)
        elif isinstance(item, RequireFence):
            when = compile_condition(item.when, f"{path}.when", about_node=False) if item.when else None
            fences.append(Fence(compile_condition(item.require, f"{path}.require", about_node=True), when))
        elif item not in BUILT_IN_FENCES:
            raise MisconfiguredError(
                f"unknown fence {item!r}; known: {', '.join(sorted(BUILT_IN_FENCES))}; "
                "write a condition of your own as {require: ...}",
                path=path,
            )
    return tuple(fences), distance


def _tiers(definition: PolicyDefinition) -> tuple[tuple[tuple[str, Decimal], ...], ...]:
    tiers: list[tuple[tuple[str, Decimal], ...]] = []
    seen: set[str] = set()
    for position, item in enumerate(definition.objective):
        weights = {item: Decimal(1)} if isinstance(item, str) else item
        for term, weight in weights.items():
            path = f"objective.{position}.{term}"
            if term not in TERMS:
                raise MisconfiguredError(f"unknown term {term!r}; known: {', '.join(TERMS)}", path=path)
            if term in seen:
                raise MisconfiguredError(f"term {term!r} stands twice in the objective: keep one", path=path)
            if not weight.is_finite() or weight <= 0:
                raise MisconfiguredError(f"the weight of {term!r} must be above zero", path=path)
            seen.add(term)
        tiers.append(tuple(weights.items()))
    return tuple(tiers)


def _money_tier(tiers: tuple[tuple[tuple[str, Decimal], ...], ...], asked_by: str) -> int:
    """The tier that holds the costs."""
    for position, tier in enumerate(tiers):
        if any(term in MONEY_TERMS for term, _ in tier):
            return position
    raise MisconfiguredError(
        f"{asked_by.rpartition('.')[2]} needs a cost to compare: name shipping_cost or handling_cost in the objective",
        path=asked_by,
    )

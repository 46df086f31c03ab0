"""Policies: what an operations lead writes, checked and compiled.

A policy is a reviewed file. ``compile_policy`` refuses one that can't work, and says where and why.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from crossdock.errors import MisconfiguredError
from crossdock.routing.conditions import Condition, compile_condition
from crossdock.routing.model import Demand, Money
from crossdock.routing.network import Network

if TYPE_CHECKING:
    from crossdock.routing.packing import Packing

__all__ = [
    "MONEY_TERMS",
    "TERMS",
    "CompiledPolicy",
    "NodeMasks",
    "PolicyDefinition",
    "PolicySet",
    "SplitRule",
    "Unfillable",
    "compile_policy",
]

TERMS: dict[str, str] = {
    "late_days": "days by which the delivery misses the promise",
    "shipments": "one for each shipment",
    "shipping_cost": "freight of the shipment by the rate card",
    "handling_cost": "picking and packing at the node",
    "transit_days": "days between now and delivery",
    "distance": "kilometres to the destination",
    "workload": "share of the node's daily orders already taken",
    "stock_balance": "for each line, the share of the node's stock it takes",
    "zero_stock": "one for each line that takes the node's last unit",
    "opportunity_cost": "what the units would be worth elsewhere, as given with the supply",
    "priority": "the node's priority; lower is better",
}
"""Every term an objective may name, and what it counts."""

MONEY_TERMS = frozenset({"shipping_cost", "handling_cost", "opportunity_cost"})

_BUILT_IN_FENCES = frozenset({"stock", "serves_destination", "capacity", "fresh"})
_REMEMBERED = 4096
_MONEY = re.compile(r"^\s*(\d+(?:\.\d+)?)\s+([A-Z]{3})\s*$")
_DURATION = re.compile(r"^\s*(\d+)\s*(m|h|d)\s*$")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _read_money(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _MONEY.match(value)
    if match is None:
        raise ValueError('write an amount and its currency, such as "15.00 USD"')
    return Money(Decimal(match[1]), match[2])


def _read_duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DURATION.match(value)
    if match is None:
        raise ValueError('write a number and m, h or d, such as "8h"')
    return timedelta(**{{"m": "minutes", "h": "hours", "d": "days"}[match[2]]: int(match[1])})


MoneyText = Annotated[Money, BeforeValidator(_read_money)]
DurationText = Annotated[timedelta, BeforeValidator(_read_duration)]


class RequireFence(_Strict):
    """A hard condition on the node, if ``when`` (on the order) holds."""

    require: str
    when: str = ""


class DistanceFence(_Strict):
    """The farthest a node may be from the destination."""

    max_distance_km: Annotated[float, Field(gt=0)]


class SplitRule(_Strict):
    """How far an order may be split.

    Attributes:
        max_shipments: The most shipments of one order; ``None`` is without limit.
        min_value: The least value of each shipment of a split order.
        keep_together: Group kinds whose lines must not be parted.
        only_if_saves: What each further shipment must save, at least, in the tier that holds the costs.
        quantity: Whether a line that no node can fill alone may be taken from several nodes.
    """

    max_shipments: Annotated[int, Field(ge=1)] | None = None
    min_value: MoneyText | None = None
    keep_together: tuple[str, ...] = ()
    only_if_saves: MoneyText | None = None
    quantity: bool = True


class Unfillable(_Strict):
    """What happens to lines that can't be placed.

    Attributes:
        ship_rest: Whether the other lines of the order go ahead.
    """

    retry: Literal["on_stock", "scheduled", "never"] = "on_stock"
    stop_after: DurationText = timedelta(hours=8)
    then: Literal["backorder", "cancel", "worklist"] = "worklist"
    ship_rest: bool = True


class PolicyDefinition(_Strict):
    """A policy as written in its file."""

    policy: Annotated[str, Field(min_length=1)]
    version: Annotated[int, Field(ge=1)]
    when: str = ""
    fences: tuple[str | RequireFence | DistanceFence, ...] = ("stock", "serves_destination", "capacity")
    prefer: tuple[str, ...] = ()
    objective: Annotated[tuple[str | dict[str, Decimal], ...], Field(min_length=1)]
    split: SplitRule = SplitRule()
    unfillable: Unfillable = Unfillable()
    time_budget_seconds: Annotated[float, Field(gt=0)] = 2.0


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
    """

    definition: PolicyDefinition
    id: str
    version: int
    when: Condition | None
    serves_destination: bool
    capacity: bool
    fresh: bool
    max_distance_km: float | None
    fences: tuple[Fence, ...]
    preferences: tuple[Condition, ...]
    tiers: tuple[tuple[tuple[str, Decimal], ...], ...]
    saving_tier: int
    split: SplitRule
    unfillable: Unfillable
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

    def masks(self, demand: Demand, network: Network) -> NodeMasks:
        """What the conditions say of every node; remembered by the facts they name."""
        address = demand.destination.address
        conditions = [c for fence in self.fences for c in (fence.require, fence.when) if c is not None]
        key = (
            network.version,
            (address.country, address.region) if self.serves_destination and not demand.pick_up else None,
            tuple(condition.key(demand) for condition in (*conditions, *self.preferences)),
        )
        known = self._masks.get(key)
        if known is None:
            known = self._examine(demand, network)
            if len(self._masks) >= _REMEMBERED:
                self._masks.clear()
            self._masks[key] = known
        return known

    def _examine(self, demand: Demand, network: Network) -> NodeMasks:
        passed = network.active.copy()
        kept = np.zeros(network.size, dtype=np.intp)
        for position, node in enumerate(network.nodes):
            passed[position] &= self.failed_fence(demand, network, position) == ""
            while kept[position] < len(self.preferences):
                if not self.preferences[kept[position]].holds(demand, node):
                    break
                kept[position] += 1
        return NodeMasks(passed, kept if self.preferences else None)

    def failed_fence(self, demand: Demand, network: Network, position: int) -> str:
        """The first fence on the node itself that fails: its name or condition; empty if all hold."""
        node = network.nodes[position]
        if self.serves_destination and not demand.pick_up and node.serves:
            address = demand.destination.address
            if address.country not in node.serves and address.region not in node.serves:
                return "serves_destination"
        for fence in self.fences:
            if fence.when is not None and not fence.when.holds(demand):
                continue
            if not fence.require.holds(demand, node):
                return fence.require.source
        return ""


class PolicySet:
    """Active policies in order; the first that applies decides."""

    def __init__(self, policies: Iterable[CompiledPolicy]) -> None:
        """Keep ``policies`` in the order in which they are asked."""
        self.policies = tuple(policies)

    def choose(self, demand: Demand) -> CompiledPolicy | None:
        """The first policy that applies to ``demand``, or ``None``."""
        for policy in self.policies:
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
    distance: float | None = None
    fences: list[Fence] = []
    for position, item in enumerate(definition.fences):
        path = f"fences.{position}"
        if isinstance(item, DistanceFence):
            distance = min(item.max_distance_km, distance or item.max_distance_km)
        elif isinstance(item, RequireFence):
            when = compile_condition(item.when, f"{path}.when", about_node=False) if item.when else None
            fences.append(Fence(compile_condition(item.require, f"{path}.require", about_node=True), when))
        elif item not in _BUILT_IN_FENCES:
            raise MisconfiguredError(
                f"unknown fence {item!r}; known: {', '.join(sorted(_BUILT_IN_FENCES))}; "
                "write a condition of your own as {require: ...}",
                path=path,
            )
    tiers = _tiers(definition)
    return CompiledPolicy(
        definition=definition,
        id=definition.policy,
        version=definition.version,
        when=compile_condition(definition.when, "when", about_node=False) if definition.when else None,
        serves_destination="serves_destination" in definition.fences,
        capacity="capacity" in definition.fences,
        fresh="fresh" in definition.fences,
        max_distance_km=distance,
        fences=tuple(fences),
        preferences=tuple(
            compile_condition(source, f"prefer.{position}", about_node=True)
            for position, source in enumerate(definition.prefer)
        ),
        tiers=tiers,
        saving_tier=_saving_tier(definition, tiers),
        split=definition.split,
        unfillable=definition.unfillable,
    )


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


def _saving_tier(definition: PolicyDefinition, tiers: tuple[tuple[tuple[str, Decimal], ...], ...]) -> int:
    if definition.split.only_if_saves is None:
        return -1
    for position, tier in enumerate(tiers):
        if any(term in MONEY_TERMS for term, _ in tier):
            return position
    raise MisconfiguredError(
        "only_if_saves needs a cost to compare: name shipping_cost or handling_cost in the objective",
        path="split.only_if_saves",
    )

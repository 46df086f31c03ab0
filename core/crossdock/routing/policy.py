"""Policies as an operations lead writes them: a reviewed file, read here and compiled in ``compiled_policy``."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from crossdock.routing.model import Money

__all__ = [
    "BUILT_IN_FENCES",
    "MONEY_TERMS",
    "TERMS",
    "DistanceFence",
    "PolicyDefinition",
    "PolicyState",
    "ReevaluationRule",
    "RequireFence",
    "SplitRule",
    "Unfillable",
]

TERMS: dict[str, str] = {
    "late_days": "days by which the delivery misses the promise, or the shipment its latest day",
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

BUILT_IN_FENCES = frozenset({"stock", "serves_destination", "capacity", "fresh"})
_MONEY = re.compile(r"^\s*(\d+(?:\.\d+)?)\s+([A-Z]{3})\s*$")
_DURATION = re.compile(r"^\s*(\d+)\s*(m|h|d)\s*$")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


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


def _money_text(value: Money | None) -> str | None:
    return None if value is None else f"{value.amount} {value.currency}"


def _duration_text(value: timedelta) -> str:
    minutes = int(value.total_seconds()) // 60
    for unit, length in (("d", 1440), ("h", 60)):
        if minutes and minutes % length == 0:
            return f"{minutes // length}{unit}"
    return f"{minutes}m"


MoneyText = Annotated[
    Money,
    BeforeValidator(_read_money),
    PlainSerializer(_money_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)? [A-Z]{3}$", "examples": ["15.00 USD"]}),
]
DurationText = Annotated[
    timedelta,
    BeforeValidator(_read_duration),
    PlainSerializer(_duration_text, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": r"^\d+\s*(m|h|d)$", "examples": ["8h"]}),
]


class RequireFence(_Strict):
    """A hard condition on the node."""

    require: str
    """CEL, on the node and the order."""
    when: str = ""
    """CEL, on the order: for which orders it is asked; empty is all."""


class DistanceFence(_Strict):
    """The farthest a node may be from the destination."""

    max_distance_km: Annotated[float, Field(gt=0)]


class SplitRule(_Strict):
    """How far an order may be split."""

    max_shipments: Annotated[int, Field(ge=1)] | None = None
    """The most shipments of one order; absent is without limit."""
    min_value: MoneyText | None = None
    """The least value of each shipment of a split order."""
    keep_together: tuple[str, ...] = ()
    """Kinds of groups whose lines must not be parted: ``kit``, ``set``."""
    only_if_saves: MoneyText | None = None
    """What each further shipment must save, at least, in the tier that holds the costs."""
    quantity: bool = True
    """Whether a line that no node can fill alone may be taken from several nodes."""


class Unfillable(_Strict):
    """What happens to lines that can't be placed."""

    retry: Literal["on_stock", "scheduled", "never"] = "on_stock"
    stop_after: DurationText = timedelta(hours=8)
    then: Literal["backorder", "cancel", "worklist"] = "worklist"
    cancel_after: DurationText | None = None
    """With ``then: backorder``: what has waited so long is cancelled, its channel told; absent: it waits for ever."""
    ship_rest: bool = True
    """Whether the other lines of the order go ahead."""


class ReevaluationRule(_Strict):
    """When what is allocated, and not yet asked of a node, goes elsewhere after all."""

    every: Annotated[DurationText, Field(ge=timedelta(minutes=1))]
    """How often it is looked at."""
    min_saving: MoneyText
    """What another plan must save, at least, in the tier that holds the costs. An earlier tier decides by itself, and
    a node that is out leaves no choice."""


class PolicyState(StrEnum):
    """Whether a version of a policy decides."""

    DRAFT = "draft"
    """It is checked and can be tested, and never decides."""
    ACTIVE = "active"
    """It decides; at most one version of a policy."""
    ARCHIVED = "archived"
    """It decided once: kept, so that what it decided can be explained."""


class PolicyDefinition(_Strict):
    """A policy as written in its file."""

    policy: Annotated[str, Field(min_length=1)]
    """Its name."""
    version: Annotated[int, Field(ge=1)]
    """Decisions name it: what has decided is never changed, but given a new version."""
    state: PolicyState = PolicyState.ACTIVE
    """``draft``: checked and tested, never decides. ``active``: decides, one version of each name. ``archived``:
    decided once, and is kept to explain it."""
    when: str = ""
    """CEL, on the order: which orders it is for; empty is all. The first active policy that applies decides."""
    fences: tuple[str | RequireFence | DistanceFence, ...] = ("stock", "serves_destination", "capacity")
    """A node that fails one is out. By name: ``stock``, ``serves_destination``, ``capacity``, ``fresh``."""
    prefer: tuple[str, ...] = ()
    """CEL, on the node and the order: given up from the last to the first, only to place more lines."""
    objective: Annotated[tuple[str | dict[str, Decimal], ...], Field(min_length=1)]
    """Tiers of terms; an earlier tier always beats a later one. A tier is one term, or terms with weights."""
    split: SplitRule = SplitRule()
    consolidate: tuple[str, ...] = ()
    """Nodes at which the goods of several may be brought together, to go on as one shipment: where that is better by
    the objective. Of orders up to 10 lines; not for pick-ups."""
    unfillable: Unfillable = Unfillable()
    release_after: DurationText = timedelta(0)
    """How long nodes are not asked yet: buyers change their minds, better stock comes. Cut short where the goods
    would leave a day later. Not for pick-ups."""
    reevaluate: ReevaluationRule | None = None
    """Whether unreleased fulfilment orders are routed again: those that wait for ``release_after``, or under a hold."""
    time_budget_seconds: Annotated[float, Field(gt=0)] = 2.0
    """For orders that need the solver."""

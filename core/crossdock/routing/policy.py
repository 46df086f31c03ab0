"""Policies as an operations lead writes them: a reviewed file, read here and compiled in ``compiled_policy``."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from crossdock.routing.model import Money

__all__ = [
    "BUILT_IN_FENCES",
    "MONEY_TERMS",
    "TERMS",
    "DistanceFence",
    "PolicyDefinition",
    "RequireFence",
    "SplitRule",
    "Unfillable",
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

BUILT_IN_FENCES = frozenset({"stock", "serves_destination", "capacity", "fresh"})
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

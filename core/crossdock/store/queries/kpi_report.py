"""Five numbers that say how well the network fulfils, over the whole and by dimension; docs/kpis.md defines them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

__all__ = ["Dimension", "Group", "KpiReport", "Kpis", "Mean", "Median", "Ratio"]


class Dimension(StrEnum):
    """What the KPIs may be told apart by."""

    NODE = "node"
    CHANNEL = "channel"
    POLICY = "policy"
    """A policy's version, as ``standard@12``."""
    DAY = "day"
    """The day an order was placed, or a count was taken, in UTC, as ``2026-11-23``."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """``part`` of ``whole``; ``share`` (0 to 1, four digits) is None where there is nothing to divide by."""

    part: int
    whole: int
    share: Decimal | None

    @classmethod
    def of(cls, part: int, whole: int) -> Ratio:
        """The ratio of two counts."""
        return cls(part, whole, (Decimal(part) / whole).quantize(Decimal("0.0001")) if whole else None)


@dataclass(frozen=True, slots=True)
class Mean:
    """``total`` over ``orders``; ``value`` (two digits) is None where there are none."""

    total: Decimal
    orders: int
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Median:
    """The middle one of ``orders`` values (two digits), None where there are none."""

    orders: int
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class Kpis:
    """The five.

    Attributes:
        routing_accuracy: Fulfilment orders that the node first asked shipped whole, of all that came to an end.
        cost_to_serve: Freight and handling of an order that shipped, in the hub's currency.
        cycle_time_hours: From being placed to having shipped whole.
        inventory_accuracy: Counted positions that were as the ledger said; a node's first count is left out.
            None where a dimension is asked for that a count does not have: channel, policy.
        exception_rate: Orders that somebody had to look at, of all orders.
    """

    routing_accuracy: Ratio
    cost_to_serve: Mean
    cycle_time_hours: Median
    inventory_accuracy: Ratio | None
    exception_rate: Ratio


@dataclass(frozen=True, slots=True)
class Group:
    """The KPIs of one value of each dimension asked for."""

    key: Mapping[str, str | None]
    kpis: Kpis


@dataclass(frozen=True, slots=True)
class KpiReport:
    """The KPIs of the orders placed from ``since`` to before ``until``, and of the counts taken in that time.

    Attributes:
        by: The dimensions of ``groups``.
        currency: Of the costs.
        total: Over the whole. It need not be the sum of the groups: an order that two nodes ship is one order.
        groups: In the order of their keys; a key that has no value comes first.
    """

    since: datetime
    until: datetime
    by: tuple[Dimension, ...]
    currency: str
    total: Kpis
    groups: tuple[Group, ...]

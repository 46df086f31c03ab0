"""The tiers of an objective packed into one number.

Each tier is multiplied by a power of two above everything the later tiers can sum up to, so the least packed number is
the lexicographically least plan. Inside a tier every value is a whole number: money in thousandths, other terms too
where they share a tier. Whole numbers in float64 are exact up to 2**53; ``Packing.exact`` says whether they fit.
"""

from __future__ import annotations

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from crossdock.routing.compiled_policy import CompiledPolicy
from crossdock.routing.network import Network
from crossdock.routing.policy import MONEY_TERMS
from crossdock.routing.tariff import MONEY_SCALE, Floats, thousandths

__all__ = ["BUYERS_TERMS", "LONGEST_DELAY_DAYS", "Packing", "of_legs", "packing"]

LONGEST_DELAY_DAYS = 1000
"""A promise is counted as broken for no longer than this before today."""

_LONGEST_WAY_DAYS = 1000

_HALF_ROUND_THE_EARTH_KM = 20_016
_EXACT_LIMIT = 2.0**53
BUYERS_TERMS = frozenset({"late_days", "shipments", "transit_days"})
"""What counts for the buyer alone: shipments between nodes have none of it."""
_WHOLE_TERMS = frozenset({"late_days", "shipments", "transit_days", "zero_stock", "priority"})


class Packing(Struct, frozen=True, eq=False):
    """How the terms of one policy are packed, for orders up to some size.

    Attributes:
        multipliers: Of each tier.
        scales: What a natural unit of a term counts inside its tier (a thousandth, for money).
        factor: The multiplier of the tier a term is in.
        whole: What a natural unit of a term counts packed, of the terms whose scaled values are whole numbers.
        shipment: What every shipment costs at each node whatever the order, packed, shape (nodes,).
        line_handling, unit_handling: Packed handling of each line and each unit at each node, shape (nodes,).
        exact: Whether every packed number is exact.
    """

    multipliers: tuple[float, ...]
    scales: dict[str, float]
    factor: dict[str, float]
    whole: dict[str, float]
    shipment: Floats
    line_handling: Floats
    unit_handling: Floats
    exact: bool

    def pack(self, term: str, value: Floats) -> Floats:
        """Packed cost of ``value`` in natural units."""
        unit = self.whole.get(term)
        return np.rint(value * self.scales[term]) * self.factor[term] if unit is None else value * unit

    def unpack(self, total: float) -> tuple[float, ...]:
        """The value of each tier in ``total``, in scaled units."""
        values: list[float] = []
        for multiplier in self.multipliers:
            whole = float(total // multiplier)
            values.append(whole)
            total -= whole * multiplier
        return tuple(values)


def tier_scale(tier: tuple[tuple[str, object], ...]) -> int:
    """Scaled units in one natural unit of a tier: 1 for a single whole term of weight 1, else a thousand."""
    return 1 if len(tier) == 1 and tier[0][0] in _WHOLE_TERMS and tier[0][1] == 1 else MONEY_SCALE


def packing(
    policy: CompiledPolicy, network: Network, *, money_bits: int, shipments: int, lines: int
) -> Packing:
    """Pack for orders whose money terms sum up to less than 2**``money_bits`` thousandths; remembered by the policy."""
    key = (network.version, money_bits, shipments, lines)
    known = policy.packings.get(key)
    if known is None:
        known = policy.packings[key] = _pack(policy, network, 2.0**money_bits, shipments, lines)
    return known


def of_legs(policy: CompiledPolicy, network: Network, whole: Packing) -> Packing:
    """As ``whole``, for shipments between nodes: without what counts only where the buyer gets a shipment."""
    key = (network.version, whole)
    known = policy.packings.get(key)
    if known is None:
        scales = {term: scale for term, scale in whole.scales.items() if term not in BUYERS_TERMS}
        known = policy.packings[key] = replace(whole, scales=scales, shipment=np.zeros(network.size))
        _add_by_node(known, network)
    return known


def _bounds(network: Network, money: float, shipments: int, lines: int) -> dict[str, float]:
    """The most that each term of a plan can sum up to, in natural units."""
    return {
        "late_days": (LONGEST_DELAY_DAYS + _LONGEST_WAY_DAYS) * shipments,
        "shipments": shipments,
        "shipping_cost": money,
        "handling_cost": money,
        "opportunity_cost": money,
        "transit_days": _LONGEST_WAY_DAYS * shipments,
        "distance": _HALF_ROUND_THE_EARTH_KM * shipments,
        "workload": shipments,
        "stock_balance": lines,
        "zero_stock": lines,
        "priority": float(network.priority.max(initial=0.0)) * shipments,
    }


def _pack(policy: CompiledPolicy, network: Network, money: float, shipments: int, lines: int) -> Packing:
    bounds = _bounds(network, money, shipments, lines)
    saves = policy.split.only_if_saves
    saving = 0 if saves is None else thousandths(network.converted(saves))
    multipliers = [1.0] * len(policy.tiers)
    scales: dict[str, float] = {}
    factor: dict[str, float] = {}
    product = 1.0
    for index in range(len(policy.tiers) - 1, -1, -1):
        tier = policy.tiers[index]
        multipliers[index] = product
        bound = float(saving * shipments) if index == policy.saving_tier else 0.0
        for term, weight in tier:
            scales[term] = float(weight) * (1 if term in MONEY_TERMS else tier_scale(tier))
            factor[term] = product
            bound += bounds[term] * scales[term]
        product *= 2.0 ** (int(bound) + 1).bit_length()
    whole = {
        term: scale * factor[term]
        for term, scale in scales.items()
        if (term in _WHOLE_TERMS or term in MONEY_TERMS) and scale.is_integer()
    }
    shipment, line, unit = np.zeros((3, network.size))
    result = Packing(tuple(multipliers), scales, factor, whole, shipment, line, unit, product <= _EXACT_LIMIT)
    if saves is not None:
        result.shipment[:] += saving * multipliers[policy.saving_tier]
    _add_by_node(result, network)
    for packed, value in (
        (result.line_handling, network.handling_parts[1]),
        (result.unit_handling, network.handling_parts[2]),
    ):
        if "handling_cost" in scales:
            packed += result.pack("handling_cost", value)
    return result


def _add_by_node(packing: Packing, network: Network) -> None:
    """Add to ``packing.shipment`` what every shipment costs at each node."""
    for term, value in (
        ("shipments", np.ones(network.size)),
        ("priority", network.priority),
        ("handling_cost", network.handling_parts[0]),
    ):
        if term in packing.scales:
            packing.shipment[:] += packing.pack(term, value)

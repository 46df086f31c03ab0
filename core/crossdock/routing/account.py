"""The parts of a cost, for people: what one shipment of a plan costs by each term, and why a line has no place."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from crossdock.routing.problem import IMPOSSIBLE, Option, Problem

__all__ = ["cheapest_option", "packed_shipment", "shipment_costs", "why_unfilled"]


def shipment_costs(
    problem: Problem, node: int, option: Option, units: Sequence[tuple[int, int]]
) -> tuple[tuple[str, Decimal], ...]:
    """Natural value of every term, and always freight and handling, of one shipment of (line position, units)."""
    named = [term for tier in problem.policy.tiers for term, _ in tier]
    named.extend(term for term in ("shipping_cost", "handling_cost") if term not in named)
    return tuple((term, _natural(problem, term, node, option, units)) for term in named)


def _natural(
    problem: Problem, term: str, node: int, option: Option, units: Sequence[tuple[int, int]]
) -> Decimal:
    situation, network = problem.situation, problem.network
    if term == "shipping_cost":
        return _money(_freight(problem, node, option, units))
    if term == "handling_cost":
        per_shipment, per_line, per_unit = network.handling[node]
        return _money(per_shipment + per_line * len(units) + per_unit * sum(count for _, count in units))
    if term == "shipments":
        return Decimal(1)
    if term == "late_days":
        if problem.demand.promise is None:
            return Decimal(0)
        return Decimal(max(int(option.delivery[node]) - problem.promised_ordinal, 0))
    if term == "transit_days":
        return Decimal(max(int(option.delivery[node]) - situation.now.date().toordinal(), 0))
    if term == "priority":
        return Decimal(network.nodes[node].priority)
    if term == "distance":
        return Decimal(0) if option.zone is None else _rounded(float(problem.reach.distance_km[node]))
    if term == "workload":
        left = situation.capacity
        return Decimal(0) if left is None else _rounded(float(problem.workload(left[0])[node]))
    return _stock_term(problem, term, node, units)


def _stock_term(problem: Problem, term: str, node: int, units: Sequence[tuple[int, int]]) -> Decimal:
    stock, worth = problem.situation.stock, problem.situation.opportunity
    if term == "stock_balance":
        return _rounded(sum(min(count / max(int(stock[p, node]), 1), 1.0) for p, count in units))
    if term == "zero_stock":
        return Decimal(sum(int(stock[p, node]) <= count for p, count in units))
    if worth is None:
        return Decimal(0)
    return _money(sum(float(worth[p, node]) * count for p, count in units))


def _freight(problem: Problem, node: int, option: Option, units: Sequence[tuple[int, int]]) -> float:
    if option.tariff is None or option.zone is None:
        return 0.0
    lines = problem.demand.lines
    return option.tariff.price(
        int(option.zone[node]),
        sum(lines[p].unit_weight_grams * count for p, count in units),
        sum(lines[p].unit_volume_cm3 * count for p, count in units),
        {r for p, _ in units for r in lines[p].restrictions} if problem.restricted else (),
    )


def why_unfilled(problem: Problem, position: int) -> str:
    """Code of the reason why the line at ``position`` can't be placed."""
    line, demand = problem.demand.lines[position], problem.demand
    stock = problem.situation.stock[position]
    if not problem.eligible.any():
        return "no_node"
    if not stock[problem.eligible].any():
        return "no_stock"
    if not problem.usable.any():
        return "no_service"
    item = next(index for index, positions in enumerate(problem.items) if position in positions)
    if not (problem.item_cost[item][problem.eligible] < IMPOSSIBLE).any():
        if (
            line.restrictions
            and (stock[problem.eligible] >= line.quantity).any()
            and len(problem.items[item]) == 1
        ):
            return "restricted"
        return "no_stock" if len(problem.items[item]) == 1 else "group_not_together"
    return "split_rules" if len(demand.lines) > 1 else "no_service"


def cheapest_option(problem: Problem, node: int, units: Sequence[tuple[int, int]]) -> int:
    """Index of the option by which ``node`` best ships ``units``, by the objective of the policy."""

    return min(range(len(problem.options)), key=lambda index: packed_shipment(problem, node, index, units))


def packed_shipment(problem: Problem, node: int, index: int, units: Sequence[tuple[int, int]]) -> float:
    """Packed cost of the shipment as such and its freight, by the option at ``index``; infinite if it can't be."""
    option = problem.options[index]
    restrictions = {r for p, _ in units for r in problem.demand.lines[p].restrictions}
    if option.service is not None and restrictions & set(option.service.refuses):
        return float("inf")
    if option.zone is not None and option.zone[node] < 0:
        return float("inf")
    return float(option.cost[node]) + problem.packed_freight(_freight(problem, node, option, units))


def _money(value: float) -> Decimal:
    return Decimal(int(value)).scaleb(-3)


def _rounded(value: float) -> Decimal:
    return Decimal(round(value * 1000)).scaleb(-3)

"""The parts of a cost, for people: what one shipment of a plan costs by each term, and why a line has no place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache

from crossdock.routing.model import AssignedLine, Assignment
from crossdock.routing.plan import Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem

__all__ = [
    "assignment_of",
    "cheapest_lane",
    "freight",
    "last_leg_costs",
    "packed_shipment",
    "shipment_costs",
    "shipment_of",
    "why_unfilled",
]

Units = Sequence[tuple[int, int]]
"""Line position and units."""


def shipment_of(problem: Problem, subset: int, lane: int) -> Shipment:
    """The items of ``subset`` going by ``lane``."""
    lines = problem.demand.lines
    units = [
        (position, lines[position].quantity)
        for item, positions in enumerate(problem.items)
        if subset >> item & 1
        for position in positions
    ]
    return Shipment(lane, tuple(sorted(units)))


def assignment_of(problem: Problem, shipment: Shipment) -> Assignment:
    """One shipment with its dates and the value of each term."""
    lane, lanes, lines = shipment.lane, problem.lanes, problem.demand.lines
    node, service = lanes.node.item(lane), lanes.service.item(lane)
    return Assignment(
        node=problem.network.nodes[node].id,
        service=lanes.services[service][0].id,
        lines=tuple([AssignedLine(lines[p].line_id, lines[p].sku, units) for p, units in shipment.units]),
        ship_date=date.fromordinal(problem.shipping(lane)),
        delivery_date=date.fromordinal(problem.delivery(lane)),
        costs=shipment_costs(problem, lane, shipment.units),
    )


def shipment_costs(problem: Problem, lane: int, units: Units) -> tuple[tuple[str, Decimal], ...]:
    """Natural value of every term, and always freight and handling, of one shipment."""
    node = problem.lanes.node.item(lane)
    return tuple([(term, _NATURAL[term](problem, lane, node, units)) for term in problem.policy.named_terms])


def last_leg_costs(
    problem: Problem, lane: int, units: Units, own: Units, days: tuple[int, int]
) -> tuple[tuple[str, Decimal], ...]:
    """As ``shipment_costs``, of goods that were brought together at the node of ``lane``.

    Args:
        units: All that is sent.
        own: Of it, what was at the node before: only that comes out of its stock.
        days: Ordinals of shipping and delivery.
    """
    ship, delivery = days
    node = problem.lanes.node.item(lane)
    dated = {
        "late_days": Decimal(problem.deadline.late_days(delivery, ship)),
        "transit_days": Decimal(max(delivery - problem.today, 0)),
    }
    found: list[tuple[str, Decimal]] = []
    for term in problem.policy.named_terms:
        of = own if term in _OF_STOCK else units
        found.append((term, dated[term] if term in dated else _NATURAL[term](problem, lane, node, of)))
    return tuple(found)


def _handling(problem: Problem, _lane: int, node: int, units: Units) -> Decimal:
    per_shipment, per_line, per_unit = problem.network.handling[node]
    return _money(per_shipment + per_line * len(units) + per_unit * sum([count for _, count in units]))


def _late_days(problem: Problem, lane: int, _node: int, _units: Units) -> Decimal:
    return Decimal(problem.deadline.late_days(problem.delivery(lane), problem.shipping(lane)))


def _transit_days(problem: Problem, lane: int, _node: int, _units: Units) -> Decimal:
    return Decimal(max(problem.delivery(lane) - problem.today, 0))


def _distance(problem: Problem, _lane: int, node: int, _units: Units) -> Decimal:
    return Decimal(0) if problem.demand.pick_up else _rounded(float(problem.reach.distance_km[node]))


def _workload(problem: Problem, _lane: int, node: int, _units: Units) -> Decimal:
    left = problem.situation.capacity
    return Decimal(0) if left is None else _rounded(float(problem.workload(left[0])[node]))


def _stock_balance(problem: Problem, _lane: int, node: int, units: Units) -> Decimal:
    stock = problem.situation.stock
    return _rounded(sum(min(count / max(int(stock[p, node]), 1), 1.0) for p, count in units))


def _zero_stock(problem: Problem, _lane: int, node: int, units: Units) -> Decimal:
    return Decimal(sum(int(problem.situation.stock[p, node]) <= count for p, count in units))


def _opportunity(problem: Problem, _lane: int, node: int, units: Units) -> Decimal:
    worth = problem.situation.opportunity
    return Decimal(0) if worth is None else _money(sum(float(worth[p, node]) * count for p, count in units))


_NATURAL: dict[str, Callable[[Problem, int, int, Units], Decimal]] = {
    "late_days": _late_days,
    "shipments": lambda _problem, _lane, _node, _units: Decimal(1),
    "shipping_cost": lambda problem, lane, _node, units: _money(freight(problem, lane, units)),
    "handling_cost": _handling,
    "transit_days": _transit_days,
    "distance": _distance,
    "workload": _workload,
    "stock_balance": _stock_balance,
    "zero_stock": _zero_stock,
    "opportunity_cost": _opportunity,
    "priority": lambda problem, _lane, node, _units: Decimal(problem.network.nodes[node].priority),
}


_OF_STOCK = frozenset({"stock_balance", "zero_stock", "opportunity_cost"})
"""Terms that count what is taken out of a node's stock."""


def freight(problem: Problem, lane: int, units: Units) -> float:
    """Freight of one shipment by ``lane``, in thousandths."""
    lines = problem.demand.lines
    weight = volume = 0
    for position, count in units:
        weight += lines[position].unit_weight_grams * count
        volume += lines[position].unit_volume_cm3 * count
    restrictions = {r for p, _ in units for r in lines[p].restrictions} if problem.restrictions else ()
    _, tariff = problem.lanes.carrier(lane)
    return tariff.price(problem.zone.item(lane), weight, volume, restrictions)


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


def cheapest_lane(problem: Problem, node: int, units: Units) -> int:
    """The lane by which ``node``, which must have one, best ships ``units``, by the objective of the policy."""
    return min(problem.lanes.of_node(node), key=lambda lane: packed_shipment(problem, lane, units))


def packed_shipment(problem: Problem, lane: int, units: Units) -> float:
    """Packed cost of the shipment as such and its freight, by ``lane``; infinite if it can't be."""
    service, _ = problem.lanes.carrier(lane)
    restrictions = {r for p, _ in units for r in problem.demand.lines[p].restrictions}
    if restrictions & set(service.refuses) or problem.cost[lane] >= IMPOSSIBLE:
        return float("inf")
    return float(problem.cost[lane]) + problem.packed_freight(freight(problem, lane, units))


def _money(value: float) -> Decimal:
    return _from_thousandths(int(value))


def _rounded(value: float) -> Decimal:
    return _from_thousandths(round(value * 1000))


@lru_cache(maxsize=4096)
def _from_thousandths(value: int) -> Decimal:
    return Decimal(value).scaleb(-3)

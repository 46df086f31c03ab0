"""Routing as a mixed-integer program, written apart from the product: what HiGHS makes of the very same order.

Assignment variables x[line, node], one shipment y[node, service, step] at most for each node, tiers solved one after the
other. Freight, lateness and handling are computed here from the definitions, not by the product's code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from time import perf_counter

import highspy

from crossdock.routing import Demand, Network, PolicyDefinition, RateCard

__all__ = ["Answer", "solve"]

MILLI = Decimal("0.001")
WITHOUT_LIMIT = 10**9


@dataclass(frozen=True)
class Answer:
    """Value of each tier, lines left out, and the seconds inside the solver."""

    tiers: tuple[Decimal, ...]
    left_out: int
    seconds: float


def distance_km(demand: Demand, network: Network, position: int) -> float:
    """Great-circle distance by the haversine formula."""
    here, there = network.nodes[position].position, demand.destination.position
    phi1, phi2 = math.radians(here.latitude), math.radians(there.latitude)
    half = math.sin((phi2 - phi1) / 2) ** 2
    half += (
        math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(there.longitude - here.longitude) / 2) ** 2
    )
    return 2 * 6371.0088 * math.asin(min(1.0, math.sqrt(half)))


def zone_of(card: RateCard, kilometres: float) -> int | None:
    zone = sum(kilometres > band for band in card.distance_bands_km)
    return zone if zone < len(card.rates) else None


def steps_of(card: RateCard, zone: int, grams: int) -> list[tuple[int, Decimal]]:
    """(most grams, freight) of each price step up to ``grams``, several parcels included."""
    found: list[tuple[int, Decimal]] = []
    top, dearest = card.weight_breaks_grams[-1], card.rates[zone][-1]
    full = 0
    while True:
        for limit, rate in zip(card.weight_breaks_grams, card.rates[zone], strict=True):
            found.append((full * top + limit, full * dearest + rate))
            if full * top + limit >= grams:
                return found
        full += 1


def solve(
    demand: Demand,
    stock: Mapping[tuple[str, str], int],
    left: Mapping[str, tuple[int, int, int]],
    network: Network,
    cards: Mapping[str, RateCard],
    policy: PolicyDefinition,
    now: datetime,
) -> Answer:
    """Place ``demand``; terms late_days, shipments, shipping_cost and handling_cost are understood.

    Args:
        stock: Units by (sku, node id).
        left: Orders, lines, units left by node id; a node that is not named has no limit.
    """
    model = highspy.Highs()
    for option, value in (("output_flag", False), ("mip_rel_gap", 0.0), ("threads", 1)):
        model.setOptionValue(option, value)
    timetable = network.timetable(now)
    natural: dict[str, list[tuple[object, Decimal]]] = {
        name: [] for name in ("late_days", "shipments", "shipping_cost", "handling_cost")
    }
    sends: dict[int, list[object]] = {}
    lines = demand.lines
    total = [line.quantity * line.unit_weight_grams for line in lines]
    volume = [line.quantity * line.unit_volume_cm3 for line in lines]
    x: dict[tuple[int, int], object] = {}
    out = [model.addBinary() for _ in lines]
    for n, node in enumerate(network.nodes):
        orders, most_lines, most_units = left.get(node.id, (WITHOUT_LIMIT,) * 3)
        if orders <= 0:
            continue
        mine = [
            i
            for i, line in enumerate(lines)
            if stock.get((line.sku, node.id), 0) >= line.quantity
            and line.quantity <= most_units
            and most_lines > 0
        ]
        if not mine:
            continue
        for i in mine:
            x[i, n] = model.addBinary()
        options = []
        for s, service in enumerate(network.services):
            if demand.service_level and demand.service_level not in service.levels:
                continue
            if service.id not in node.services:
                continue
            card = cards[service.rate_card]
            zone = zone_of(card, distance_km(demand, network, n))
            if zone is None:
                continue
            divisor = card.dim_divisor_cm3_per_kg
            dims = [Decimal(v) * 1000 / divisor if divisor else Decimal(0) for v in volume]
            heaviest = max(sum(total[i] for i in mine), math.ceil(sum(dims[i] for i in mine)))
            delivery = int(timetable.delivery[s][zone * network.size + n])
            late = 0 if demand.promise is None else max(0, delivery - demand.promise.toordinal())
            steps = []
            for limit, freight in steps_of(card, zone, heaviest):
                column = model.addBinary()
                steps.append((column, limit))
                natural["late_days"].append((column, Decimal(late)))
                natural["shipments"].append((column, Decimal(1)))
                natural["shipping_cost"].append((column, freight.quantize(MILLI, ROUND_HALF_UP)))
                natural["handling_cost"].append((column, node.handling_cost.per_shipment))
            options.append((steps, dims, heaviest))
        columns = [column for steps, _, _ in options for column, _ in steps]
        if not columns:
            for i in mine:
                model.addConstr(x[i, n] <= 0)  # type: ignore[operator]
            continue
        sends[n] = columns
        model.addConstr(_sum(columns) <= 1)
        for i in mine:
            cost = node.handling_cost.per_line + node.handling_cost.per_unit * lines[i].quantity
            natural["handling_cost"].append((x[i, n], cost))
            model.addConstr(x[i, n] - _sum(columns) <= 0)  # type: ignore[operator]
        for steps, dims, heaviest in options:
            chosen = _sum([column for column, _ in steps])
            held = _weighted([(column, limit) for column, limit in steps])
            for measure in (total, dims):
                load = _weighted([(x[i, n], float(measure[i])) for i in mine])
                model.addConstr(load - held + heaviest * chosen <= heaviest)
        if most_units < WITHOUT_LIMIT:
            model.addConstr(_weighted([(x[i, n], lines[i].quantity) for i in mine]) <= most_units)
        if most_lines < WITHOUT_LIMIT:
            model.addConstr(_sum([x[i, n] for i in mine]) <= most_lines)
    for i in range(len(lines)):
        model.addConstr(_sum([out[i], *(v for (j, _), v in x.items() if j == i)]) == 1)
    everything = [column for columns in sends.values() for column in columns]
    if everything and policy.split.max_shipments is not None:
        model.addConstr(_sum(everything) <= policy.split.max_shipments)
    if everything and policy.split.min_value is not None:
        several = model.addBinary()
        model.addConstr(_sum(everything) - len(lines) * several <= 1)
        least = float(policy.split.min_value.amount)
        for n, columns in sends.items():
            value = _weighted(
                [(v, float(lines[i].unit_value * lines[i].quantity)) for (i, m), v in x.items() if m == n]
            )
            model.addConstr(value - least * _sum(columns) - least * several >= -least)
    return _lexicographic(model, policy, natural, out)


def _lexicographic(
    model: highspy.Highs,
    policy: PolicyDefinition,
    natural: Mapping[str, list[tuple[object, Decimal]]],
    out: list[object],
) -> Answer:
    goals: list[list[tuple[object, Decimal]]] = [[(column, Decimal(1)) for column in out]]
    saves = policy.split.only_if_saves
    for item in policy.objective:
        weights = {item: Decimal(1)} if isinstance(item, str) else item
        goal = [
            (column, weight * value) for term, weight in weights.items() for column, value in natural[term]
        ]
        if saves is not None and "shipping_cost" in weights:
            goal.extend((column, saves.amount * value) for column, value in natural["shipments"])
        goals.append(goal)
    seconds = 0.0
    values: list[float] = []
    for goal in goals:
        if goal:
            expression = _weighted([(column, float(value * 1000)) for column, value in goal])
            started = perf_counter()
            model.minimize(expression)
            seconds += perf_counter() - started
            values = list(model.getSolution().col_value)
            model.addConstr(expression <= model.getObjectiveValue() + 0.4)
    reached = [sum((v for c, v in goal if values[c.index] > 0.5), Decimal(0)) for goal in goals]  # type: ignore[attr-defined]
    return Answer(tuple(reached[1:]), int(reached[0]), seconds)


def _sum(columns: list[object]) -> highspy.highs.highs_linear_expression:
    return _weighted([(column, 1.0) for column in columns])


def _weighted(terms: list[tuple[object, float]]) -> highspy.highs.highs_linear_expression:
    expression = highspy.highs.highs_linear_expression()
    for column, factor in terms:
        expression += factor * column  # type: ignore[operator]
    return expression

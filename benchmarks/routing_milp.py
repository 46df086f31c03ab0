"""Routing as a mixed-integer program, written apart from the product: what HiGHS makes of the very same order.

Assignment variables x[line, node], at most one shipment y[node, service, step] for each node, tiers solved one after
the other. Freight, lateness and handling are computed here from the definitions, not by the product's code.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from time import perf_counter

import highspy

from crossdock.routing import Demand, Network, PolicyDefinition, RateCard

__all__ = ["Answer", "Instance", "solve"]

MILLI = Decimal("0.001")
WITHOUT_LIMIT = 10**9

Column = highspy.highs.highs_var
Expression = highspy.highs.highs_linear_expression


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


@dataclass(frozen=True)
class Instance:
    """One order with all that a solver needs to know.

    Attributes:
        stock: Units by (sku, node id).
        left: Orders, lines, units left by node id; a node that is not named has no limit.
    """

    demand: Demand
    stock: Mapping[tuple[str, str], int]
    left: Mapping[str, tuple[int, int, int]]
    network: Network
    cards: Mapping[str, RateCard]
    policy: PolicyDefinition
    now: datetime


def solve(instance: Instance) -> Answer:
    """Place the order; the terms late_days, shipments, shipping_cost and handling_cost are understood."""
    return _Formulation(instance).solve()


class _Formulation:
    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.model = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (("output_flag", False), ("mip_rel_gap", 0.0), ("threads", 1)):
            self.model.setOptionValue(option, value)
        self.natural: dict[str, list[tuple[Column, Decimal]]] = {
            name: [] for name in ("late_days", "shipments", "shipping_cost", "handling_cost")
        }
        lines = instance.demand.lines
        self.grams = [line.quantity * line.unit_weight_grams for line in lines]
        self.volume = [line.quantity * line.unit_volume_cm3 for line in lines]
        self.x: dict[tuple[int, int], Column] = {}
        self.sends: dict[int, list[Column]] = {}
        self.out: list[Column] = [self.model.addBinary() for _ in lines]
        for n in range(instance.network.size):
            self.node(n)
        for i in range(len(lines)):
            self.model.addConstr(_sum([self.out[i], *(v for (j, _), v in self.x.items() if j == i)]) == 1)
        self.split_rules()

    def node(self, n: int) -> None:
        instance, model = self.instance, self.model
        node, lines = instance.network.nodes[n], instance.demand.lines
        orders, most_lines, most_units = instance.left.get(node.id, (WITHOUT_LIMIT,) * 3)
        able = [
            i
            for i, line in enumerate(lines)
            if line.quantity <= min(most_units, instance.stock.get((line.sku, node.id), 0))
        ]
        if min(orders, most_lines) <= 0 or not able:
            return
        options = [
            option for s in range(len(instance.network.services)) if (option := self.option(n, s, able))
        ]
        columns = [column for steps, _ in options for column, _ in steps]
        if not columns:
            return
        self.sends[n] = columns
        model.addConstr(_sum(columns) <= 1)
        for i in able:
            self.x[i, n] = model.addBinary()
            cost = node.handling_cost.per_line + node.handling_cost.per_unit * lines[i].quantity
            self.natural["handling_cost"].append((self.x[i, n], cost))
            model.addConstr(_sum([self.x[i, n]]) - _sum(columns) <= 0)
        for steps, dimensional in options:
            self.carry(n, able, steps, dimensional)
        if most_units < WITHOUT_LIMIT:
            model.addConstr(_weighted([(self.x[i, n], lines[i].quantity) for i in able]) <= most_units)
        if most_lines < WITHOUT_LIMIT:
            model.addConstr(_sum([self.x[i, n] for i in able]) <= most_lines)

    def option(
        self, n: int, s: int, able: list[int]
    ) -> tuple[list[tuple[Column, int]], list[Decimal]] | None:
        """Steps (column, most grams) of a service at a node, and the dimensional weight of each line."""
        instance, network, demand = self.instance, self.instance.network, self.instance.demand
        service, node = network.services[s], network.nodes[n]
        if demand.service_level and demand.service_level not in service.levels:
            return None
        card = instance.cards[service.rate_card]
        zone = zone_of(card, distance_km(demand, network, n))
        if zone is None or service.id not in node.services:
            return None
        divisor = card.dim_divisor_cm3_per_kg
        dimensional = [Decimal(v) * 1000 / divisor if divisor else Decimal(0) for v in self.volume]
        heaviest = max(sum(self.grams[i] for i in able), math.ceil(sum(dimensional[i] for i in able)))
        delivery = int(network.timetable(instance.now).delivery[s, n, zone])
        late = 0 if demand.promise is None else max(0, delivery - demand.promise.toordinal())
        steps = []
        for limit, freight in steps_of(card, zone, heaviest):
            column = self.model.addBinary()
            steps.append((column, limit))
            self.natural["late_days"].append((column, Decimal(late)))
            self.natural["shipments"].append((column, Decimal(1)))
            self.natural["shipping_cost"].append((column, freight.quantize(MILLI, ROUND_HALF_UP)))
            self.natural["handling_cost"].append((column, node.handling_cost.per_shipment))
        return steps, dimensional

    def carry(
        self, n: int, able: list[int], steps: list[tuple[Column, int]], dimensional: Sequence[Decimal]
    ) -> None:
        """If the node ships by this service, its step is heavy enough for actual and dimensional weight."""
        chosen = _sum([column for column, _ in steps])
        held = _weighted([(column, limit) for column, limit in steps])
        for measure in (self.grams, dimensional):
            load = _weighted([(self.x[i, n], float(measure[i])) for i in able])
            total = float(sum(measure[i] for i in able))
            self.model.addConstr(load - held + total * chosen <= total)

    def split_rules(self) -> None:
        split, lines = self.instance.policy.split, self.instance.demand.lines
        everything = [column for columns in self.sends.values() for column in columns]
        if everything and split.max_shipments is not None:
            self.model.addConstr(_sum(everything) <= split.max_shipments)
        if not everything or split.min_value is None:
            return
        several = self.model.addBinary()
        self.model.addConstr(_sum(everything) - len(lines) * _sum([several]) <= 1)
        least = float(split.min_value.amount)
        for n, columns in self.sends.items():
            worth = [
                (v, float(lines[i].unit_value * lines[i].quantity)) for (i, m), v in self.x.items() if m == n
            ]
            self.model.addConstr(_weighted(worth) - least * _sum([*columns, several]) >= -least)

    def solve(self) -> Answer:
        goals: list[list[tuple[Column, Decimal]]] = [[(column, Decimal(1)) for column in self.out]]
        saves = self.instance.policy.split.only_if_saves
        for item in self.instance.policy.objective:
            weights = {item: Decimal(1)} if isinstance(item, str) else item
            goal = [
                (c, weight * value) for term, weight in weights.items() for c, value in self.natural[term]
            ]
            if saves is not None and "shipping_cost" in weights:
                goal.extend((column, saves.amount * value) for column, value in self.natural["shipments"])
            goals.append(goal)
        seconds = 0.0
        values: list[float] = []
        for goal in goals:
            if goal:
                expression = _weighted([(column, float(value * 1000)) for column, value in goal])
                started = perf_counter()
                self.model.minimize(expression)
                seconds += perf_counter() - started
                values = list(self.model.getSolution().col_value)
                self.model.addConstr(expression <= self.model.getObjectiveValue() + 0.4)
        reached = [sum((v for c, v in goal if values[c.index] > 0.5), Decimal(0)) for goal in goals]
        return Answer(tuple(reached[1:]), int(reached[0]), seconds)


def _sum(columns: Sequence[Column]) -> Expression:
    return _weighted([(column, 1.0) for column in columns])


def _weighted(terms: Sequence[tuple[Column, float]]) -> Expression:
    expression = Expression()
    for column, factor in terms:
        expression += factor * column
    return expression

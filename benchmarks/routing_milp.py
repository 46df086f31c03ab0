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
        self.parted = self.parted_lines()
        for n in range(instance.network.size):
            self.node(n)
        for i, line in enumerate(lines):
            amount = line.quantity if i in self.parted else 1
            placed = _sum([v for (j, _), v in self.x.items() if j == i])
            self.model.addConstr(placed + amount * _sum([self.out[i]]) == amount)
        self.split_rules()

    def parted_lines(self) -> set[int]:
        """Lines that no node that ships to the buyer has enough of, but all together."""
        instance, split = self.instance, self.instance.policy.split
        if not split.quantity or split.max_shipments == 1:
            return set()
        places = [
            node.id
            for n, node in enumerate(instance.network.nodes)
            if instance.left.get(node.id, (1,))[0] > 0
            and any(self.zone(n, s) is not None for s in range(len(instance.network.services)))
        ]
        found = set()
        for i, line in enumerate(instance.demand.lines):
            stock = [instance.stock.get((line.sku, place), 0) for place in places]
            if max(stock, default=0) < line.quantity <= sum(stock):
                found.add(i)
        return found

    def zone(self, n: int, s: int) -> int | None:
        """The zone in which a service takes the order from a node; None if it does not."""
        network, demand = self.instance.network, self.instance.demand
        service, node = network.services[s], network.nodes[n]
        if service.id not in node.services:
            return None
        if demand.service_level and demand.service_level not in service.levels:
            return None
        return zone_of(self.instance.cards[service.rate_card], distance_km(demand, network, n))

    def node(self, n: int) -> None:
        instance, model = self.instance, self.model
        node, lines = instance.network.nodes[n], instance.demand.lines
        orders, most_lines, most_units = instance.left.get(node.id, (WITHOUT_LIMIT,) * 3)
        stock = [instance.stock.get((line.sku, node.id), 0) for line in lines]
        able = [
            i
            for i, line in enumerate(lines)
            if min(most_units, stock[i]) > 0
            and (i in self.parted or line.quantity <= min(most_units, stock[i]))
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
        present = {i: self.place(i, n, stock[i], columns) for i in able}
        for steps, dimensional in options:
            self.carry(n, able, steps, dimensional)
        if most_units < WITHOUT_LIMIT:
            units = [(self.x[i, n], self.share(i) * lines[i].quantity) for i in able]
            model.addConstr(_weighted(units) <= most_units)
        if most_lines < WITHOUT_LIMIT:
            model.addConstr(_sum(list(present.values())) <= most_lines)

    def place(self, i: int, n: int, stock: int, sends: list[Column]) -> Column:
        """The column that says whether a node sends any of a line; how much of it is in ``x``."""
        node, line, model = self.instance.network.nodes[n], self.instance.demand.lines[i], self.model
        present: Column = model.addBinary()
        per_unit = node.handling_cost.per_unit
        handling = self.natural["handling_cost"]
        handling.append((present, node.handling_cost.per_line))
        if i in self.parted:
            self.x[i, n] = model.addIntegral(lb=0, ub=stock)
            model.addConstr(_sum([self.x[i, n]]) - stock * _sum([present]) <= 0)
            handling.append((self.x[i, n], per_unit))
        else:
            self.x[i, n] = present
            handling.append((present, per_unit * line.quantity))
        model.addConstr(_sum([present]) - _sum(sends) <= 0)
        return present

    def share(self, i: int) -> float:
        """What part of a line one in its column is."""
        return 1 / self.instance.demand.lines[i].quantity if i in self.parted else 1.0

    def option(
        self, n: int, s: int, able: list[int]
    ) -> tuple[list[tuple[Column, int]], list[Decimal]] | None:
        """Steps (column, most grams) of a service at a node, and the dimensional weight of each line."""
        instance, network, demand = self.instance, self.instance.network, self.instance.demand
        zone = self.zone(n, s)
        if zone is None:
            return None
        node, card = network.nodes[n], instance.cards[network.services[s].rate_card]
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
            load = _weighted([(self.x[i, n], float(measure[i]) * self.share(i)) for i in able])
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
        self.model.addConstr(_sum(everything) - self.instance.network.size * _sum([several]) <= 1)
        least = float(split.min_value.amount)
        for n, columns in self.sends.items():
            worth = [
                (v, float(lines[i].unit_value * lines[i].quantity) * self.share(i))
                for (i, m), v in self.x.items()
                if m == n
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
                if self.model.getModelStatus() != highspy.HighsModelStatus.kOptimal:
                    raise AssertionError(f"{self.instance.demand.order_id}: {self.model.getModelStatus()}")
                values = list(self.model.getSolution().col_value)
                self.model.addConstr(expression <= self.model.getObjectiveValue() + 0.4)
        reached = [sum((v * round(values[c.index]) for c, v in goal), Decimal(0)) for goal in goals]
        return Answer(tuple(reached[1:]), int(reached[0]), seconds)


def _sum(columns: Sequence[Column]) -> Expression:
    return _weighted([(column, 1.0) for column in columns])


def _weighted(terms: Sequence[tuple[Column, float]]) -> Expression:
    expression = Expression()
    for column, factor in terms:
        expression += factor * column
    return expression

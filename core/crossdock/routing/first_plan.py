"""A plan for the solver to begin with: again and again the node that places lines at the least cost for each."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from msgspec import Struct

from crossdock.routing.account import packed_shipment
from crossdock.routing.formulation import Formulation
from crossdock.routing.program import Terms
from crossdock.routing.supply import UNLIMITED
from crossdock.routing.tariff import Floats

__all__ = ["amounts", "first_plan", "values_of"]


class _Offer(Struct, frozen=True):
    """What a node could take: packed cost for each item, amount of each item."""

    price: float
    node: int
    taken: dict[int, float]


def first_plan(formulation: Formulation) -> Floats:
    """Values of the columns of ``formulation``; they may break its rows."""
    waiting = amounts(formulation)
    free = list(formulation.nodes)
    sent: dict[int, dict[int, float]] = {}
    for _ in range(formulation.problem.most_shipments_allowed):
        offers = [offer for node in free if (offer := _offer(formulation, node, waiting)) is not None]
        if not offers:
            break
        best = min(offers, key=lambda offer: (offer.price, offer.node))
        free.remove(best.node)
        sent[best.node] = best.taken
        for item, amount in best.taken.items():
            waiting[item] -= amount
            if waiting[item] <= 0:
                del waiting[item]
    return values_of(formulation, sent)


def amounts(formulation: Formulation) -> dict[int, float]:
    """The amount of each item: its units if they may be split, else one."""
    units, split = formulation.problem.units, formulation.split
    return {item: float(units[item]) if item in split else 1.0 for item in range(len(units))}


def values_of(formulation: Formulation, sent: Mapping[int, Mapping[int, float]]) -> Floats:
    """Values of the columns if nodes send so much of each item by their best lanes; they may break rows."""
    values = np.zeros(len(formulation.program.upper))
    left = amounts(formulation)
    for node, taken in sent.items():
        for item, amount in taken.items():
            values[formulation.x[item, node]] = amount
            if item in formulation.split:
                values[formulation.u[item, node]] = 1.0
            left[item] -= amount
        lane = _best_lane(formulation, node, taken)
        for column, value in _columns(formulation, lane, taken).items():
            values[column] = value
        for parcels, items in formulation.surcharges.get(lane, ()):
            values[parcels] = values[items].any() and values[formulation.f[lane][0]] + 1.0
    values[[formulation.left_out[item] for item, amount in left.items() if amount > 0]] = 1.0
    return values


def _best_lane(formulation: Formulation, node: int, taken: Mapping[int, float]) -> int:
    units = _units(formulation, taken)
    lanes = [lane for lane in formulation.problem.lanes.of_node(node) if lane in formulation.z]
    return min(lanes, key=lambda lane: packed_shipment(formulation.problem, lane, units))


def _units(formulation: Formulation, taken: Mapping[int, float]) -> list[tuple[int, int]]:
    """Units of each line of what is ``taken``."""
    problem, split = formulation.problem, formulation.split
    lines = problem.demand.lines
    return [
        (position, int(amount) if item in split else lines[position].quantity)
        for item, amount in taken.items()
        for position in problem.items[item]
    ]


def _offer(formulation: Formulation, node: int, waiting: Mapping[int, float]) -> _Offer | None:
    """What ``node`` could take of the ``waiting`` items."""
    taken = _taken(formulation, node, waiting)
    if not taken or not formulation.sends(node):
        return None
    lane = _best_lane(formulation, node, taken)
    price = packed_shipment(formulation.problem, lane, _units(formulation, taken)) / sum(taken.values())
    return _Offer(price, node, taken)


def _taken(formulation: Formulation, node: int, waiting: Mapping[int, float]) -> dict[int, float]:
    """Amount of each item that ``node`` has the stock and the capacity for."""
    problem, split, program = formulation.problem, formulation.split, formulation.program
    lines, capacity = problem.demand.lines, problem.situation.capacity
    units_left = lines_left = UNLIMITED
    if capacity is not None and problem.policy.capacity:
        units_left, lines_left = int(capacity[2, node]), int(capacity[1, node])
    taken: dict[int, float] = {}
    stock: dict[str, int] = {}
    for item, amount in waiting.items():
        if (item, node) not in formulation.x:
            continue
        amount = min(
            amount, program.upper[formulation.x[item, node]], units_left if item in split else amount
        )
        wanted = [(p, int(amount) if item in split else lines[p].quantity) for p in problem.items[item]]
        left = [stock.get(lines[p].sku, int(problem.situation.stock[p, node])) for p, _ in wanted]
        count = sum(units for _, units in wanted)
        if not amount or count > units_left or len(wanted) > lines_left:
            continue
        if any(units > there for (_, units), there in zip(wanted, left, strict=True)):
            continue
        taken[item] = float(amount)
        units_left, lines_left = units_left - count, lines_left - len(wanted)
        for (p, units), there in zip(wanted, left, strict=True):
            stock[lines[p].sku] = there - units
    return taken


def _columns(formulation: Formulation, lane: int, taken: Mapping[int, float]) -> Terms:
    """The columns that say that what is ``taken`` goes by ``lane``."""
    problem = formulation.problem
    _, tariff = problem.lanes.carrier(lane)
    share = {i: a / problem.units[i] if i in formulation.split else 1.0 for i, a in taken.items()}
    weight = sum(problem.weight[i] * part for i, part in share.items())
    volume = sum(problem.volume[i] * part for i, part in share.items())
    billed = max(weight, tariff.dimensional_grams(volume))
    more, heaviest = formulation.f[lane]
    full = max(math.ceil(billed / heaviest) - 1.0, 0.0)
    step = next(column for column, limit in formulation.z[lane] if limit >= billed - full * heaviest)
    return {step: 1.0, more: full}

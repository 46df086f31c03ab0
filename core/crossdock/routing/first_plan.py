"""A plan for the solver to begin with: again and again the node that places lines at the least cost for each."""

from __future__ import annotations

import math

import numpy as np
from msgspec import Struct

from crossdock.routing.account import cheapest_lane, packed_shipment
from crossdock.routing.formulation import Formulation
from crossdock.routing.program import Terms
from crossdock.routing.supply import UNLIMITED
from crossdock.routing.tariff import Floats

__all__ = ["first_plan"]


class _Offer(Struct, frozen=True):
    """What a node could take: packed cost for each item, amount of each item, values of the shipment's columns."""

    price: float
    node: int
    taken: dict[int, float]
    columns: Terms


def first_plan(formulation: Formulation) -> Floats:
    """Values of the columns of ``formulation``; they may break its rows."""
    problem, program, split = formulation.problem, formulation.program, formulation.split
    values = np.zeros(len(program.upper))
    waiting = {
        item: float(problem.units[item]) if item in split else 1.0 for item in range(len(problem.items))
    }
    free = list(formulation.nodes)
    for _ in range(problem.most_shipments_allowed):
        offers = [offer for node in free if (offer := _offer(formulation, node, waiting)) is not None]
        if not offers:
            break
        best = min(offers, key=lambda offer: (offer.price, offer.node))
        free.remove(best.node)
        for item, amount in best.taken.items():
            values[formulation.x[item, best.node]] = amount
            if item in split:
                values[formulation.u[item, best.node]] = 1.0
            waiting[item] -= amount
            if waiting[item] <= 0:
                del waiting[item]
        for column, value in best.columns.items():
            values[column] = value
    values[[formulation.left_out[item] for item in waiting]] = 1.0
    values[formulation.extra_parcels] = [program.upper[column] for column in formulation.extra_parcels]
    return values


def _offer(formulation: Formulation, node: int, waiting: dict[int, float]) -> _Offer | None:
    """What ``node`` could take of the ``waiting`` items."""
    taken, positions = _taken(formulation, node, waiting)
    if not taken:
        return None
    problem = formulation.problem
    lane = cheapest_lane(problem, node, positions)
    if lane not in formulation.z:
        return None
    price = packed_shipment(problem, lane, positions) / sum(taken.values())
    return _Offer(price, node, taken, _columns(formulation, lane, taken))


def _taken(
    formulation: Formulation, node: int, waiting: dict[int, float]
) -> tuple[dict[int, float], list[tuple[int, int]]]:
    """Amount of each item, and units of each line, that ``node`` has the stock and the capacity for."""
    problem, split, program = formulation.problem, formulation.split, formulation.program
    lines, capacity = problem.demand.lines, problem.situation.capacity
    units_left = lines_left = UNLIMITED
    if capacity is not None and problem.policy.capacity:
        units_left, lines_left = int(capacity[2, node]), int(capacity[1, node])
    taken: dict[int, float] = {}
    stock: dict[str, int] = {}
    positions: list[tuple[int, int]] = []
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
        positions.extend(wanted)
    return taken, positions


def _columns(formulation: Formulation, lane: int, taken: dict[int, float]) -> Terms:
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

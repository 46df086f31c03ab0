"""The smallest changes that would have led to another decision: stock, money, or room for one more order.

Every change is tried on the engine itself before it is told: it leads to another plan, and one unit less does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, Decimal

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from crossdock.routing.engine import solve, too_small_sets
from crossdock.routing.flip import MEASURES, Flip, FlipKind
from crossdock.routing.items import by_sku, memberships
from crossdock.routing.margins import Margins, cheapest_rest, level_costs
from crossdock.routing.partitions import FEASIBLE, Costs, best_parting
from crossdock.routing.plan import Plan
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.situation import Situation
from crossdock.routing.supply import UNLIMITED
from crossdock.routing.tariff import MONEY_SCALE, Floats

__all__ = ["flips_of", "money_tier"]

_MOST_TRIED = 48
"""Nodes that a change is tried for: those that could gain most, or lack fewest units."""
_MOST_WEIGHED = 6
"""Lines up to which plans by way of each node are weighed, to find what less freight would change."""


def flips_of(problem: Problem, given_up: int, *, complete: bool) -> tuple[Flip, ...]:
    """The smallest change of each kind, for an order that is not left to the solver.

    Args:
        given_up: Preferences that the decision gave up.
        complete: Whether every line has a place.
    """
    plan = solve(problem)
    found = [_more_stock(problem, plan, given_up) if complete else _stock_for_all(problem, plan)]
    found.append(_less_money(problem, plan, given_up) if complete else None)
    found.append(_more_capacity(problem, plan, given_up))
    return tuple(flip for flip in found if flip is not None)


_Key = frozenset[tuple[int, tuple[tuple[int, int], ...]]]


def _key(problem: Problem, plan: Plan) -> _Key:
    """Which node sends what: two plans of one key are the same choice."""
    return frozenset((problem.lanes.node.item(each.lane), each.units) for each in plan.shipments)


def _other(problem: Problem, plan: Plan, situation: Situation) -> bool:
    """Whether ``situation`` leads to another choice than ``plan``: of an incomplete one, to more placed lines."""
    changed = Problem(situation, problem.network, problem.policy)
    new = solve(changed)
    if plan.left_out:
        return len(new.left_out) < len(plan.left_out)
    return _key(changed, new) != _key(problem, plan)


def _with_stock(problem: Problem, positions: list[int], nodes: NDArray[np.intp], units: Floats) -> Situation:
    """The situation with ``units`` more, by node, of the SKU of the lines at ``positions``."""
    stock = problem.situation.stock.copy()
    for position in positions:
        stock[position, nodes] += units.astype(np.int32)
    return replace(problem.situation, stock=stock)


def _fewest(tried: Callable[[int], bool], most: int) -> int | None:
    """The fewest units, up to ``most``, for which ``tried`` holds: it does not for one less. None if never."""
    if most < 1 or not tried(most):
        return None
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if tried(middle) else (middle, high)
    return high


def _wanted(problem: Problem, positions: list[int]) -> int:
    return sum(problem.demand.lines[position].quantity for position in positions)


def _more_stock(problem: Problem, plan: Plan, given_up: int) -> Flip | None:
    """The fewest units of one SKU at one node that lead to another plan for all lines."""
    skus = by_sku(problem.demand)
    stock = problem.situation.stock.copy()
    for positions in skus.values():
        stock[positions] = np.maximum(stock[positions], _wanted(problem, positions))
    margins = Margins(problem, replace(problem.situation, stock=stock), given_up)
    candidates: list[tuple[float, int, str, int]] = []
    for sku, positions in skus.items():
        lacking = _wanted(problem, positions) - problem.situation.stock[positions[0]]
        nodes = np.flatnonzero(lacking > 0)
        gains = margins.of_lines(positions)
        candidates += [(float(gains[n]), int(lacking[n]), sku, int(n)) for n in nodes if gains[n] <= 0]
    # Those that could gain most come first, so that what is cut off could have won by least.
    candidates.sort()
    return _smallest(problem, plan, [(units, sku, node) for _, units, sku, node in candidates[:_MOST_TRIED]])


def _stock_for_all(problem: Problem, plan: Plan) -> Flip | None:
    """The fewest units of one SKU at one node with which more lines have a place."""
    candidates: list[tuple[int, str, int]] = []
    # Also of what has a place: from another node it may leave one of few shipments to the rest.
    for sku, positions in by_sku(problem.demand).items():
        lacking = _wanted(problem, positions) - problem.situation.stock[positions[0]]
        able = problem.usable & problem.may_handle(positions[0])
        candidates += [(int(lacking[node]), sku, int(node)) for node in np.flatnonzero(able & (lacking > 0))]
    return _smallest(problem, plan, sorted(candidates)[:_MOST_TRIED])


def _smallest(problem: Problem, plan: Plan, candidates: list[tuple[int, str, int]]) -> Flip | None:
    """The best of the candidates: units that the node lacks, SKU, node."""
    skus = by_sku(problem.demand)
    best: tuple[int, str, str] | None = None
    for lacking, sku, node in sorted(candidates):

        def tried(units: int, sku: str = sku, node: int = node) -> bool:
            more = np.array([units])
            return _other(problem, plan, _with_stock(problem, skus[sku], np.array([node]), more))

        most = lacking if best is None else min(lacking, best[0] - 1)
        units = _fewest(tried, most)
        if units is not None:
            best = units, sku, problem.network.nodes[node].id
    if best is None:
        return None
    return Flip(FlipKind.MORE_STOCK, best[2], best[1], best[0], placed=bool(plan.left_out))


def _bounds_by_node(problem: Problem, costs: Costs, rest: Floats, positions: list[int]) -> Floats:
    """For every node a lower bound of the plans in which it sends any of the lines at ``positions``."""
    bounds = np.full(problem.network.size, np.inf)
    member = memberships(len(problem.items))
    holds = np.array([any(p in positions for p in item) for item in problem.items], dtype=np.float64)
    rows = np.flatnonzero(member @ holds > 0)
    if costs.nodes.size:
        np.minimum.at(bounds, costs.nodes, (costs.table[rows] + rest[rows][:, None]).min(axis=0))
    return bounds


def _less_money(problem: Problem, plan: Plan, given_up: int) -> Flip | None:
    """By how much less freight (or handling) of its shipment a node that sends nothing would have sent something."""
    kind, tier, weight = money_tier(problem)
    costs = level_costs(problem, given_up)
    best = best_parting(costs, problem.most_shipments, too_small_sets(problem))
    if kind is None or best is None or len(problem.items) > _MOST_WEIGHED or not problem.packing.exact:
        return None
    used = {problem.lanes.node.item(shipment.lane) for shipment in plan.shipments}
    now = problem.packing.unpack(best[0])
    bounds = _bounds_by_node(problem, costs, cheapest_rest(costs), list(range(len(problem.demand.lines))))
    smallest: tuple[float, int] | None = None
    for node in np.argsort(bounds, kind="stable")[: _MOST_TRIED + len(used)].tolist():
        if node in used or (smallest is not None and bounds[node] > smallest[0]):
            continue
        cost = min(_by_way_of(problem, costs, node), default=np.inf)
        if cost < FEASIBLE and (smallest is None or cost < smallest[0]):
            smallest = cost, node
    if smallest is None:
        return None
    then = problem.packing.unpack(smallest[0])
    if then[:tier] != now[:tier]:
        return None
    amount = (Decimal(then[tier]) - Decimal(now[tier])) / (weight * MONEY_SCALE)
    rounded = amount.quantize(Decimal("0.001"), rounding=ROUND_CEILING)
    node_id = problem.network.nodes[smallest[1]].id
    return Flip(kind, node_id, amount=rounded, currency=problem.network.currency)


def money_tier(problem: Problem) -> tuple[FlipKind | None, int, Decimal]:
    """The tier with the cost of freight, else of handling, and its weight."""
    for term, kind in (
        ("shipping_cost", FlipKind.LESS_FREIGHT),
        ("handling_cost", FlipKind.LESS_HANDLING),
    ):
        for tier, terms in enumerate(problem.policy.tiers):
            if term in dict(terms):
                return kind, tier, dict(terms)[term]
    return None, 0, Decimal(1)


def _by_way_of(problem: Problem, costs: Costs, node: int) -> Iterator[float]:
    """The packed costs of the best plans in which ``node`` sends each set of items."""
    lanes = costs.nodes == node
    own: Floats = costs.table[:, lanes].min(axis=1, initial=np.inf)
    table = np.where(lanes, IMPOSSIBLE, costs.table)
    every = len(costs.cheapest) - 1
    yield float(own[every])
    small = too_small_sets(problem)
    if small is not None:  # none of several shipments may be
        own, table = np.where(small, np.inf, own), np.where(small[:, None], IMPOSSIBLE, table)
    others = Costs.of(table, costs.nodes)
    for sent in range(1, every if problem.most_shipments > 1 else 1):
        if own[sent] < FEASIBLE:
            part = best_parting(others.rows(_subsets(every ^ sent)), problem.most_shipments - 1, None)
            if part is not None:
                yield float(own[sent]) + part[0]


def _subsets(whole: int) -> NDArray[np.intp]:
    """The sets of the items of ``whole``, in the order of a table of these items alone."""
    bits = [1 << item for item in range(whole.bit_length()) if whole >> item & 1]
    return (memberships(len(bits)) @ np.array(bits, dtype=np.float64)).astype(np.intp)


def _more_capacity(problem: Problem, plan: Plan, given_up: int) -> Flip | None:
    """The least room for more orders, lines or units of its day with which a node would send something else."""
    capacity = problem.situation.capacity
    if capacity is None or not problem.policy.capacity:
        return None
    lines = problem.demand.lines
    room, wanted = np.maximum(capacity, 0), np.array((1, len(lines), sum(problem.units)))
    free = replace(problem.situation, capacity=np.full_like(capacity, UNLIMITED))
    gains = np.zeros(problem.network.size)
    if not plan.left_out:
        gains = Margins(problem, free, given_up).of_all()
    short = np.argwhere((room < wanted[:, None]) & (gains <= 0))
    candidates = sorted((float(gains[n]), int(wanted[k] - room[k, n]), int(k), int(n)) for k, n in short)
    best: tuple[int, int, int] | None = None
    for _, lacking, kind, node in candidates[:_MOST_TRIED]:

        def tried(more: int, kind: int = kind, node: int = node) -> bool:
            changed = capacity.copy()
            changed[kind, node] = room[kind, node] + more
            return _other(problem, plan, replace(problem.situation, capacity=changed))

        more = _fewest(tried, lacking if best is None else min(lacking, best[0] - 1))
        if more is not None:
            best = more, kind, node
    if best is None:
        return None
    node_id, placed = problem.network.nodes[best[2]].id, bool(plan.left_out)
    return Flip(FlipKind.MORE_CAPACITY, node_id, units=best[0], placed=placed, measure=MEASURES[best[1]])

"""Lower bounds of what plans by way of a node cost: which nodes a change could let win."""

from __future__ import annotations

import numpy as np

from crossdock.routing.engine import too_small_sets
from crossdock.routing.partitions import FEASIBLE, Costs, best_parting
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.situation import Situation
from crossdock.routing.tariff import Floats

__all__ = ["Margins", "cheapest_rest", "level_costs"]


def level_costs(problem: Problem, given_up: int) -> Costs:
    """What every set costs by every lane when so many preferences are given up."""
    nodes, table = problem.lanes.node, problem.table()
    if given_up < len(problem.policy.preferences):
        table = np.where(problem.allowed(given_up).take(nodes), table, IMPOSSIBLE)
    return Costs.of(table, nodes)


def cheapest_rest(costs: Costs) -> Floats:
    """For every set of items, a lower bound of what all other items cost."""
    cheapest: list[float] = costs.cheapest.tolist()
    parted = [0.0, *cheapest[1:]]
    for whole in range(1, len(parted)):
        lowest = whole & -whole
        part = (whole - 1) & whole
        while part:
            if part & lowest:
                parted[whole] = min(parted[whole], cheapest[part] + parted[whole ^ part])
            part = (part - 1) & whole
    return np.array(parted)[::-1]


class Margins:
    """By how much, at least, plans would cost more than the chosen one if one node found what is relaxed."""

    def __init__(self, problem: Problem, relaxed: Situation, given_up: int) -> None:
        """Price every set of items by every lane, with a bound of all the rest by other nodes."""
        self._problem = problem
        filled = Problem(relaxed, problem.network, problem.policy)
        margins = self._of_level(filled, given_up)
        for level in range(given_up):
            # A plan that gives up fewer preferences wins whatever it costs.
            margins = np.minimum(margins, np.where(self._of_level(filled, level) < 0, -np.inf, np.inf))
        close = np.flatnonzero(margins[1:].min(axis=0, initial=np.inf) <= 0)
        self._margins, self._nodes = margins[:, close], problem.lanes.node[close]
        lacking = ((problem.item_cost >= IMPOSSIBLE).T @ (1 << np.arange(len(problem.items)))).take(
            self._nodes
        )
        patterns, which = np.unique(lacking, return_inverse=True)
        self._alike = [
            (pattern, np.flatnonzero(which == number)) for number, pattern in enumerate(patterns.tolist())
        ]

    def _of_level(self, filled: Problem, level: int) -> Floats:
        costs = level_costs(self._problem, level)
        best = best_parting(costs, self._problem.most_shipments, too_small_sets(self._problem))
        limit = best[0] if best is not None else FEASIBLE
        margins: Floats = level_costs(filled, level).table + (cheapest_rest(costs) - limit)[:, None]
        return margins

    def of_lines(self, positions: list[int]) -> Floats:
        """For every node, of the plans in which it sends any of these lines, and of others only what it has."""
        wanted = sum(
            1 << item for item, own in enumerate(self._problem.items) if not set(own).isdisjoint(positions)
        )
        margins = np.full(self._nodes.size, np.inf)
        sets = np.arange(len(self._margins))
        some = sets & wanted > 0
        for lacking, lanes in self._alike:
            if lacking & wanted or len(positions) > 1:
                allowed = np.flatnonzero(some & (sets & (lacking & ~wanted) == 0))
                margins[lanes] = self._margins[np.ix_(allowed, lanes)].min(axis=0)
        return self._by_node(margins)

    def of_all(self) -> Floats:
        """For every node, of the plans in which it sends anything."""
        return self._by_node(self._margins[1:].min(axis=0))

    def _by_node(self, margins: Floats) -> Floats:
        found = np.full(self._problem.network.size, np.inf)
        np.minimum.at(found, self._nodes, margins)
        return found

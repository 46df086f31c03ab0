"""The best way to part a set of items among nodes, exactly.

Every way to part n items (Bell(n): 5 for 3, 52 for 5, 115,975 for 10) is a row of set numbers; its cost is the sum of
the cheapest lane of each set. A node sends one shipment of an order, so where two sets of the best parting want the
same node, partings are tried in the order of that lower bound until none can be better.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from crossdock.routing.tariff import Floats

__all__ = ["FEASIBLE", "MOST_ITEMS", "Costs", "Parting", "best_parting", "partings", "ranked_partings"]

MOST_ITEMS = 10
"""Up to here every parting is weighed."""

Parting = tuple[float, tuple[tuple[int, int], ...]]
"""Packed cost, and (set, lane) of each shipment."""

FEASIBLE = 1e299
"""What can be costs less."""


@cache
def partings(count: int) -> tuple[NDArray[np.intp], tuple[int, ...]]:
    """Every parting of ``count`` items.

    Returns:
        Rows of set numbers, padded with the empty set 0, fewest sets first, shape (Bell(count), count); and for each
        number of sets how many rows have at most so many.
    """
    found: list[tuple[int, ...]] = [()]
    for item in range(count):
        bit = 1 << item
        grown: list[tuple[int, ...]] = []
        for row in found:
            grown.extend((*row[:place], row[place] | bit, *row[place + 1 :]) for place in range(len(row)))
            grown.append((*row, bit))
        found = grown
    found.sort(key=lambda row: (len(row), row))
    table = np.zeros((len(found), count), dtype=np.intp)
    for position, row in enumerate(found):
        table[position, : len(row)] = row
    lengths = [len(row) for row in found]
    return table, tuple(sum(length <= most for length in lengths) for most in range(count + 1))


class Costs(Struct, frozen=True, eq=False):
    """What every set of items costs by every lane.

    Attributes:
        table: Packed cost of each set (row, 0 is empty) by each lane, infeasible at least ``FEASIBLE``.
        cheapest: The least of each row; 0 for the empty set.
        nodes: Node of each lane, ascending.
    """

    table: Floats
    cheapest: Floats
    nodes: NDArray[np.intp]

    @staticmethod
    def of(table: Floats, nodes: NDArray[np.intp]) -> Costs:
        """The costs of ``table``."""
        cheapest = np.minimum.reduce(table, axis=1, initial=np.inf)
        cheapest[0] = 0.0
        return Costs(table, cheapest, nodes)

    def rows(self, rows: NDArray[np.intp]) -> Costs:
        """The costs of some of the sets."""
        return Costs(self.table[rows], self.cheapest[rows], self.nodes)

    def placeable(self) -> list[int]:
        """The items that have a place at all."""
        cheapest = self.cheapest.tolist()
        return [item for item in range(len(cheapest).bit_length() - 1) if cheapest[1 << item] < FEASIBLE]


def best_parting(costs: Costs, most: int, too_small: NDArray[np.bool_] | None) -> Parting | None:
    """The cheapest parting of all items, or ``None`` if there is none.

    Args:
        most: The most sets.
        too_small: Sets that may not be one of several shipments.
    """
    table = costs.table
    cheapest: list[float] = costs.cheapest.tolist()
    everything, whole = len(cheapest) - 1, cheapest[-1]
    # Two shipments or more cost at least twice the least: the whole order in one may be known to be best already.
    if everything == 1 or most == 1 or 0 <= whole <= 2 * min(cheapest[1:-1]):
        return (whole, ((everything, int(table[everything].argmin())),)) if whole < FEASIBLE else None
    rows, bounds = _bounds(costs.cheapest, most, too_small)
    first = int(bounds.argmin())
    cost = float(bounds[first])
    if not cost < FEASIBLE:
        return None
    chosen = [(each, int(table[each].argmin())) for each in rows[first].tolist() if each]
    if len({costs.nodes.item(lane) for _, lane in chosen}) == len(chosen):
        return cost, tuple(chosen)
    return next(ranked_partings(costs, most, too_small), None)


def _bounds(
    cheapest: Floats, most: int, too_small: NDArray[np.bool_] | None
) -> tuple[NDArray[np.intp], Floats]:
    rows, up_to = partings(len(cheapest).bit_length() - 1)
    rows = rows[: up_to[min(most, len(up_to) - 1)]]
    if too_small is None:
        return rows, np.add.reduce(cheapest.take(rows), axis=1)
    whole = cheapest[-1]
    cheapest = np.where(too_small, np.inf, cheapest)
    cheapest[0] = 0.0
    costs = cheapest[rows].sum(axis=1)
    costs[0] = whole
    return rows, costs


def ranked_partings(
    costs: Costs, most: int, too_small: NDArray[np.bool_] | None, wanted: int = 1
) -> Iterator[Parting]:
    """The ``wanted`` cheapest partings with a different node for every set, cheapest first."""
    table, nodes = costs.table, costs.nodes
    rows, bounds = _bounds(costs.cheapest, most, too_small)
    choices: dict[int, list[_Choice]] = {}
    best: list[Parting] = []
    for row in np.argsort(bounds, kind="stable"):
        limit = best[wanted - 1][0] if len(best) >= wanted else FEASIBLE
        if not bounds[row] < limit:
            break
        sets = [int(s) for s in rows[row] if s]
        for each in sets:
            if each not in choices:
                choices[each] = _nearest(table[each], nodes, table.shape[0].bit_length() - 2 + wanted)
        best.extend(_assign(sets, choices, limit, wanted))
        best.sort(key=lambda parting: (parting[0], len(parting[1])))
        del best[wanted:]
    yield from best


_Choice = tuple[float, int, int]
"""Packed cost, lane and node."""


def _nearest(costs: Floats, nodes: NDArray[np.intp], count: int) -> list[_Choice]:
    """The best lanes of the ``count`` cheapest nodes of one set; an exchange argument shows that no other is needed."""
    found: dict[int, _Choice] = {}
    for lane in np.argsort(costs, kind="stable"):
        if len(found) == count or not costs[lane] < FEASIBLE:
            break
        node = int(nodes[lane])
        found.setdefault(node, (float(costs[lane]), int(lane), node))
    return list(found.values())


def _assign(sets: list[int], choices: dict[int, list[_Choice]], limit: float, wanted: int) -> list[Parting]:
    """The ``wanted`` cheapest assignments of different nodes to ``sets`` below ``limit``."""
    least = [choices[s][0][0] if choices[s] else float("inf") for s in sets]
    rest = [sum(least[place + 1 :]) for place in range(len(sets))]
    found: list[Parting] = []

    def extend(place: int, cost: float, taken: tuple[tuple[int, int], ...], used: frozenset[int]) -> None:
        if place == len(sets):
            found.append((cost, taken))
            found.sort(key=lambda parting: parting[0])
            del found[wanted:]
            return
        for price, lane, node in choices[sets[place]]:
            bound = found[-1][0] if len(found) >= wanted else limit
            if not cost + price + rest[place] < bound:
                break
            if node not in used:
                extend(place + 1, cost + price, (*taken, (sets[place], lane)), used | {node})

    extend(0, 0.0, (), frozenset())
    return found

"""The best partings among nodes, against every parting tried by hand."""

from __future__ import annotations

from itertools import product
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from crossdock.routing.partitions import FEASIBLE, Costs, best_parting, partings, ranked_partings
from crossdock.routing.problem import IMPOSSIBLE


def random_costs(seed: int, items: int, nodes: int) -> Costs:
    random = Random(seed)
    lanes = [node for node in range(nodes) for _ in range(random.randint(1, 2))]
    table = [
        [
            random.choice((float(random.randint(0, 9)), float(random.randint(1, 60)), IMPOSSIBLE))
            for _ in lanes
        ]
        for _ in range(1 << items)
    ]
    return Costs.of(np.array(table), np.array(lanes, dtype=np.intp))


def all_partings(costs: Costs, most: int, too_small: NDArray[np.bool_] | None) -> list[float]:
    """What each way to part the items, with a node of its own for each set, costs at least."""
    items = len(costs.table).bit_length() - 1
    found = []
    for row in partings(items)[0].tolist():
        sets = [each for each in row if each]
        if len(sets) > most or (
            too_small is not None and len(sets) > 1 and any(too_small[each] for each in sets)
        ):
            continue
        for lanes in product(range(costs.nodes.size), repeat=len(sets)):
            cost = sum(float(costs.table[each, lane]) for each, lane in zip(sets, lanes, strict=True))
            if cost < FEASIBLE and len({costs.nodes.item(lane) for lane in lanes}) == len(sets):
                found.append(cost)
    return sorted(found)


@pytest.mark.parametrize("seed", range(24))
def test_the_cheapest_partings_come_first_and_no_more_than_are_wanted(seed: int) -> None:
    random = Random(seed)
    items, most = random.randint(1, 3), random.randint(1, 3)
    costs = random_costs(seed, items, random.randint(1, 3))
    too_small = np.array([random.random() < 0.3 for _ in range(1 << items)]) if seed % 2 else None
    every = all_partings(costs, most, too_small)
    best = best_parting(costs, most, too_small)
    assert (best[0] if best else None) == (every[0] if every else None)
    for wanted in (1, 2, 4):
        ranked = list(ranked_partings(costs, most, too_small, wanted))
        assert len(ranked) <= wanted
        told = [cost for cost, _ in ranked]
        assert told == sorted(told)
        assert told[:1] == every[:1]
        for cost, sets in ranked:
            assert cost == sum(float(costs.table[each, lane]) for each, lane in sets)
            assert sum(each for each, _ in sets) == (1 << items) - 1
            assert len({costs.nodes.item(lane) for _, lane in sets}) == len(sets)


def test_a_set_goes_by_its_cheapest_lane() -> None:
    costs = Costs.of(np.array([[9.0, 9.0, 9.0], [5.0, 3.0, 4.0]]), np.array([0, 0, 1]))
    assert best_parting(costs, 1, None) == (3.0, ((1, 1),))
    assert list(ranked_partings(costs, 1, None, 3)) == [(3.0, ((1, 1),)), (4.0, ((1, 2),))]
    assert costs.placeable() == [0]
    nowhere = Costs.of(np.full((2, 1), IMPOSSIBLE), np.array([0]))
    assert (best_parting(nowhere, 1, None), nowhere.placeable()) == (None, [])
    assert list(ranked_partings(nowhere, 1, None)) == []
    assert Costs.of(np.empty((4, 0)), np.empty(0, dtype=np.intp)).cheapest.tolist() == [
        0.0,
        np.inf,
        np.inf,
        np.inf,
    ]

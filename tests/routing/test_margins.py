"""Bounds of what is left to place: never above what it costs, and exact where no node is wanted twice."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from crossdock.routing.margins import cheapest_rest
from crossdock.routing.partitions import Costs, partings


@pytest.mark.parametrize("items", [1, 2, 3, 4])
def test_the_rest_of_a_set_is_parted_at_the_least_cost(items: int) -> None:
    random = Random(items)
    table = np.array([[float(random.randint(1, 99)) for _ in range(3)] for _ in range(1 << items)])
    costs = Costs.of(table, np.arange(3))
    everything = (1 << items) - 1
    rest = cheapest_rest(costs)
    assert len(rest) == 1 << items
    for sent in range(1 << items):
        least = min(
            sum(float(costs.cheapest[each & ~sent]) for each in row)
            for row in partings(items)[0].tolist()
            if all(not each & sent or not each & ~sent for each in row)
        )
        assert rest[sent] == least
    assert rest[everything] == 0.0

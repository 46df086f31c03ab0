"""A mixed-integer program: what it keeps, what it admits, and what HiGHS makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from crossdock.routing.partitions import partings
from crossdock.routing.program import Budget, Program, total


def knapsack() -> Program:
    """At least 5 of two columns, the first whole and up to 3, the second up to 4 in any fraction."""
    program = Program()
    first, second = program.column(3.0), program.column(4.0, whole=False)
    program.row({first: 2.0, second: 1.0}, low=5.5, high=9.0)
    return program


def test_the_best_values_are_found_and_whole_columns_are_whole() -> None:
    program, budget = knapsack(), Budget(30.0)
    values, gap = program.minimise({0: 3000.0, 1: 1600.0}, budget)
    assert values is not None
    assert values.tolist() == pytest.approx([2.0, 1.5])
    assert gap == 0.0
    assert 0 < budget.left < 30.0


def test_what_was_reached_is_kept() -> None:
    program, budget = knapsack(), Budget(30.0)
    values, _ = program.minimise({1: 1.0}, budget)
    assert values is not None
    program.keep({1: 1.0}, values)
    then, _ = program.minimise({0: 1.0}, budget, values)
    assert then is not None
    assert then.tolist() == pytest.approx([3.0, 0.0], abs=1e-5)


def test_without_time_or_without_values_there_is_none() -> None:
    program = knapsack()
    assert program.minimise({0: 1.0}, Budget(0.0)) == (None, 1.0)
    program.row({0: 1.0}, low=4.0)
    assert program.minimise({0: 1.0}, Budget(30.0)) == (None, 0.0)


@pytest.mark.parametrize(
    ("values", "admitted"),
    [
        ((3.0, 0.0), True),
        ((3.0, 3.0), True),
        ((1.0, 3.5), True),
        ((3.0, 3.1), False),
        ((1.0, 3.4), False),
        ((3.1, 0.0), False),
        ((1.0, 4.1), False),
    ],
)
def test_values_are_admitted_up_to_their_bounds(values: tuple[float, float], admitted: bool) -> None:
    assert knapsack().admits(np.array(values)) is admitted


def test_a_sum_is_of_the_columns_it_names() -> None:
    assert total({0: 2.0, 2: -1.0}, np.array([3.0, 9.0, 4.0])) == 2.0


def test_every_parting_is_listed_once_the_fewest_sets_first() -> None:
    table, at_most = partings.__wrapped__(4)  # whatever was asked before
    assert at_most == (0, 1, 8, 14, 15)
    rows = [tuple(sorted(each for each in row if each)) for row in table.tolist()]
    assert len(set(rows)) == len(rows) == 15
    assert all(sum(row) == 0b1111 for row in rows)
    assert [len(row) for row in rows] == sorted(map(len, rows))

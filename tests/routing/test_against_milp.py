"""The optimiser against an independent program and against enumeration: a short form of the proof."""

from __future__ import annotations

import pytest

from benchmarks.routing_proof import measure, prove, unlike_brute_force, unlike_solver


@pytest.mark.parametrize("seed", range(200))
def test_costs_what_the_mixed_integer_program_costs(seed: int) -> None:
    assert not unlike_solver(seed)


@pytest.mark.parametrize("seed", range(40))
def test_no_other_assignment_of_lines_to_nodes_is_better_where_costs_are_not_linear(seed: int) -> None:
    assert not unlike_brute_force(seed)


def test_the_proof_counts_what_it_compares() -> None:
    proof = prove(range(8))
    assert (proof.solved, proof.enumerated, proof.unlike) == (8, 2, {})
    assert [(row.ours, row.other) for row in measure(8)] == [(8, 8), (2, 2)]

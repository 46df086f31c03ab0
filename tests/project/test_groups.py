"""Tests that share a server run in one process of a parallel run."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("kept_together")
def test_the_group_of_a_test_reaches_whoever_shares_the_tests_out(request: pytest.FixtureRequest) -> None:
    if not hasattr(request.config, "workerinput"):
        pytest.skip("this run has one process: `make test` has several")
    assert request.node.nodeid.endswith("@kept_together")

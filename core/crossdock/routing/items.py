"""Items: the lines of an order, bundled where they must stay together, and the sets of them."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import numpy as np

from crossdock.routing.model import Demand
from crossdock.routing.tariff import Floats

__all__ = ["bundles", "by_sku", "memberships", "shared_skus"]


@cache
def _every_line(count: int) -> tuple[tuple[int, ...], ...]:
    return tuple((position,) for position in range(count))


def bundles(demand: Demand, keep_together: Collection[str]) -> tuple[tuple[int, ...], ...]:
    """Positions of the lines of each item; lines of one group whose kind is to be kept together are one item."""
    if not keep_together:
        return _every_line(len(demand.lines))
    groups: dict[str, list[int]] = {}
    for position, line in enumerate(demand.lines):
        together = line.group and line.group_kind in keep_together
        groups.setdefault(f"group:{line.group}" if together else f"line:{position}", []).append(position)
    return tuple(tuple(group) for group in groups.values())


def by_sku(demand: Demand) -> dict[str, list[int]]:
    """Positions of the lines of each SKU."""
    found: dict[str, list[int]] = {}
    for position, line in enumerate(demand.lines):
        found.setdefault(line.sku, []).append(position)
    return found


def shared_skus(demand: Demand, items: tuple[tuple[int, ...], ...]) -> list[tuple[list[int], list[int]]]:
    """For each SKU that stands in several lines: the positions of the lines, and its units in each item."""
    lines = demand.lines
    if len({line.sku for line in lines}) == len(lines):
        return []
    return [
        (shared, [sum(lines[p].quantity for p in item if p in shared) for item in items])
        for shared in by_sku(demand).values()
        if len(shared) > 1
    ]


@cache
def memberships(count: int) -> Floats:
    """Row S holds 1 for each item of the set S, shape (2**count, count)."""
    sets = np.arange(1 << count)
    return ((sets[:, None] >> np.arange(count)) & 1).astype(np.float64)

"""Routing against HiGHS on the very same orders: the cost is equal on all, the time is not.

    python -m benchmarks.routing

Ours is the whole of ``route`` with its explanation data encoded; the solver's time is the solving alone, without
writing the program. Every order has a destination of its own.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from time import perf_counter

from benchmarks.routing_milp import Instance, solve
from crossdock.routing import Demand, Network, PolicySet, SupplyView, compile_policy, route
from tests.routing.builders import (
    NOW,
    STANDARD,
    network,
    random_demand,
    random_nodes,
    random_supply,
    rate_cards,
)

__all__ = ["measure"]

Result = dict[str, str | float]

# Lines, nodes, and how many of the orders the solver gets too: it needs seconds for a thousand nodes.
SIZES = ((3, 60, 15), (5, 1000, 1))
POLICIES = PolicySet(
    [
        compile_policy(
            {**STANDARD, "when": 'order.channel_kind in ["web", "marketplace"]', "split": {"quantity": False}}
        )
    ]
)


def measure(orders: int = 300) -> list[Result]:
    """Measure.

    Args:
        orders: Orders routed by us for each size.

    Raises:
        AssertionError: a cost differs.
    """
    results: list[Result] = []
    for lines, nodes, compared in SIZES:
        random = Random(2026)
        net = network(random_nodes(nodes, random))
        cases = [(order, random_supply(net, order, random, 0.3)) for order in _orders(random, lines, orders)]
        ours = _ours(cases, net)
        seconds = [_solver(order, supply, net) for order, supply in cases[:compared]]
        median, other = statistics.median(ours) * 1e6, statistics.median(seconds) * 1e6
        results.append(
            {
                "name": f"route an order of {lines} lines over {nodes} nodes, median",
                "unit": "µs",
                "ours": round(median, 1),
                "other": round(other, 1),
                "other_name": "HiGHS, equal cost on all",
                "ratio": round(other / median, 1),
            }
        )
    return results


def _orders(random: Random, lines: int, count: int) -> list[Demand]:
    return [random_demand(random, lines) for _ in range(count)]


def _ours(cases: Sequence[tuple[Demand, SupplyView]], net: Network) -> list[float]:
    net.timetable(NOW)
    seconds = []
    for order, supply in cases:
        started = perf_counter()
        route(order, supply, net, POLICIES, NOW).encode()
        seconds.append(perf_counter() - started)
    return seconds


def _solver(order: Demand, supply: SupplyView, net: Network) -> float:
    stock: dict[tuple[str, str], int] = {}
    for line in order.lines:
        for node, units in zip(net.nodes, supply.rows([line.sku])[0], strict=True):
            stock[line.sku, node.id] = int(units)
    cards = {card.id: card for card in rate_cards()}
    answer = solve(Instance(order, stock, {}, net, cards, POLICIES.policies[0].definition, NOW))
    decision = route(order, supply, net, POLICIES, NOW)
    ours: tuple[Decimal, ...] = decision.tiers
    if (len(decision.unfilled), ours) != (answer.left_out, answer.tiers):
        raise AssertionError(f"costs differ: ours {ours}, solver {answer.tiers}")
    return answer.seconds


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(), indent=2, ensure_ascii=False) + "\n")

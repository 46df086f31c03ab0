"""Orders too large to weigh every parting, and lines that no node can fill alone: a mixed-integer program.

The tiers are minimised one after the other by HiGHS, each kept at its value while the next is minimised, within a time
budget; a plan that could not be proven best carries its gap.
"""

from __future__ import annotations

from crossdock.routing.account import cheapest_lane
from crossdock.routing.first_plan import first_plan
from crossdock.routing.formulation import Formulation
from crossdock.routing.plan import Plan, Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.tariff import Floats

__all__ = ["solve_large", "splittable"]


def splittable(problem: Problem) -> frozenset[int]:
    """Items whose quantity must come from several nodes: one line that no node can fill alone, but all can."""
    if not problem.policy.split.quantity or problem.most_shipments_allowed < 2:
        return frozenset()
    found = set()
    usable = problem.usable
    for item, positions in enumerate(problem.items):
        if len(positions) != 1 or (problem.item_cost[item][usable] < IMPOSSIBLE).any():
            continue
        position = next(iter(positions))
        nodes = usable & problem.may_handle(position)
        if int(problem.situation.stock[position][nodes].sum()) >= problem.units[item]:
            found.add(item)
    return frozenset(found)


def solve_large(problem: Problem, split: frozenset[int], given_up: int) -> Plan:
    """The best plan that HiGHS finds within the policy's time budget."""
    formulation = Formulation(problem, split, given_up)
    values, gap = _solve(formulation, problem.policy.definition.time_budget_seconds)
    if values is None:
        return Plan((), tuple(range(len(problem.items))), given_up, optimal=gap == 0.0, gap=gap)
    sent: dict[int, list[tuple[int, int]]] = {}
    for (item, node), column in formulation.x.items():
        amount = round(values[column])
        if amount:
            lines = problem.demand.lines
            sent.setdefault(node, []).extend(
                (p, amount if item in split else lines[p].quantity) for p in problem.items[item]
            )
    shipments = tuple(
        Shipment(cheapest_lane(problem, node, units), tuple(sorted(units)))
        for node, units in sorted(sent.items())
    )
    left_out = tuple(item for item, column in enumerate(formulation.left_out) if values[column] > 0.5)
    return Plan(shipments, left_out, given_up, optimal=gap == 0.0, gap=gap)


def _solve(formulation: Formulation, seconds: float) -> tuple[Floats | None, float]:
    """The best values found, if any, and the gap of the first tier that could not be finished."""
    program = formulation.program
    stages = [costs for costs in (dict.fromkeys(formulation.left_out, 1.0), *formulation.tiers) if costs]
    start = first_plan(formulation)
    values = start if program.admits(start) else None
    gap = 0.0
    for position, costs in enumerate(stages):
        if position == 0 and values is not None and not values[formulation.left_out].any():
            reached = 0.0
        else:
            found, open_gap = program.minimise(costs, seconds / len(stages), values)
            values = values if found is None else found
            gap = gap or open_gap
            if values is None:
                return None, gap
            reached = float(sum(cost * values[column] for column, cost in costs.items()))
        program.row(costs, high=reached + 1e-6 * max(1.0, abs(reached)))
    return values, gap

"""Orders too large to weigh every parting, and lines that no node can fill alone: a mixed-integer program.

The tiers are minimised one after the other by HiGHS, each kept at its value while the next is minimised, within a time
budget: what one leaves of its share is for the next. A plan that could not be proven best carries its gap.
"""

from __future__ import annotations

from crossdock.routing.account import cheapest_lane
from crossdock.routing.first_plan import first_plan
from crossdock.routing.formulation import Formulation
from crossdock.routing.plan import Plan, Shipment
from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.program import Budget
from crossdock.routing.tariff import Floats

__all__ = ["best_values", "parted_with_more", "plan_of", "solve_large", "splittable"]


def splittable(problem: Problem) -> frozenset[int]:
    """Items whose quantity must come from several nodes: one line that no node can fill alone, but all can."""
    return _parted(problem, enough=True)


def parted_with_more(problem: Problem) -> frozenset[int]:
    """Items whose quantity would have to come from several nodes if these had more."""
    return _parted(problem, enough=False)


def _parted(problem: Problem, *, enough: bool) -> frozenset[int]:
    if not problem.policy.split.quantity or problem.most_shipments_allowed < 2:
        return frozenset()
    found = set()
    usable = problem.usable
    for item, positions in enumerate(problem.items):
        if len(positions) != 1 or (problem.item_cost[item][usable] < IMPOSSIBLE).any():
            continue
        position = next(iter(positions))
        nodes = usable & problem.may_handle(position)
        if not enough or int(problem.situation.stock[position][nodes].sum()) >= problem.units[item]:
            found.add(item)
    return frozenset(found)


def solve_large(problem: Problem, split: frozenset[int], given_up: int) -> Plan:
    """The best plan that HiGHS finds within the policy's time budget."""
    formulation = Formulation(problem, split, given_up)
    start = first_plan(formulation)
    budget = Budget(problem.policy.definition.time_budget_seconds)
    return plan_of(formulation, *best_values(formulation, start, budget), given_up)


def plan_of(formulation: Formulation, values: Floats | None, gap: float, given_up: int) -> Plan:
    """The plan that values of the columns stand for."""
    problem, split = formulation.problem, formulation.split
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


def best_values(
    formulation: Formulation, start: Floats | None, budget: Budget
) -> tuple[Floats | None, float]:
    """The best values of the columns that are found within ``budget``.

    Returns:
        None if there are none, and the gap of the first tier that could not be finished. The program is left as it was.
    """
    program = formulation.program
    rows, stages = len(program.rows), formulation.stages
    values = start if start is not None and program.admits(start) else None
    gap = 0.0
    for position, costs in enumerate(stages):
        if values is None or any(values[column] for column in costs):
            found, open_gap = program.minimise(costs, budget, values, share=len(stages) - position)
            values = values if found is None else found
            gap = gap or open_gap
            if values is None:
                break
        program.keep(costs, values)
    del program.rows[rows:]
    return values, gap

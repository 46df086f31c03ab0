"""What else there was for an order that was left to the solver: other plans, and the smallest changes.

For these orders a change is said to flip the decision if it lets a better plan be. That is a program of its own: the
rows of the decision, a plan that is better in some tier and worse in none before it, and of all changes the least one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, Decimal

import numpy as np
from msgspec.structs import replace

from crossdock.routing.decision import Decision
from crossdock.routing.first_plan import values_of
from crossdock.routing.flip import MEASURES, Flip, FlipKind
from crossdock.routing.flips import money_tier
from crossdock.routing.formulation import Formulation
from crossdock.routing.items import by_sku
from crossdock.routing.large import best_values, parted_with_more, plan_of
from crossdock.routing.plan import Plan
from crossdock.routing.problem import Problem
from crossdock.routing.program import Budget, Terms, total
from crossdock.routing.supply import UNLIMITED
from crossdock.routing.tariff import MONEY_SCALE

__all__ = ["LargeChoices"]

_Change = dict[int, tuple[int, str]]
"""Column that counts by how much something would have to be more: node, and SKU or measure of capacity."""


class LargeChoices:
    """The choices of one decision; what is not found within the policy's time budget is not told."""

    def __init__(self, problem: Problem, split: frozenset[int], decision: Decision) -> None:
        """Read the plan of ``decision``, which had to part the quantities of ``split`` items."""
        self._problem, self._split, self._decision = problem, split, decision
        self._given_up = decision.given_up
        self._chosen = Formulation(problem, split, self._given_up)
        sent = _sent(self._chosen, decision)
        self._values = values_of(self._chosen, sent)
        self._nodes = set(sent)
        self._seconds = problem.policy.definition.time_budget_seconds
        self._budget = Budget(self._seconds)

    def alternatives(self, most: int) -> Iterator[Plan]:
        """The best plans for all items with other nodes, best first."""
        budget = Budget(self._seconds)
        formulation = Formulation(self._problem, self._split, self._given_up)
        _send_something(formulation)
        used = self._nodes
        for number in range(most):
            _exclude(formulation, used)
            share = Budget(budget.left / (most - number))
            budget.left -= share.left
            values, gap = best_values(formulation, None, share)
            budget.left += share.left
            if values is None or values[formulation.left_out].any():
                return
            plan = plan_of(formulation, values, gap, self._given_up)
            used = {self._problem.lanes.node.item(shipment.lane) for shipment in plan.shipments}
            yield plan

    def flips(self) -> Iterator[Flip]:
        """The smallest change of each kind; none where the plan itself could not be proven best."""
        if not self._decision.optimal:
            return
        scales = self._problem.packing.scales
        if not scales.keys() & {"stock_balance", "zero_stock"}:  # they change with the stock itself
            yield from self._flip(FlipKind.MORE_STOCK, _stocked(self._problem), self._lack_stock)
        if self._decision.complete:
            yield from self._less_money()
        limited = self._problem.situation.capacity is not None and self._problem.policy.capacity
        if limited and "workload" not in scales:
            yield from self._flip(FlipKind.MORE_CAPACITY, _roomy(self._problem), self._lack_room)

    def _flip(
        self, kind: FlipKind, relaxed: Problem, lacking: Callable[[Formulation], _Change]
    ) -> Iterator[Flip]:
        """The least change with which there is a better plan.

        Args:
            relaxed: The order as if there were enough of everything of the kind.
            lacking: Adds the rows that take it back, but for one change.
        """
        best: tuple[int, int, str] | None = None
        split = parted_with_more(self._problem)
        for level in range(len(self._problem.policy.preferences) + 1):
            # A plan that gives up fewer preferences wins whatever it costs, one that gives up more if it places more.
            stages = range(1 + (len(self._chosen.tiers) if level == self._given_up else 0))
            for stage in stages:
                formulation = Formulation(relaxed, split, level)
                changes = lacking(formulation)
                if not changes or not self._better(formulation, stage, equal=level < self._given_up):
                    continue
                counted = dict.fromkeys(changes, 1.0)
                if best is not None:
                    formulation.program.row(counted, high=best[0] - 1.0)
                values, gap = formulation.program.minimise(counted, self._budget)
                if gap:
                    return
                if values is not None:
                    column = next((column for column in changes if values[column] > 0.5), None)
                    if column is None:  # better without any change: within the solver's tolerance
                        return
                    best = round(values[column]), *changes[column]
        if best is None:
            return
        units, position, name = best
        node = self._problem.network.nodes[position].id
        placed = not self._decision.complete
        if kind is FlipKind.MORE_STOCK:
            yield Flip(kind, node, sku=name, units=units, placed=placed)
        else:
            yield Flip(kind, node, units=units, placed=placed, measure=name)

    def _better(self, formulation: Formulation, stage: int, *, equal: bool) -> bool:
        """Let plans be no worse before ``stage`` and better there; False if they can't be."""
        for place in range(stage + 1):
            costs, reached = _stage(formulation, place), total(_stage(self._chosen, place), self._values)
            if place < stage or equal:
                formulation.program.row(costs, high=reached + 1e-6 * max(1.0, reached))
            elif reached < 1:
                return False
            else:
                formulation.program.row(costs, high=reached - 0.5)  # stages count in whole numbers
        return True

    def _lack_stock(self, formulation: Formulation) -> _Change:
        problem, program = self._problem, formulation.program
        changes: _Change = {}
        pending: Terms = {}
        for sku, positions in by_sku(problem.demand).items():
            uses = _uses(formulation, positions)
            for node in formulation.nodes:
                there = int(problem.situation.stock[positions[0], node])
                row = {formulation.x[i, node]: each for i, each in uses.items() if (i, node) in formulation.x}
                lacking = sum(problem.demand.lines[p].quantity for p in positions) - there
                if row and lacking > 0:
                    more = self._change(formulation, lacking, pending)
                    program.row({**row, more: -1.0}, high=float(there))
                    changes[more] = node, sku
        program.row(pending, high=1.0)
        return changes

    def _lack_room(self, formulation: Formulation) -> _Change:
        problem, program = self._problem, formulation.program
        changes: _Change = {}
        pending: Terms = {}
        assert problem.situation.capacity is not None
        for node in formulation.nodes:
            loads = (
                (dict.fromkeys(formulation.sends(node), 1.0), 1),
                (formulation.lines_at(node), len(problem.demand.lines)),
                (formulation.load(node, problem.units), sum(problem.units)),
            )
            left: list[int] = problem.situation.capacity[:, node].tolist()
            for measure, (load, most), room in zip(MEASURES, loads, left, strict=True):
                if load and room < most:
                    more = self._change(formulation, most - max(room, 0), pending)
                    program.row({**load, more: -1.0}, high=float(max(room, 0)))
                    changes[more] = node, measure
        program.row(pending, high=1.0)
        return changes

    def _change(self, formulation: Formulation, most: int, pending: Terms) -> int:
        """A column for up to ``most`` of something, and one in ``pending`` that says whether it is any."""
        more, any_more = formulation.program.column(float(most)), formulation.program.column()
        formulation.program.row({more: 1.0, any_more: -float(most)}, high=0.0)
        pending[any_more] = 1.0
        return more

    def _less_money(self) -> Iterator[Flip]:
        """By how much less freight (or handling) of its shipment a node that sends nothing would send something."""
        kind, tier, weight = money_tier(self._problem)
        formulation = Formulation(self._problem, self._split, self._given_up)
        idle = {c: n for n in formulation.nodes if n not in self._nodes for c in formulation.sends(n)}
        if kind is None or not idle:
            return
        _send_something(formulation)
        formulation.program.row(dict.fromkeys(idle, 1.0), low=1.0)
        for place in range(tier + 1):
            formulation.program.keep(_stage(formulation, place), self._values)
        costs = formulation.tiers[tier]
        values, gap = formulation.program.minimise(costs, self._budget)
        if values is None or gap:
            return
        node = min(idle[column] for column in idle if values[column] > 0.5)
        amount = Decimal(round(total(costs, values) - total(costs, self._values))) / (weight * MONEY_SCALE)
        rounded = max(amount, Decimal(0)).quantize(Decimal("0.001"), rounding=ROUND_CEILING)
        network = self._problem.network
        yield Flip(kind, network.nodes[node].id, amount=rounded, currency=network.currency)


def _sent(formulation: Formulation, decision: Decision) -> dict[int, dict[int, float]]:
    """What each node sends of each item."""
    problem = formulation.problem
    item_of = {position: item for item, positions in enumerate(problem.items) for position in positions}
    place = {line.line_id: position for position, line in enumerate(problem.demand.lines)}
    return {
        problem.network.index[assignment.node]: {
            item: float(line.quantity) if item in formulation.split else 1.0
            for line in assignment.lines
            for item in (item_of[place[line.line_id]],)
        }
        for assignment in decision.assignments
    }


def _stage(formulation: Formulation, place: int) -> Terms:
    """What counts first, second, …: items left out, then the tiers."""
    return formulation.tiers[place - 1] if place else dict.fromkeys(formulation.left_out, 1.0)


def _send_something(formulation: Formulation) -> None:
    """Let no node send a shipment without items: where nodes are asked for, it would be a way around."""
    for node in formulation.nodes:
        sent = dict.fromkeys(formulation.lines_at(node), -1.0)
        formulation.program.row({**sent, **dict.fromkeys(formulation.sends(node), 1.0)}, high=0.0)


def _exclude(formulation: Formulation, used: set[int]) -> None:
    """Forbid that exactly the nodes of ``used`` send."""
    row: Terms = {}
    for node in formulation.nodes:
        row.update(dict.fromkeys(formulation.sends(node), 1.0 if node in used else -1.0))
    formulation.program.row(row, high=len(used) - 1.0)


def _uses(formulation: Formulation, positions: list[int]) -> Terms:
    """Units of one SKU, whose lines are at ``positions``, that a node needs for each item."""
    lines = formulation.problem.demand.lines
    found: Terms = {}
    for item, members in enumerate(formulation.problem.items):
        units = sum(lines[p].quantity for p in members if p in positions)
        if units:
            found[item] = 1.0 if item in formulation.split else float(units)
    return found


def _stocked(problem: Problem) -> Problem:
    """The order as if every node had enough of every SKU."""
    stock = problem.situation.stock.copy()
    for positions in by_sku(problem.demand).values():
        wanted = sum(problem.demand.lines[p].quantity for p in positions)
        stock[positions] = np.maximum(stock[positions], wanted)
    return Problem(replace(problem.situation, stock=stock), problem.network, problem.policy)


def _roomy(problem: Problem) -> Problem:
    """The order as if no node had a limit."""
    assert problem.situation.capacity is not None
    room = np.full_like(problem.situation.capacity, UNLIMITED)
    return Problem(replace(problem.situation, capacity=room), problem.network, problem.policy)

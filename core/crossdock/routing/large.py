"""Orders too large to weigh every parting, and lines that no node can fill alone: a mixed-integer program.

The tiers are minimised one after the other by HiGHS, each kept at its value while the next is minimised, within a time
budget; a plan that could not be proven best carries its gap.

    x[i,n]    item i at node n: 0 or 1, or units if its quantity may be split
    u[i,n]    whether node n sends any of a split line
    z[o,n,b]  node n sends one shipment by option o with the last parcel in weight step b
    f[o,n]    further parcels of that shipment, each of the highest weight
    d[i]      item i is left out
"""

from __future__ import annotations

from dataclasses import dataclass, field

import highspy
import numpy as np

from crossdock.routing.account import cheapest_option, packed_shipment
from crossdock.routing.plan import Plan, Shipment
from crossdock.routing.problem import IMPOSSIBLE, Option, Problem
from crossdock.routing.supply import UNLIMITED
from crossdock.routing.tariff import Floats

__all__ = ["solve_large", "splittable"]

Terms = dict[int, float]


@dataclass(slots=True)
class _Program:
    """Columns and rows of a program being written."""

    upper: list[float] = field(default_factory=list)
    whole: list[bool] = field(default_factory=list)
    rows: list[tuple[float, float, Terms]] = field(default_factory=list)

    def column(self, upper: float = 1.0, *, whole: bool = True) -> int:
        self.upper.append(upper)
        self.whole.append(whole)
        return len(self.upper) - 1

    def row(self, terms: Terms, low: float = -highspy.kHighsInf, high: float = highspy.kHighsInf) -> None:
        self.rows.append((low, high, terms))

    def minimise(self, costs: Terms, seconds: float, start: Floats | None) -> tuple[Floats | None, float]:
        """The best values found, searching from ``start``, and the relative gap left; none if there was no time."""
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = len(self.upper), len(self.rows)
        model.col_cost_ = np.array([costs.get(column, 0.0) for column in range(len(self.upper))])
        model.col_lower_ = np.zeros(len(self.upper))
        model.col_upper_ = np.array(self.upper)
        model.row_lower_ = np.array([low for low, _, _ in self.rows])
        model.row_upper_ = np.array([high for _, high, _ in self.rows])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_ = np.cumsum([0, *(len(terms) for _, _, terms in self.rows)])
        model.a_matrix_.index_ = np.array([c for _, _, terms in self.rows for c in terms], dtype=np.int32)
        model.a_matrix_.value_ = np.array([v for _, _, terms in self.rows for v in terms.values()])
        integer, continuous = highspy.HighsVarType.kInteger, highspy.HighsVarType.kContinuous
        model.integrality_ = [integer if whole else continuous for whole in self.whole]
        solver = highspy.Highs()  # type: ignore[no-untyped-call]
        for option, value in (
            ("output_flag", False),
            ("time_limit", seconds),
            ("mip_rel_gap", 0.0),
            ("mip_abs_gap", 0.5),
            ("threads", 1),
            ("random_seed", 0),
        ):
            solver.setOptionValue(option, value)
        solver.passModel(model)
        if start is not None:
            known = highspy.HighsSolution()
            known.col_value = start.tolist()
            solver.setSolution(known)
        solver.run()
        info = solver.getInfo()
        if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
            proven = solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible
            return None, 0.0 if proven else 1.0
        proven = solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return np.array(solver.getSolution().col_value), 0.0 if proven else min(float(info.mip_gap), 1.0)

    def admits(self, values: Floats) -> bool:
        """Whether ``values`` break no bound and no row."""
        if (values > np.array(self.upper) + 1e-9).any():
            return False
        for low, high, terms in self.rows:
            total = sum(factor * values[column] for column, factor in terms.items())
            if not low - 1e-6 <= total <= high + 1e-6:
                return False
        return True


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


def _split_costs(problem: Problem, position: int, node: int) -> tuple[float, float]:
    """Packed cost of naming a split line on a shipment, and of each of its units."""
    network, situation, packing = problem.network, problem.situation, problem.packing
    per_line, per_unit = 0.0, 0.0
    if "handling_cost" in packing.scales:
        _, line, unit = network.handling[node]
        per_line += float(packing.pack("handling_cost", np.array(float(line))))
        per_unit += float(packing.pack("handling_cost", np.array(float(unit))))
    if "stock_balance" in packing.scales:
        share = 1.0 / max(int(situation.stock[position, node]), 1)
        per_unit += float(packing.pack("stock_balance", np.array(share)))
    if "opportunity_cost" in packing.scales and situation.opportunity is not None:
        per_unit += float(packing.pack("opportunity_cost", situation.opportunity[position, node]))
    return per_line, per_unit


class _Formulation:
    """The program of one problem."""

    def __init__(self, problem: Problem, split: frozenset[int], given_up: int) -> None:
        self.problem, self.split, self.program = problem, split, _Program()
        allowed = problem.usable & problem.allowed(given_up)
        self.nodes = [int(node) for node in np.flatnonzero(allowed)]
        self.tiers: list[Terms] = [{} for _ in problem.policy.tiers]
        self.x: dict[tuple[int, int], int] = {}
        self.u: dict[tuple[int, int], int] = {}
        self.z: dict[tuple[int, int], list[tuple[int, float]]] = {}
        self.f: dict[tuple[int, int], tuple[int, float]] = {}
        self.extra_parcels: list[int] = []
        items = range(len(problem.items))
        self.left_out = [
            self.program.column(1.0 if problem.policy.unfillable.ship_rest else 0.0) for _ in items
        ]
        self._shipments()
        for item in items:
            self._item(item)
        self._node_rows()
        self._split_rules()

    def _cost(self, column: int, packed: float) -> None:
        for tier, value in enumerate(self.problem.packing.unpack(packed)):
            if value:
                self.tiers[tier][column] = self.tiers[tier].get(column, 0.0) + value

    def _shipments(self) -> None:
        problem, program = self.problem, self.program
        weight, volume = sum(problem.weight), sum(problem.volume)
        for o, option in enumerate(problem.options):
            for node in self.nodes:
                if not option.cost[node] < np.inf:
                    continue
                if option.tariff is None or option.zone is None:
                    self.z[o, node] = [(program.column(), float("inf"))]
                    self._cost(self.z[o, node][0][0], option.cost[node])
                    continue
                zone = int(option.zone[node])
                if zone < 0:
                    continue
                steps = []
                for heaviest, rate in option.tariff.steps(zone):
                    column = program.column()
                    steps.append((column, float(heaviest)))
                    self._cost(column, option.cost[node])
                    self._cost(column, problem.packed_freight(rate))
                self.z[o, node] = steps
                heaviest, rate = option.tariff.steps(zone)[-1]
                billed = max(weight, option.tariff.dimensional_grams(volume))
                more = program.column(float(billed // heaviest))
                self.f[o, node] = (more, float(heaviest))
                self._cost(more, problem.packed_freight(rate))
                program.row({more: 1.0, **{c: -billed for c, _ in steps}}, high=0.0)

    def _item(self, item: int) -> None:
        problem, program = self.problem, self.program
        whole = {self.left_out[item]: 1.0 if item not in self.split else float(problem.units[item])}
        for node in self.nodes:
            if item in self.split:
                position = problem.items[item][0]
                most = min(int(problem.situation.stock[position, node]), problem.units[item])
                if most <= 0 or not problem.may_handle(position)[node]:
                    continue
                units, present = program.column(float(most)), program.column()
                program.row({units: 1.0, present: -float(most)}, high=0.0)
                self.x[item, node], self.u[item, node] = units, present
                per_line, per_unit = _split_costs(problem, position, node)
                self._cost(present, per_line)
                self._cost(units, per_unit)
            elif problem.item_cost[item, node] < IMPOSSIBLE:
                units = present = program.column()
                self.x[item, node] = units
                self._cost(units, float(problem.item_cost[item, node]))
            else:
                continue
            whole[units] = 1.0
            program.row({present: 1.0, **dict.fromkeys(self._sends(node), -1.0)}, high=0.0)
        amount = float(problem.units[item]) if item in self.split else 1.0
        program.row(whole, amount, amount)

    def _sends(self, node: int) -> list[int]:
        return [c for o in range(len(self.problem.options)) for c, _ in self.z.get((o, node), [])]

    def _present(self, item: int, node: int) -> int | None:
        return self.u.get((item, node), self.x.get((item, node)))

    def _load(self, node: int, measure: list[int] | list[float]) -> Terms:
        """``measure`` of the items that node sends."""
        problem = self.problem
        return {
            self.x[item, node]: measure[item] / (problem.units[item] if item in self.split else 1)
            for item in range(len(problem.items))
            if (item, node) in self.x
        }

    def _node_rows(self) -> None:
        problem, program = self.problem, self.program
        capacity = problem.situation.capacity if problem.policy.capacity else None
        for node in self.nodes:
            sends = self._sends(node)
            program.row(dict.fromkeys(sends, 1.0), high=1.0)
            for o, option in enumerate(problem.options):
                if (o, node) in self.z:
                    self._carry(o, option, node)
            if capacity is not None and capacity[2, node] != UNLIMITED:
                program.row(self._load(node, problem.units), high=float(max(capacity[2, node], 0)))
            if capacity is not None and capacity[1, node] != UNLIMITED:
                lines = {
                    column: float(len(positions))
                    for item, positions in enumerate(problem.items)
                    if (column := self._present(item, node)) is not None
                }
                program.row(lines, high=float(max(capacity[1, node], 0)))
            for positions, wanted in problem.shared_skus():
                row = {
                    self.x[item, node]: 1.0 if item in self.split else float(units)
                    for item, units in enumerate(wanted)
                    if units and (item, node) in self.x
                }
                program.row(row, high=float(problem.situation.stock[positions[0], node]))

    def _carry(self, o: int, option: Option, node: int) -> None:
        """The parcels of an option hold the weight and the volume of what the node sends, and nothing it refuses."""
        problem, program = self.problem, self.program
        chosen = {c: 1.0 for c, _ in self.z[o, node]}
        for item, positions in enumerate(problem.items):
            present = self._present(item, node)
            if present is None or option.service is None:
                continue
            restrictions = {r for p in positions for r in problem.demand.lines[p].restrictions}
            if restrictions & set(option.service.refuses):
                program.row({present: 1.0, **chosen}, high=1.0)
            amount = option.tariff.surcharge(restrictions) if option.tariff is not None else 0.0
            if amount:
                self._surcharge(o, node, present, amount)
        if option.tariff is None:
            return
        more, heaviest = self.f[o, node]
        for measure in (problem.weight, [option.tariff.dimensional_grams(v) for v in problem.volume]):
            total = float(sum(measure))
            held = {c: total - limit for c, limit in self.z[o, node]}
            program.row({**self._load(node, measure), **held, more: -heaviest}, high=total)

    def _surcharge(self, o: int, node: int, present: int, amount: float) -> None:
        """Every parcel that travels with a restricted item costs ``amount`` more."""
        more, _ = self.f[o, node]
        most = self.program.upper[more] + 1.0
        parcels = self.program.column(most, whole=False)
        self.extra_parcels.append(parcels)
        self._cost(parcels, self.problem.packed_freight(amount))
        chosen = {c: 1.0 for c, _ in self.z[o, node]}
        self.program.row({**chosen, more: 1.0, present: most, parcels: -1.0}, high=most)

    def _split_rules(self) -> None:
        problem, program = self.problem, self.program
        everything = {c: 1.0 for node in self.nodes for c in self._sends(node)}
        if not everything:
            return
        program.row(everything, high=float(problem.most_shipments_allowed))
        least = problem.least_value
        if least is None:
            return
        several = program.column()
        program.row({**everything, several: -float(problem.most_shipments_allowed)}, high=1.0)
        for node in self.nodes:
            row = {column: -value for column, value in self._load(node, problem.value).items()}
            program.row({**row, **dict.fromkeys(self._sends(node), least), several: least}, high=least)

    def start(self) -> Floats:
        """A plan to begin with: again and again the node that places lines at the least cost for each of them."""
        problem = self.problem
        values = np.zeros(len(self.program.upper))
        waiting = {
            item: float(problem.units[item]) if item in self.split else 1.0
            for item in range(len(problem.items))
        }
        free = list(self.nodes)
        for _ in range(problem.most_shipments_allowed):
            offers = [offer for node in free if (offer := self._offer(node, waiting)) is not None]
            if not offers:
                break
            _, node, taken, columns = min(offers, key=lambda offer: (offer[0], offer[1]))
            free.remove(node)
            for item, amount in taken.items():
                values[self.x[item, node]] = amount
                if item in self.split:
                    values[self.u[item, node]] = 1.0
                waiting[item] -= amount
                if waiting[item] <= 0:
                    del waiting[item]
            for column, value in columns.items():
                values[column] = value
        values[[self.left_out[item] for item in waiting]] = 1.0
        values[self.extra_parcels] = [self.program.upper[column] for column in self.extra_parcels]
        return values

    def _offer(
        self, node: int, waiting: dict[int, float]
    ) -> tuple[float, int, dict[int, float], Terms] | None:
        """What ``node`` could take of the ``waiting`` items: cost for each, node, amounts, shipment columns."""
        problem = self.problem
        capacity = problem.situation.capacity if problem.policy.capacity else None
        units, lines = (
            (UNLIMITED, UNLIMITED) if capacity is None else (int(capacity[2, node]), int(capacity[1, node]))
        )
        taken: dict[int, float] = {}
        stock: dict[str, int] = {}
        positions: list[tuple[int, int]] = []
        for item, amount in waiting.items():
            if (item, node) not in self.x:
                continue
            amount = min(
                amount, self.program.upper[self.x[item, node]], units if item in self.split else amount
            )
            wanted = [
                (p, int(amount) if item in self.split else problem.demand.lines[p].quantity)
                for p in problem.items[item]
            ]
            skus = [problem.demand.lines[p].sku for p, _ in wanted]
            left = [
                stock.get(sku, int(problem.situation.stock[p, node]))
                for sku, (p, _) in zip(skus, wanted, strict=True)
            ]
            count = sum(n for _, n in wanted)
            if (
                not amount
                or count > units
                or len(wanted) > lines
                or any(n > m for (_, n), m in zip(wanted, left, strict=True))
            ):
                continue
            taken[item] = float(amount)
            units, lines = units - count, lines - len(wanted)
            stock.update({sku: m - n for sku, (_, n), m in zip(skus, wanted, left, strict=True)})
            positions.extend(wanted)
        if not taken:
            return None
        option = cheapest_option(problem, node, positions)
        columns = self._columns(option, node, taken)
        if columns is None:
            return None
        packed = packed_shipment(problem, node, option, positions)
        return packed / sum(taken.values()), node, taken, columns

    def _columns(self, o: int, node: int, taken: dict[int, float]) -> Terms | None:
        """The columns that say that ``node`` ships what is ``taken`` by option ``o``."""
        steps = self.z.get((o, node))
        tariff = self.problem.options[o].tariff
        if steps is None:
            return None
        if tariff is None:
            return {steps[0][0]: 1.0}
        share = {i: a / self.problem.units[i] if i in self.split else 1.0 for i, a in taken.items()}
        weight = sum(self.problem.weight[i] * part for i, part in share.items())
        volume = sum(self.problem.volume[i] * part for i, part in share.items())
        billed = max(weight, tariff.dimensional_grams(volume))
        more, heaviest = self.f[o, node]
        full = max(float(np.ceil(billed / heaviest)) - 1.0, 0.0)
        step = next(column for column, limit in steps if limit >= billed - full * heaviest)
        return {step: 1.0, more: full}

    def solve(self, seconds: float) -> tuple[Floats | None, float]:
        """The best values found, if any, and the gap of the first tier that could not be finished."""
        stages = [costs for costs in (dict.fromkeys(self.left_out, 1.0), *self.tiers) if costs]
        start = self.start()
        values = start if self.program.admits(start) else None
        gap = 0.0
        for position, costs in enumerate(stages):
            if position == 0 and values is not None and not values[self.left_out].any():
                reached = 0.0
            else:
                found, open_gap = self.program.minimise(costs, seconds / len(stages), values)
                values = values if found is None else found
                gap = gap or open_gap
                if values is None:
                    return None, gap
                reached = float(sum(cost * values[column] for column, cost in costs.items()))
            self.program.row(costs, high=reached + 1e-6 * max(1.0, abs(reached)))
        return values, gap


def solve_large(problem: Problem, split: frozenset[int], given_up: int) -> Plan:
    """The best plan that HiGHS finds within the policy's time budget."""
    formulation = _Formulation(problem, split, given_up)
    values, gap = formulation.solve(problem.policy.definition.time_budget_seconds)
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
        Shipment(node, cheapest_option(problem, node, units), tuple(sorted(units)))
        for node, units in sorted(sent.items())
    )
    left_out = tuple(item for item, column in enumerate(formulation.left_out) if values[column] > 0.5)
    return Plan(shipments, left_out, given_up, optimal=gap == 0.0, gap=gap)

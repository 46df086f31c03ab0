"""An order as a mixed-integer program.

x[i,n]  item i at node n: 0 or 1, or units if its quantity may be split
u[i,n]  whether node n sends any of a split line
z[l,b]  one shipment goes by lane l with the last parcel in weight step b
f[l]    further parcels of that shipment, each of the highest weight
d[i]    item i is left out
"""

from __future__ import annotations

import numpy as np

from crossdock.routing.problem import IMPOSSIBLE, Problem
from crossdock.routing.program import Program, Terms
from crossdock.routing.supply import UNLIMITED

__all__ = ["Formulation"]


class Formulation:
    """The program of one problem.

    Attributes:
        nodes: Nodes that may send.
        left_out: Column d of each item.
        x, u: Columns by item and node; u only of split lines.
        z: Columns and weight limits of the steps of each lane.
        f: Column of the further parcels of each lane, and what each of them holds.
        extra_parcels: Columns that count parcels with a surcharge.
        tiers: Cost of the columns in each tier.
    """

    def __init__(self, problem: Problem, split: frozenset[int], given_up: int) -> None:
        """Write the program; quantities of ``split`` items may come from several nodes."""
        self.problem, self.split, self.program = problem, split, Program()
        allowed = problem.usable & problem.allowed(given_up)
        self.nodes = [int(node) for node in np.flatnonzero(allowed)]
        self.tiers: list[Terms] = [{} for _ in problem.policy.tiers]
        self.x: dict[tuple[int, int], int] = {}
        self.u: dict[tuple[int, int], int] = {}
        self.z: dict[int, list[tuple[int, float]]] = {}
        self.f: dict[int, tuple[int, float]] = {}
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
        sends, wanted = problem.sends, set(self.nodes)
        for lane in np.argsort(problem.lanes.service, kind="stable").tolist():
            if not sends[lane] or int(problem.lanes.node[lane]) not in wanted:
                continue
            _, tariff = problem.lanes.carrier(lane)
            self.z[lane] = steps = []
            rates = tariff.steps(problem.zone.item(lane))
            for limit, rate in rates:
                column = program.column()
                steps.append((column, float(limit)))
                self._cost(column, problem.cost.item(lane))
                self._cost(column, problem.packed_freight(rate))
            heaviest, rate = rates[-1]
            billed = max(weight, tariff.dimensional_grams(volume))
            more = program.column(float(billed // heaviest))
            self.f[lane] = (more, float(heaviest))
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
        return [c for lane in self.problem.lanes.of_node(node) for c, _ in self.z.get(lane, [])]

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
            for lane in problem.lanes.of_node(node):
                if lane in self.z:
                    self._carry(lane, node)
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

    def _carry(self, lane: int, node: int) -> None:
        """The parcels of a lane hold the weight and the volume of what the node sends, and nothing it refuses."""
        problem, program = self.problem, self.program
        service, tariff = problem.lanes.carrier(lane)
        chosen = {c: 1.0 for c, _ in self.z[lane]}
        for item, positions in enumerate(problem.items):
            present = self._present(item, node)
            if present is None:
                continue
            restrictions = {r for p in positions for r in problem.demand.lines[p].restrictions}
            if restrictions & set(service.refuses):
                program.row({present: 1.0, **chosen}, high=1.0)
            amount = tariff.surcharge(restrictions)
            if amount:
                self._surcharge(lane, present, amount)
        if problem.demand.pick_up:
            return
        more, heaviest = self.f[lane]
        for measure in (problem.weight, [tariff.dimensional_grams(v) for v in problem.volume]):
            total = float(sum(measure))
            held = {c: total - limit for c, limit in self.z[lane]}
            program.row({**self._load(node, measure), **held, more: -heaviest}, high=total)

    def _surcharge(self, lane: int, present: int, amount: float) -> None:
        """Every parcel that travels with a restricted item costs ``amount`` more."""
        more, _ = self.f[lane]
        most = self.program.upper[more] + 1.0
        parcels = self.program.column(most, whole=False)
        self.extra_parcels.append(parcels)
        self._cost(parcels, self.problem.packed_freight(amount))
        chosen = {c: 1.0 for c, _ in self.z[lane]}
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

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
from crossdock.routing.tariff import Floats

__all__ = ["Formulation"]


class Formulation:
    """The program of one problem.

    Attributes:
        nodes: Nodes that may send.
        left_out: Column d of each item.
        x, u: Columns by item and node; u only of split lines.
        z: Columns and weight limits of the steps of each lane.
        f: Column of the further parcels of each lane, and what each of them holds.
        surcharges: Of each lane, columns that count parcels with a surcharge, with the items that bring it.
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
        self.surcharges: dict[int, list[tuple[int, list[int]]]] = {}
        items = range(len(problem.items))
        self.left_out = [
            self.program.column(1.0 if problem.policy.unfillable.ship_rest else 0.0) for _ in items
        ]
        self._shipments()
        for item in items:
            self._item(item)
        self._node_rows()
        self._split_rules()

    @property
    def stages(self) -> list[Terms]:
        """What is minimised, one after the other: items left out, then every tier that has a cost."""
        return [costs for costs in (dict.fromkeys(self.left_out, 1.0), *self.tiers) if costs]

    def _cost(self, column: int, packed: float) -> None:
        for tier, value in enumerate(self.problem.packing.unpack(packed)):
            if value:
                self.tiers[tier][column] = self.tiers[tier].get(column, 0.0) + value

    def _shipments(self) -> None:
        problem, program = self.problem, self.program
        weight, volume = sum(problem.weight), sum(problem.volume)
        for lane in self._lanes():
            _, tariff = problem.lanes.carrier(lane)
            self.z[lane] = steps = []
            rates = tariff.steps(problem.zone.item(lane))
            for limit, rate in rates:
                column = program.column()
                steps.append((column, float(limit)))
                self._cost(column, problem.cost.item(lane) + problem.packed_freight(rate))
            heaviest, rate = rates[-1]
            billed = max(weight, tariff.dimensional_grams(volume))
            more = program.column(float(billed // heaviest))
            self.f[lane] = (more, float(heaviest))
            self._cost(more, problem.packed_freight(rate))
            program.row({more: 1.0, **{c: -billed for c, _ in steps}}, high=0.0)

    def _lanes(self) -> list[int]:
        """The open lanes, by service, but those that cost no less than another of their node whatever they carry."""
        problem, sends = self.problem, self.problem.sends
        found: list[int] = []
        for node in self.nodes:
            kept: list[tuple[int, tuple[object, ...], Floats]] = []
            for lane in problem.lanes.of_node(node):
                if sends[lane]:
                    _, tariff = problem.lanes.carrier(lane)
                    bills = (lane,) if problem.restrictions else (tariff.breaks, tariff.divisor)
                    rates = [rate for _, rate in tariff.steps(problem.zone.item(lane))]
                    kept.append((lane, bills, problem.cost.item(lane) + problem.packed_freights(rates)))
            found += [
                lane
                for place, (lane, bills, cost) in enumerate(kept)
                if not any(
                    other == bills and (rival <= cost).all() and (before < place or (rival < cost).any())
                    for before, (_, other, rival) in enumerate(kept)
                    if before != place
                )
            ]
        return sorted(found, key=lambda lane: (problem.lanes.service.item(lane), lane))

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
            program.row({present: 1.0, **dict.fromkeys(self.sends(node), -1.0)}, high=0.0)
        amount = float(problem.units[item]) if item in self.split else 1.0
        program.row(whole, amount, amount)

    def sends(self, node: int) -> list[int]:
        """The columns of which one is 1 if the node sends a shipment."""
        return [c for lane in self.problem.lanes.of_node(node) for c, _ in self.z.get(lane, [])]

    def _present(self, item: int, node: int) -> int | None:
        return self.u.get((item, node), self.x.get((item, node)))

    def load(self, node: int, measure: list[int] | list[float]) -> Terms:
        """``measure`` of the items that node sends."""
        problem = self.problem
        return {
            self.x[item, node]: measure[item] / (problem.units[item] if item in self.split else 1)
            for item in range(len(problem.items))
            if (item, node) in self.x
        }

    def lines_at(self, node: int) -> Terms:
        """The lines that ``node`` sends."""
        return {
            column: float(len(positions))
            for item, positions in enumerate(self.problem.items)
            if (column := self._present(item, node)) is not None
        }

    def _node_rows(self) -> None:
        problem, program = self.problem, self.program
        capacity = problem.situation.capacity if problem.policy.capacity else None
        for node in self.nodes:
            sends = self.sends(node)
            program.row(dict.fromkeys(sends, 1.0), high=1.0)
            self._carry(node)
            for lane in problem.lanes.of_node(node):
                if lane in self.z:
                    self._refuse(lane, node)
            if capacity is not None and capacity[2, node] != UNLIMITED:
                program.row(self.load(node, problem.units), high=float(max(capacity[2, node], 0)))
            if capacity is not None and capacity[1, node] != UNLIMITED:
                program.row(self.lines_at(node), high=float(max(capacity[1, node], 0)))
            for positions, wanted in problem.shared_skus():
                row = {
                    self.x[item, node]: 1.0 if item in self.split else float(units)
                    for item, units in enumerate(wanted)
                    if units and (item, node) in self.x
                }
                program.row(row, high=float(problem.situation.stock[positions[0], node]))

    def _carry(self, node: int) -> None:
        """The parcels of a node hold the weight and volume of what it sends; it uses one lane, so one row for all."""
        problem, program = self.problem, self.program
        if problem.demand.pick_up:
            return
        lanes = [lane for lane in problem.lanes.of_node(node) if lane in self.z]
        divisors = {lane: problem.lanes.carrier(lane)[1].divisor for lane in lanes}
        holds = {lane: self._holds(lane) for lane in lanes}
        program.row(
            {
                **self.load(node, problem.weight),
                **{c: -v for each in holds.values() for c, v in each.items()},
            },
            high=0.0,
        )
        for divisor in sorted({each for each in divisors.values() if each}):
            measure = [volume * 1000.0 / divisor for volume in problem.volume]
            row = self.load(node, measure)
            for lane, terms in holds.items():
                if divisors[lane] == divisor:
                    row.update({column: -value for column, value in terms.items()})
                else:  # it bills by another measure: no bound
                    row.update(dict.fromkeys((column for column, _ in self.z[lane]), -sum(measure)))
            program.row(row, high=0.0)

    def _holds(self, lane: int) -> Terms:
        """What the parcels of a lane hold, by step, and by further parcel."""
        more, heaviest = self.f[lane]
        return {**dict(self.z[lane]), more: heaviest}

    def _refuse(self, lane: int, node: int) -> None:
        """A lane takes nothing that its service refuses, and more money for some products."""
        problem, program = self.problem, self.program
        service, tariff = problem.lanes.carrier(lane)
        chosen = {c: 1.0 for c, _ in self.z[lane]}
        holding: dict[str, list[int]] = {}
        for item, positions in enumerate(problem.items):
            present = self._present(item, node)
            if present is None:
                continue
            restrictions = {r for p in positions for r in problem.demand.lines[p].restrictions}
            if restrictions & set(service.refuses):
                program.row({present: 1.0, **chosen}, high=1.0)
            for restriction in sorted(restrictions & tariff.restricted.keys()):
                holding.setdefault(restriction, []).append(present)
        for restriction, items in holding.items():
            self._surcharge(lane, items, float(tariff.restricted[restriction]))

    def _surcharge(self, lane: int, items: list[int], amount: float) -> None:
        """Every parcel of a shipment that holds any of ``items`` costs ``amount`` more, once."""
        more, _ = self.f[lane]
        most = self.program.upper[more] + 1.0
        parcels = self.program.column(most, whole=False)
        self.surcharges.setdefault(lane, []).append((parcels, items))
        self._cost(parcels, self.problem.packed_freight(amount))
        chosen = {c: 1.0 for c, _ in self.z[lane]}
        for present in items:
            self.program.row({**chosen, more: 1.0, present: most, parcels: -1.0}, high=most)

    def _split_rules(self) -> None:
        problem, program = self.problem, self.program
        everything = {c: 1.0 for node in self.nodes for c in self.sends(node)}
        if not everything:
            return
        program.row(everything, high=float(problem.most_shipments_allowed))
        fewest = float(self._fewest_shipments())
        program.row({**everything, **dict.fromkeys(self.left_out, fewest)}, low=fewest)
        least = problem.least_value
        if least is None:
            return
        several = program.column()
        program.row({**everything, several: -float(problem.most_shipments_allowed)}, high=1.0)
        for node in self.nodes:
            row = {column: -value for column, value in self.load(node, problem.value).items()}
            program.row({**row, **dict.fromkeys(self.sends(node), least), several: least}, high=least)

    def _fewest_shipments(self) -> int:
        """A bound that the solver would have to search for: fewer shipments do not hold all items, up to three."""
        items = len(self.problem.items)
        lacks = np.array([[(item, node) not in self.x for item in range(items)] for node in self.nodes])
        if not lacks.any(axis=1).all():
            return 1
        lacking = np.unique(lacks, axis=0).astype(np.float32)
        return 2 if (lacking @ lacking.T == 0.0).any() else min(3, items)


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

"""Decides the orders of a scenario, and compares with what is expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import ValidationError

from crossdock.errors import MisconfiguredError
from crossdock.explaining import ShownDecision
from crossdock.routing import Assignment
from crossdock.scenarios.comparing import differences
from crossdock.scenarios.model import ScenarioOrder
from crossdock.scenarios.reading import LoadedScenario
from crossdock.store.catalogue import Component
from crossdock.streams.processors.demand import ProductFacts
from crossdock.trying.deciding import TriedDestination, channel_supply, connection_of, try_order
from crossdock.trying.order import canonical_order, with_components

__all__ = ["ScenarioResult", "TriedOrder", "run_scenario"]


@dataclass(frozen=True, slots=True)
class TriedOrder:
    """An order of a scenario with what became of it.

    Attributes:
        refused: Why routing could not be asked, by destination.
        differences: What is not as expected, each with file, line and path.
    """

    order: str
    decisions: tuple[ShownDecision, ...]
    refused: Mapping[str, str]
    expected: bool
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What a scenario came to; ``good`` if everything is as expected."""

    file: str
    scenario: str
    good: bool
    orders: tuple[TriedOrder, ...]


class _Nodes:
    """What the nodes have left while the orders of a scenario are decided one after the other."""

    def __init__(self, loaded: LoadedScenario) -> None:
        scenario = loaded.scenario
        self._loaded = loaded
        self.facts = {
            sku: ProductFacts(each.weight_grams, each.volume_cm3, each.restrictions)
            for sku, each in scenario.products.items()
        }
        self._kits = {
            sku: [Component(part, units) for part, units in each.components.items()]
            for sku, each in scenario.products.items()
            if each.components
        }
        self._units = {
            (sku, node): units for node, skus in scenario.stock.items() for sku, units in skus.items()
        }
        self._on_hand = dict(self._units)
        self._used = {
            node: (used.orders, used.lines, used.units) for node, used in scenario.used_capacity.items()
        }

    def decide(self, order: ScenarioOrder) -> list[TriedDestination]:
        hub, scenario = self._loaded.hub, self._loaded.scenario
        connection = connection_of(hub, order.channel) or ""
        rows = [(*key, units, self._on_hand[key]) for key, units in self._units.items()]
        supply = channel_supply(
            hub,
            hub.channel_of(connection).id,
            rows,
            self.facts,
            skus=sorted({sku for sku, _ in self._units}),
            used=self._used,
            stale=dict.fromkeys(scenario.stale_nodes, timedelta.max),
        )
        document = with_components(canonical_order(order, scenario.now, hub.network.currency), self._kits)
        found = try_order(
            hub, connection, document, self.facts, supply, scenario.now, excluded_nodes=order.exclude_nodes
        )
        for each in found:
            for assignment in each.decision.assignments if each.decision else ():
                self._take(assignment)
        return found

    def _take(self, assignment: Assignment) -> None:
        units = 0
        for line in assignment.lines:
            self._units[line.sku, assignment.node] -= line.quantity
            units += line.quantity
        orders, lines, taken = self._used.get(assignment.node, (0, 0, 0))
        self._used[assignment.node] = (orders + 1, lines + len(assignment.lines), taken + units)


def run_scenario(loaded: LoadedScenario) -> ScenarioResult:
    """Decide the orders of a scenario.

    Raises:
        MisconfiguredError: An order is no order, or a condition of a policy fails for it; with file and line.
    """
    orders = tuple(_tried(loaded, _Nodes(loaded)))
    good = not any(order.differences for order in orders)
    return ScenarioResult(str(loaded.path), loaded.scenario.scenario, good, orders)


def _tried(loaded: LoadedScenario, nodes: _Nodes) -> Iterator[TriedOrder]:
    for position, order in enumerate(loaded.scenario.orders):
        where = ("orders", position)
        try:
            found = nodes.decide(order)
        except ValidationError as error:
            faults = [
                loaded.document.fault((*where, "document", *problem["loc"]), problem["msg"])
                for problem in error.errors()
            ]
            raise MisconfiguredError("\n".join(faults)) from error
        except MisconfiguredError as error:
            raise MisconfiguredError(loaded.document.fault(where, error.located)) from error
        name = order.id if "id" in order.model_fields_set else str(position + 1)
        shown = [each.shown(name, number) for number, each in enumerate(found, start=1)]
        unlike = () if order.expect is None else differences(order.expect, found)
        yield TriedOrder(
            order=name,
            decisions=tuple(each for each in shown if each is not None),
            refused={each.destination: each.refused for each in found if each.refused},
            expected=order.expect is not None,
            differences=tuple(
                loaded.document.fault((*where, "expect", *path), words) for path, words in unlike
            ),
        )

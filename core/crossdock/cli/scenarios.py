"""``crossdock route``: scenarios, the unit tests of policies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from crossdock.cli.output import AsJson, console, grid, write_json
from crossdock.errors import MisconfiguredError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from crossdock.explaining import ShownDecision
    from crossdock.scenarios.running import ScenarioResult

__all__ = ["route"]


def route(
    scenarios: Annotated[list[Path], typer.Argument(help="Scenario files, or folders of them.")],
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every candidate, and what would have changed the choice.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Decide the orders of scenarios and compare with what they expect. Nothing is written, no hub is needed.

    Exit code 1 where a decision is not as expected, 2 where a scenario can't be read.
    """
    from crossdock.geography import locate
    from crossdock.scenarios.reading import load_scenario
    from crossdock.scenarios.running import run_scenario

    results = [run_scenario(load_scenario(path, locate)) for path in _files(scenarios)]
    good = all(result.good for result in results)
    if json:
        write_json({"good": good, "scenarios": results})
    else:
        for result in results:
            _print(result, explain=explain)
    if not good:
        raise typer.Exit(1)


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise MisconfiguredError(f"{path}: there is no scenario, which is a file *.yaml, in this folder")
        yield from found


def _print(result: ScenarioResult, *, explain: bool) -> None:
    out = console()
    out.print(f"{result.file}: {result.scenario}", style="bold", markup=False)
    for order in result.orders:
        for decision in order.decisions:
            if explain:
                out.print(decision.words, markup=False)
            else:
                out.print(_table(order.order, decision))
        for destination, reason in order.refused.items():
            out.print(f"order {order.order}, destination {destination}: {reason}", markup=False)
        for difference in order.differences:
            out.print(difference, style="red", markup=False)
    if any(order.expected for order in result.orders):
        out.print(
            "as expected" if result.good else "not as expected", style="green" if result.good else "red"
        )


def _table(order: str, decision: ShownDecision) -> Table:
    title = f"order {order}, policy {decision.policy or 'none'}"
    met_at = {assignment.to_node for assignment in decision.assignments}
    rows: list[tuple[object, ...]] = [
        (
            assignment.node + (f" to {assignment.to_node}" if assignment.to_node else ""),
            assignment.service or "pick-up",
            ", ".join(
                [f"{line.quantity} x {line.sku}" for line in assignment.lines]
                + ["what comes to it"] * (assignment.node in met_at)
            ),
            assignment.ship_date,
            assignment.delivery_date,
            ", ".join(f"{term} {value.normalize():f}" for term, value in assignment.costs.items()),
        )
        for assignment in decision.assignments
    ]
    rows += [
        ("not placed", "", f"{line.quantity} x {line.sku}", "", "", line.reason) for line in decision.unfilled
    ]
    return grid("node", "service", "units", "ships", "delivered", "costs", rows=rows, title=title)

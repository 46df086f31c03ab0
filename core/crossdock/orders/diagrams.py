"""The life cycles as Markdown with Mermaid state diagrams: ``docs/life-cycles.md`` is this text."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from crossdock.orders.life_cycles import FULFILMENT_ORDER, ORDER, ORDER_LINE, RETURN, SHIPMENT
from crossdock.orders.machine import Machine

__all__ = ["life_cycles_page"]

AnyMachine = Machine[Any, Any]

_HEAD = """# Life cycles

Generated from `crossdock.orders.life_cycles` by `crossdock.orders.diagrams`; a test fails when this page
differs.

Partners send late, twice and out of order. An event that would lead to the present state again is a
repetition and changes nothing. News that newer news has overtaken is *ignored* with the reason below. What
was called off and happened all the same is *escalated*: the state stays, a work item of the named cause is
opened. Everything else is *refused* with an error that lists what is allowed.
"""


def life_cycles_page() -> str:
    """The whole page."""
    sections = (_section(machine) for machine in (ORDER, ORDER_LINE, FULFILMENT_ORDER, SHIPMENT, RETURN))
    return "\n".join([_HEAD, *sections])


def _section(machine: AnyMachine) -> str:
    parts = [f"## {machine.name.capitalize()}\n", _diagram(machine)]
    late = [(state, event, reason) for (state, event), reason in machine.late.items()]
    if late:
        parts.append(_table("Ignored, because", late))
    escalated = [(state, event, f"`{cause.value}`") for (state, event), cause in machine.escalated.items()]
    if escalated:
        parts.append(_table("Escalated as", escalated))
    return "\n".join(parts)


def _diagram(machine: AnyMachine) -> str:
    arrows: dict[tuple[StrEnum, StrEnum], list[str]] = {}
    for (state, event), target in machine.transitions.items():
        arrows.setdefault((state, target), []).append(event.value)
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {machine.initial.value}"]
    for (state, target), events in arrows.items():
        lines.append(f"    {state.value} --> {target.value}: {', '.join(events)}")
    lines += [f"    {state.value} --> [*]" for state in machine.states if state in machine.finals]
    return "\n".join([*lines, "```", ""])


def _table(title: str, rows: Iterable[tuple[StrEnum, StrEnum, str]]) -> str:
    """One row for each event and outcome, naming all the states it holds in."""
    states: dict[tuple[str, str], list[str]] = {}
    for state, event, outcome in rows:
        states.setdefault((event.value, outcome), []).append(f"`{state.value}`")
    lines = [f"| event | state | {title.lower()} |", "|---|---|---|"]
    lines += [f"| `{event}` | {', '.join(names)} | {outcome} |" for (event, outcome), names in states.items()]
    return "\n".join([*lines, ""])

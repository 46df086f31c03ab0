"""Fulfilment orders that bring goods to a node, and the one that sends them on: what one hears of the other."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from crossdock.orders.cancelling import call_back, ended
from crossdock.orders.effects import CallOff, Effect, NotComing, Reroute, WhyReleased
from crossdock.orders.fulfilment import (
    Fulfilment,
    FulfilmentChange,
    Quantities,
    drop,
    own_quantities,
    step,
)
from crossdock.orders.life_cycles import FulfilmentEvent, FulfilmentState

__all__ = ["arrive", "call_off", "closed", "lost", "not_coming", "receive", "surplus", "under_way"]


def under_way(fulfilment: Fulfilment) -> dict[str, int]:
    """Units by line that have left for another node and have not come there."""
    return {line.id: max(0, line.shipped - line.arrived) for line in fulfilment.lines}


def surplus(leg: Fulfilment, last: Fulfilment) -> dict[str, int]:
    """Units by SKU that are under way on ``leg``, and that ``last`` does not wait for any more."""
    awaited = {line.awaits: line.to_come for line in last.lines}
    found: dict[str, int] = {}
    moving = under_way(leg)
    for line in leg.lines:
        more = moving[line.id] - awaited.get(line.id, 0)
        if more > 0:
            found[line.sku] = found.get(line.sku, 0) + more
    return found


def receive(leg: Fulfilment, came: Mapping[str, int], *, named: bool) -> tuple[Fulfilment, dict[str, int]]:
    """Units by SKU have come to the node that a leg goes to.

    Args:
        named: They are said to be of this leg: they count even if nobody has told yet that they left.

    Returns:
        The leg, closed if all that left on it is there, and by its lines the units that were its own.
    """
    left, own = dict(came), {}
    lines = []
    for line in leg.lines:
        may_come = (line.shipped + line.open if named else line.shipped) - line.arrived
        units = min(left.get(line.sku, 0), max(0, may_come))
        if units:
            left[line.sku] -= units
            own[line.id] = units
            line = replace(line, arrived=line.arrived + units)
        lines.append(line)
    return closed(replace(leg, lines=tuple(lines))), own


def arrive(last: Fulfilment, own: Mapping[str, int]) -> tuple[Fulfilment, dict[str, int]]:
    """Units by the lines that brought them are there to be sent on.

    Returns:
        The fulfilment order that sends them on, and by SKU the units that it waited for.
    """
    taken: dict[str, int] = {}
    lines = []
    for line in last.lines:
        units = min(own.get(line.awaits or "", 0), line.to_come)
        if units:
            taken[line.sku] = taken.get(line.sku, 0) + units
        lines.append(replace(line, to_come=line.to_come - units))
    return replace(last, lines=tuple(lines)), taken


def call_off(leg: Fulfilment, units: Mapping[str, int]) -> FulfilmentChange:
    """Units by line are not waited for any more: they stay where they are, or the node is asked not to send them.

    What has left is left alone.
    """
    lines = tuple(
        replace(line, to_cancel=min(line.open, line.to_cancel + units.get(line.id, 0))) for line in leg.lines
    )
    marked = replace(leg, lines=lines)
    if lines == leg.lines:
        return FulfilmentChange(leg, own_quantities(leg))
    if leg.requested:
        return call_back(marked, own_quantities(marked))
    unwanted = {line.id: line.to_cancel for line in lines}
    dropped, quantities, effects = drop(marked, own_quantities(marked), unwanted, WhyReleased.CANCELLED)
    return FulfilmentChange(ended(dropped), quantities, tuple(effects))


def not_coming(last: Fulfilment, quantities: Quantities, said: NotComing) -> FulfilmentChange:
    """Units that a fulfilment order waits for will not come: they are routed again, at none of the nodes named."""
    waiting = {line.id: line.to_come for line in last.lines if line.awaits == said.fulfilment_line}
    gone = {line: min(units, said.quantity) for line, units in waiting.items() if units}
    dropped, changed, effects = drop(last, quantities, gone, WhyReleased.CANCELLED)
    kept: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Reroute):
            effect = replace(effect, exclude_nodes=effect.exclude_nodes | said.exclude_nodes)
        if not isinstance(effect, CallOff):  # whoever says it will not come knows
            kept.append(effect)
    return FulfilmentChange(ended(dropped), changed, tuple(kept))


def lost(leg: Fulfilment, units: Mapping[str, int] | None = None) -> FulfilmentChange:
    """Units by line (None: all) that have left will not come. The node that sent them is not at fault."""
    effects: list[Effect] = []
    lines = []
    for line in leg.lines:
        moving = max(0, line.shipped - line.arrived)
        gone = moving if units is None else min(moving, units.get(line.id, 0))
        if gone:
            effects.append(NotComing(line.id, gone, leg.tried_nodes))
        lines.append(replace(line, arrived=line.arrived + gone))
    done = closed(replace(leg, lines=tuple(lines)))
    return FulfilmentChange(done, own_quantities(leg), tuple(effects))


def closed(leg: Fulfilment) -> Fulfilment:
    """A leg of which nothing is to leave, and nothing is under way any more, is closed."""
    there = not leg.open and not any(under_way(leg).values())
    if not there or leg.state not in (FulfilmentState.SHIPPED, FulfilmentState.INCOMPLETE):
        return leg
    return replace(leg, state=step(leg, FulfilmentEvent.CLOSE)[0])

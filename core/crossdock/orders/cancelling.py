"""Cancelling order lines, and taking a fulfilment order back from a node.

Units no node was asked for are cancelled at once. Units a node was asked for are its own until it agrees: it
is asked to cancel, and may refuse. Units that left are not cancelled; they may come back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from crossdock.orders.effects import (
    Effect,
    LineUnits,
    RaiseWork,
    ReportCancellation,
    RequestCancellation,
    WhyReleased,
)
from crossdock.orders.fulfilment import (
    Fulfilment,
    FulfilmentChange,
    FulfilmentLine,
    Quantities,
    drop,
    last_event,
    noted,
    step,
)
from crossdock.orders.life_cycles import FulfilmentEvent, FulfilmentState
from crossdock.orders.worklist import Cause

__all__ = [
    "Cancellation",
    "call_back",
    "cancel_lines",
    "confirm_cancellation",
    "ended",
    "refuse_cancellation",
]


class Cancellation(Struct, frozen=True):
    """The order after a cancellation: its fulfilment orders, its lines, and what has to be done outside."""

    fulfilments: tuple[Fulfilment, ...]
    quantities: Quantities
    effects: tuple[Effect, ...]


def cancel_lines(
    order: str,
    wanted: Mapping[str, int],
    quantities: Quantities,
    fulfilments: Sequence[Fulfilment],
    reason: str,
) -> Cancellation:
    """Cancel units of an order's lines, the cheapest first: unallocated, then not yet asked for, then at a
    node.

    Args:
        order: The order.
        wanted: Units to cancel by order line, in addition to what was cancelled before.
        quantities: All its lines.
        fulfilments: All its fulfilment orders.
        reason: For the channel.

    Returns:
        The changed order. Units that have left raise one work item for the order.
    """
    left = dict(wanted)
    changed = dict(quantities)
    effects: list[Effect] = []
    at_once: list[LineUnits] = []
    for line, units in wanted.items():
        taken = min(units, changed[line].unallocated)
        if taken:
            changed[line] = changed[line].cancel(taken)
            left[line] -= taken
            at_once.append(LineUnits(line, taken))
    if at_once:
        effects.append(ReportCancellation(order, tuple(at_once), reason))
    done = {fulfilment.id: fulfilment for fulfilment in fulfilments}
    to_buyer = [fulfilment for fulfilment in fulfilments if not fulfilment.to_node]
    for fulfilment in sorted(to_buyer, key=lambda one: one.requested):
        marked = _mark(fulfilment, left)
        if marked is fulfilment:
            continue
        if fulfilment.requested:
            done[fulfilment.id], asked = _ask(marked)
            effects += asked
        else:
            unwanted = {line.id: line.to_cancel for line in marked.lines}
            dropped, changed, freed = drop(marked, changed, unwanted, WhyReleased.CANCELLED)
            done[fulfilment.id] = ended(dropped)
            effects += freed
    too_late = {line: units for line, units in left.items() if units}
    if too_late:
        what = ", ".join(f"{units} of line {line}" for line, units in too_late.items())
        text = f"asked to cancel what has left already: {what}; offer a return instead"
        effects.append(RaiseWork(Cause.PARTNER_REFUSED, f"order:{order}", text))
    return Cancellation(tuple(done.values()), changed, tuple(effects))


def call_back(fulfilment: Fulfilment, quantities: Quantities) -> FulfilmentChange:
    """Take all open units back, to route them again: a node that keeps silent, a shortfall.

    Raises:
        TransitionRefusedError: It is past taking back.
    """
    if fulfilment.requested:
        called, effects = _ask(fulfilment)
        return FulfilmentChange(called, quantities, tuple(effects))
    dropped, changed, freed = drop(fulfilment, quantities, None, WhyReleased.CANCELLED)
    return FulfilmentChange(ended(dropped), changed, tuple(freed))


def confirm_cancellation(
    fulfilment: Fulfilment, quantities: Quantities, message: str, units: Mapping[str, int] | None = None
) -> FulfilmentChange:
    """The node will not ship ``units`` (by fulfilment line; None: all that is open) because it was asked not
    to.

    What the buyer does not want is cancelled, the rest is routed again. A node that agrees to a part keeps
    the rest.
    """
    if message in fulfilment.messages:
        return FulfilmentChange(fulfilment, quantities)
    fulfilment, quantities = noted(fulfilment, quantities, message)
    if not fulfilment.open:
        return FulfilmentChange(fulfilment, quantities, step(fulfilment, FulfilmentEvent.CANCEL)[1])
    dropped, changed, freed = drop(fulfilment, quantities, units, WhyReleased.CANCELLED)
    if dropped.open and dropped.state is FulfilmentState.CANCEL_REQUESTED:
        state, raised = step(dropped, FulfilmentEvent.REFUSE_CANCEL)
        kept = replace(_unmarked(dropped), state=state)
        return FulfilmentChange(kept, changed, (*freed, *raised))
    return FulfilmentChange(ended(dropped), changed, tuple(freed))


def refuse_cancellation(
    fulfilment: Fulfilment, quantities: Quantities, message: str, reason: str = ""
) -> FulfilmentChange:
    """The node goes on: it was too late. A cancellation that the buyer wanted goes to the worklist."""
    if message in fulfilment.messages:
        return FulfilmentChange(fulfilment, quantities)
    fulfilment, quantities = noted(fulfilment, quantities, message)
    unwanted = sum(line.to_cancel for line in fulfilment.lines)
    state, effects = step(fulfilment, FulfilmentEvent.REFUSE_CANCEL)
    if unwanted:
        why = f": {reason}" if reason else ""
        text = f"node {fulfilment.node} did not cancel {unwanted} units the buyer does not want any more{why}"
        subject = f"fulfilment_order:{fulfilment.id}"
        effects = (*effects, RaiseWork(Cause.PARTNER_REFUSED, subject, text))
    return FulfilmentChange(replace(_unmarked(fulfilment), state=state), quantities, effects)


def _mark(fulfilment: Fulfilment, left: dict[str, int]) -> Fulfilment:
    """Mark units as unwanted, taking them off ``left``; the same object where there are none."""
    lines: list[FulfilmentLine] = []
    for line in fulfilment.lines:
        units = min(left.get(line.order_line, 0), line.open - line.to_cancel)
        if units:
            left[line.order_line] -= units
            line = replace(line, to_cancel=line.to_cancel + units)
        lines.append(line)
    return fulfilment if tuple(lines) == fulfilment.lines else replace(fulfilment, lines=tuple(lines))


def _ask(fulfilment: Fulfilment) -> tuple[Fulfilment, list[Effect]]:
    if fulfilment.state is FulfilmentState.CANCEL_REQUESTED:
        return fulfilment, []
    state, _ = step(fulfilment, FulfilmentEvent.REQUEST_CANCEL)
    return replace(fulfilment, state=state), [RequestCancellation(fulfilment.id, fulfilment.node)]


def _unmarked(fulfilment: Fulfilment) -> Fulfilment:
    return replace(fulfilment, lines=tuple(replace(line, to_cancel=0) for line in fulfilment.lines))


def ended(fulfilment: Fulfilment) -> Fulfilment:
    """A fulfilment order of which nothing is open any more, in the state that this leads to."""
    if fulfilment.open:
        return fulfilment
    return replace(fulfilment, state=step(fulfilment, last_event(fulfilment))[0])

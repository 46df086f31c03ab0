"""A fulfilment order: what one node is to ship of one order, and how units get out of it again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.effects import (
    Effect,
    LineUnits,
    RaiseWork,
    ReleaseAllocation,
    ReportCancellation,
    Reroute,
    WhyReleased,
    WriteOff,
)
from crossdock.orders.life_cycles import FULFILMENT_ORDER, FulfilmentEvent, FulfilmentState
from crossdock.orders.machine import StepKind, take
from crossdock.orders.quantities import LineQuantities

__all__ = [
    "Fulfilment",
    "FulfilmentChange",
    "FulfilmentLine",
    "Quantities",
    "by_line",
    "drop",
    "given_back",
    "last_event",
    "line_of_lot",
    "noted",
    "request",
    "step",
]

Quantities = Mapping[str, LineQuantities]
"""By order line."""


class FulfilmentLine(Struct, frozen=True):
    """Units of one order line that a node is to ship.

    Attributes:
        id: Fulfilment order line.
        order_line: Order line.
        sku: Stock keeping unit.
        quantity: Units given to the node.
        shipped: Of these, units that left.
        rejected: Units the node refused.
        short: Units the node could not find.
        cancelled: Units taken back before they left.
        to_cancel: Of the open units, those the buyer does not want any more and the node was asked to stop.
        lot: The lot to pick them from; None where any will do.
    """

    id: str
    order_line: str
    sku: str
    quantity: int
    shipped: int = 0
    rejected: int = 0
    short: int = 0
    cancelled: int = 0
    to_cancel: int = 0
    lot: str | None = None

    @property
    def open(self) -> int:
        """Units the node still has to ship."""
        return self.quantity - self.shipped - self.rejected - self.short - self.cancelled


class Fulfilment(Struct, frozen=True):
    """A fulfilment order.

    Attributes:
        id: Fulfilment order.
        order: Order.
        node: Node that is to ship.
        state: How far it is.
        lines: What is to be shipped.
        tried_nodes: Nodes that have refused these units before; a re-route avoids them and this node.
        messages: Ids of the node's messages that were applied.
    """

    id: str
    order: str
    node: str
    state: FulfilmentState
    lines: tuple[FulfilmentLine, ...]
    tried_nodes: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()

    @property
    def requested(self) -> bool:
        """Whether the node was asked already."""
        return self.state not in (FulfilmentState.OPEN, FulfilmentState.SCHEDULED, FulfilmentState.ON_HOLD)

    @property
    def open(self) -> int:
        """Units the node still has to ship."""
        return sum(line.open for line in self.lines)


class FulfilmentChange(Struct, frozen=True):
    """A fulfilment order and its order's lines after a change, and what has to be done outside."""

    fulfilment: Fulfilment
    quantities: Quantities
    effects: tuple[Effect, ...] = ()


def by_line(fulfilment: Fulfilment, said: Iterable[tuple[str | None, str, int]]) -> dict[str, int]:
    """Sum by fulfilment line what a node says as ``(line or None, sku, units)``.

    A node that names only the SKU means the lines of that SKU in their order, each up to its open units; what
    is more than all of them is added to the last.

    Raises:
        RecordRejectedError: A line or SKU that this fulfilment order does not hold.
    """
    units: dict[str, int] = {}
    for line_id, sku, quantity in said:
        lines = [line for line in fulfilment.lines if (line.id == line_id if line_id else line.sku == sku)]
        if not lines:
            what = f"line {line_id}" if line_id else f"SKU {sku}"
            held = ", ".join(f"{line.id} ({line.sku})" for line in fulfilment.lines)
            message = f"fulfilment order {fulfilment.id} has no {what}; it holds {held}"
            raise RecordRejectedError(Rejection("orders.unknown_line", message, value=line_id or sku))
        left = quantity
        for line in lines[:-1]:
            taken = min(left, max(0, line.open - units.get(line.id, 0)))
            units[line.id] = units.get(line.id, 0) + taken
            left -= taken
        units[lines[-1].id] = units.get(lines[-1].id, 0) + left
    return {line: quantity for line, quantity in units.items() if quantity}


def line_of_lot(fulfilment: Fulfilment, sku: str, lot: str | None) -> str | None:
    """The line that a node means which names SKU and lot; None where it was told to pick no such lot."""
    named = (line.id for line in fulfilment.lines if lot is not None and (line.sku, line.lot) == (sku, lot))
    return next(named, None)


def request(fulfilment: Fulfilment, quantities: Quantities) -> FulfilmentChange:
    """The node is asked. Asking again, or after the node has answered, changes nothing."""
    asked = take(FULFILMENT_ORDER, fulfilment.state, FulfilmentEvent.REQUEST)
    if asked.kind is not StepKind.MOVED:
        return FulfilmentChange(fulfilment, quantities)
    changed = dict(quantities)
    for line in fulfilment.lines:
        changed[line.order_line] = changed[line.order_line].request(line.open)
    return FulfilmentChange(replace(fulfilment, state=asked.state), changed)


def drop(
    fulfilment: Fulfilment,
    quantities: Quantities,
    units: Mapping[str, int] | None,
    why: WhyReleased,
) -> tuple[Fulfilment, dict[str, LineQuantities], list[Effect]]:
    """Take units out of a fulfilment order, leaving its state alone.

    Units that the buyer does not want any more are cancelled, the others are routed again: elsewhere, unless
    the node only did what it was asked.

    Args:
        fulfilment: From which they are taken.
        quantities: The order's lines.
        units: By fulfilment line; None takes all that is open, more than is open takes what is open.
        why: Which of the line's counters they add to. Short units are written off as well: giving them back
            alone would promise again what the node just could not find.
    """
    changed = dict(quantities)
    lines: list[FulfilmentLine] = []
    effects: list[Effect] = []
    reroute: list[LineUnits] = []
    cancelled: list[LineUnits] = []
    for line in fulfilment.lines:
        taken = line.open if units is None else min(units.get(line.id, 0), line.open)
        unwanted = min(taken, line.to_cancel)
        lines.append(_dropped(line, taken, unwanted, why))
        if not taken:
            continue
        short = why is WhyReleased.SHORT
        after = changed[line.order_line].deallocate(taken, requested=fulfilment.requested, short=short)
        changed[line.order_line] = after.cancel(unwanted)
        effects.append(ReleaseAllocation(line.id, line.sku, fulfilment.node, taken, why, line.lot))
        if short:
            effects.append(WriteOff(line.sku, fulfilment.node, taken, line.lot))
        if unwanted:
            cancelled.append(LineUnits(line.order_line, unwanted))
        if taken > unwanted:
            reroute.append(LineUnits(line.order_line, taken - unwanted))
    if cancelled:
        effects.append(ReportCancellation(fulfilment.order, tuple(cancelled), why.value, fulfilment.id))
    if reroute:
        at_fault = () if why is WhyReleased.CANCELLED else (fulfilment.node,)
        exclude = fulfilment.tried_nodes.union(at_fault)
        effects.append(Reroute(fulfilment.order, tuple(reroute), exclude))
    return replace(fulfilment, lines=tuple(lines)), changed, effects


def noted(fulfilment: Fulfilment, quantities: Quantities, message: str) -> tuple[Fulfilment, Quantities]:
    """Note the message; a node that speaks of an order was asked for it."""
    if fulfilment.state is FulfilmentState.OPEN:
        asked = request(fulfilment, quantities)
        fulfilment, quantities = asked.fulfilment, asked.quantities
    return replace(fulfilment, messages=fulfilment.messages | {message}), quantities


def step(fulfilment: Fulfilment, event: FulfilmentEvent) -> tuple[FulfilmentState, tuple[Effect, ...]]:
    """The state after ``event``, and the work item if the event has to be looked at."""
    taken = take(FULFILMENT_ORDER, fulfilment.state, event)
    if taken.cause is None:
        return taken.state, ()
    text = f"node {fulfilment.node}: {taken.reason}"
    return taken.state, (RaiseWork(taken.cause, f"fulfilment_order:{fulfilment.id}", text),)


def last_event(fulfilment: Fulfilment) -> FulfilmentEvent:
    """What has become of a fulfilment order that has no open units, whatever came last."""
    shipped = sum(line.shipped for line in fulfilment.lines)
    if shipped:
        whole = shipped == sum(line.quantity for line in fulfilment.lines)
        return FulfilmentEvent.SHIP if whole else FulfilmentEvent.SHIP_SHORT
    if any(line.short for line in fulfilment.lines):
        return FulfilmentEvent.SHORT
    return (
        FulfilmentEvent.REJECT if any(line.rejected for line in fulfilment.lines) else FulfilmentEvent.CANCEL
    )


def given_back(fulfilment: Fulfilment) -> tuple[int, int, int]:
    """The capacity that the node has back: orders, lines and units that it refused, or was not to ship after all.

    What it looked for and did not find has cost it the work. A line counts when nothing else is left of it, the order
    when nothing else is left of all lines.
    """
    units = [line.rejected + line.cancelled for line in fulfilment.lines]
    whole = [line.quantity == freed for line, freed in zip(fulfilment.lines, units, strict=True)]
    return int(all(whole)), sum(whole), sum(units)


def _dropped(line: FulfilmentLine, taken: int, unwanted: int, why: WhyReleased) -> FulfilmentLine:
    return replace(
        line,
        rejected=line.rejected + (taken if why is WhyReleased.REJECTED else 0),
        short=line.short + (taken if why is WhyReleased.SHORT else 0),
        cancelled=line.cancelled + (taken if why is WhyReleased.CANCELLED else 0),
        to_cancel=line.to_cancel - unwanted,
    )

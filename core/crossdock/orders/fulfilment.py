"""A fulfilment order: what one node is to ship of one order, and how units get out of it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.effects import (
    CallOff,
    Effect,
    LineUnits,
    NotComing,
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
    "own_quantities",
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
        awaits: The line of another fulfilment order that brings the units to the node; None where they lie there.
        to_come: Of the open units, those that have not come yet.
        arrived: Of units sent to another node, those that are not under way any more.
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
    awaits: str | None = None
    to_come: int = 0
    arrived: int = 0

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
        to_node: The node that sends the goods on with the rest of the order; empty where they go to the buyer. Its
            units count in the lines of the order only there.
    """

    id: str
    order: str
    node: str
    state: FulfilmentState
    lines: tuple[FulfilmentLine, ...]
    tried_nodes: frozenset[str] = frozenset()
    messages: frozenset[str] = frozenset()
    to_node: str = ""

    @property
    def requested(self) -> bool:
        """Whether the node was asked already."""
        return self.state not in (FulfilmentState.OPEN, FulfilmentState.SCHEDULED, FulfilmentState.ON_HOLD)

    @property
    def open(self) -> int:
        """Units the node still has to ship."""
        return sum(line.open for line in self.lines)

    @property
    def to_come(self) -> int:
        """Of them, units that the node does not have yet."""
        return sum(line.to_come for line in self.lines)


class FulfilmentChange(Struct, frozen=True):
    """A fulfilment order and its order's lines after a change, and what has to be done outside."""

    fulfilment: Fulfilment
    quantities: Quantities
    effects: tuple[Effect, ...] = ()


def own_quantities(fulfilment: Fulfilment) -> Quantities:
    """The lines that a fulfilment order to another node changes: those of the order do not know of it."""
    found: dict[str, LineQuantities] = {}
    for line in fulfilment.lines:
        known = found.get(line.order_line, LineQuantities(0))
        found[line.order_line] = LineQuantities(
            ordered=known.ordered + line.quantity,
            cancelled=known.cancelled + line.cancelled,
            allocated=known.allocated + line.open,
            requested=known.requested + (line.open if fulfilment.requested else 0),
            shipped=known.shipped + line.shipped,
        )
    return found


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
    the node only did what it was asked. Where the node was to send them to another, that one hears of it instead; what
    was to come for them is called off.

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
    gone: list[tuple[FulfilmentLine, int, int]] = []
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
        if line.awaits and line.to_come:
            effects.append(CallOff(line.awaits, line.to_come - lines[-1].to_come))
        gone.append((line, unwanted, taken - unwanted))
    effects += _consequences(fulfilment, gone, why)
    return replace(fulfilment, lines=tuple(lines)), changed, effects


def _consequences(
    fulfilment: Fulfilment, gone: Iterable[tuple[FulfilmentLine, int, int]], why: WhyReleased
) -> Iterator[Effect]:
    """Who hears of units that a node is not going to ship: by line, those not wanted any more, and the others."""
    exclude = fulfilment.tried_nodes.union(() if why is WhyReleased.CANCELLED else (fulfilment.node,))
    if fulfilment.to_node:
        yield from (NotComing(line.id, wanted, exclude) for line, _, wanted in gone if wanted)
        return
    cancelled = tuple([LineUnits(line.order_line, unwanted) for line, unwanted, _ in gone if unwanted])
    reroute = tuple([LineUnits(line.order_line, wanted) for line, _, wanted in gone if wanted])
    if cancelled:
        yield ReportCancellation(fulfilment.order, cancelled, why.value, fulfilment.id)
    if reroute:
        yield Reroute(fulfilment.order, reroute, exclude)


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
        to_come=max(0, line.to_come - taken),
    )

"""What a node's answers and shipments do to a fulfilment order, to its order's lines, and outside.

Every function takes the id of the node's message; the same message twice changes nothing. What a node says
about more units than are open, it says about units that have left or were called off already.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from crossdock.orders.effects import (
    Effect,
    LineUnits,
    RaiseWork,
    ReportShipment,
    ShipAllocation,
    ShipUnasked,
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
from crossdock.orders.quantities import LineQuantities
from crossdock.orders.worklist import Cause

__all__ = ["apply_progress", "apply_rejection", "apply_shipment", "apply_short_pick"]


def apply_progress(
    fulfilment: Fulfilment, quantities: Quantities, event: FulfilmentEvent, message: str
) -> FulfilmentChange:
    """The node has accepted, picks, or has packed.

    Raises:
        TransitionRefusedError: The node was not asked.
    """
    if message in fulfilment.messages:
        return FulfilmentChange(fulfilment, quantities)
    fulfilment, quantities = noted(fulfilment, quantities, message)
    state, effects = step(fulfilment, event)
    return FulfilmentChange(replace(fulfilment, state=state), quantities, effects)


def apply_rejection(
    fulfilment: Fulfilment,
    quantities: Quantities,
    message: str,
    units: Mapping[str, int] | None = None,
    *,
    out_of_stock: bool = False,
) -> FulfilmentChange:
    """The node will not ship ``units`` (by fulfilment line; None: all that is open). They are routed
    elsewhere.

    A rejection for want of stock is a short pick.
    """
    why = WhyReleased.SHORT if out_of_stock else WhyReleased.REJECTED
    return _refused(fulfilment, quantities, message, units, why)


def apply_short_pick(
    fulfilment: Fulfilment, quantities: Quantities, message: str, units: Mapping[str, int] | None = None
) -> FulfilmentChange:
    """The node could not find ``units`` (by fulfilment line; None: all that is open).

    They are written off and routed elsewhere.
    """
    return _refused(fulfilment, quantities, message, units, WhyReleased.SHORT)


def apply_shipment(
    fulfilment: Fulfilment, quantities: Quantities, shipment: str, units: Mapping[str, int], *, final: bool
) -> FulfilmentChange:
    """``units`` (by fulfilment line) left the node, under the node's id ``shipment``.

    Less than is open: the rest stays open, or, when this was the ``final`` shipment, is short. More: the
    surplus fills what the order still lacks; what is beyond that goes to the worklist. A shipment of
    something called off, or of units that the buyer does not want any more, is booked as it happened, and
    goes to the worklist.
    """
    if shipment in fulfilment.messages:
        return FulfilmentChange(fulfilment, quantities)
    fulfilment, quantities = noted(fulfilment, quantities, shipment)
    lines: list[FulfilmentLine] = []
    changed = dict(quantities)
    effects: list[Effect] = []
    surplus = unwanted = 0
    for line in fulfilment.lines:
        before = changed[line.order_line]
        new_line, after, booked = _ship_line(fulfilment, line, before, units.get(line.id, 0))
        surplus += after.over_shipped - before.over_shipped
        unwanted += line.to_cancel - new_line.to_cancel
        changed[line.order_line] = after
        lines.append(new_line)
        effects += booked
    shipped = _shipped_lines(quantities, changed)
    if shipped and not fulfilment.to_node:
        effects.append(ReportShipment(fulfilment.order, fulfilment.id, shipment, shipped))
    effects += _told_of(fulfilment, shipment, surplus, unwanted)
    done = replace(fulfilment, lines=tuple(lines))
    if final and done.open:
        called_back = done.state is FulfilmentState.CANCEL_REQUESTED
        why = WhyReleased.CANCELLED if called_back else WhyReleased.SHORT
        done, changed, dropped = drop(done, changed, None, why)
        effects += dropped
    event = FulfilmentEvent.SHIP_PART if done.open else last_event(done)
    state, raised = step(done, event)
    return FulfilmentChange(replace(done, state=state), changed, (*effects, *raised))


def _refused(
    fulfilment: Fulfilment,
    quantities: Quantities,
    message: str,
    units: Mapping[str, int] | None,
    why: WhyReleased,
) -> FulfilmentChange:
    if message in fulfilment.messages:
        return FulfilmentChange(fulfilment, quantities)
    fulfilment, quantities = noted(fulfilment, quantities, message)
    event = FulfilmentEvent.SHORT if why is WhyReleased.SHORT else FulfilmentEvent.REJECT
    if not fulfilment.open:
        return FulfilmentChange(fulfilment, quantities, step(fulfilment, event)[1])
    done, changed, dropped = drop(fulfilment, quantities, units, why)
    state = done.state if done.open else step(done, last_event(done))[0]
    return FulfilmentChange(replace(done, state=state), changed, tuple(dropped))


def _ship_line(
    fulfilment: Fulfilment, line: FulfilmentLine, quantities: LineQuantities, units: int
) -> tuple[FulfilmentLine, LineQuantities, list[Effect]]:
    effects: list[Effect] = []
    asked = min(units, line.open)
    if asked:
        quantities = quantities.ship(asked, requested=fulfilment.requested)
        effects.append(ShipAllocation(line.id, line.sku, fulfilment.node, asked, line.lot))
    unasked = units - asked
    found = min(unasked, line.short)
    unrejected = min(unasked - found, line.rejected)
    uncancelled = min(unasked - found - unrejected, line.cancelled)
    if unasked:
        quantities = quantities.ship_unasked(unasked)
    if unasked > found:  # units found again were written off before: they are not on hand any more
        effects.append(ShipUnasked(line.sku, fulfilment.node, unasked - found, line.lot))
    line = replace(
        line,
        shipped=line.shipped + asked + found + unrejected + uncancelled,
        rejected=line.rejected - unrejected,
        short=line.short - found,
        cancelled=line.cancelled - uncancelled,
        to_cancel=min(line.to_cancel, line.open - asked),
    )
    return line, quantities, effects


def _told_of(fulfilment: Fulfilment, shipment: str, surplus: int, unwanted: int) -> list[Effect]:
    """Work for people about what should not have left."""
    subject, what = (
        f"fulfilment_order:{fulfilment.id}",
        f"shipment {shipment} of node {fulfilment.node} holds",
    )
    told: list[Effect] = []
    if surplus:
        text = f"{what} {surplus} units more than the order lacks"
        told.append(RaiseWork(Cause.OVER_SHIPPED, subject, text))
    if unwanted:
        text = (
            f"{what} {unwanted} units that the buyer does not want any more: the node was asked to cancel "
            "them, and has not answered"
        )
        told.append(RaiseWork(Cause.CALLED_OFF_BUT_DONE, subject, text))
    return told


def _shipped_lines(before: Quantities, after: Quantities) -> tuple[LineUnits, ...]:
    gone = ((line, after[line].shipped - before[line].shipped) for line in before)
    return tuple(LineUnits(line, units) for line, units in gone if units)

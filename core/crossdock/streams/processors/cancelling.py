"""Cancelling lines of an order that is loaded, and telling its channel of what it did not ask for."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from crossdock.orders.cancelling import cancel_lines
from crossdock.orders.effects import ReportCancellation
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.happenings import Occurrence

__all__ = ["being_cancelled", "cancel", "cancellable"]


def being_cancelled(books: Books, order_id: str) -> dict[str, int]:
    """Units by order line that nodes have been asked to cancel and have not answered for."""
    units: dict[str, int] = {}
    for stored in books.of_order(order_id):
        if stored.fulfilment.to_node:
            continue
        for line in stored.fulfilment.lines:
            if line.to_cancel:
                units[line.order_line] = units.get(line.order_line, 0) + line.to_cancel
    return units


def cancellable(books: Books, order_id: str) -> dict[str, int]:
    """Units by order line that have not left, are not cancelled, and that no node has been asked to cancel."""
    asked = being_cancelled(books, order_id)
    units = {
        line.line_id: line.quantities.ordered - line.quantities.cancelled - line.quantities.shipped
        for line in books.orders[order_id].lines
    }
    return {line: max(0, left - asked.get(line, 0)) for line, left in units.items()}


def cancel(
    books: Books,
    order_id: str,
    wanted: Mapping[str, int],
    reason: str,
    occurrence: Occurrence,
    *,
    tell_channel: bool = False,
) -> None:
    """Cancel units by order line, beyond those that nodes have been asked to cancel before.

    Args:
        tell_channel: The channel did not ask for it: it is told what is cancelled now, and, when a node agrees, what
            is cancelled then.
    """
    if not wanted:
        return
    stored = {each.id: each for each in books.of_order(order_id)}
    quantities = books.orders[order_id].quantities
    changed = cancel_lines(
        order_id, wanted, quantities, [each.fulfilment for each in stored.values()], reason
    )
    for fulfilment in changed.fulfilments:
        before = stored[fulfilment.id]
        if fulfilment is not before.fulfilment:
            told = reason or "cancelled" if tell_channel else before.cancel_reason
            books.put_fulfilment(replace(before, fulfilment=fulfilment, cancel_reason=told))
    books.put_quantities(order_id, changed.quantities)
    books.carry_out(changed.effects, occurrence)
    if tell_channel:
        for effect in changed.effects:
            if isinstance(effect, ReportCancellation) and not effect.fulfilment_order:
                books.tell_cancelled(order_id, effect.lines, reason or "cancelled")

"""What people do to an order: hold it, lift a hold, cancel lines.

Each function works in the transaction of its caller, under the lock of the order, so its answer is what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.effects import LineUnits
from crossdock.orders.holds import Hold, lift, place_hold
from crossdock.orders.kits import of_components
from crossdock.orders.life_cycles import OrderState
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.cancelling import being_cancelled, cancel, cancellable
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.holding import keep_back, resume
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.outgoing import reroute

__all__ = ["CancelledLines", "cancel_order", "hold_order", "lift_hold"]

_OVER = (OrderState.SHIPPED, OrderState.CLOSED, OrderState.CANCELLED)


@dataclass(frozen=True, slots=True)
class CancelledLines:
    """What came of the wish to cancel; every unit that was asked for is in one of the three.

    Attributes:
        cancelled: Will not be shipped.
        asked: At nodes, which were asked to cancel and may refuse.
        too_late: Has left, or is cancelled already.
    """

    cancelled: tuple[LineUnits, ...]
    asked: tuple[LineUnits, ...]
    too_late: tuple[LineUnits, ...]


def hold_order(hub: Hub, tx: Transaction, order_id: str, hold: Hold) -> None:
    """Put an order under a hold; one of the same name is replaced.

    What nodes have been asked for already goes on: that is cancelled, not held.

    Raises:
        RecordRejectedError: There is no such order, it is over, or the hold would have expired already.
    """
    books = _books(hub, tx, order_id)
    order = books.orders[order_id]
    if order.state in _OVER:
        raise _refused(
            "orders.over", f"order {order_id} is {order.state}: nothing of it can be held any more"
        )
    if not hold.active(tx.now):
        raise _refused("orders.hold_expired", f"hold {hold.name!r} would have ended at {hold.expires_at}")
    books.put_quantities(order_id, order.quantities, holds=place_hold(order.holds, hold))
    keep_back(books, order_id)
    books.close()


def lift_hold(hub: Hub, tx: Transaction, order_id: str, name: str, by: str) -> None:
    """Lift a hold; with the last one the order goes on. One that has ended already stays as it is.

    Raises:
        RecordRejectedError: There is no such order, or it never was under a hold of this name.
    """
    books = _books(hub, tx, order_id)
    order = books.orders[order_id]
    holds = lift(order.holds, name, tx.now, by)
    order = books.put_quantities(order_id, order.quantities, holds=holds)
    resume(books, order_id)
    if any(line.quantities.unallocated for line in order.lines):
        tx.emit(reroute(order, f"lifted:{name}:{tx.now.isoformat()}", "hold_lifted"))
    books.close()


def cancel_order(
    hub: Hub, tx: Transaction, order_id: str, lines: Mapping[str, int], reason: str, cause: str
) -> CancelledLines:
    """Cancel units by order line (none named: all that is left), and tell the channel.

    Args:
        lines: Units by the channel's line, of a kit whole kits; what comes of it is told by component.
        reason: For the channel.
        cause: Id of the wish.

    Raises:
        RecordRejectedError: There is no such order, or no such line.
    """
    books = _books(hub, tx, order_id)
    parts = books.orders[order_id].parts
    known = dict.fromkeys(part.channel_line for part in parts)
    unknown = sorted(lines.keys() - known.keys())
    if unknown:
        raise _refused(
            "orders.unknown_line", f"order {order_id} has no line {unknown[0]!r}; it has {', '.join(known)}"
        )
    left = cancellable(books, order_id)
    wanted = of_components(parts, lines) or left
    before = {line.line_id: line.quantities.cancelled for line in books.orders[order_id].lines}
    asked_before = being_cancelled(books, order_id)
    possible = {line: units for line, wish in wanted.items() if (units := min(wish, left[line]))}
    cancel(books, order_id, possible, reason, Occurrence(cause, "hub", tx.now), tell_channel=True)
    if possible:
        books.put_quantities(order_id, books.orders[order_id].quantities, reason=reason or None)
    after = {
        line.line_id: line.quantities.cancelled - before[line.line_id]
        for line in books.orders[order_id].lines
    }
    asked = being_cancelled(books, order_id)
    books.close()
    return CancelledLines(
        cancelled=_units(after),
        asked=_units({line: units - asked_before.get(line, 0) for line, units in asked.items()}),
        too_late=_units({line: wish - possible.get(line, 0) for line, wish in wanted.items()}),
    )


def _books(hub: Hub, tx: Transaction, order_id: str) -> Books:
    books = Books(hub, tx)
    books.load([order_id])
    if order_id not in books.orders:
        raise _refused("orders.missing", f"there is no order {order_id!r}")
    return books


def _units(units: Mapping[str, int]) -> tuple[LineUnits, ...]:
    return tuple([LineUnits(line, number) for line, number in units.items() if number > 0])


def _refused(code: str, message: str) -> RecordRejectedError:
    return RecordRejectedError(Rejection(code, message))

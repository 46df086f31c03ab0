"""Holds on orders: of the channel's status, and what goes on when the last one has ended."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from crossdock.orders.fulfilment import step
from crossdock.orders.holds import Hold, Holds, active, end_expired, lift, place_hold
from crossdock.orders.life_cycles import FulfilmentEvent, FulfilmentState
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.placing import let_go
from crossdock_schemas.order import OrderStatus

__all__ = ["HOLD_OVER", "PENDING", "by_status", "keep_back", "resume"]

PENDING = "pending"
"""The hold of an order whose payment or checks are outstanding: stock is kept for it, nothing is sent."""

HOLD_OVER = ("hold_lifted", "hold_expired")
"""Why an order goes on after a hold."""

_CHANNEL = "channel"


def by_status(holds: Holds, before: OrderStatus, status: OrderStatus, now: datetime) -> Holds:
    """The holds after the channel's status changed.

    A channel that says ``pending`` once more does not bring back a hold that people have lifted.
    """
    if status is OrderStatus.PENDING:
        return holds if before is status else place_hold(holds, Hold(PENDING, _CHANNEL, now))
    held = any(hold.name == PENDING for hold in holds)
    return lift(holds, PENDING, now, _CHANNEL) if held else holds


def resume(books: Books, order_id: str) -> None:
    """Note the end of holds that have expired; with the last one the nodes are asked that it kept back, and those whose
    time has come.
    """
    order, now = books.orders[order_id], books.tx.now
    holds = end_expired(order.holds, now)
    if holds is not order.holds:
        books.put_quantities(order_id, order.quantities, holds=holds)
    if active(holds, now):
        return
    for stored in books.of_order(order_id):
        if stored.fulfilment.state in (FulfilmentState.ON_HOLD, FulfilmentState.SCHEDULED):
            let_go(books, stored, books.document_of(order))


def keep_back(books: Books, order_id: str) -> None:
    """Put the fulfilment orders on hold that no node was asked for yet."""
    for stored in books.of_order(order_id):
        if stored.fulfilment.state in (FulfilmentState.OPEN, FulfilmentState.SCHEDULED):
            state, _ = step(stored.fulfilment, FulfilmentEvent.HOLD)
            books.put_fulfilment(replace(stored, fulfilment=replace(stored.fulfilment, state=state)))

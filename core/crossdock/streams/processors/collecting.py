"""Goods that stand ready in a store for the buyer to collect, and the buyer who does not come."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from crossdock.orders.life_cycles import FulfilmentState
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.cancelling import cancel, cancellable
from crossdock.streams.processors.happenings import Occurrence
from crossdock_schemas.order import DeliveryKind

__all__ = ["NOT_COLLECTED", "call_off_no_show", "note_ready"]

NOT_COLLECTED = "not_collected"
"""The reason that the channel is told."""


def note_ready(books: Books, name: str, at: datetime) -> None:
    """The store has a pick-up ready since ``at``: from now on the buyer's time runs."""
    stored = books.fulfilments[name]
    order = books.orders[stored.fulfilment.order]
    within = books.hub.channel_of(order.connection).config.pick_up_within
    if within is None or stored.fulfilment.state is not FulfilmentState.PACKED:
        return
    destinations = books.document(order.document).destinations
    if any(each.id == stored.destination and each.kind is DeliveryKind.PICK_UP for each in destinations):
        books.put_fulfilment(replace(stored, collect_by=at + within))


def call_off_no_show(books: Books, name: str) -> None:
    """The buyer's time is up: the store is asked to put back what is left of its lines, the channel is told then.

    Units of the same lines that the store still lacks are called off as well.
    """
    stored = books.fulfilments[name]
    books.put_fulfilment(replace(stored, collect_by=None))
    order_id = stored.fulfilment.order
    left = cancellable(books, order_id)
    wanted = {
        line.order_line: units
        for line in stored.fulfilment.lines
        if line.open and (units := left[line.order_line])
    }
    cancel(
        books,
        order_id,
        wanted,
        NOT_COLLECTED,
        Occurrence(f"no-show:{name}", "hub", books.tx.now),
        tell_channel=True,
    )

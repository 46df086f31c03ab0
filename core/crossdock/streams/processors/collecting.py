"""Goods that stand ready in a store for the buyer to collect, and the buyer who does not come."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from msgspec.structs import replace

from crossdock.orders.kits import of_channel
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.store.commands import CommandRow
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.cancelling import cancel, cancellable
from crossdock.streams.processors.documents import encode
from crossdock.streams.processors.happenings import Occurrence
from crossdock_schemas.fulfilment import ResponseKind
from crossdock_schemas.order import DeliveryKind

__all__ = ["NOT_COLLECTED", "call_off_no_show", "note_ready"]

NOT_COLLECTED = "not_collected"
"""The reason that the channel is told."""


def note_ready(books: Books, name: str, at: datetime) -> None:
    """The store has a pick-up ready since ``at``: the channel tells the buyer, whose time runs from now on."""
    stored = books.fulfilments[name]
    order = books.orders[stored.fulfilment.order]
    destinations = books.document(order.document).destinations
    here = any(each.id == stored.destination and each.kind is DeliveryKind.PICK_UP for each in destinations)
    if not here or stored.fulfilment.state is not FulfilmentState.PACKED:
        return
    within = books.hub.channel_of(order.connection).config.pick_up_within
    if within is not None:
        books.put_fulfilment(replace(stored, collect_by=at + within))
    if books.hub.does(order.connection, "pick_up.ready"):
        _tell_ready(books, stored, at)


def _tell_ready(books: Books, stored: StoredFulfilment, at: datetime) -> None:
    """Tell the channel once what can be collected, by its own lines: of kits whole ones."""
    order = books.orders[stored.fulfilment.order]
    units: Counter[str] = Counter()
    for line in stored.fulfilment.lines:
        units[line.order_line] += line.open
    sold = {line: count for line, count in of_channel(order.parts, units).items() if count}
    if not sold:
        return
    skus = {line.external_id: line.sku for line in books.document(order.document).lines}
    document = {
        "external_id": f"{stored.id}:ready",
        "fulfilment_order": stored.id,
        "kind": ResponseKind.PACKED,
        "occurred_at": at,
        "node": stored.fulfilment.node,
        "lines": [{"order_line": line, "sku": skus[line], "quantity": count} for line, count in sold.items()],
    }
    books.command(
        CommandRow(
            connection=order.connection,
            name="pick_up.ready",
            order_key=order.id,
            idempotency_key=f"pick_up.ready:{stored.id}",
            payload=encode(document),
            refs={"order": order.external_id},
            correlation_id=order.correlation_id,
            created_at=books.tx.now,
        )
    )


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

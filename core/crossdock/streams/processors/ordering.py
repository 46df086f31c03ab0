"""The ``route`` processor: orders as their channels see them, cancellations, re-routes; then placing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.holds import blocks_routing
from crossdock.orders.kits import of_components
from crossdock.orders.life_cycles import FulfilmentState
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.back_ordering import drop_surplus
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.cancelling import cancel, cancellable
from crossdock.streams.processors.confirming import confirm_arrived, confirm_named
from crossdock.streams.processors.documents import CancellationDocument, OrderDocument, read
from crossdock.streams.processors.holding import HOLD_OVER, resume
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.order_versions import (
    exploded,
    newer_version,
    occurrence_of,
    order_id,
    received_order,
)
from crossdock.streams.processors.outgoing import RerouteDocument
from crossdock.streams.processors.placing import place
from crossdock.streams.processors.posting import post_sales_orders
from crossdock.streams.processors.reevaluating import reevaluate
from crossdock.streams.topics import ORDERS

__all__ = ["kept_from_routing", "route_processor", "tried_nodes"]

_REFUSED = (FulfilmentState.REJECTED, FulfilmentState.SHORT, FulfilmentState.INCOMPLETE)


def route_processor(hub: Hub) -> Processor:
    """Takes orders in and decides where they go."""
    return Processor("route", ORDERS, partial(_handle, hub), batch=200)


@dataclass(slots=True)
class _Wanted:
    """What the messages of a batch want of their orders.

    Attributes:
        placed: Orders whose unallocated units are to be placed, each with nodes that must not be asked.
        new: Those of them that are new.
        at_run: Orders of channels that are routed in runs: their unallocated units wait for the next.
        unreleased: Orders with fulfilment orders that no node was asked for, to be looked at again.
        why: What decisions say made them necessary.
    """

    placed: dict[str, set[str]] = field(default_factory=dict)
    new: dict[str, None] = field(default_factory=dict)
    at_run: dict[str, None] = field(default_factory=dict)
    unreleased: dict[str, None] = field(default_factory=dict)
    why: str = "new"


def _handle(hub: Hub, tx: Transaction, messages: Sequence[Message]) -> None:
    books = Books(hub, tx)
    books.load(message.headers.get("order", message.key) for message in messages)
    wanted = _Wanted()
    _load_kits(books, messages)
    for message in messages:
        _take_in(books, message, wanted)
    reevaluate(books, wanted.unreleased)
    for each in (*wanted.placed, *wanted.at_run, *wanted.unreleased):
        resume(books, each)
    placed = {each: nodes for each, nodes in wanted.placed.items() if not kept_from_routing(books, each)}
    confirm_named(books, wanted.new)
    known = [each for each in books.orders if each not in wanted.new]
    if known:
        confirm_arrived(books, [each for each in placed if each not in wanted.new])
    tried = {each: frozenset(nodes) | tried_nodes(books, each) for each, nodes in placed.items()}
    place(books, tried, wanted.why)
    for each in wanted.at_run:
        if each not in placed and not kept_from_routing(books, each):
            _await_run(books, each)
    if known:
        drop_surplus(books, known)
    post_sales_orders(books, wanted.new)
    books.close()


def _take_in(books: Books, message: Message, wanted: _Wanted) -> None:
    """Note what one message wants."""
    schema = _schema(message)
    if schema == "order":
        taken = _order(books, message)
        if taken is not None:
            if not taken.decisions:
                wanted.new[taken.id] = None
            _note(books, wanted, taken)
    elif schema == "cancellation":
        _cancellation(books, message)
    else:
        note = read(message.body, RerouteDocument)
        if note.order not in books.orders:
            return
        if note.unreleased:
            wanted.unreleased[note.order] = None
        elif note.why in HOLD_OVER:
            wanted.why = note.why
            _note(books, wanted, books.orders[note.order])
        else:
            wanted.why = note.why or "reroute"
            wanted.placed.setdefault(note.order, set()).update(note.exclude_nodes)


def _schema(message: Message) -> str:
    return message.headers["schema"].partition("/")[0]


def _load_kits(books: Books, messages: Sequence[Message]) -> None:
    """Load the components of all kits at once, not order by order."""
    documents = [books.document(message.body) for message in messages if _schema(message) == "order"]
    books.components_of({line.sku for document in documents for line in document.lines})


def _note(books: Books, wanted: _Wanted, order: StoredOrder) -> None:
    """An order goes on: now, or with the next run of its channel."""
    if books.hub.channel_of(order.connection).config.runs:
        wanted.at_run[order.id] = None
    else:
        wanted.placed.setdefault(order.id, set())


def _await_run(books: Books, order_id: str) -> None:
    """Let the unallocated units of an order wait for the next run, unless they wait already."""
    order = books.orders[order_id]
    waits = any(line.quantities.unallocated for line in order.lines)
    run_at = books.hub.channel_of(order.connection).next_run(books.tx.now)
    if waits and order.route_at is None:
        books.put_order(replace(order, route_at=run_at))
    elif not waits and order.route_at is not None:
        books.put_order(replace(order, route_at=None, route_until=None))


def kept_from_routing(books: Books, order_id: str) -> bool:
    """Whether a hold forbids to decide about the order; then it is not tried again until the hold ends."""
    order = books.orders[order_id]
    if not blocks_routing(order.holds, books.tx.now):
        return False
    if order.route_at is not None:
        books.put_order(replace(order, route_at=None))
    return True


def tried_nodes(books: Books, order: str) -> frozenset[str]:
    """Nodes that have refused units of the order, or could not find them."""
    return frozenset(
        stored.fulfilment.node for stored in books.of_order(order) if stored.fulfilment.state in _REFUSED
    )


def _order(books: Books, message: Message) -> StoredOrder | None:
    """Take in an order as its channel sees it now; None where it brings nothing new."""
    document = books.document(message.body)
    name = order_id(message.headers["connection"], document.external_id)
    known = books.orders.get(name)
    if known is None:
        return _new(books, message, name, exploded(books, None, document))
    if document.version < known.version or message.body == known.document:
        return None
    before = books.document(known.document)
    changed = newer_version(books, message, known)
    # A version that only tells what we told the channel ourselves is no reason to route again.
    same = (changed.lines, changed.holds, document.destinations) == (
        known.lines,
        known.holds,
        before.destinations,
    )
    return None if same and known.decisions else changed


def _new(books: Books, message: Message, name: str, document: OrderDocument) -> StoredOrder:
    connection = message.headers["connection"]
    order = received_order(books.hub, connection, document, message.body, books.tx.now)
    order = replace(
        order,
        raw_id=message.headers.get("raw_id"),
        correlation_id=message.headers.get("correlation_id") or name,
    )
    books.put_order(order)
    return books.put_quantities(name, order.quantities)


def _cancellation(books: Books, message: Message) -> None:
    document = read(message.body, CancellationDocument)
    name = order_id(message.headers["connection"], document.external_id)
    order = books.orders.get(name)
    if order is None:
        raise RecordRejectedError(
            Rejection(
                "order.unknown",
                f"order {document.external_id} is to be cancelled, but has not arrived: replay this when it has",
                path="$.external_id",
                value=document.external_id,
            )
        )
    live = cancellable(books, name)
    if document.lines:
        asked = of_components(order.parts, {line.external_id: line.quantity for line in document.lines})
        live = {line: min(units, asked.get(line, 0)) for line, units in live.items()}
    wanted = {line: units for line, units in live.items() if units}
    cancel(books, name, wanted, document.reason or "", occurrence_of(books, message))
    books.put_quantities(name, books.orders[name].quantities, reason=document.reason or order.reason)

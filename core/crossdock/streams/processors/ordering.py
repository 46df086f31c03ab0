"""The ``route`` processor: orders as their channels see them, cancellations, re-routes; then placing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.holds import blocks_routing
from crossdock.orders.kits import of_components
from crossdock.orders.life_cycles import FulfilmentState, OrderState
from crossdock.orders.quantities import LineQuantities
from crossdock.store.catalogue import Component, components_of
from crossdock.store.order_book import StoredLine, StoredOrder
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.back_ordering import drop_surplus
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.cancelling import being_cancelled, cancel, cancellable
from crossdock.streams.processors.confirming import confirm_arrived, confirm_named
from crossdock.streams.processors.documents import (
    CancellationDocument,
    LineDocument,
    OrderDocument,
    RerouteDocument,
    read,
)
from crossdock.streams.processors.exploding import by_order, explode
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.holding import by_status, resume
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.placing import place
from crossdock.streams.processors.posting import post_sales_orders
from crossdock.streams.topics import ORDERS
from crossdock_schemas.order import OrderStatus

__all__ = [
    "kept_from_routing",
    "newer_version",
    "order_id",
    "received_order",
    "route_processor",
    "tried_nodes",
]

_REFUSED = (FulfilmentState.REJECTED, FulfilmentState.SHORT, FulfilmentState.INCOMPLETE)


def route_processor(hub: Hub) -> Processor:
    """Takes orders in and decides where they go."""
    return Processor("route", ORDERS, partial(_handle, hub), batch=100)


def order_id(connection: str, external_id: str) -> str:
    """The hub's id of an order."""
    return f"{connection}:{external_id}"


def _handle(hub: Hub, tx: Transaction, messages: Sequence[Message]) -> None:
    books = Books(hub, tx)
    books.load(message.key for message in messages)
    wanted: dict[str, set[str]] = {}
    new: dict[str, None] = {}
    why = "new"
    for message in messages:
        schema = message.headers["schema"].partition("/")[0]
        if schema == "order":
            taken = _order(books, message)
            if taken is not None:
                if not taken.decisions:
                    new[taken.id] = None
                wanted.setdefault(taken.id, set())
        elif schema == "cancellation":
            _cancellation(books, message)
        else:
            reroute = read(message.body, RerouteDocument)
            why = reroute.why or "reroute"
            if reroute.order in books.orders:
                wanted.setdefault(reroute.order, set()).update(reroute.exclude_nodes)
    for each in wanted:
        resume(books, each)
    wanted = {each: nodes for each, nodes in wanted.items() if not kept_from_routing(books, each)}
    confirm_named(books, new)
    known = [each for each in books.orders if each not in new]
    if known:
        confirm_arrived(books, [each for each in wanted if each not in new])
    place(books, {each: frozenset(nodes) | tried_nodes(books, each) for each, nodes in wanted.items()}, why)
    if known:
        drop_surplus(books, known)
    post_sales_orders(books, new)
    books.close()


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
        return _new(books, message, name, _exploded(books, None, document))
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


def _exploded(books: Books, known: StoredOrder | None, document: OrderDocument) -> OrderDocument:
    """The document with its kits exploded: as they were when their line came first, new ones as they are now."""
    settled = by_order(known) if known else {}
    lines = {line.line_id for line in known.lines} if known else set()
    old = settled.keys() | lines
    new = {line.sku for line in document.lines if line.external_id not in old}
    kits = components_of(books.tx.connection, new) if new else {}

    def components(line: LineDocument) -> Sequence[Component]:
        if line.external_id in old:
            return settled.get(line.external_id, ())
        return kits.get(line.sku, ())

    return explode(document, components)


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


def received_order(
    hub: Hub, connection: str, document: OrderDocument, body: bytes, now: datetime
) -> StoredOrder:
    """A new order as the hub takes it in: nothing is decided yet. ``body`` is what ``document`` was read from."""
    channel = hub.channel_of(connection)
    deliver_by = document.promise.deliver_by if document.promise else None
    if deliver_by is None and channel.ship_within is not None:
        deliver_by = document.placed_at + channel.ship_within
    name = order_id(connection, document.external_id)
    return StoredOrder(
        id=name,
        connection=connection,
        channel=channel.id,
        external_id=document.external_id,
        number=document.number,
        version=document.version,
        state=OrderState.RECEIVED,
        holds=by_status((), OrderStatus.OPEN, document.status, now),
        reason=document.cancel_reason,
        priority=channel.config.priority,
        placed_at=document.placed_at,
        deliver_by=deliver_by,
        document=body,
        raw_id=None,
        correlation_id=name,
        decisions=0,
        route_at=None,
        route_until=None,
        created_at=now,
        lines=_lines(document),
    )


def _lines(document: OrderDocument) -> tuple[StoredLine, ...]:
    """The lines that have to be shipped; a new order that is over already has nothing left to ship."""
    over = document.status in (OrderStatus.CANCELLED, OrderStatus.CLOSED)
    lines: list[StoredLine] = []
    for position, line in enumerate(document.lines):
        if not line.requires_shipping or line.gift_card:
            continue
        shipped = min(line.quantity_fulfilled, line.quantity)
        cancelled = line.quantity - shipped if over else 0
        units = LineQuantities(line.quantity, cancelled=cancelled, shipped=shipped)
        kit_line = line.group if line.per_kit else None
        lines.append(StoredLine(line.external_id, position, line.sku, units, kit_line, line.per_kit or 1))
    return tuple(lines)


def newer_version(books: Books, message: Message, known: StoredOrder) -> StoredOrder:
    """Bring an order to its newer version: less is cancelled, more is added, a lifted hold lets it go on.

    A line of which the channel wants as much as ``before`` stays as it is: units that the hub has given up are not
    wanted anew because the channel could not take them off.
    """
    before = books.document_of(known)
    document = _exploded(books, known, books.document(message.body))
    wanted = {line.line_id: line.quantities for line in _lines(document)}
    wanted_before = {line.line_id: line.quantities.ordered for line in _lines(before)}
    gone = document.status is OrderStatus.CANCELLED
    lines = list(known.lines)
    cancelling: dict[str, int] = {}
    for index, line in enumerate(lines):
        now_wanted = wanted.pop(line.line_id, None)
        target = 0 if now_wanted is None or gone else now_wanted.ordered
        if target and target == wanted_before.get(line.line_id):
            continue
        live = line.quantities.ordered - line.quantities.cancelled
        if target < live:
            cancelling[line.line_id] = live - target
        elif target > live:
            more = replace(line.quantities, ordered=line.quantities.ordered + target - live)
            lines[index] = replace(line, quantities=more)
    if not gone:
        added = [line for line in _lines(document) if line.line_id in wanted]
        lines += [replace(line, position=len(lines) + offset) for offset, line in enumerate(added)]
    asked = being_cancelled(books, known.id)
    changed = replace(
        known,
        version=document.version,
        document=_with_dropped(books, message.body, known.document),
        raw_id=message.headers.get("raw_id") or known.raw_id,
        lines=tuple(lines),
        holds=by_status(known.holds, before.status, document.status, books.tx.now),
        reason=document.cancel_reason or known.reason,
    )
    books.put_order(changed)
    cancelling = {
        line: left for line, units in cancelling.items() if (left := units - asked.get(line, 0)) > 0
    }
    cancel(books, known.id, cancelling, document.cancel_reason or "", _occurrence(books, message))
    return books.put_quantities(known.id, books.orders[known.id].quantities)


def _with_dropped(books: Books, body: bytes, before: bytes) -> bytes:
    """The newer document with the lines that it leaves out: a node may refuse to cancel them, and ship."""
    there = {line.external_id for line in books.document(body).lines}
    if all(line.external_id in there for line in books.document(before).lines):
        return body
    merged = msgspec.json.decode(body)
    old = msgspec.json.decode(before)["lines"]
    merged["lines"] = [*merged.get("lines", ()), *(line for line in old if line["external_id"] not in there)]
    return msgspec.json.encode(merged)


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
    cancel(books, name, wanted, document.reason or "", _occurrence(books, message))
    books.put_quantities(name, books.orders[name].quantities, reason=document.reason or order.reason)


def _occurrence(books: Books, message: Message) -> Occurrence:
    return Occurrence(message.id, message.headers["connection"], books.tx.now)

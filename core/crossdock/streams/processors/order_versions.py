"""An order as its channel sees it, in the hub's books: taken in when it is new, brought to its newer versions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec.structs import replace

from crossdock.orders.life_cycles import OrderState
from crossdock.orders.quantities import LineQuantities
from crossdock.store.catalogue import Component
from crossdock.store.order_book import StoredLine, StoredOrder
from crossdock.streams.processor import Message
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.cancelling import being_cancelled, cancel
from crossdock.streams.processors.documents import LineDocument, OrderDocument
from crossdock.streams.processors.exploding import by_order, explode
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.holding import by_status
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.readdressing import readdress
from crossdock_schemas.order import OrderStatus

__all__ = ["exploded", "newer_version", "occurrence_of", "order_id", "received_order"]


def order_id(connection: str, external_id: str) -> str:
    """The hub's id of an order."""
    return f"{connection}:{external_id}"


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
        ship_by=document.promise.ship_by if document.promise else None,
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
    wanted anew because the channel could not take them off. Of an order that was cancelled before, only what no node
    was asked for is left to cancel: nodes that have refused are not asked twice, nor people told twice of what left.
    """
    before = books.document_of(known)
    document = exploded(books, known, books.document(message.body))
    wanted = {line.line_id: line.quantities for line in _lines(document)}
    wanted_before = {line.line_id: line.quantities.ordered for line in _lines(before)}
    gone = document.status is OrderStatus.CANCELLED
    again = gone and before.status is OrderStatus.CANCELLED
    lines = list(known.lines)
    asked = being_cancelled(books, known.id)
    cancelling: dict[str, int] = {}
    for index, line in enumerate(lines):
        now_wanted = wanted.pop(line.line_id, None)
        target = 0 if now_wanted is None or gone else now_wanted.ordered
        if target and target == wanted_before.get(line.line_id):
            continue
        live = line.quantities.ordered - line.quantities.cancelled
        if target < live:
            units = line.quantities.unrequested if again else live - target - asked.get(line.line_id, 0)
            if units > 0:
                cancelling[line.line_id] = units
        elif target > live:
            more = replace(line.quantities, ordered=line.quantities.ordered + target - live)
            lines[index] = replace(line, quantities=more)
    if not gone:
        added = [line for line in _lines(document) if line.line_id in wanted]
        lines += [replace(line, position=len(lines) + offset) for offset, line in enumerate(added)]
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
    cancel(books, known.id, cancelling, document.cancel_reason or "", occurrence_of(books, message))
    if not gone:
        readdress(books, known.id, before.destinations, document.destinations, occurrence_of(books, message))
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


def exploded(books: Books, known: StoredOrder | None, document: OrderDocument) -> OrderDocument:
    """The document with its kits exploded: as they were when their line came first, new ones as they are now."""
    settled = by_order(known) if known else {}
    lines = {line.line_id for line in known.lines} if known else set()
    old = settled.keys() | lines
    new = {line.sku for line in document.lines if line.external_id not in old}
    kits = books.components_of(new)

    def components(line: LineDocument) -> Sequence[Component]:
        if line.external_id in old:
            return settled.get(line.external_id, ())
        return kits[line.sku]

    return explode(document, components)


def occurrence_of(books: Books, message: Message) -> Occurrence:
    """What makes an order change: its channel's message."""
    return Occurrence(message.id, message.headers["connection"], books.tx.now)

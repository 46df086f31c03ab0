"""The ``stock`` processor: feeds and movements of the nodes into positions and ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from msgspec.structs import replace
from sqlalchemy import Connection

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory import facts
from crossdock.inventory.facts import News
from crossdock.inventory.feeds import (
    FeedContext,
    FeedLine,
    FeedResult,
    LineOutcome,
    LineReason,
    OmissionRefused,
    apply_feed,
    close_feed,
    netted_units,
)
from crossdock.inventory.lots import CountedLot
from crossdock.inventory.position import Movement, Position
from crossdock.orders.worklist import Cause, open_item
from crossdock.store import counts, feeds, legs, stock
from crossdock.store.worklist import raise_items, settle
from crossdock.streams.processor import DeadLetter, Message, Processor, Transaction
from crossdock.streams.processors.back_ordering import arrived
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.consolidating import receive
from crossdock.streams.processors.documents import encode, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.lots import book_counted, book_moved, told_lots
from crossdock.streams.processors.shortfalls import cover
from crossdock.streams.processors.stock_documents import FeedDocument, MovementDocument, MovementLineDocument
from crossdock.streams.processors.transfers import put_in_transit
from crossdock.streams.topics import STOCK
from crossdock_schemas.stock import FeedMeaning, FeedMode, MovementReason

__all__ = ["stock_processor"]

_SUPPLY = (MovementReason.RECEIVED, MovementReason.TRANSFERRED_IN)


def stock_processor(hub: Hub) -> Processor:
    """Books what nodes count and what happens at them."""
    return Processor("stock", STOCK, partial(_handle, hub), batch=4)


def _handle(hub: Hub, tx: Transaction, messages: Sequence[Message]) -> None:
    for message in messages:
        if message.headers["schema"].startswith("stock_feed/"):
            _feed(hub, tx, message, read(message.body, FeedDocument))
        else:
            _movement(hub, tx, message, read(message.body, MovementDocument))


def _known_node(hub: Hub, node: str) -> None:
    if node not in hub.nodes:
        known = ", ".join(sorted(hub.nodes)[:10]) or "none"
        raise RecordRejectedError(
            Rejection(
                "stock.unknown_node",
                f"node {node!r} is not configured; add it under nodes:, or correct the feed (known: {known})",
                path="$.node",
                value=node,
            )
        )


def _feed(hub: Hub, tx: Transaction, message: Message, document: FeedDocument) -> None:
    _known_node(hub, document.node)
    source = message.headers.get("connection", "hub")
    context = FeedContext(
        document.node,
        document.feed_id,
        source,
        document.as_of,
        document.mode,
        document.meaning,
        document.sequence,
    )
    lines = _lines(document)
    skus = [line[0] for line in lines]
    old = stock.load_node_positions(tx.connection, document.node, skus)
    moved = _in_flight(hub, tx.connection, document)
    applied: set[str] = set()
    if document.mode is FeedMode.DELTA:
        applied = {sku for _, _, sku in stock.has_news(tx.connection, source, [document.feed_id])}
    result = apply_feed(old, lines, context, moved, already_applied=applied)
    _book(hub, tx, context, result, told_lots(document, message.body))
    _reject(tx, message, document, result.rejected)
    _reject(tx, message, document, [o for o in result.ignored if o.reason is LineReason.CONFLICTING])
    _note(hub, tx, document, context, len(lines), len(result.movements), mended="mended" in message.headers)


def _lines(document: FeedDocument) -> list[FeedLine]:
    """The feed's lines; rows of one SKU (lots, bins) are summed."""
    lines: list[FeedLine] = [
        (line["sku"], line["quantity"], line.get("quarantined")) for line in document.lines
    ]
    if len({line[0] for line in lines}) == len(lines):
        return lines
    sums: dict[str, FeedLine] = {}
    for sku, quantity, quarantined in lines:
        _, so_far, held = sums.get(sku, (sku, 0, None))
        both = None if quarantined is None and held is None else (quarantined or 0) + (held or 0)
        sums[sku] = (sku, so_far + quantity, both)
    return list(sums.values())


def _in_flight(hub: Hub, connection: Connection, document: FeedDocument) -> dict[str, Any]:
    netted: dict[str, int] = {}
    if document.meaning is FeedMeaning.AVAILABLE:
        allocations = feeds.allocations_known(connection, document.node, document.as_of)
        netted = netted_units(allocations, document.as_of)
    return dict(stock.in_flight(connection, document.node, document.as_of, netted))


def _book(
    hub: Hub, tx: Transaction, feed: FeedContext, result: FeedResult, lots: Mapping[str, Sequence[CountedLot]]
) -> None:
    if feed.mode is FeedMode.DELTA:
        stock.book_facts(tx.connection, result.movements, tx.now)
    else:
        counts.book_counts(tx.connection, feed, result.positions, result.movements, tx.now)
    if lots:
        book_counted(tx, feed, result, lots)
    if result.shortfalls:
        skus = [short.sku for short in result.shortfalls]
        cover(hub, tx, feed.node, skus)


def _note(
    hub: Hub,
    tx: Transaction,
    document: FeedDocument,
    context: FeedContext,
    lines: int,
    drifted: int,
    *,
    mended: bool,
) -> None:
    """Remember the part; when all are there, zero what a full feed left out, if that is what it means."""
    note = feeds.FeedPart(
        document.node,
        document.feed_id,
        context.source,
        document.as_of,
        document.sequence,
        lines,
        document.part if document.last and not mended else None,
        document.zero_omitted,
        drifted,
        0 if mended else 1,
    )
    mentioned = feeds.note_part(tx.connection, note, tx.now)
    if mentioned is None:
        return
    state = "closed"
    if document.zero_omitted and document.mode is FeedMode.FULL:
        omitted = stock.omitted_positions(tx.connection, document.node, document.feed_id, document.as_of)
        closed = close_feed(omitted, context, _in_flight(hub, tx.connection, document), mentioned=mentioned)
        if isinstance(closed, OmissionRefused):
            state = "refused"
            subject = f"feed:{document.node}"
            due = hub.config.worklist.due
            item = open_item(Cause.INVENTORY_CONFLICT, subject, closed.message, tx.now, due=due)
            raise_items(tx.connection, [(item, None)], tx.now)
        else:
            _book(hub, tx, context, closed, {position.sku: () for position in closed.positions})
    if document.mode is FeedMode.FULL and state == "closed":
        settle(tx.connection, [f"feed:{document.node}"], f"full feed {document.feed_id} was applied", tx.now)
    feeds.close(tx.connection, document.node, document.feed_id, state, tx.now)


def _reject(
    tx: Transaction, message: Message, document: FeedDocument, outcomes: Sequence[LineOutcome]
) -> None:
    for outcome in outcomes:
        one = {
            "feed_id": document.feed_id,
            "node": document.node,
            "mode": document.mode,
            "meaning": document.meaning,
            "as_of": document.as_of,
            "sequence": document.sequence,
            "lines": [line for line in document.lines if line["sku"] == outcome.sku],
        }
        body = encode(one)
        tx.dead_letter(
            DeadLetter(
                stage="stock",
                code=f"stock.{outcome.reason}",
                message=f"{message.headers.get('connection', 'hub')}: stock of node {document.node} in feed "
                f"{document.feed_id}: {outcome.message}; the other lines were booked. Correct the line here and "
                "replay, or ask the partner for a new feed.",
                path=f"SKU {outcome.sku} in part {document.part} of feed {document.feed_id}",
                body=body,
                original=replace(
                    message,
                    body=body,
                    id=f"{message.id}#{outcome.sku}",
                    headers={**message.headers, "mended": "1"},
                ),
                raw_id=message.headers.get("raw_id"),
                connection=message.headers.get("connection"),
            )
        )


def _movement(hub: Hub, tx: Transaction, message: Message, document: MovementDocument) -> None:
    _known_node(hub, document.node)
    source = message.headers.get("connection", "hub")
    skus = [line.sku for line in document.lines]
    positions = stock.load_node_positions(tx.connection, document.node, skus)
    movements: list[Movement] = []
    for index, line in enumerate(document.lines):
        position = positions.get(line.sku) or Position(line.sku, document.node)
        change = _moved(position, line, source, document.external_id, document.occurred_at, index)
        positions[line.sku] = change.position
        movements.append(change.movement)
    known = stock.has_news(tx.connection, source, [movement.external_id for movement in movements])
    news = [each for each in movements if (each.external_id, each.kind.value, each.sku) not in known]
    stock.book_facts(tx.connection, news, tx.now)
    book_moved(tx, document, movements, news)
    came = _came(document, movements, news)
    if came:
        _supplied(hub, tx, document, came)
    if document.references:
        put_in_transit(hub, tx, document, news)
    cover(hub, tx, document.node, skus)


def _supplied(hub: Hub, tx: Transaction, document: MovementDocument, came: dict[str, int]) -> None:
    """Let go on what has waited for the units that came."""
    bound = legs.bound_for(tx.connection, document.node, came)
    if bound:
        books = Books(hub, tx)
        came = receive(books, bound, document, came)
        books.close()
    arrived(hub, tx, document.node, {sku: units for sku, units in came.items() if units})


def _came(
    document: MovementDocument, movements: Sequence[Movement], news: Sequence[Movement]
) -> dict[str, int]:
    """Units by SKU that the news says have come; a count may have seen them before."""
    fresh = {(each.external_id, each.kind) for each in news}
    came: dict[str, int] = {}
    for line, movement in zip(document.lines, movements, strict=True):
        if line.reason in _SUPPLY and (movement.external_id, movement.kind) in fresh:
            came[line.sku] = came.get(line.sku, 0) + line.quantity
    return came


def _moved(
    position: Position, line: MovementLineDocument, source: str, external_id: str, at: datetime, index: int
) -> facts.Change:
    """One line as a movement; lines of one SKU and reason are told apart by their own id or their place."""
    suffix = line.external_id or (str(index) if index else "")
    news = News(source, f"{external_id}/{suffix}" if suffix else external_id, at)
    units = line.quantity
    match line.reason:
        case MovementReason.RECEIVED:
            return facts.receive(position, _positive(line), news)
        case MovementReason.ADJUSTED:
            return facts.adjust(position, units, news)
        case MovementReason.DAMAGED:
            return facts.adjust(position, -_positive(line), news)
        case MovementReason.QUARANTINED:
            return facts.quarantine(position, _positive(line), news)
        case MovementReason.RELEASED:
            return facts.quarantine(position, -_positive(line), news)
        case MovementReason.RETURNED:
            return facts.restock(position, _positive(line), news, sellable=True)
        case MovementReason.TRANSFERRED_OUT:
            return facts.transfer(position, -_positive(line), news)
        case MovementReason.TRANSFERRED_IN:
            return facts.transfer(position, _positive(line), news)


def _positive(line: MovementLineDocument) -> int:
    if line.quantity <= 0:
        raise RecordRejectedError(
            Rejection(
                "stock.negative_quantity",
                f"{line.quantity} units of SKU {line.sku} {line.reason}: the reason gives the direction, "
                "write a positive number",
                path="$.lines[].quantity",
                value=str(line.quantity),
            )
        )
    return line.quantity

"""The ``returns`` processor: requests, receipts (also blind ones) and refunds, in whatever order and however often
they come. A line of a receipt is booked once, in the transaction in which it is on sale again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby

import msgspec
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory import facts
from crossdock.inventory.facts import News
from crossdock.inventory.position import Movement, Position
from crossdock.orders.life_cycles import RETURN, ReturnEvent, ReturnState
from crossdock.orders.machine import take
from crossdock.orders.returning import Asked, disposition_of, returned_lines
from crossdock.orders.worklist import Cause, open_item
from crossdock.store import returns, stock
from crossdock.store.queries.orders import find_orders
from crossdock.store.returns import ReceiptLine, StoredReturn
from crossdock.store.worklist import raise_items
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import AddressDocument, Part, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.ordering import order_id
from crossdock.streams.processors.return_consequences import (
    ReturnRequestDocument,
    announce,
    refunded,
    settle_units,
)
from crossdock.streams.processors.return_routing import return_node
from crossdock.streams.topics import RETURNS
from crossdock_schemas.returns import Condition, Disposition

__all__ = ["returns_processor"]


class ReceiptLineDocument(Part, frozen=True):
    """``ReturnReceiptLine``."""

    sku: str
    quantity: int
    order_line: str | None = None
    condition: Condition = Condition.UNKNOWN
    disposition: Disposition | None = None


class ReceiptDocument(Part, frozen=True):
    """``ReturnReceipt``."""

    external_id: str
    node: str
    received_at: datetime
    lines: tuple[ReceiptLineDocument, ...]
    return_request: str | None = None
    order: str | None = None


class RefundDocument(Part, frozen=True):
    """``Refund``, as far as a return is concerned."""

    external_id: str
    order: str
    references: tuple[dict[str, str], ...] = msgspec.field(default=())


def returns_processor(hub: Hub) -> Processor:
    """Takes returns in and puts units back on sale."""
    return Processor("returns", RETURNS, partial(_handle, hub), batch=50)


def _handle(hub: Hub, tx: Transaction, messages: Sequence[Message]) -> None:
    for message in messages:
        schema = message.headers["schema"].partition("/")[0]
        source = message.headers["connection"]
        if schema == "return_request":
            _request(hub, tx, read(message.body, ReturnRequestDocument), source, message.body)
        elif schema == "return_receipt":
            _receive(hub, tx, read(message.body, ReceiptDocument), source, message.body)
        else:
            _refund(tx, read(message.body, RefundDocument), source)


def _request(hub: Hub, tx: Transaction, document: ReturnRequestDocument, source: str, body: bytes) -> None:
    """Note what the buyer wants to send back, choose who takes it, and adopt what has come of it already."""
    name = f"{source}:{document.external_id}"
    if returns.load_returns(tx.connection, [name]):
        return
    order = order_id(source, document.order)
    asked = StoredReturn(name, order, source, document.external_id, None, ReturnState.REQUESTED, body, tx.now)
    early = returns.awaiting(tx.connection, [name, document.external_id])
    blind = returns.load_returns(tx.connection, early)
    for each in blind.values():
        returns.adopt(tx.connection, each.id, name)
        asked = replace(asked, node=each.node, refunded_at=asked.refunded_at or each.refunded_at)
    node = asked.node or _node(hub, tx, document, order, source)
    known = returns.load_receipts(tx.connection, name)
    kept = _summed(replace(asked, node=node), _asked(document), known)
    returns.save_returns(tx.connection, [kept], tx.now)
    if not known:
        announce(hub, tx, kept)
    # The units of a blind return whose order was known are on its lines already.
    counted = {each.id for each in blind.values() if each.order_id is not None}
    if not counted:
        for _, lines in groupby(known, key=lambda line: (line.source, line.node, line.external_id)):
            settle_units(hub, tx, kept, list(lines))


def _node(hub: Hub, tx: Transaction, document: ReturnRequestDocument, order: str, source: str) -> str | None:
    """Who takes it: whom the channel names, else by the rules."""
    if document.node in hub.nodes:
        return document.node
    books = Books(hub, tx)
    books.load([order])
    shipped = [
        each.fulfilment.node
        for each in reversed(books.of_order(order))
        if any(line.shipped for line in each.fulfilment.lines)
    ]
    raw = bytes(document.ship_from)
    place = read(raw, AddressDocument) if raw not in (b"", b"null") else None
    if place is None and order in books.orders:
        known = books.document(books.orders[order].document)
        place = next((each.place for each in known.destinations if each.place), None)
    return return_node(hub, hub.channel_of(source).id, place, shipped)


def _receive(hub: Hub, tx: Transaction, document: ReceiptDocument, source: str, body: bytes) -> None:
    """Book what came back, at the node where it is; what was booked before changes nothing."""
    if document.node not in hub.nodes:
        raise RecordRejectedError(
            Rejection(
                "returns.unknown_node",
                f"node {document.node!r} is not configured; add it under nodes:, or correct the receipt",
                path="$.node",
                value=document.node,
            )
        )
    known = returns.load_receipt(tx.connection, source, document.node, document.external_id)
    kept = _kept(tx, document, source, body, next((line.return_id for line in known.values()), None))
    said = [_line(document, source, kept.id, number, line) for number, line in enumerate(document.lines, 1)]
    news = [line for line in said if line.number not in known]
    again = [(line, known[line.number]) for line in said if line.number in known]
    graded = [line for line, before in again if _grades(line, before)]
    changed = [(line, before) for line, before in again if line not in graded and _differs(line, before)]
    if changed:
        _ask(hub, tx, kept, *changed[0])
    if not news and not graded:
        return
    returns.add_receipts(tx.connection, news)
    returns.grade(tx.connection, graded)
    stock.book_facts(tx.connection, _movements(tx, document.node, news, graded), tx.now)
    every = returns.load_receipts(tx.connection, kept.id)
    summed = _summed(replace(kept, node=document.node), _requested(kept), every)
    returns.save_returns(tx.connection, [summed], tx.now)
    settle_units(hub, tx, summed, news)


def _kept(
    tx: Transaction, document: ReceiptDocument, source: str, body: bytes, before: str | None
) -> StoredReturn:
    """The return that the receipt belongs to; a blind one where there is none."""
    named = document.return_request
    ids = [before] if before else returns.find_returns(tx.connection, named) if named else []
    if len(ids) == 1:
        return returns.load_returns(tx.connection, ids)[ids[0]]
    name = f"{source}:{document.node}:{document.external_id}"
    found = find_orders(tx.connection, document.order, limit=2) if document.order else ()
    return StoredReturn(
        name,
        found[0] if len(found) == 1 else None,
        source,
        document.external_id,
        document.node,
        ReturnState.REQUESTED,
        body,
        tx.now,
        awaits=named,
    )


def _line(
    document: ReceiptDocument, source: str, name: str, number: int, line: ReceiptLineDocument
) -> ReceiptLine:
    return ReceiptLine(
        source,
        document.node,
        document.external_id,
        number,
        name,
        line.order_line,
        line.sku,
        line.quantity,
        line.condition.value,
        disposition_of(line.condition, line.disposition).value,
        document.received_at,
    )


def _grades(said: ReceiptLine, known: ReceiptLine) -> bool:
    """Whether units of which nobody knew the condition have been looked at since."""
    same = (said.sku, said.quantity) == (known.sku, known.quantity)
    held = (known.condition, known.disposition) == (Condition.UNKNOWN, Disposition.QUARANTINE)
    return same and held and said.condition != Condition.UNKNOWN


def _differs(said: ReceiptLine, known: ReceiptLine) -> bool:
    """Whether a line says something else than before; that it was not graded yet is older news."""
    if said.condition == Condition.UNKNOWN and said.disposition == Disposition.QUARANTINE:
        return (said.sku, said.quantity) != (known.sku, known.quantity)
    return (said.sku, said.quantity, said.disposition) != (known.sku, known.quantity, known.disposition)


def _ask(hub: Hub, tx: Transaction, kept: StoredReturn, said: ReceiptLine, known: ReceiptLine) -> None:
    """A receipt that says something else than before was booked as it came first; a person decides."""
    text = (
        f"receipt {said.external_id} of node {said.node} says {said.quantity} of {said.sku} to {said.disposition} "
        f"in line {said.number} now, and {known.quantity} of {known.sku} to {known.disposition} before; that is booked"
    )
    due = hub.config.worklist.due
    item = open_item(Cause.INVENTORY_CONFLICT, f"return:{kept.id}", text, tx.now, due=due)
    raise_items(tx.connection, [(item, kept.order_id)], tx.now)


def _movements(
    tx: Transaction, node: str, news: Sequence[ReceiptLine], graded: Sequence[ReceiptLine]
) -> list[Movement]:
    """What the lines change in stock: what is scrapped is not stock, what is not as new is held back. What was held
    back until it was ``graded`` is on sale, or gone, from then on.
    """
    movements: list[Movement] = []
    skus = [line.sku for line in (*news, *graded)]
    positions = stock.load_node_positions(tx.connection, node, skus)

    def book(line: ReceiptLine, change: Callable[[Position, News], facts.Change]) -> None:
        told = News(line.source, f"return:{line.external_id}#{line.number}", line.received_at)
        changed = change(positions.get(line.sku) or Position(line.sku, node), told)
        positions[line.sku] = changed.position
        movements.append(changed.movement)

    for line in news:
        if line.disposition != Disposition.SCRAP:
            sellable = line.disposition == Disposition.RESTOCK
            book(line, partial(_restock, line.quantity, sellable))
    for line in graded:
        if line.disposition in (Disposition.RESTOCK, Disposition.SCRAP):
            book(line, partial(_release, line.quantity))
        if line.disposition == Disposition.SCRAP:
            book(line, partial(_scrap, line.quantity))
    return movements


def _restock(units: int, sellable: bool, position: Position, told: News) -> facts.Change:
    return facts.restock(position, units, told, sellable=sellable)


def _release(units: int, position: Position, told: News) -> facts.Change:
    return facts.quarantine(position, -units, told)


def _scrap(units: int, position: Position, told: News) -> facts.Change:
    return facts.adjust(position, -units, told)


def _asked(document: ReturnRequestDocument) -> list[Asked]:
    return [Asked(line.order_line, line.sku, line.quantity) for line in document.lines]


def _requested(kept: StoredReturn) -> list[Asked]:
    return [Asked(line.order_line, line.sku, line.requested) for line in kept.lines if line.requested]


def _summed(kept: StoredReturn, asked: Sequence[Asked], every: Sequence[ReceiptLine]) -> StoredReturn:
    """The return with all that came of it; where it stands follows from that and from whether it was refunded."""
    state = kept.state
    if every:
        for event in (ReturnEvent.RECEIVE, ReturnEvent.GRADE, ReturnEvent.DISPOSE):
            state = take(RETURN, state, event).state
        if kept.refunded_at is not None:
            state = take(RETURN, state, ReturnEvent.REFUND).state
    lines = returned_lines(asked, [line.received for line in every])
    return replace(kept, state=state, lines=lines)


def _refund(tx: Transaction, document: RefundDocument, source: str) -> None:
    """The channel paid back: a return it names is refunded. Other refunds concern no goods."""
    named = [
        f"{source}:{reference['value']}"
        for reference in document.references
        if reference.get("kind") == "return"
    ]
    refunded(tx, named)

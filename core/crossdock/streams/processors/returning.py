"""The ``returns`` processor: requests, receipts (also blind ones) and refunds. A unit is restocked once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory import facts
from crossdock.inventory.facts import News
from crossdock.inventory.position import Movement, Position
from crossdock.orders.life_cycles import RETURN, ReturnEvent, ReturnState
from crossdock.orders.machine import StepKind, take
from crossdock.store import stock
from crossdock.store.returns import StoredReturn, StoredReturnLine, load_returns, save_returns
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import Part, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.ordering import order_id
from crossdock.streams.topics import RETURNS
from crossdock_schemas.returns import Condition, Disposition

__all__ = ["returns_processor"]

_BY_CONDITION = {
    Condition.NEW: Disposition.RESTOCK,
    Condition.OPENED: Disposition.REFURBISH,
    Condition.DAMAGED: Disposition.SCRAP,
    Condition.DEFECTIVE: Disposition.SUPPLIER,
    Condition.WRONG_ITEM: Disposition.QUARANTINE,
    Condition.UNKNOWN: Disposition.QUARANTINE,
}
"""What happens to a unit for which the node names no disposition: only what is as new is sold again."""


class ReturnLineDocument(Part, frozen=True):
    """``ReturnLine`` and ``ReturnReceiptLine``."""

    sku: str
    quantity: int
    order_line: str | None = None
    condition: Condition = Condition.UNKNOWN
    disposition: Disposition | None = None


class RequestDocument(Part, frozen=True):
    """``ReturnRequest``."""

    external_id: str
    order: str
    lines: tuple[ReturnLineDocument, ...]


class ReceiptDocument(Part, frozen=True):
    """``ReturnReceipt``."""

    external_id: str
    node: str
    received_at: datetime
    lines: tuple[ReturnLineDocument, ...]
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
            _request(tx, read(message.body, RequestDocument), source, message.body)
        elif schema == "return_receipt":
            _receive(hub, tx, read(message.body, ReceiptDocument), source, message.body)
        else:
            _refund(tx, read(message.body, RefundDocument), source)


def _request(tx: Transaction, document: RequestDocument, source: str, body: bytes) -> None:
    name = f"{source}:{document.external_id}"
    if name in load_returns(tx.connection, [name]):
        return
    lines = tuple(
        StoredReturnLine(number, line.order_line, line.sku, line.quantity, 0)
        for number, line in enumerate(document.lines, start=1)
    )
    order = order_id(source, document.order)
    requested = StoredReturn(
        name, order, source, document.external_id, None, ReturnState.REQUESTED, body, tx.now, lines
    )
    save_returns(tx.connection, [requested], tx.now)


def _receive(hub: Hub, tx: Transaction, document: ReceiptDocument, source: str, body: bytes) -> None:
    """Book what came back, at the node where it is; the same receipt again changes nothing."""
    if document.node not in hub.nodes:
        raise RecordRejectedError(
            Rejection(
                "returns.unknown_node",
                f"node {document.node!r} is not configured; add it under nodes:, or correct the receipt",
                path="$.node",
                value=document.node,
            )
        )
    news_id = f"return:{document.external_id}"
    known = stock.has_news(
        tx.connection, source, [f"{news_id}#{number}" for number in range(1, len(document.lines) + 1)]
    )
    if known:
        return
    kept = _stored(tx, document, source, body)
    lines: list[StoredReturnLine] = []
    movements: list[Movement] = []
    positions = stock.load_node_positions(tx.connection, document.node, [line.sku for line in document.lines])
    for number, line in enumerate(document.lines, start=1):
        disposition = line.disposition or _BY_CONDITION[line.condition]
        position = positions.get(line.sku) or Position(line.sku, document.node)
        if disposition is not Disposition.SCRAP:
            news = News(source, f"{news_id}#{number}", document.received_at)
            sellable = disposition is Disposition.RESTOCK
            change = facts.restock(position, line.quantity, news, sellable=sellable)
            positions[line.sku] = change.position
            movements.append(change.movement)
        lines.append(
            StoredReturnLine(
                number, line.order_line, line.sku, 0, line.quantity, line.condition.value, disposition.value
            )
        )
    stock.book_facts(tx.connection, movements, tx.now)
    save_returns(tx.connection, [_received(kept, document, lines)], tx.now)
    _take_back(hub, tx, kept, document)


def _stored(tx: Transaction, document: ReceiptDocument, source: str, body: bytes) -> StoredReturn:
    """The return that was asked for, or a blind one."""
    names = (
        [document.return_request, f"{source}:{document.return_request}"] if document.return_request else []
    )
    found = load_returns(tx.connection, [each for each in names if each])
    if found:
        return next(iter(found.values()))
    name = f"{source}:{document.external_id}"
    return StoredReturn(
        name, document.order, source, document.external_id, document.node, ReturnState.REQUESTED, body, tx.now
    )


def _received(kept: StoredReturn, document: ReceiptDocument, lines: list[StoredReturnLine]) -> StoredReturn:
    """Asked-for lines keep their numbers; what came is added to them, what nobody asked for is appended."""
    asked = list(kept.lines)
    for line in lines:
        same = next((i for i, each in enumerate(asked) if each.sku == line.sku and each.received == 0), None)
        if same is None:
            asked.append(replace(line, number=len(asked) + 1))
        else:
            asked[same] = replace(
                asked[same],
                received=line.received,
                condition=line.condition,
                disposition=line.disposition,
            )
    state = kept.state
    for event in (ReturnEvent.RECEIVE, ReturnEvent.GRADE, ReturnEvent.DISPOSE):
        state = take(RETURN, state, event).state
    return replace(kept, node=document.node, state=state, lines=tuple(asked))


def _take_back(hub: Hub, tx: Transaction, kept: StoredReturn, document: ReceiptDocument) -> None:
    """Count returned units on the order's lines, up to what was shipped."""
    if kept.order_id is None:
        return
    books = Books(hub, tx)
    books.load([kept.order_id])
    order = books.orders.get(kept.order_id)
    if order is None:
        return
    quantities = order.quantities
    for line in document.lines:
        left = line.quantity
        for stored in order.lines:
            if stored.sku != line.sku or (line.order_line and stored.line_id != line.order_line):
                continue
            units = quantities[stored.line_id]
            taken = min(left, units.shipped + units.over_shipped - units.returned)
            quantities[stored.line_id] = units.take_back(taken)
            left -= taken
    books.put_quantities(kept.order_id, quantities)
    books.close()


def _refund(tx: Transaction, document: RefundDocument, source: str) -> None:
    """The channel paid back: a return it names is refunded. Other refunds concern no goods."""
    named = [
        f"{source}:{reference['value']}"
        for reference in document.references
        if reference.get("kind") == "return"
    ]
    for kept in load_returns(tx.connection, named).values():
        step = take(RETURN, kept.state, ReturnEvent.REFUND)
        if step.kind is StepKind.MOVED:
            save_returns(tx.connection, [replace(kept, state=step.state)], tx.now)

"""The ``returns`` processor: requests, receipts (also blind ones) and refunds, in whatever order and however often
they come. A line of a receipt is booked once, in the transaction in which it is on sale again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial

import msgspec
from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.kits import unfold
from crossdock.orders.life_cycles import ReturnState
from crossdock.orders.returning import disposition_of
from crossdock.orders.worklist import Cause, open_item
from crossdock.store import returns, stock
from crossdock.store.queries.orders import find_orders
from crossdock.store.return_refunds import RefundKind, RefundLine, add_refunds
from crossdock.store.returns import ReceiptLine, StoredReturn
from crossdock.store.worklist import raise_items
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.documents import Part, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.return_booking import return_movements
from crossdock.streams.processors.return_consequences import settle_units
from crossdock.streams.processors.return_documents import ReturnRequestDocument
from crossdock.streams.processors.return_kits import kits_received
from crossdock.streams.processors.return_requests import take_request
from crossdock.streams.processors.return_standing import conclude
from crossdock.streams.topics import RETURNS
from crossdock_schemas.returns import Condition, Disposition, RestockKind

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


class RefundLineDocument(Part, frozen=True):
    """``RefundLine``."""

    order_line: str
    quantity: int
    restock: RestockKind = RestockKind.NO_RESTOCK


class RefundDocument(Part, frozen=True):
    """``Refund``, as far as a return is concerned."""

    external_id: str
    order: str
    refunded_at: datetime
    lines: tuple[RefundLineDocument, ...] = ()
    references: tuple[dict[str, str], ...] = msgspec.field(default=())


def returns_processor(hub: Hub) -> Processor:
    """Takes returns in and puts units back on sale."""
    return Processor("returns", RETURNS, partial(_handle, hub), batch=50)


def _handle(hub: Hub, tx: Transaction, messages: Sequence[Message]) -> None:
    for message in messages:
        schema = message.headers["schema"].partition("/")[0]
        source = message.headers["connection"]
        if schema == "return_request":
            take_request(hub, tx, read(message.body, ReturnRequestDocument), source, message.body)
        elif schema == "return_receipt":
            _receive(hub, tx, read(message.body, ReceiptDocument), source, message.body)
        else:
            _refund(hub, tx, read(message.body, RefundDocument), source)


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
    lines = _shelved(tx, kept, document.lines)
    said = [_line(document, source, kept.id, number, line) for number, line in enumerate(lines, 1)]
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
    stock.book_facts(tx.connection, return_movements(tx, document.node, news, graded), tx.now)
    here = replace(kept, node=document.node)
    settle_units(hub, tx, here, news)
    conclude(hub, tx, here)


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


def _shelved(
    tx: Transaction, kept: StoredReturn, lines: Sequence[ReceiptLineDocument]
) -> list[ReceiptLineDocument]:
    """What lies on the shelf: a kit that came back is its components."""
    kits = kits_received(tx, kept, {line.sku for line in lines})
    return [
        replace(line, order_line=order_line, sku=sku, quantity=units)
        for line in lines
        for order_line, sku, units in unfold(kits, line.order_line, line.sku, line.quantity)
    ]


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


def _refund(hub: Hub, tx: Transaction, document: RefundDocument, source: str) -> None:
    """The channel paid back for the returns it names, which may not have come yet. Other refunds concern no goods."""
    named = [each["value"] for each in document.references if each.get("kind") == "return"]
    if not named:
        return
    lines: list[tuple[int, str | None, int]] = [
        (number, line.order_line, line.quantity)
        for number, line in enumerate(document.lines, 1)
        if line.restock != RestockKind.CANCEL
    ]
    if not document.lines:
        lines = [(0, None, 0)]
    add_refunds(
        tx.connection,
        [
            RefundLine(
                f"{source}:{value}", RefundKind.REPORTED, document.external_id, *line, 0, document.refunded_at
            )
            for value in named
            for line in lines
        ],
    )
    names = [name for value in named for name in (f"{source}:{value}", value)]
    meant = [*names, *returns.awaiting(tx.connection, names)]
    for kept in returns.load_returns(tx.connection, meant).values():
        conclude(hub, tx, kept)

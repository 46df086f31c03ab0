"""What buyers want to send back: which node takes it, who is told, and what has come of it already."""

from __future__ import annotations

from itertools import groupby

from msgspec.structs import replace

from crossdock.orders.life_cycles import ReturnState
from crossdock.orders.worklist import Cause, open_item
from crossdock.store import returns
from crossdock.store.return_refunds import move_refunds
from crossdock.store.returns import StoredReturn
from crossdock.store.worklist import raise_items
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import AddressDocument, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.order_versions import order_id
from crossdock.streams.processors.return_consequences import announce, settle_units
from crossdock.streams.processors.return_documents import ReturnRequestDocument, request_of
from crossdock.streams.processors.return_routing import return_node
from crossdock.streams.processors.return_standing import conclude

__all__ = ["take_request"]


def take_request(
    hub: Hub, tx: Transaction, document: ReturnRequestDocument, source: str, body: bytes
) -> None:
    """Note what the buyer wants to send back, choose who takes it, and adopt what has come of it already."""
    name = f"{source}:{document.external_id}"
    known = returns.load_returns(tx.connection, [name]).get(name)
    if known is not None:
        _change(hub, tx, known, document, body)
        return
    order = order_id(source, document.order)
    asked = StoredReturn(name, order, source, document.external_id, None, ReturnState.REQUESTED, body, tx.now)
    early = returns.awaiting(tx.connection, [name, document.external_id])
    blind = returns.load_returns(tx.connection, early)
    for each in blind.values():
        returns.adopt(tx.connection, each.id, name)
        move_refunds(tx.connection, each.id, name)
        asked = replace(asked, node=each.node)
    received = returns.load_receipts(tx.connection, name)
    if asked.node is None and document.is_open:
        asked = replace(asked, node=_node(hub, tx, document, order, source))
    if not received and document.is_open:
        _route(hub, tx, asked)
    # The units of a blind return whose order was known are on its lines already.
    if not any(each.order_id is not None for each in blind.values()):
        for _, lines in groupby(received, key=lambda line: (line.source, line.node, line.external_id)):
            settle_units(hub, tx, asked, list(lines))
    conclude(hub, tx, asked)


def _change(
    hub: Hub, tx: Transaction, known: StoredReturn, document: ReturnRequestDocument, body: bytes
) -> None:
    """Believe what the channel changed last; who takes it stays."""
    before = request_of(known)
    if before is not None and document.rank <= before.rank:
        return
    conclude(hub, tx, replace(known, document=body))


def _route(hub: Hub, tx: Transaction, asked: StoredReturn) -> None:
    """Tell everybody who takes it; where nobody does, a person decides."""
    if asked.node is not None:
        announce(hub, tx, asked)
        return
    text = (
        f"no node takes return {asked.id}: let one with accepts_returns: true, or decline it at the channel"
    )
    due = hub.config.worklist.due
    item = open_item(Cause.CONSTRAINT_UNMET, f"return:{asked.id}", text, tx.now, due=due)
    raise_items(tx.connection, [(item, asked.order_id)], tx.now)


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

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
from crossdock.streams.processors.return_consequences import announce, decline, settle_units
from crossdock.streams.processors.return_documents import ReturnRequestDocument, request_of
from crossdock.streams.processors.return_routing import return_node, return_rule
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
        asked = _routed(hub, tx, document, asked, order)
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


def _routed(
    hub: Hub, tx: Transaction, document: ReturnRequestDocument, asked: StoredReturn, order: str
) -> StoredReturn:
    """The return with the node that takes it, and everybody told; where none does, a person decides."""
    books = Books(hub, tx)
    books.load([order])
    place = _sent_from(document, books, order)
    rule = return_rule(hub, hub.channel_of(asked.connection).id, place)
    if rule.decline is not None and document.node not in hub.nodes:
        decline(hub, tx, asked, rule.decline)
        return asked
    node = document.node if document.node in hub.nodes else None
    node = node or return_node(hub, rule, place, _shipped_by(books, order))
    if node is None:
        _ask(
            hub,
            tx,
            asked,
            "no node takes it: let one with accepts_returns: true, or decline it at the channel",
        )
        return asked
    routed = replace(asked, node=node)
    announce(hub, tx, routed)
    return routed


def _ask(hub: Hub, tx: Transaction, asked: StoredReturn, words: str) -> None:
    due = hub.config.worklist.due
    text = f"return {asked.id}: {words}"
    item = open_item(Cause.CONSTRAINT_UNMET, f"return:{asked.id}", text, tx.now, due=due)
    raise_items(tx.connection, [(item, asked.order_id)], tx.now)


def _shipped_by(books: Books, order: str) -> list[str]:
    """Nodes that have shipped something of the order, the last one first."""
    return [
        each.fulfilment.node
        for each in reversed(books.of_order(order))
        if not each.fulfilment.to_node and any(line.shipped for line in each.fulfilment.lines)
    ]


def _sent_from(document: ReturnRequestDocument, books: Books, order: str) -> AddressDocument | None:
    """From where the buyer sends it; unknown, where the order went."""
    raw = bytes(document.ship_from)
    if raw not in (b"", b"null"):
        return read(raw, AddressDocument)
    if order not in books.orders:
        return None
    known = books.document(books.orders[order].document)
    return next((each.place for each in known.destinations if each.place), None)

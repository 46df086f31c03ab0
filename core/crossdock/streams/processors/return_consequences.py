"""What follows from a return: node and channel are told; units go back to their order lines; refund or exchange."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from crossdock.orders.life_cycles import RETURN, ReturnEvent
from crossdock.orders.machine import take
from crossdock.orders.returning import Received, taken_back
from crossdock.store.commands import CommandRow, enqueue
from crossdock.store.order_book import StoredOrder
from crossdock.store.returns import ReceiptLine, StoredReturn, load_returns, save_returns
from crossdock.streams.processor import Message, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import Part, encode, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.topics import ORDERS
from crossdock_schemas.order import Order

__all__ = ["EXCHANGES", "ReturnLineDocument", "ReturnRequestDocument", "announce", "refunded", "settle_units"]

EXCHANGES = "exchange"
"""The connection, and so the channel, of orders that replace returned goods."""

_EXCHANGE = "exchange"


class ReturnLineDocument(Part, frozen=True):
    """``ReturnLine``."""

    sku: str
    quantity: int
    order_line: str | None = None
    exchange_for: str | None = None


class ReturnRequestDocument(Part, frozen=True):
    """``ReturnRequest``; ``ship_from`` is decoded where it is there."""

    external_id: str
    order: str
    lines: tuple[ReturnLineDocument, ...]
    ship_from: msgspec.Raw = msgspec.Raw()
    resolution: str | None = None
    node: str | None = None


def announce(hub: Hub, tx: Transaction, asked: StoredReturn) -> None:
    """Tell the node what to expect, and the channel where the buyer is to send it, where they can be told."""
    if asked.node is None:
        return
    document = msgspec.json.decode(asked.document) | {"node": asked.node}
    node = hub.nodes[asked.node].connection
    told = [(node, "return.expect"), (asked.connection, "return.authorise")]
    commands = [
        _command(tx, asked, connection, name, f"{name}:{asked.id}", document)
        for connection, name in told
        if connection is not None and hub.does(connection, name)
    ]
    enqueue(tx.connection, commands)


def settle_units(hub: Hub, tx: Transaction, kept: StoredReturn, receipt: Sequence[ReceiptLine]) -> None:
    """Count what one receipt brought on the lines of its order; then it is exchanged or refunded, once."""
    if kept.order_id is None or not receipt:
        return
    books = Books(hub, tx)
    books.load([kept.order_id])
    order = books.orders.get(kept.order_id)
    if order is None:
        return
    quantities = order.quantities
    left_of = {
        line: units.shipped + units.over_shipped - units.returned for line, units in quantities.items()
    }
    lines = [(line.line_id, line.sku) for line in order.lines]
    back = taken_back([line.received for line in receipt], lines, left_of)
    for line, units in back:
        quantities[line] = quantities[line].take_back(units.quantity)
    books.put_quantities(kept.order_id, quantities)
    books.close()
    request = _request(kept)
    if request is not None and request.resolution == _EXCHANGE:
        _exchange(tx, kept, order, request, receipt[0], back)
    else:
        _refund(hub, tx, kept, order, receipt[0], back)


def refunded(tx: Transaction, names: Iterable[str]) -> None:
    """The channel has paid back for returns, whether or not the goods are here."""
    changed = []
    for kept in load_returns(tx.connection, names).values():
        state = take(RETURN, kept.state, ReturnEvent.REFUND).state
        changed.append(replace(kept, state=state, refunded_at=kept.refunded_at or tx.now))
    save_returns(tx.connection, changed, tx.now)


def _request(kept: StoredReturn) -> ReturnRequestDocument | None:
    """What the buyer asked for; None of a blind return, whose document is what came."""
    if not any(line.requested for line in kept.lines):
        return None
    return read(kept.document, ReturnRequestDocument)


def _refund(
    hub: Hub,
    tx: Transaction,
    kept: StoredReturn,
    order: StoredOrder,
    receipt: ReceiptLine,
    back: Sequence[tuple[str, Received]],
) -> None:
    kept_back = hub.config.returns.no_refund
    paid = [(line, units) for line, units in back if units.condition not in kept_back]
    if not paid or not hub.config.returns.refund or not hub.does(order.connection, "return.refund"):
        return
    name = f"{kept.id}/{receipt.external_id}"
    document = {
        "external_id": name,
        "order": order.external_id,
        "refunded_at": tx.now,
        "lines": [
            {"order_line": line, "sku": units.sku, "quantity": units.quantity, "restock": "return"}
            for line, units in paid
        ],
        "references": [{"kind": "return", "value": kept.external_id}],
    }
    key = f"return.refund:{kept.id}:{receipt.source}:{receipt.node}:{receipt.external_id}"
    command = _command(tx, kept, order.connection, "return.refund", key, document)
    enqueue(tx.connection, [command._replace(refs={"return": kept.id, "order": order.external_id})])


def _exchange(
    tx: Transaction,
    kept: StoredReturn,
    order: StoredOrder,
    request: ReturnRequestDocument,
    receipt: ReceiptLine,
    back: Sequence[tuple[str, Received]],
) -> None:
    """A new order of the channel ``exchange``, to where the first one went."""
    if not back:
        return
    before: dict[str, Any] = msgspec.json.decode(order.document)
    destination_of = {line["external_id"]: line.get("destination") for line in before["lines"]}
    name = f"{kept.id}/{receipt.external_id}"
    document = {
        "external_id": name,
        "version": tx.now.isoformat(),
        "placed_at": tx.now,
        "currency": before["currency"],
        "buyer": before.get("buyer"),
        "destinations": before.get("destinations", ()),
        "lines": [
            {
                "external_id": str(number),
                "sku": _wanted_instead(request, line, units.sku),
                "quantity": units.quantity,
                "destination": destination_of.get(line),
            }
            for number, (line, units) in enumerate(back, start=1)
        ],
        "references": [
            {"kind": "exchange_of", "value": order.id},
            {"kind": "return", "value": kept.id},
        ],
    }
    body = Order.model_validate(document).model_dump_json(exclude_defaults=True).encode()
    headers = {"schema": "order/1", "connection": EXCHANGES, "correlation_id": order.correlation_id}
    tx.emit(Message(f"exchange:{name}", ORDERS, f"{EXCHANGES}:{name}", body, headers))


def _wanted_instead(request: ReturnRequestDocument, line: str, sku: str) -> str:
    for asked in request.lines:
        if asked.sku == sku and asked.order_line in (None, line):
            return asked.exchange_for or sku
    return sku


def _command(
    tx: Transaction, kept: StoredReturn, connection: str, name: str, key: str, document: object
) -> CommandRow:
    return CommandRow(
        connection=connection,
        name=name,
        order_key=kept.order_id or kept.id,
        idempotency_key=key,
        payload=encode(document),
        refs={"return": kept.id},
        correlation_id=kept.order_id or kept.id,
        created_at=tx.now,
    )

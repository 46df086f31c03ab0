"""What follows from a return: node and channel are told; units go back to their order lines; refund or exchange."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from crossdock.orders.kits import unfold
from crossdock.orders.return_progress import still_due
from crossdock.orders.returning import Received, taken_back
from crossdock.store.commands import enqueue
from crossdock.store.order_book import StoredOrder
from crossdock.store.return_refunds import RefundKind, RefundLine, add_refunds
from crossdock.store.returns import ReceiptLine, StoredReturn
from crossdock.streams.processor import Message, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import OrderDocument, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.return_commands import return_command
from crossdock.streams.processors.return_documents import EXCHANGE, ReturnRequestDocument, request_of
from crossdock.streams.processors.return_kits import (
    ask_about_parts,
    kits_of,
    kits_returned,
    whole_kits,
)
from crossdock.streams.processors.return_standing import refunds_of
from crossdock.streams.topics import ORDERS
from crossdock_schemas.order import Order

__all__ = ["EXCHANGES", "announce", "decline", "settle_units"]

EXCHANGES = "exchange"
"""The connection, and so the channel, of orders that replace returned goods."""


def announce(hub: Hub, tx: Transaction, asked: StoredReturn) -> None:
    """Tell the node what to expect, and the channel where the buyer is to send it, where they can be told."""
    assert asked.node is not None
    _tell(
        hub,
        tx,
        asked,
        hub.nodes[asked.node].connection,
        "return.expect",
        node=asked.node,
        lines=_parts(tx, asked),
    )
    if hub.config.returns.authorise:
        _tell(hub, tx, asked, asked.connection, "return.authorise", node=asked.node)


def decline(hub: Hub, tx: Transaction, asked: StoredReturn, reason: str) -> None:
    """Have the channel decline the return; it is cancelled when the channel says so."""
    _tell(hub, tx, asked, asked.connection, "return.decline", reason=reason)


def _parts(tx: Transaction, asked: StoredReturn) -> list[dict[str, Any]]:
    """The lines of a request as a node knows them: components in place of kits."""
    kits = kits_of(tx, asked.order_id)
    return [
        line | {"sku": sku, "quantity": units} | ({"order_line": order_line} if order_line else {})
        for line in msgspec.json.decode(asked.document)["lines"]
        for order_line, sku, units in unfold(kits, line.get("order_line"), line["sku"], line["quantity"])
    ]


def _tell(hub: Hub, tx: Transaction, asked: StoredReturn, to: str | None, name: str, **more: Any) -> None:
    if to is None or not hub.does(to, name):
        return
    document = msgspec.json.decode(asked.document) | more
    enqueue(tx.connection, [return_command(tx, asked, to, name, f"{name}:{asked.id}", document)])


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
    request = request_of(kept)
    if request is not None and request.resolution == EXCHANGE:
        _exchange(tx, kept, order, request, receipt[0], back)
    else:
        _refund(hub, tx, kept, order, receipt[0], back)


def _refund(
    hub: Hub,
    tx: Transaction,
    kept: StoredReturn,
    order: StoredOrder,
    receipt: ReceiptLine,
    back: Sequence[tuple[str, Received]],
) -> None:
    """Note what is due to the buyer, and have the channel pay what it has not paid by itself."""
    due: Counter[str] = Counter()
    single = {part.line for part in order.parts if part.line == part.channel_line}
    for line, units in back:
        if line in single and units.condition not in hub.config.returns.no_refund:
            due[line] += units.quantity
    name, before = _name(kept, receipt), Counter[str]()
    for each in refunds_of(tx, kept).due:
        before[each.order_line] += each.quantity
    kits, parts = whole_kits(tx, kept, order, hub.config.returns.no_refund)
    due += Counter({line: units - before[line] for line, units in kits.items() if units > before[line]})
    noted = [
        RefundLine(kept.id, RefundKind.DUE, name, number, line, units, before[line] + units, None)
        for number, (line, units) in enumerate(due.items(), 1)
    ]
    add_refunds(tx.connection, noted)
    if not hub.config.returns.refund or not hub.does(order.connection, "return.refund"):
        return
    ask_about_parts(hub, tx, kept, order, parts)
    refunds = refunds_of(tx, kept)
    missing = still_due(refunds.due, refunds.reported)
    asked = {line: min(units, missing[line]) for line, units in due.items() if line in missing}
    if asked:
        document = _refund_document(tx, kept, order, name, asked, before + due)
        command = return_command(
            tx, kept, order.connection, "return.refund", f"return.refund:{name}", document
        )
        refs = {"return": kept.id, "order": order.external_id, "refund": name}
        enqueue(tx.connection, [command._replace(refs=refs)])


def _refund_document(
    tx: Transaction,
    kept: StoredReturn,
    order: StoredOrder,
    name: str,
    asked: Mapping[str, int],
    due: Mapping[str, int],
) -> dict[str, object]:
    sku_of = {line.external_id: line.sku for line in read(order.document, OrderDocument).lines}
    named = [{"kind": "return", "value": kept.external_id}] if request_of(kept) is not None else []
    return {
        "external_id": name,
        "order": order.external_id,
        "refunded_at": tx.now,
        "lines": [
            {
                "order_line": line,
                "sku": sku_of[line],
                "quantity": units,
                "cumulative_quantity": due[line],
                "restock": "return",
            }
            for line, units in asked.items()
        ],
        "references": named,
    }


def _name(kept: StoredReturn, receipt: ReceiptLine) -> str:
    """Of the refund or exchange for what a receipt, or its further lines, brought."""
    further = f"#{receipt.number}" if receipt.number > 1 else ""
    return f"{kept.id}/{receipt.node}/{receipt.external_id}{further}"


def _exchange(
    tx: Transaction,
    kept: StoredReturn,
    order: StoredOrder,
    request: ReturnRequestDocument,
    receipt: ReceiptLine,
    back: Sequence[tuple[str, Received]],
) -> None:
    """A new order of the channel ``exchange``, to where the first one went."""
    wanted = _wanted(order, request, back)
    if not wanted:
        return
    before: dict[str, Any] = msgspec.json.decode(order.document)
    destination_of = {line["external_id"]: line.get("destination") for line in before["lines"]}
    name = _name(kept, receipt)
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
                "sku": sku,
                "quantity": units,
                "destination": destination_of.get(line),
            }
            for number, (line, sku, units) in enumerate(wanted, start=1)
        ],
        "references": [
            {"kind": "exchange_of", "value": order.id},
            {"kind": "return", "value": kept.id},
        ],
    }
    body = Order.model_validate(document).model_dump_json(exclude_defaults=True).encode()
    headers = {"schema": "order/1", "connection": EXCHANGES, "correlation_id": order.correlation_id}
    tx.emit(Message(f"exchange:{name}", ORDERS, f"{EXCHANGES}:{name}", body, headers))


def _wanted(
    order: StoredOrder, request: ReturnRequestDocument, back: Sequence[tuple[str, Received]]
) -> list[tuple[str, str, int]]:
    """The channel's line, the SKU that goes out for it, and units; for kits that are asked for, whole ones."""
    line_of = {part.line: part.channel_line for part in order.parts}
    sku_of = {line.external_id: line.sku for line in read(order.document, OrderDocument).lines}
    kits = {
        line for line in line_of.values() if any(asked.sku == sku_of[line] for asked in request.lines)
    } - line_of.keys()
    single = [(line_of[line], units.sku, units.quantity) for line, units in back if line_of[line] not in kits]
    whole = [
        (line, sku_of[line], units) for line, units in kits_returned(order, back).items() if line in kits
    ]
    return [(line, _wanted_instead(request, line, sku), units) for line, sku, units in (*single, *whole)]


def _wanted_instead(request: ReturnRequestDocument, line: str, sku: str) -> str:
    for asked in request.lines:
        if asked.sku == sku and asked.order_line in (None, line):
            return asked.exchange_for or sku
    return sku

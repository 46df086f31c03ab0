"""Credit notes: what ERPs are told of money that went back because of a return."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from crossdock.orders.kits import of_channel
from crossdock.store.commands import enqueue
from crossdock.store.order_book import StoredOrder, load_orders
from crossdock.store.return_refunds import RefundKind, RefundLine, add_refunds, credited_of_order
from crossdock.store.returns import StoredReturn
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.documents import OrderDocument, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.outgoing import reference_id
from crossdock.streams.processors.posting import Part, posting_commands
from crossdock_schemas.posting import PostingKind

__all__ = ["credit"]


def credit(
    hub: Hub, tx: Transaction, kept: StoredReturn, paid: Mapping[str, int], had: Mapping[str, int]
) -> None:
    """Post units that were paid back since the last credit note of this return, at the prices of the order.

    Args:
        paid: Units by the channel's line for which money went back.
        had: Those of them that credit notes have told of.
    """
    if kept.order_id is None or not any(posting.credit_note for posting in hub.config.postings):
        return
    order = load_orders(tx.connection, [kept.order_id], lock=False).get(kept.order_id)
    if order is None:
        return
    billed = _billed(order, paid)
    news = {
        line: units - had.get(line, 0) for line, units in sorted(billed.items()) if units > had.get(line, 0)
    }
    if not news:
        return
    name = reference_id("C", kept.id, *[f"{line}:{billed[line]}" for line in news])
    before = credited_of_order(tx.connection, order.id)
    add_refunds(
        tx.connection,
        [
            RefundLine(kept.id, RefundKind.CREDITED, name, number, line, units, billed[line], None)
            for number, (line, units) in enumerate(news.items(), 1)
        ],
    )
    commands = posting_commands(
        hub,
        order,
        read(order.document, OrderDocument),
        PostingKind.CREDIT_NOTE,
        name,
        {line: Part(before[line], units) for line, units in news.items()},
        tx.now,
        node=kept.node,
        references=({"kind": "return", "value": kept.external_id},),
    )
    enqueue(tx.connection, commands)


def _billed(order: StoredOrder, paid: Mapping[str, int]) -> Counter[str]:
    """``paid`` as far as it has left: what has not was never on an invoice."""
    units = {line.line_id: line.quantities.shipped + line.quantities.over_shipped for line in order.lines}
    left = of_channel(order.parts, units)
    return Counter({line: min(number, left[line]) for line, number in paid.items() if line in left})

"""The ``outcomes`` processor: what became of commands, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import msgspec
from msgspec.structs import replace

from crossdock.orders.cancelling import refuse_cancellation
from crossdock.orders.life_cycles import OrderState
from crossdock.orders.node_answers import apply_rejection
from crossdock.orders.worklist import Cause
from crossdock.store.ingest import CrossReference, link
from crossdock.store.reports import unreported
from crossdock.store.shipments import StoredShipment, load_shipments, save_shipments
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import LabelDocument, Part, read
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.return_standing import refund_done
from crossdock.streams.processors.shipping import label_bought, label_failed
from crossdock.streams.processors.tracking import catch_up
from crossdock.streams.topics import OUTCOMES

__all__ = ["REPORTS", "OutcomeDocument", "outcomes_processor"]

REPORTS = (
    *("shipment.confirm", "invoice.post", "sales_order.post", "order.cancel"),
    "credit_note.post",
    *("purchase_order.create", "purchase_order.change", "purchase_order.cancel"),
)
"""Commands that tell channel and ERP what happened; an order is closed when all of them are applied."""


class OutcomeDocument(Part, frozen=True):
    """What became of a command: ``applied``, ``rejected``, or ``parked`` where nobody knows."""

    command: str
    connection: str
    id: int
    state: str
    refs: dict[str, str] = msgspec.field(default_factory=dict)
    ref: str | None = None
    code: str | None = None
    message: str | None = None
    schema: str | None = None
    document: msgspec.Raw = msgspec.Raw(b"null")

    @property
    def applied(self) -> bool:
        """Whether it happened."""
        return self.state == "applied"

    @property
    def words(self) -> str:
        """Why it did not happen, for people."""
        said = ": ".join(part for part in (self.code, self.message) if part) or "no reason given"
        if self.state == "parked":
            return f"nobody knows whether {self.connection} carried out {self.command}: {said}"
        return f"{self.connection} refused {self.command}: {said}"


@dataclass(slots=True)
class _Batch:
    books: Books
    shipments: dict[str, StoredShipment]
    changed: dict[str, StoredShipment]

    def keep(self, shipment: StoredShipment) -> None:
        self.shipments[shipment.id] = self.changed[shipment.id] = shipment


def outcomes_processor(hub: Hub) -> Processor:
    """Applies what became of commands."""
    return Processor("outcomes", OUTCOMES, partial(_handle, hub), batch=200)


def _handle(hub: Hub, tx: Transaction, messages: Sequence[Message]) -> None:
    outcomes = [(message.key, read(message.body, OutcomeDocument)) for message in messages]
    books = Books(hub, tx)
    books.load_fulfilments(
        each.refs["fulfilment_order"] for _, each in outcomes if "fulfilment_order" in each.refs
    )
    names = [each.refs["shipment"] for _, each in outcomes if "shipment" in each.refs]
    shipments = load_shipments(tx.connection, names)
    books.load(each.order_id for each in shipments.values())
    books.load(key for key, each in outcomes if each.command in REPORTS)
    batch = _Batch(books, shipments, {})
    for key, outcome in outcomes:
        if outcome.applied:
            _applied(batch, outcome)
        else:
            _failed(batch, key, outcome)
    save_shipments(tx.connection, catch_up(books, list(batch.changed.values())), tx.now)
    _close_orders(books, [key for key, each in outcomes if each.command in REPORTS and each.applied])
    books.close()


def _applied(batch: _Batch, outcome: OutcomeDocument) -> None:
    now, connection = batch.books.tx.now, batch.books.tx.connection
    fulfilment = outcome.refs.get("fulfilment_order")
    if outcome.command == "fulfilment.request" and fulfilment and outcome.ref:
        link(
            connection,
            [CrossReference(outcome.connection, "fulfilment_order", outcome.ref, fulfilment, now)],
        )
    elif outcome.command == "return.refund":
        refund_done(batch.books.hub, batch.books.tx, outcome.refs["refund"])
    elif outcome.command == "label.buy" and outcome.schema is not None:
        shipment = batch.shipments[outcome.refs["shipment"]]
        label = read(bytes(outcome.document), LabelDocument)
        occurrence = Occurrence(f"label:{outcome.id}", outcome.connection, now)
        bought = label_bought(batch.books, shipment, int(outcome.refs["parcel"]), label, occurrence)
        link(
            connection,
            [CrossReference(outcome.connection, "shipment", label.external_id, shipment.id, now)],
        )
        batch.keep(bought)


def _failed(batch: _Batch, key: str, outcome: OutcomeDocument) -> None:
    """A refusal by the node goes elsewhere by itself; everything else is for people."""
    books = batch.books
    occurrence = Occurrence(f"outcome:{outcome.id}", outcome.connection, books.tx.now)
    stored = books.fulfilments.get(outcome.refs.get("fulfilment_order", ""))
    cause = Cause.OUTCOME_UNKNOWN if outcome.state == "parked" else Cause.PARTNER_REFUSED
    if stored is not None and cause is Cause.PARTNER_REFUSED:
        quantities = books.quantities_of(stored)
        if outcome.command == "fulfilment.request":
            refused = apply_rejection(stored.fulfilment, quantities, occurrence.id)
        else:
            refused = refuse_cancellation(stored.fulfilment, quantities, occurrence.id, outcome.words)
        books.apply(stored, refused, occurrence)
    elif outcome.command == "label.buy" and cause is Cause.PARTNER_REFUSED:
        batch.keep(label_failed(books, batch.shipments[outcome.refs["shipment"]], outcome.words))
    else:
        order_id = stored.fulfilment.order if stored else (key if key in books.orders else None)
        books.raise_work(cause, f"command:{outcome.id}", outcome.words, order_id=order_id)


def _close_orders(books: Books, keys: Sequence[str]) -> None:
    """Close shipped orders of which everybody has been told."""
    shipped = [key for key in dict.fromkeys(keys) if _is_shipped(books, key)]
    waiting = unreported(books.tx.connection, shipped, REPORTS)
    for key in shipped:
        if key not in waiting:
            books.put_order(replace(books.orders[key], state=OrderState.CLOSED))


def _is_shipped(books: Books, order: str) -> bool:
    return order in books.orders and books.orders[order].state is OrderState.SHIPPED

"""The ``fulfil`` processor: what nodes answer and ship."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.cancelling import confirm_cancellation, refuse_cancellation
from crossdock.orders.consolidating import lost
from crossdock.orders.fulfilment import FulfilmentChange, Quantities, by_line, noted
from crossdock.orders.life_cycles import FulfilmentEvent
from crossdock.orders.node_answers import apply_progress, apply_rejection, apply_short_pick
from crossdock.orders.worklist import Cause
from crossdock.store import acknowledgements
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.shipments import StoredShipment, save_shipments
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.collecting import note_ready
from crossdock.streams.processors.documents import (
    AcknowledgementDocument,
    ResponseDocument,
    ShipmentDocument,
    read,
)
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.shipping import advise, stored_fulfilment
from crossdock.streams.processors.tracking import catch_up
from crossdock.streams.topics import FULFILMENT
from crossdock_schemas.fulfilment import AcknowledgementStatus, ResponseKind

__all__ = ["fulfil_processor"]

_OUT_OF_STOCK = frozenset({"out_of_stock", "no_stock", "short", "not_found", "damaged"})
"""Reasons of a rejection that mean the units are not there."""


def fulfil_processor(hub: Hub) -> Processor:
    """Applies what nodes answer to fulfilment orders."""
    return Processor("fulfil", FULFILMENT, partial(_handle, hub), batch=100)


def _handle(hub: Hub, tx: Transaction, messages: Sequence[Message]) -> None:
    books = Books(hub, tx)
    kinds = [message.headers["schema"].partition("/")[0] for message in messages]
    names = [message.key for message, kind in zip(messages, kinds, strict=True) if kind != "acknowledgement"]
    books.load_fulfilments(names)
    shipments: dict[str, StoredShipment] = {}
    for message, kind in zip(messages, kinds, strict=True):
        source = message.headers.get("connection", "hub")
        if kind == "shipment":
            advice = read(message.body, ShipmentDocument)
            occurrence = Occurrence(advice.external_id, source, advice.shipped_at)
            shipment = advise(books, advice, message.body, occurrence)
            if shipment is not None:
                shipments[shipment.id] = shipment
        elif kind == "fulfilment_response":
            _answer(books, read(message.body, ResponseDocument), source)
        else:
            _acknowledge(books, read(message.body, AcknowledgementDocument), source)
    save_shipments(tx.connection, catch_up(books, list(shipments.values())), tx.now)
    books.close()


def _answer(books: Books, said: ResponseDocument, source: str) -> None:
    stored = stored_fulfilment(books, said.fulfilment_order)
    occurrence = Occurrence(said.external_id, source, said.occurred_at)
    stored = books.acknowledge(stored, occurrence)
    books.apply(stored, _change(stored, books.quantities_of(stored), said), occurrence)
    if said.kind is ResponseKind.PACKED:
        note_ready(books, stored.id, said.occurred_at)


def _change(stored: StoredFulfilment, quantities: Quantities, said: ResponseDocument) -> FulfilmentChange:
    fulfilment, message = stored.fulfilment, said.external_id
    units = None
    if said.lines:
        units = by_line(fulfilment, [(line.line, line.sku, line.quantity) for line in said.lines])
    match said.kind:
        case ResponseKind.ACCEPTED:
            return apply_progress(fulfilment, quantities, FulfilmentEvent.ACCEPT, message)
        case ResponseKind.PICKING:
            return apply_progress(fulfilment, quantities, FulfilmentEvent.PICK, message)
        case ResponseKind.PACKED:
            return apply_progress(fulfilment, quantities, FulfilmentEvent.PACK, message)
        case ResponseKind.REJECTED:
            gone = said.reason in _OUT_OF_STOCK
            return apply_rejection(fulfilment, quantities, message, units, out_of_stock=gone)
        case ResponseKind.SHORT:
            if fulfilment.to_node and not fulfilment.open and message not in fulfilment.messages:
                return lost(noted(fulfilment, quantities, message)[0], units)
            return apply_short_pick(fulfilment, quantities, message, units)
        case ResponseKind.CANCELLED:
            return confirm_cancellation(fulfilment, quantities, message, units)
        case ResponseKind.CANCEL_REFUSED:
            return refuse_cancellation(fulfilment, quantities, message, said.reason or "")


def _acknowledge(books: Books, said: AcknowledgementDocument, source: str) -> None:
    """The partner could (not) read a document of ours; its control number is the command's."""
    command = acknowledgements.command_of(
        books.tx.connection, source, said.document_control or said.group_control
    )
    if command is None:
        raise RecordRejectedError(
            Rejection(
                "acknowledgement.unknown",
                f"nothing was sent to {source} under control number {said.document_control or said.group_control}",
                path="$.group_control",
                value=said.group_control,
            )
        )
    about = command.fulfilment_order
    if about:
        books.load_fulfilments([about])
    if said.status is AcknowledgementStatus.REJECTED:
        faults = "; ".join(said.errors) or "it gave no reason"
        books.raise_work(
            Cause.PARTNER_REFUSED,
            f"fulfilment_order:{about}" if about else f"command:{command.id}",
            f"{source} could not read {command.name} of {about or f'command {command.id}'}: {faults}",
        )
        return
    stored = books.fulfilments.get(command.fulfilment_order)
    if stored is not None:
        books.acknowledge(stored, Occurrence(said.external_id, source, books.tx.now))

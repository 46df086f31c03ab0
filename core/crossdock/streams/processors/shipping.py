"""Goods that leave: from a node's advice to what the channel and the ERP are told.

A node that gives a tracking number for every parcel has shipped. One that does not has packed, where the hub buys
labels: the goods count as shipped when every parcel has its label.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.orders.fulfilment import by_line
from crossdock.orders.life_cycles import FulfilmentEvent, ShipmentState
from crossdock.orders.node_answers import apply_progress, apply_shipment
from crossdock.orders.worklist import Cause
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.shipments import StoredParcel, StoredShipment
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.confirmations import confirm_shipment, said_of
from crossdock.streams.processors.consolidating import have_left
from crossdock.streams.processors.documents import (
    LabelDocument,
    ShipmentDocument,
    read,
)
from crossdock.streams.processors.exploding import shipped_for_channel
from crossdock.streams.processors.happenings import Occurrence
from crossdock.streams.processors.labelling import buy_labels
from crossdock.streams.processors.outgoing import reference_id
from crossdock.streams.processors.posting import post_shipment
from crossdock_schemas.order import DeliveryKind

__all__ = ["advise", "label_bought", "label_failed", "stored_fulfilment"]


def stored_fulfilment(books: Books, name: str) -> StoredFulfilment:
    """The fulfilment order a node speaks of.

    Raises:
        RecordRejectedError: The hub has none of this id.
    """
    stored = books.fulfilments.get(name)
    if stored is None:
        raise RecordRejectedError(
            Rejection(
                "fulfilment.unknown_order",
                f"there is no fulfilment order {name!r}: the node must send back the id it was given",
                path="$.fulfilment_order",
                value=name,
            )
        )
    return stored


def advise(
    books: Books, document: ShipmentDocument, body: bytes, occurrence: Occurrence
) -> StoredShipment | None:
    """Take in a node's advice. Returns the shipment; None where it was advised before."""
    stored = stored_fulfilment(books, document.fulfilment_order)
    fulfilment = stored.fulfilment
    packed = f"{document.external_id}/packed"
    if {document.external_id, packed} & fulfilment.messages:
        return None
    units = _units(stored, document)
    stored = books.acknowledge(stored, occurrence)
    shipment = StoredShipment(
        id=reference_id("S", fulfilment.id, document.external_id),
        fulfilment_order_id=fulfilment.id,
        order_id=fulfilment.order,
        node=fulfilment.node,
        external_id=document.external_id,
        state=ShipmentState.PLANNED,
        carrier=document.carrier or stored.carrier,
        service=document.service or stored.service or None,
        shipped_at=None,
        cost=document.cost.amount if document.cost else None,
        cost_currency=document.cost.currency if document.cost else None,
        label_ref=None,
        document=body,
        created_at=books.tx.now,
        parcels=tuple(
            StoredParcel(number, parcel.tracking_number, document.carrier or stored.carrier)
            for number, parcel in enumerate(document.parcels, start=1)
        ),
    )
    if _needs_labels(books, stored, document):
        change = apply_progress(
            fulfilment,
            books.quantities_of(stored),
            FulfilmentEvent.PACK,
            packed,
        )
        books.apply(stored, change, occurrence)
        buy_labels(books, books.fulfilments[stored.id], shipment, document)
        return replace(shipment, state=ShipmentState.LABEL_REQUESTED)
    return _leave(books, stored, shipment, document, units, occurrence)


def label_bought(
    books: Books, shipment: StoredShipment, number: int, label: LabelDocument, occurrence: Occurrence
) -> StoredShipment:
    """One parcel has its label; with the last one the shipment leaves."""
    parcels = tuple(
        replace(parcel, tracking_number=label.tracking_number, carrier=label.carrier)
        if parcel.number == number
        else parcel
        for parcel in shipment.parcels
    )
    cost = (shipment.cost or Decimal(0)) + (label.cost.amount if label.cost else Decimal(0))
    labelled = replace(
        shipment,
        parcels=parcels,
        cost=cost,
        cost_currency=label.cost.currency if label.cost else shipment.cost_currency,
        carrier=label.carrier,
        service=label.service or shipment.service,
        label_ref=label.external_id,
    )
    if shipment.state is not ShipmentState.LABEL_REQUESTED or any(not p.tracking_number for p in parcels):
        return labelled
    document = read(shipment.document, ShipmentDocument)
    stored = stored_fulfilment(books, shipment.fulfilment_order_id)
    return _leave(books, stored, labelled, document, _units(stored, document), occurrence)


def label_failed(books: Books, shipment: StoredShipment, reason: str) -> StoredShipment:
    """No label is to be had: the packed goods wait for people."""
    subject = f"shipment:{shipment.id}"
    text = f"no label for shipment {shipment.id} at node {shipment.node}: {reason}"
    books.raise_work(Cause.PARTNER_REFUSED, subject, text, order_id=shipment.order_id)
    return replace(shipment, state=ShipmentState.PLANNED)


def _leave(
    books: Books,
    stored: StoredFulfilment,
    shipment: StoredShipment,
    document: ShipmentDocument,
    units: Mapping[str, int],
    occurrence: Occurrence,
) -> StoredShipment:
    """The goods have left: book them out, tell the channel and the ERP."""
    order = books.orders[stored.fulfilment.order]
    change = apply_shipment(
        stored.fulfilment, books.quantities_of(stored), document.external_id, units, final=document.final
    )
    books.apply(stored, change, occurrence)
    if stored.fulfilment.to_node:
        have_left(books, stored.id)
    left = replace(shipment, state=ShipmentState.SHIPPED, shipped_at=document.shipped_at)
    reported = {
        line.order_line: line.quantity
        for effect, of in books.shipped
        if of is occurrence and effect.fulfilment_order == stored.id
        for line in effect.lines
    }
    if reported:
        _, sold = shipped_for_channel(order, reported)
        confirm_shipment(books, stored, left, document, sold)
        numbers = tuple(parcel.tracking_number for parcel in left.parcels if parcel.tracking_number)
        post_shipment(books, order, stored, left.id, reported, numbers)
    return left


def _units(stored: StoredFulfilment, document: ShipmentDocument) -> dict[str, int]:
    return by_line(
        stored.fulfilment, [each for parcel in document.parcels for each in said_of(stored, parcel)]
    )


def _needs_labels(books: Books, stored: StoredFulfilment, document: ShipmentDocument) -> bool:
    if books.hub.config.labels is None or all(parcel.tracking_number for parcel in document.parcels):
        return False
    if stored.fulfilment.to_node:
        return True
    order = books.document(books.orders[stored.fulfilment.order].document)
    destination = next((each for each in order.destinations if each.id == stored.destination), None)
    return destination is not None and destination.kind is not DeliveryKind.PICK_UP

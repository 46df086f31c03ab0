"""The ``track`` processor: where carriers say the parcels are.

A carrier may speak of a parcel before its node or its label's answer does, and on a shared account of parcels that
are none of ours: what it says is kept, and counts as soon as a shipment with that number is known (``catch_up``).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from crossdock.orders.life_cycles import SHIPMENT, ShipmentEvent, ShipmentState
from crossdock.orders.machine import take
from crossdock.orders.worklist import Cause
from crossdock.store.shipments import (
    StoredShipment,
    TrackingRow,
    add_tracking,
    save_shipments,
    shipments_of_tracking,
    tracking_of,
)
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import TrackingDocument, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.topics import TRACKING
from crossdock_schemas.fulfilment import TrackingStatus

__all__ = ["catch_up", "track_processor"]

_EVENTS = {
    TrackingStatus.IN_TRANSIT: ShipmentEvent.SCAN,
    TrackingStatus.OUT_FOR_DELIVERY: ShipmentEvent.SCAN,
    TrackingStatus.AVAILABLE_FOR_PICK_UP: ShipmentEvent.SCAN,
    TrackingStatus.DELIVERED: ShipmentEvent.DELIVER,
    TrackingStatus.EXCEPTION: ShipmentEvent.FAIL,
    TrackingStatus.RETURN_TO_SENDER: ShipmentEvent.RETURN,
}
"""Other statuses say nothing of where the parcel is."""


def track_processor(hub: Hub) -> Processor:
    """Follows parcels."""
    return Processor("track", TRACKING, partial(_handle, hub), batch=200)


def _handle(hub: Hub, tx: Transaction, messages: Sequence[Message]) -> None:
    events = [(message, read(message.body, TrackingDocument)) for message in messages]
    of_number = shipments_of_tracking(tx.connection, [event.tracking_number for _, event in events])
    current = {each.id: each for group in of_number.values() for each in group}
    changed: dict[str, None] = {}
    books = Books(hub, tx)
    for _, event in events:
        for shipment in of_number.get(event.tracking_number, ()):
            moved = _moved(books, current[shipment.id], event)
            if moved is not current[shipment.id]:
                current[shipment.id] = moved
                changed[shipment.id] = None
    add_tracking(
        tx.connection,
        [
            TrackingRow(
                event.tracking_number,
                event.external_id,
                event.status.value,
                event.occurred_at,
                event.message,
                message.body,
                tx.now,
            )
            for message, event in events
        ],
    )
    save_shipments(tx.connection, [current[each] for each in changed], tx.now)
    books.close()


def catch_up(books: Books, shipments: Sequence[StoredShipment]) -> list[StoredShipment]:
    """Shipments with what carriers had said of their parcels before the hub knew the tracking numbers."""
    numbers = [
        parcel.tracking_number for each in shipments for parcel in each.parcels if parcel.tracking_number
    ]
    said = tracking_of(books.tx.connection, numbers)
    caught_up = []
    for shipment in shipments:
        for number in dict.fromkeys(parcel.tracking_number for parcel in shipment.parcels):
            for body in said.get(number or "", ()):
                shipment = _moved(books, shipment, read(body, TrackingDocument))
        caught_up.append(shipment)
    return caught_up


def _moved(books: Books, shipment: StoredShipment, event: TrackingDocument) -> StoredShipment:
    """The shipment after an event; an event older than the parcel's last one changes nothing."""
    parcels = list(shipment.parcels)
    index = next(
        index for index, parcel in enumerate(parcels) if parcel.tracking_number == event.tracking_number
    )
    known = parcels[index].status_at
    if known is not None and event.occurred_at <= known:
        return shipment
    parcels[index] = replace(parcels[index], status=event.status.value, status_at=event.occurred_at)
    shipment = replace(shipment, parcels=tuple(parcels))
    what = _EVENTS.get(event.status)
    if what is None or (what is ShipmentEvent.DELIVER and not _all_delivered(shipment)):
        return shipment
    step = take(SHIPMENT, shipment.state, what)
    if step.cause is not None:
        text = f"carrier says {event.status} of {event.tracking_number}: {step.reason}"
        books.raise_work(step.cause, f"shipment:{shipment.id}", text, order_id=shipment.order_id)
    if what in (ShipmentEvent.FAIL, ShipmentEvent.RETURN):
        text = f"parcel {event.tracking_number}: {event.status}" + (
            f", {event.message}" if event.message else ""
        )
        books.raise_work(Cause.PARTNER_REFUSED, f"shipment:{shipment.id}", text, order_id=shipment.order_id)
    if shipment.state is ShipmentState.EXCEPTION and step.state is ShipmentState.DELIVERED:
        books.settlements.add(Cause.PARTNER_REFUSED, f"shipment:{shipment.id}", "it was delivered after all")
    return replace(shipment, state=step.state)


def _all_delivered(shipment: StoredShipment) -> bool:
    return all(parcel.status == TrackingStatus.DELIVERED for parcel in shipment.parcels)

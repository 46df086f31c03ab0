"""Labels that the hub buys for parcels a node has packed."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from crossdock.store.commands import CommandRow
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.shipments import StoredShipment
from crossdock.streams.processors.asking import ship_to
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import (
    ParcelDocument,
    ShipmentDocument,
    encode,
)
from crossdock.streams.processors.stores import degrees, node_address

__all__ = ["buy_labels"]


def buy_labels(
    books: Books, stored: StoredFulfilment, shipment: StoredShipment, document: ShipmentDocument
) -> None:
    """Ask the carrier for the label of each parcel that has no tracking number."""
    labels = books.hub.config.labels
    assert labels is not None
    order = books.orders[shipment.order_id]
    to = _ship_to(books, ship_to(books.hub, order, books.document(order.document), stored))
    for kept, parcel in zip(shipment.parcels, document.parcels, strict=True):
        if kept.tracking_number:
            continue
        body = _label_request(books, stored, shipment, to, parcel, kept.number)
        books.command(
            CommandRow(
                connection=labels.connection,
                name="label.buy",
                order_key=shipment.id,
                idempotency_key=f"label.buy:{shipment.id}/{kept.number}",
                payload=body,
                refs={"shipment": shipment.id, "parcel": str(kept.number)},
                correlation_id=order.correlation_id,
                created_at=books.tx.now,
            )
        )


def _label_request(
    books: Books,
    stored: StoredFulfilment,
    shipment: StoredShipment,
    to: Mapping[str, object],
    parcel: ParcelDocument,
    number: int,
) -> bytes:
    grams = parcel.weight.grams if parcel.weight else _weight(books, stored, parcel)
    return encode(
        {
            "external_id": f"{shipment.id}/{number}",
            "fulfilment_order": stored.id,
            "order": shipment.order_id,
            "carrier": stored.carrier,
            "service": stored.service,
            "ship_from": node_address(books.hub, shipment.node),
            "ship_to": to,
            "weight": {"grams": grams},
        }
    )


def _ship_to(books: Books, written: msgspec.Raw) -> Mapping[str, object]:
    """An address as it is; without a position the post code's is added, as routing took it."""
    address: dict[str, Any] = msgspec.json.decode(bytes(written), type=dict[str, Any])
    if address.get("latitude") is not None and address.get("longitude") is not None:
        return address
    words = (address.get(name) or "" for name in ("country", "region", "postal_code", "city"))
    return {**address, **degrees(books.hub.locate(*words))}


def _weight(books: Books, stored: StoredFulfilment, parcel: ParcelDocument) -> Decimal:
    """What the order says its units weigh; at least one gram, which every carrier wants."""
    order = books.document(books.orders[stored.fulfilment.order].document)
    unit = {line.sku: line.weight.grams for line in order.lines if line.weight}
    return max(
        Decimal(1), sum((unit.get(line.sku, Decimal(0)) * line.quantity for line in parcel.lines), Decimal(0))
    )

"""What a channel is told of goods that left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from crossdock.orders.fulfilment import FulfilmentLine, by_line, line_of_lot
from crossdock.store.commands import CommandRow
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_book import StoredOrder
from crossdock.store.shipments import StoredShipment
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import OrderDocument, ParcelDocument, ShipmentDocument, encode

__all__ = ["confirm_shipment", "said_of"]


class ParcelLineOut(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``ParcelLine``."""

    line: str
    order_line: str
    sku: str
    quantity: int


class ParcelOut(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``Parcel``."""

    lines: tuple[ParcelLineOut, ...]
    tracking_number: str | None = None


class ShipmentOut(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """``Shipment``."""

    external_id: str
    fulfilment_order: str
    node: str
    shipped_at: datetime
    parcels: tuple[ParcelOut, ...]
    carrier: str | None = None
    service: str | None = None
    final: bool = True
    references: tuple[dict[str, str], ...] = ()


class _Kits:
    """Puts kits in the place of their components, in the first parcel that holds one of them."""

    def __init__(self, order: StoredOrder, document: OrderDocument, sold: Mapping[str, int]) -> None:
        """Tell ``sold`` units by the channel's lines, each once."""
        self._kit_lines = {line.line_id: line.kit_line for line in order.lines if line.kit_line}
        self._skus = {line.external_id: line.sku for line in document.lines}
        self._sold = dict(sold)

    def told(self, line: FulfilmentLine, quantity: int) -> ParcelLineOut | None:
        """What the channel hears of units of a line; None where it is a component of a kit told of already."""
        kit = self._kit_lines.get(line.order_line)
        if kit is None:
            return ParcelLineOut(line=line.id, order_line=line.order_line, sku=line.sku, quantity=quantity)
        whole = self._sold.pop(kit, 0)
        if not whole:
            return None
        return ParcelLineOut(line=line.id, order_line=kit, sku=self._skus[kit], quantity=whole)


def confirm_shipment(
    books: Books,
    stored: StoredFulfilment,
    shipment: StoredShipment,
    document: ShipmentDocument,
    sold: Mapping[str, int],
) -> None:
    """Tell the channel; ``sold`` are the units by its own lines. Of a kit that is not whole yet it hears later."""
    order = books.orders[shipment.order_id]
    if not sold or not books.hub.does(order.connection, "shipment.confirm"):
        return
    kits = _Kits(order, books.document(order.document), sold)
    body = ShipmentOut(
        external_id=shipment.id,
        fulfilment_order=stored.id,
        node=shipment.node,
        shipped_at=document.shipped_at,
        carrier=shipment.carrier,
        service=shipment.service,
        final=document.final,
        references=({"kind": "order", "value": order.external_id},),
        parcels=tuple(
            _parcel(stored, parcel, kept.tracking_number, kits)
            for parcel, kept in zip(document.parcels, shipment.parcels, strict=True)
        ),
    )
    books.command(
        CommandRow(
            connection=order.connection,
            name="shipment.confirm",
            order_key=order.id,
            idempotency_key=f"shipment.confirm:{shipment.id}",
            payload=encode(body),
            refs={"order": order.external_id},
            correlation_id=order.correlation_id,
            created_at=books.tx.now,
        )
    )


def said_of(stored: StoredFulfilment, parcel: ParcelDocument) -> Sequence[tuple[str | None, str, int]]:
    """What a node says of a parcel's lines, for ``by_line``: a lot that it was told to pick names the line."""
    return [
        (line.line or line_of_lot(stored.fulfilment, line.sku, line.lot), line.sku, line.quantity)
        for line in parcel.lines
    ]


def _parcel(
    stored: StoredFulfilment, parcel: ParcelDocument, tracking_number: str | None, kits: _Kits
) -> ParcelOut:
    units = by_line(stored.fulfilment, said_of(stored, parcel))
    lines = {line.id: line for line in stored.fulfilment.lines}
    told = [kits.told(lines[name], quantity) for name, quantity in units.items()]
    return ParcelOut(
        tracking_number=tracking_number, lines=tuple([line for line in told if line is not None])
    )

"""Shipments, their parcels, and where carriers say the parcels are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import Connection, Text, select

from crossdock.orders.life_cycles import ShipmentState
from crossdock.store.bulk import InsertMany, SelectMany
from crossdock.store.order_tables import parcels, shipments, tracking_events

__all__ = [
    "StoredParcel",
    "StoredShipment",
    "TrackingRow",
    "add_tracking",
    "load_shipments",
    "save_shipments",
    "shipments_of_orders",
    "shipments_of_tracking",
    "tracking_of",
]


class StoredParcel(Struct, frozen=True):
    """One parcel, counted from 1 within its shipment."""

    number: int
    tracking_number: str | None
    carrier: str | None
    status: str | None = None
    status_at: datetime | None = None


class StoredShipment(Struct, frozen=True):
    """Goods that left a node, or stand there packed and wait for a label; ``document`` is the node's advice."""

    id: str
    fulfilment_order_id: str
    order_id: str
    node: str
    external_id: str
    state: ShipmentState
    carrier: str | None
    service: str | None
    shipped_at: datetime | None
    cost: Decimal | None
    cost_currency: str | None
    label_ref: str | None
    document: bytes
    created_at: datetime
    parcels: tuple[StoredParcel, ...] = ()


class TrackingRow(NamedTuple):
    """One event of a carrier."""

    tracking_number: str
    external_id: str
    status: str
    occurred_at: datetime
    message: str | None
    document: bytes
    created_at: datetime


_SHIPMENT = tuple(name for name in StoredShipment.__struct_fields__ if name != "parcels")
_PARCEL = ("shipment_id", "number", "tracking_number", "carrier", "status", "status_at")
_CHANGING = ("state", "carrier", "service", "shipped_at", "cost", "cost_currency", "label_ref", "updated_at")

_save = InsertMany(
    shipments,
    (*_SHIPMENT, "updated_at"),
    conflict=("id",),
    update=lambda new: {name: new[name] for name in _CHANGING},
)
_save_parcels = InsertMany(
    parcels,
    _PARCEL,
    conflict=("shipment_id", "number"),
    update=lambda new: {name: new[name] for name in _PARCEL[2:]},
)
_add_tracking = InsertMany(tracking_events, TrackingRow._fields, ignore=True)


def _shipment_rows(key: str) -> SelectMany:
    return SelectMany(
        _WANTED,
        lambda wanted: (
            select(*(shipments.c[name] for name in _SHIPMENT))
            .select_from(wanted)
            .join(shipments, shipments.c[key] == wanted.c.value)
            .order_by(shipments.c.created_at, shipments.c.id)
        ),
    )


_WANTED = {"value": Text()}
_shipments_by = {key: _shipment_rows(key) for key in ("id", "order_id")}
_parcels = SelectMany(
    _WANTED,
    lambda known: (
        select(*(parcels.c[name] for name in _PARCEL))
        .select_from(known)
        .join(parcels, parcels.c.shipment_id == known.c.value)
        .order_by(parcels.c.shipment_id, parcels.c.number)
    ),
)
_of_tracking = SelectMany(
    _WANTED,
    lambda wanted: (
        select(parcels.c.tracking_number, parcels.c.shipment_id)
        .select_from(wanted)
        .join(parcels, parcels.c.tracking_number == wanted.c.value)
        .order_by(parcels.c.shipment_id)
    ),
)
_events = SelectMany(
    _WANTED,
    lambda wanted: (
        select(tracking_events.c.tracking_number, tracking_events.c.document)
        .select_from(wanted)
        .join(tracking_events, tracking_events.c.tracking_number == wanted.c.value)
        .order_by(tracking_events.c.tracking_number, tracking_events.c.occurred_at)
    ),
)


def load_shipments(connection: Connection, ids: Iterable[str]) -> dict[str, StoredShipment]:
    """Shipments with their parcels, by id; unknown ids are missing."""
    return _load(connection, "id", ids)


def shipments_of_orders(connection: Connection, order_ids: Iterable[str]) -> dict[str, list[StoredShipment]]:
    """Shipments by order, the first first."""
    found: dict[str, list[StoredShipment]] = {}
    for shipment in _load(connection, "order_id", order_ids).values():
        found.setdefault(shipment.order_id, []).append(shipment)
    return found


def shipments_of_tracking(
    connection: Connection, tracking_numbers: Sequence[str]
) -> dict[str, list[StoredShipment]]:
    """Shipments by tracking number; several where parcels of one number were reported apart."""
    rows = _of_tracking(connection, [(each,) for each in sorted(set(tracking_numbers))])
    loaded = load_shipments(connection, [row.shipment_id for row in rows])
    found: dict[str, list[StoredShipment]] = {}
    for row in rows:
        group = found.setdefault(row.tracking_number, [])
        if loaded[row.shipment_id] not in group:
            group.append(loaded[row.shipment_id])
    return found


def save_shipments(connection: Connection, changed: Sequence[StoredShipment], now: datetime) -> None:
    """Insert or update shipments and their parcels."""
    _save(connection, [(*(getattr(each, name) for name in _SHIPMENT), now) for each in changed])
    _save_parcels(
        connection,
        [
            (each.id, parcel.number, parcel.tracking_number, parcel.carrier, parcel.status, parcel.status_at)
            for each in changed
            for parcel in each.parcels
        ],
    )


def add_tracking(connection: Connection, rows: Sequence[TrackingRow]) -> None:
    """Keep events; one that is there already is dropped."""
    _add_tracking(connection, rows)


def tracking_of(connection: Connection, tracking_numbers: Sequence[str]) -> dict[str, list[bytes]]:
    """What carriers said of each number, in the order in which it happened; silence is missing."""
    found: dict[str, list[bytes]] = {}
    for number, document in _events(connection, [(each,) for each in sorted(set(tracking_numbers))]):
        found.setdefault(number, []).append(bytes(document))
    return found


def _load(connection: Connection, key: str, values: Iterable[str]) -> dict[str, StoredShipment]:
    rows = _shipments_by[key](connection, [(each,) for each in sorted(set(values))])
    by_shipment: dict[str, list[StoredParcel]] = {}
    for shipment_id, *held in _parcels(connection, [(row.id,) for row in rows]):
        by_shipment.setdefault(shipment_id, []).append(StoredParcel(*held))
    return {row.id: _shipment(row, tuple(by_shipment.get(row.id, ()))) for row in rows}


def _shipment(row: Any, held: tuple[StoredParcel, ...]) -> StoredShipment:
    values = row._asdict()
    return StoredShipment(**{**values, "state": ShipmentState(values["state"])}, parcels=held)

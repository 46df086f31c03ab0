"""What a node is asked to do, what it answers, and what leaves it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crossdock_schemas.base import (
    Address,
    Attribute,
    Canonical,
    Dimensions,
    Gtin,
    Id,
    Instant,
    Money,
    Name,
    Reference,
    Sku,
    Text,
    Units,
    Weight,
)
from crossdock_schemas.order import DeliveryKind, Gift

__all__ = [
    "Acknowledgement",
    "AcknowledgementStatus",
    "FulfilmentLine",
    "FulfilmentOrder",
    "FulfilmentResponse",
    "Label",
    "LabelRequest",
    "Parcel",
    "ParcelLine",
    "Rate",
    "ResponseKind",
    "ResponseLine",
    "Shipment",
    "TrackingEvent",
    "TrackingStatus",
]


class FulfilmentLine(Canonical):
    """One line for a node to pick."""

    id: Id
    sku: Sku
    quantity: Annotated[Units, Field(ge=1)]
    name: Name | None = None
    gtin: Gtin | None = None
    unit: Name = "EA"
    unit_price: Money | None = None
    order_line: Id
    """``OrderLine.external_id``."""
    lot: Name | None = None
    gift: Gift | None = None
    properties: tuple[Attribute, ...] = ()


class FulfilmentOrder(Canonical):
    """The hub asks a node to pick, pack and ship these lines."""

    id: Id
    order: Id
    order_number: Name | None = None
    channel: Id
    node: Id
    attempt: Annotated[int, Field(strict=True, ge=1)] = 1
    created_at: Instant
    ship_by: Instant | None = None
    deliver_by: Instant | None = None
    delivery: DeliveryKind = DeliveryKind.SHIP
    ship_to: Address | None = None
    bill_to: Address | None = None
    carrier: Name | None = None
    service: Name | None = None
    purchase_order: Name | None = None
    gift: Gift | None = None
    note: Text | None = None
    lines: Annotated[tuple[FulfilmentLine, ...], Field(min_length=1)]
    references: tuple[Reference, ...] = ()


class ResponseKind(StrEnum):
    """What the node says about a fulfilment order."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    PICKING = "picking"
    SHORT = "short"
    PACKED = "packed"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"


class ResponseLine(Canonical):
    """What the node says about one line; ``quantity`` is what it can't do (short, rejected) or did."""

    line: Id | None = None
    order_line: Id | None = None
    """``OrderLine.external_id``, in what the hub tells channels."""
    sku: Sku
    quantity: Units
    reason: Name | None = None


class FulfilmentResponse(Canonical):
    """A node answers a fulfilment order."""

    external_id: Id
    """The node's id of this message."""
    fulfilment_order: Id
    kind: ResponseKind
    occurred_at: Instant
    lines: tuple[ResponseLine, ...] = ()
    """Empty: all lines."""
    reason: Name | None = None
    node: Id | None = None
    references: tuple[Reference, ...] = ()


class ParcelLine(Canonical):
    """What is in a parcel."""

    line: Id | None = None
    """``FulfilmentLine.id`` where the node knows it."""
    order_line: Id | None = None
    """``OrderLine.external_id``, in what the hub tells channels."""
    sku: Sku
    quantity: Annotated[Units, Field(ge=1)]
    lot: Name | None = None
    serial_numbers: tuple[Name, ...] = ()


class Parcel(Canonical):
    """One parcel of a shipment."""

    external_id: Id | None = None
    sscc: Annotated[str, Field(pattern=r"^\d{18}$")] | None = None
    """GS1 Serial Shipping Container Code."""
    tracking_number: Id | None = None
    tracking_url: Text | None = None
    weight: Weight | None = None
    dimensions: Dimensions | None = None
    lines: tuple[ParcelLine, ...] = ()


class Shipment(Canonical):
    """Goods that left a node, or stand packed and wait for a label (then no parcel has a tracking number)."""

    external_id: Id
    """The node's id of the shipment (X12 W0602, a delivery note number)."""
    fulfilment_order: Id
    node: Id | None = None
    shipped_at: Instant
    carrier: Name | None = None
    """SCAC or the name of a configured carrier."""
    service: Name | None = None
    cost: Money | None = None
    parcels: Annotated[tuple[Parcel, ...], Field(min_length=1)]
    final: bool = True
    """No further shipment follows for this fulfilment order; what is missing is short."""
    ship_to: Address | None = None
    references: tuple[Reference, ...] = ()


class Label(Canonical):
    """A carrier's label, bought."""

    external_id: Id
    """The carrier's shipment id."""
    tracking_number: Id
    carrier: Name
    service: Name | None = None
    cost: Money | None = None
    format: Name | None = None
    url: Text | None = None
    tracking_url: Text | None = None
    tracker_id: Id | None = None
    references: tuple[Reference, ...] = ()


class LabelRequest(Canonical):
    """The hub asks a carrier for the label of one parcel."""

    external_id: Id
    """Ours; the same id is bought once."""
    fulfilment_order: Id
    order: Id
    carrier: Name | None = None
    service: Name | None = None
    ship_from: Address
    ship_to: Address
    weight: Weight
    dimensions: Dimensions | None = None
    value: Money | None = None
    references: tuple[Reference, ...] = ()


class Rate(Canonical):
    """One price of a carrier for one parcel."""

    carrier: Name
    service: Name
    cost: Money
    external_id: Id | None = None
    delivery_days: Units | None = None
    deliver_by: Instant | None = None
    guaranteed: bool | None = None


class TrackingStatus(StrEnum):
    """Where a parcel is."""

    PRE_TRANSIT = "pre_transit"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICK_UP = "available_for_pick_up"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    RETURN_TO_SENDER = "return_to_sender"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class TrackingEvent(Canonical):
    """The carrier says where a parcel is."""

    external_id: Id
    tracking_number: Id
    carrier: Name | None = None
    status: TrackingStatus
    occurred_at: Instant
    message: Name | None = None
    city: Name | None = None
    region: Name | None = None
    country: Name | None = None
    postal_code: Name | None = None
    estimated_delivery: Instant | None = None
    signed_by: Name | None = None
    references: tuple[Reference, ...] = ()


class AcknowledgementStatus(StrEnum):
    """Whether a partner could read what we sent."""

    ACCEPTED = "accepted"
    ACCEPTED_WITH_ERRORS = "accepted_with_errors"
    REJECTED = "rejected"


class Acknowledgement(Canonical):
    """A partner's technical answer to a document of ours (X12 997)."""

    external_id: Id
    group_control: Id
    document_control: Id | None = None
    """Absent: the whole group."""
    document_kind: Name | None = None
    status: AcknowledgementStatus
    errors: tuple[Name, ...] = ()
    partner: Id | None = None

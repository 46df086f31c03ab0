"""The parts of canonical documents that processors read.

A document was validated by its pydantic model when it entered (``normalise``, the API). Inside it is decoded
again by msgspec into these types, which skip what is only carried: that costs a tenth.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from crossdock.errors import BugError
from crossdock_schemas.fulfilment import AcknowledgementStatus, ResponseKind, TrackingStatus
from crossdock_schemas.order import DeliveryKind, OrderStatus

__all__ = [
    "NOTHING",
    "NULL",
    "AcknowledgementDocument",
    "AddressDocument",
    "CancellationDocument",
    "DestinationDocument",
    "LabelDocument",
    "LineDocument",
    "MoneyDocument",
    "OrderDocument",
    "Part",
    "ProductDocument",
    "ResponseDocument",
    "ShipmentDocument",
    "TrackingDocument",
    "encode",
    "read",
]

NOTHING = msgspec.Raw()
"""A part of a document that is handed on unread, and is not there."""
NULL = msgspec.Raw(b"null")


class Part(msgspec.Struct, frozen=True):
    """What is read of a part of a document; other fields are skipped."""


class MoneyDocument(Part, frozen=True):
    """``Money``."""

    amount: Decimal
    currency: str


class AddressDocument(Part, frozen=True):
    """``Address``, as far as routing needs it."""

    country: str
    city: str | None = None
    region: str | None = None
    postal_code: str | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None


class PromiseDocument(Part, frozen=True):
    """``Promise``."""

    ship_by: datetime | None = None
    deliver_by: datetime | None = None
    service: str | None = None


class WeightDocument(Part, frozen=True):
    """``Weight``."""

    grams: Decimal


class DestinationDocument(Part, frozen=True):
    """``Destination``; the address is kept as it is, to be handed on."""

    id: str
    kind: DeliveryKind = DeliveryKind.SHIP
    address: msgspec.Raw = NOTHING
    location: str | None = None

    @property
    def place(self) -> AddressDocument | None:
        """What routing needs of the address."""
        return None if self.address in (NOTHING, NULL) else read(bytes(self.address), AddressDocument)


class LineDocument(Part, frozen=True):
    """``OrderLine``; ``per_kit`` is of lines that the hub made of the kit in line ``group``: units in one kit."""

    external_id: str
    sku: str
    quantity: int
    quantity_fulfilled: int = 0
    name: str | None = None
    gtin: str | None = None
    unit: str = "EA"
    unit_price: MoneyDocument | None = None
    gift: msgspec.Raw = NOTHING
    properties: msgspec.Raw = NOTHING
    discounts: msgspec.Raw = NOTHING
    taxes: msgspec.Raw = NOTHING
    requires_shipping: bool = True
    gift_card: bool = False
    weight: WeightDocument | None = None
    destination: str | None = None
    group: str | None = None
    kit: str | None = None
    available_from: datetime | None = None
    per_kit: int = 0


class TotalsDocument(Part, frozen=True):
    """``Totals``, as far as an ERP is told them."""

    shipping: MoneyDocument | None = None
    total: MoneyDocument | None = None


class OrderDocument(Part, frozen=True):
    """``Order``."""

    external_id: str
    version: str
    placed_at: datetime
    currency: str
    number: str | None = None
    status: OrderStatus = OrderStatus.OPEN
    cancel_reason: str | None = None
    destinations: tuple[DestinationDocument, ...] = ()
    lines: tuple[LineDocument, ...] = ()
    promise: PromiseDocument | None = None
    programs: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    buyer: msgspec.Raw = NOTHING
    bill_to: msgspec.Raw = NOTHING
    gift: msgspec.Raw = NOTHING
    note: str | None = None
    purchase_order: str | None = None
    totals: TotalsDocument | None = None
    shipping: msgspec.Raw = NOTHING
    references: tuple[dict[str, str], ...] = ()


class CancelledLineDocument(Part, frozen=True):
    """``CancelledLine``."""

    external_id: str
    quantity: int


class CancellationDocument(Part, frozen=True):
    """``Cancellation``."""

    external_id: str
    version: str
    requested_at: datetime
    lines: tuple[CancelledLineDocument, ...] = ()
    reason: str | None = None


class ProductDocument(Part, frozen=True):
    """``Product``."""

    sku: str
    version: str = ""
    weight: WeightDocument | None = None
    dimensions: dict[str, Decimal] | None = None
    restrictions: tuple[str, ...] = ()
    components: tuple[dict[str, Any], ...] = ()
    available_from: datetime | None = None


class ResponseLineDocument(Part, frozen=True):
    """``ResponseLine``."""

    sku: str
    quantity: int
    line: str | None = None


class ResponseDocument(Part, frozen=True):
    """``FulfilmentResponse``."""

    external_id: str
    fulfilment_order: str
    kind: ResponseKind
    occurred_at: datetime
    lines: tuple[ResponseLineDocument, ...] = ()
    reason: str | None = None


class ParcelLineDocument(ResponseLineDocument, frozen=True):
    """``ParcelLine``."""

    lot: str | None = None


class ParcelDocument(Part, frozen=True):
    """``Parcel``."""

    tracking_number: str | None = None
    weight: WeightDocument | None = None
    lines: tuple[ParcelLineDocument, ...] = ()


class ShipmentDocument(Part, frozen=True):
    """``Shipment``."""

    external_id: str
    fulfilment_order: str
    shipped_at: datetime
    parcels: tuple[ParcelDocument, ...]
    carrier: str | None = None
    service: str | None = None
    cost: MoneyDocument | None = None
    final: bool = True


class LabelDocument(Part, frozen=True):
    """``Label``."""

    external_id: str
    tracking_number: str
    carrier: str
    service: str | None = None
    cost: MoneyDocument | None = None


class TrackingDocument(Part, frozen=True):
    """``TrackingEvent``."""

    external_id: str
    tracking_number: str
    status: TrackingStatus
    occurred_at: datetime
    message: str | None = None


class AcknowledgementDocument(Part, frozen=True):
    """``Acknowledgement``."""

    external_id: str
    group_control: str
    status: AcknowledgementStatus
    document_control: str | None = None
    errors: tuple[str, ...] = ()


Document = TypeVar("Document", bound=Part)
_decoders: dict[type[Part], msgspec.json.Decoder[Any]] = {}
_encoder = msgspec.json.Encoder(decimal_format="string")


def read(body: bytes, kind: type[Document]) -> Document:
    """Read a canonical document.

    Raises:
        BugError: It is not what its schema says; it was validated when it entered.
    """
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.json.Decoder(kind)
    try:
        document: Document = decoder.decode(body)
    except msgspec.DecodeError as error:
        raise BugError(f"a validated document can't be read as {kind.__name__}: {error}") from error
    return document


def encode(value: object) -> bytes:
    """JSON of a document: decimals as strings, instants in UTC."""
    return _encoder.encode(value)

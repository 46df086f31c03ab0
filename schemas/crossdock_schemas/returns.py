"""Goods that come back, and money that goes back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crossdock_schemas.base import (
    Address,
    Attribute,
    Canonical,
    Id,
    Instant,
    Money,
    Name,
    Reference,
    Sku,
    Text,
    Units,
)

__all__ = [
    "Condition",
    "Disposition",
    "Refund",
    "RefundLine",
    "RestockKind",
    "ReturnLine",
    "ReturnReceipt",
    "ReturnReceiptLine",
    "ReturnRequest",
    "ReturnStatus",
]


class ReturnLine(Canonical):
    """What the buyer wants to send back."""

    order_line: Id | None = None
    sku: Sku
    quantity: Annotated[Units, Field(ge=1)]
    reason: Name | None = None
    note: Text | None = None
    exchange_for: Sku | None = None
    """What the buyer wants instead, where ``resolution`` is ``exchange``; absent: the same SKU."""


class ReturnStatus(StrEnum):
    """How the channel stands to a return."""

    REQUESTED = "requested"
    APPROVED = "approved"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    """Nothing more is expected to come."""


class ReturnRequest(Canonical):
    """The buyer, through the channel, asks to return goods (RMA)."""

    external_id: Id
    order: Id
    requested_at: Instant
    lines: Annotated[tuple[ReturnLine, ...], Field(min_length=1)]
    ship_from: Address | None = None
    resolution: Name | None = None
    """``refund``, ``exchange`` or what the channel calls it."""
    node: Id | None = None
    """Which node is to take it; absent: the hub chooses."""
    status: ReturnStatus = ReturnStatus.REQUESTED
    updated_at: Instant | None = None
    """Of two documents of one request the one that was changed last counts; absent: ``requested_at``."""
    reason: Text | None = None
    """Why it is declined, where it is."""
    references: tuple[Reference, ...] = ()


class Condition(StrEnum):
    """What state a returned unit is in."""

    NEW = "new"
    OPENED = "opened"
    DAMAGED = "damaged"
    DEFECTIVE = "defective"
    WRONG_ITEM = "wrong_item"
    UNKNOWN = "unknown"


class Disposition(StrEnum):
    """What happens to a returned unit."""

    RESTOCK = "restock"
    REFURBISH = "refurbish"
    QUARANTINE = "quarantine"
    SCRAP = "scrap"
    SUPPLIER = "supplier"


class ReturnReceiptLine(Canonical):
    """Units received back."""

    sku: Sku
    quantity: Annotated[Units, Field(ge=1)]
    condition: Condition = Condition.UNKNOWN
    disposition: Disposition | None = None
    """Absent: by the hub's rule for the condition."""
    order_line: Id | None = None
    lot: Name | None = None


class ReturnReceipt(Canonical):
    """A node has received returned goods; without ``return_request`` it is a blind return."""

    external_id: Id
    node: Id
    received_at: Instant
    return_request: Id | None = None
    order: Id | None = None
    tracking_number: Id | None = None
    lines: Annotated[tuple[ReturnReceiptLine, ...], Field(min_length=1)]
    references: tuple[Reference, ...] = ()


class RestockKind(StrEnum):
    """What a refund says about the goods."""

    NO_RESTOCK = "no_restock"
    CANCEL = "cancel"
    """Never shipped: the line is cancelled."""
    RETURN = "return"
    """They come back, or have come back."""


class RefundLine(Canonical):
    """What one line gets back."""

    order_line: Id
    sku: Sku | None = None
    quantity: Units
    cumulative_quantity: Units | None = None
    """What a refund that the hub asks for brings the line's refunded units of this return to. A channel that counts
    them pays no more than what is missing."""
    restock: RestockKind = RestockKind.NO_RESTOCK
    location: Id | None = None
    amount: Money | None = None
    tax: Money | None = None


class Refund(Canonical):
    """The channel has refunded (part of) an order."""

    external_id: Id
    order: Id
    refunded_at: Instant
    lines: tuple[RefundLine, ...] = ()
    amount: Money | None = None
    shipping: Money | None = None
    adjustments: tuple[Attribute, ...] = ()
    reason: Name | None = None
    note: Text | None = None
    references: tuple[Reference, ...] = ()

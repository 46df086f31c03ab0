"""What the retailer orders of a supplier that ships to the buyer (drop-ship)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crossdock_schemas.base import (
    Address,
    Canonical,
    Currency,
    Gtin,
    Id,
    Instant,
    Money,
    Name,
    Reference,
    Sku,
    Units,
)

__all__ = ["PurchaseOrder", "PurchaseOrderLine", "PurchaseOrderStatus"]


class PurchaseOrderStatus(StrEnum):
    """How a purchase order stands."""

    ORDERED = "ordered"
    CHANGED = "changed"
    """Fewer units than at first: the supplier does not have them, or the buyer does not want them any more."""
    CANCELLED = "cancelled"
    """Nothing is ordered any more."""


class PurchaseOrderLine(Canonical):
    """One line, which keeps its place and its number whatever becomes of it."""

    number: Annotated[int, Field(ge=1)]
    """Its place, from 1."""
    fulfilment_line: Id
    order_line: Id
    sku: Sku
    quantity: Units
    """Units that are ordered now; 0: the line is taken back."""
    name: Name | None = None
    gtin: Gtin | None = None
    unit: Name = "EA"
    unit_cost: Money | None = None
    """What the retailer pays for a unit; absent where the hub does not know, and in changes, which leave it."""


class PurchaseOrder(Canonical):
    """What the ERP books for one fulfilment order of a supplier's node, whole, as it stands now.

    ``external_id`` is the number of the purchase order, made from the fulfilment order's, and the idempotency key
    at the ERP. The supplier is sent the fulfilment order, which names it as a reference.
    """

    external_id: Id
    status: PurchaseOrderStatus
    node: Id
    """The supplier."""
    fulfilment_order: Id
    order: Id
    order_number: Name | None = None
    channel: Id
    ordered_at: Instant
    changed_at: Instant | None = None
    currency: Currency
    ship_by: Instant | None = None
    deliver_by: Instant | None = None
    ship_to: Address | None = None
    """The buyer."""
    lines: Annotated[tuple[PurchaseOrderLine, ...], Field(min_length=1)]
    references: tuple[Reference, ...] = ()

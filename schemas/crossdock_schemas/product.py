"""What is sold, and where it lies."""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from crossdock_schemas.base import (
    Address,
    Attribute,
    Canonical,
    Country,
    Dimensions,
    Gtin,
    Id,
    Instant,
    Money,
    Name,
    Reference,
    Sku,
    Units,
    Weight,
)

__all__ = [
    "KitComponent",
    "Node",
    "NodeKind",
    "NodeStatus",
    "OpeningHours",
    "Product",
    "PurchasePrice",
    "Restriction",
]


class Restriction(StrEnum):
    """What limits where and how a product travels."""

    HAZMAT = "hazmat"
    OVERSIZE = "oversize"
    COLD = "cold"
    LITHIUM = "lithium"
    AGE = "age"


class KitComponent(Canonical):
    """One component of a kit."""

    sku: Sku
    quantity: Annotated[Units, Field(ge=1)]


class PurchasePrice(Canonical):
    """What the retailer pays for a unit."""

    price: Money
    node: Id | None = None
    """The supplier's node; absent: whoever supplies it."""


class Product(Canonical):
    """A stock keeping unit with the facts that routing needs."""

    sku: Sku
    version: Name = ""
    name: Name | None = None
    gtin: Gtin | None = None
    barcode: Name | None = None
    external_id: Id | None = None
    unit: Name = "EA"
    weight: Weight | None = None
    dimensions: Dimensions | None = None
    value: Money | None = None
    restrictions: tuple[Restriction, ...] = ()
    country_of_origin: Country | None = None
    hs_code: Name | None = None
    components: tuple[KitComponent, ...] = ()
    """Not empty: a kit, which is never stocked itself."""
    purchase_prices: tuple[PurchasePrice, ...] = ()
    available_from: Instant | None = None
    """Pre-order: nobody's order of it is shipped before."""
    active: bool = True
    attributes: tuple[Attribute, ...] = ()
    references: tuple[Reference, ...] = ()


class NodeKind(StrEnum):
    """What kind of place stock lies at."""

    WAREHOUSE = "warehouse"
    """A distribution centre of the retailer's own."""
    STORE = "store"
    THIRD_PARTY = "third_party"
    """A third-party logistics provider's warehouse."""
    SUPPLIER = "supplier"
    """Ships directly to the buyer (drop-ship)."""
    HUB = "hub"
    """Consolidates parcels of other nodes."""


class NodeStatus(StrEnum):
    """Whether a node may be routed to."""

    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"


class OpeningHours(Canonical):
    """When a node works; ``weekday`` 0 is Monday. Times are local."""

    weekday: Annotated[int, Field(ge=0, le=6)]
    opens: time
    closes: time


class Node(Canonical):
    """A place that holds stock and fulfils."""

    id: Id
    name: Name
    kind: NodeKind
    status: NodeStatus = NodeStatus.ACTIVE
    address: Address
    time_zone: Name
    """IANA name, such as ``America/Chicago``."""
    hours: tuple[OpeningHours, ...] = ()
    holidays: tuple[date, ...] = ()
    tags: tuple[Name, ...] = ()
    valid_from: Instant | None = None
    references: tuple[Reference, ...] = ()

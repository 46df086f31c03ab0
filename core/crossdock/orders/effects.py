"""What has to be done outside after a change. The caller carries it out in the same transaction."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from crossdock.orders.worklist import Cause

__all__ = [
    "CallOff",
    "Effect",
    "LineUnits",
    "NotComing",
    "RaiseWork",
    "ReleaseAllocation",
    "ReportCancellation",
    "ReportShipment",
    "RequestCancellation",
    "Reroute",
    "ShipAllocation",
    "ShipUnasked",
    "WhyReleased",
    "WriteOff",
]


class WhyReleased(StrEnum):
    """Why a node is not going to ship units."""

    REJECTED = "rejected"
    SHORT = "short"
    CANCELLED = "cancelled"


class LineUnits(Struct, frozen=True):
    """Units of an order line."""

    order_line: str
    quantity: int


class ReleaseAllocation(Struct, frozen=True):
    """Give allocated units back to the node's position (``inventory.facts.deallocate``)."""

    fulfilment_line: str
    sku: str
    node: str
    quantity: int
    why: WhyReleased
    lot: str | None = None


class WriteOff(Struct, frozen=True):
    """The node could not find these units: they are not on hand (``inventory.facts.adjust``)."""

    sku: str
    node: str
    quantity: int
    lot: str | None = None


class ShipAllocation(Struct, frozen=True):
    """Allocated units left the node (``inventory.facts.ship``)."""

    fulfilment_line: str
    sku: str
    node: str
    quantity: int
    lot: str | None = None


class ShipUnasked(Struct, frozen=True):
    """Units left that no open allocation held: only on hand falls (``inventory.facts.adjust``)."""

    sku: str
    node: str
    quantity: int
    lot: str | None = None


class Reroute(Struct, frozen=True):
    """Route these units again, at none of ``exclude_nodes``."""

    order: str
    lines: tuple[LineUnits, ...]
    exclude_nodes: frozenset[str]


class CallOff(Struct, frozen=True):
    """Units that a line of a fulfilment order was to bring to another node are not waited for there any more."""

    fulfilment_line: str
    quantity: int


class NotComing(Struct, frozen=True):
    """Units that a line of a fulfilment order was to bring to another node will not come; they are to be had at none of
    ``exclude_nodes``.
    """

    fulfilment_line: str
    quantity: int
    exclude_nodes: frozenset[str]


class RequestCancellation(Struct, frozen=True):
    """Ask the node to cancel a fulfilment order; it may refuse."""

    fulfilment_order: str
    node: str


class ReportShipment(Struct, frozen=True):
    """Tell the channel (and the ERP) what left."""

    order: str
    fulfilment_order: str
    shipment: str
    lines: tuple[LineUnits, ...]


class ReportCancellation(Struct, frozen=True):
    """Tell the channel what will not be shipped; empty ``fulfilment_order``: no node had it."""

    order: str
    lines: tuple[LineUnits, ...]
    reason: str
    fulfilment_order: str = ""


class RaiseWork(Struct, frozen=True):
    """Open a work item (``worklist.open_item``)."""

    cause: Cause
    subject: str
    message: str


Effect = (
    ReleaseAllocation
    | WriteOff
    | ShipAllocation
    | ShipUnasked
    | Reroute
    | CallOff
    | NotComing
    | RequestCancellation
    | ReportShipment
    | ReportCancellation
    | RaiseWork
)

"""The five life cycles. ``docs/life-cycles.md`` is drawn from these tables."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from crossdock.orders.machine import Machine
from crossdock.orders.worklist import Cause

__all__ = [
    "FULFILMENT_ORDER",
    "ORDER",
    "ORDER_LINE",
    "RETURN",
    "SHIPMENT",
    "FulfilmentEvent",
    "FulfilmentState",
    "LineEvent",
    "LineState",
    "OrderEvent",
    "OrderState",
    "ReturnEvent",
    "ReturnState",
    "ShipmentEvent",
    "ShipmentState",
]

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)
Value = TypeVar("Value")


class OrderState(StrEnum):
    """How far an order is."""

    RECEIVED = "received"
    ON_HOLD = "on_hold"
    PARTLY_ROUTED = "partly_routed"
    ROUTED = "routed"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class OrderEvent(StrEnum):
    """What happens to an order. Progress is derived from its lines: see ``order_state``."""

    HOLD = "hold"
    LIFT_HOLD = "lift_hold"
    UNROUTE = "unroute"
    ROUTE_PART = "route_part"
    ROUTE = "route"
    SHIP_PART = "ship_part"
    SHIP = "ship"
    CANCEL = "cancel"
    CLOSE = "close"


class LineState(StrEnum):
    """How far an order line is, by its least advanced units."""

    OPEN = "open"
    ALLOCATED = "allocated"
    REQUESTED = "requested"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"


class LineEvent(StrEnum):
    """What happens to an order line."""

    ALLOCATE = "allocate"
    DEALLOCATE = "deallocate"
    REQUEST = "request"
    SHIP_PART = "ship_part"
    SHIP_REST = "ship_rest"
    CANCEL_REST = "cancel_rest"


class FulfilmentState(StrEnum):
    """How far a node is with what it was asked to ship."""

    OPEN = "open"
    SCHEDULED = "scheduled"
    ON_HOLD = "on_hold"
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    PICKING = "picking"
    PACKED = "packed"
    SHIPPED = "shipped"
    CLOSED = "closed"
    REJECTED = "rejected"
    SHORT = "short"
    CANCEL_REQUESTED = "cancel_requested"
    CANCELLED = "cancelled"
    INCOMPLETE = "incomplete"


class FulfilmentEvent(StrEnum):
    """What the hub does with a fulfilment order, and what the node says of it."""

    SCHEDULE = "schedule"
    HOLD = "hold"
    RELEASE = "release"
    REQUEST = "request"
    ACCEPT = "accept"
    REJECT = "reject"
    PICK = "pick"
    SHORT = "short"
    PACK = "pack"
    SHIP_PART = "ship_part"
    SHIP = "ship"
    SHIP_SHORT = "ship_short"
    CANCEL = "cancel"
    REQUEST_CANCEL = "request_cancel"
    REFUSE_CANCEL = "refuse_cancel"
    CLOSE = "close"


class ShipmentState(StrEnum):
    """Where a shipment is."""

    PLANNED = "planned"
    LABEL_REQUESTED = "label_requested"
    LABELLED = "labelled"
    PACKED = "packed"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    RETURNED = "returned"
    VOIDED = "voided"


class ShipmentEvent(StrEnum):
    """What happens to a shipment."""

    REQUEST_LABEL = "request_label"
    LABEL = "label"
    FAIL_LABEL = "fail_label"
    PACK = "pack"
    SHIP = "ship"
    SCAN = "scan"
    DELIVER = "deliver"
    FAIL = "fail"
    RETURN = "return"
    VOID = "void"


class ReturnState(StrEnum):
    """How far a return is. A blind return begins as ``received``."""

    REQUESTED = "requested"
    RECEIVED = "received"
    GRADED = "graded"
    DISPOSED = "disposed"
    REFUNDED = "refunded"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ReturnEvent(StrEnum):
    """What happens to a return."""

    RECEIVE = "receive"
    GRADE = "grade"
    DISPOSE = "dispose"
    REFUND = "refund"
    CLOSE = "close"
    CANCEL = "cancel"


def _each(states: Iterable[State], events: Iterable[Event], value: Value) -> dict[tuple[State, Event], Value]:
    """The same value for every pair of state and event."""
    return {(state, event): value for state in states for event in tuple(events)}


_O, _OE = OrderState, OrderEvent
_MOVING = (_O.RECEIVED, _O.PARTLY_ROUTED, _O.ROUTED, _O.PARTLY_SHIPPED)

ORDER: Machine[OrderState, OrderEvent] = Machine(
    "order",
    _O.RECEIVED,
    {
        **_each((_O.RECEIVED, _O.PARTLY_ROUTED, _O.ROUTED), [_OE.HOLD], _O.ON_HOLD),
        (_O.ON_HOLD, _OE.LIFT_HOLD): _O.RECEIVED,
        **_each((_O.PARTLY_ROUTED, _O.ROUTED), [_OE.UNROUTE], _O.RECEIVED),
        **_each((_O.RECEIVED, _O.ON_HOLD, _O.ROUTED), [_OE.ROUTE_PART], _O.PARTLY_ROUTED),
        **_each((_O.RECEIVED, _O.ON_HOLD, _O.PARTLY_ROUTED), [_OE.ROUTE], _O.ROUTED),
        **_each((*_MOVING, _O.ON_HOLD), [_OE.SHIP_PART], _O.PARTLY_SHIPPED),
        **_each((*_MOVING, _O.ON_HOLD), [_OE.SHIP], _O.SHIPPED),
        **_each((_O.RECEIVED, _O.ON_HOLD, _O.PARTLY_ROUTED, _O.ROUTED), [_OE.CANCEL], _O.CANCELLED),
        (_O.SHIPPED, _OE.CLOSE): _O.CLOSED,
    },
    late={(_O.CLOSED, _OE.SHIP): "closed: everything was shipped and reported before"},
    escalated={
        **_each((_O.PARTLY_SHIPPED, _O.SHIPPED, _O.CLOSED), [_OE.CANCEL], Cause.PARTNER_REFUSED),
        **_each([_O.CANCELLED], [_OE.SHIP_PART, _OE.SHIP], Cause.CALLED_OFF_BUT_DONE),
    },
)

_L, _LE = LineState, LineEvent
_UNSHIPPED = (_L.OPEN, _L.ALLOCATED, _L.REQUESTED)

ORDER_LINE: Machine[LineState, LineEvent] = Machine(
    "order line",
    _L.OPEN,
    {
        (_L.OPEN, _LE.ALLOCATE): _L.ALLOCATED,
        **_each((_L.OPEN, _L.ALLOCATED), [_LE.REQUEST], _L.REQUESTED),
        **_each((_L.ALLOCATED, _L.REQUESTED), [_LE.DEALLOCATE], _L.OPEN),
        **_each(_UNSHIPPED, [_LE.SHIP_PART], _L.PARTLY_SHIPPED),
        **_each((*_UNSHIPPED, _L.PARTLY_SHIPPED), [_LE.SHIP_REST], _L.SHIPPED),
        **_each(_UNSHIPPED, [_LE.CANCEL_REST], _L.CANCELLED),
        (_L.PARTLY_SHIPPED, _LE.CANCEL_REST): _L.SHIPPED,
        **_each(
            [_L.PARTLY_SHIPPED], [_LE.ALLOCATE, _LE.REQUEST, _LE.DEALLOCATE, _LE.SHIP_PART], _L.PARTLY_SHIPPED
        ),
    },
    escalated=_each([_L.CANCELLED], [_LE.SHIP_PART, _LE.SHIP_REST], Cause.CALLED_OFF_BUT_DONE),
)

_F, _FE = FulfilmentState, FulfilmentEvent
_WAITING = (_F.SCHEDULED, _F.ON_HOLD)
_ASKED = (_F.OPEN, _F.REQUESTED)  # a node may answer before we hear that our request has arrived
_AT_NODE = (*_ASKED, _F.ACCEPTED, _F.PICKING, _F.PACKED)
_ANSWERING = (_F.REQUESTED, _F.ACCEPTED, _F.PICKING, _F.PACKED)
_GONE = (_F.SHIPPED, _F.INCOMPLETE, _F.CLOSED)
_CALLED_OFF = (_F.REJECTED, _F.SHORT, _F.CANCELLED)
_WORKING = (_FE.ACCEPT, _FE.PICK, _FE.PACK)
_SHIPPING = (_FE.SHIP_PART, _FE.SHIP, _FE.SHIP_SHORT)
_REFUSING = (_FE.REJECT, _FE.SHORT, _FE.CANCEL, _FE.REQUEST_CANCEL)

FULFILMENT_ORDER: Machine[FulfilmentState, FulfilmentEvent] = Machine(
    "fulfilment order",
    _F.OPEN,
    {
        (_F.OPEN, _FE.SCHEDULE): _F.SCHEDULED,
        **_each((_F.OPEN, _F.SCHEDULED), [_FE.HOLD], _F.ON_HOLD),
        **_each(_WAITING, [_FE.RELEASE], _F.OPEN),
        (_F.OPEN, _FE.REQUEST): _F.REQUESTED,
        **_each(_ASKED, [_FE.ACCEPT], _F.ACCEPTED),
        **_each((*_ASKED, _F.ACCEPTED), [_FE.PICK], _F.PICKING),
        **_each((*_ASKED, _F.ACCEPTED, _F.PICKING), [_FE.PACK], _F.PACKED),
        **_each((*_ASKED, _F.ACCEPTED), [_FE.SHIP_PART], _F.PICKING),
        **{(state, _FE.SHIP_PART): state for state in (_F.PICKING, _F.PACKED, _F.CANCEL_REQUESTED)},
        **_each((*_AT_NODE, _F.CANCEL_REQUESTED), [_FE.SHIP], _F.SHIPPED),
        **_each((*_AT_NODE, _F.CANCEL_REQUESTED), [_FE.SHIP_SHORT], _F.INCOMPLETE),
        **_each((*_AT_NODE, _F.CANCEL_REQUESTED), [_FE.REJECT], _F.REJECTED),
        **_each((*_AT_NODE, _F.CANCEL_REQUESTED), [_FE.SHORT], _F.SHORT),
        **_each((*_AT_NODE, *_WAITING, _F.CANCEL_REQUESTED), [_FE.CANCEL], _F.CANCELLED),
        **_each(_ANSWERING, [_FE.REQUEST_CANCEL], _F.CANCEL_REQUESTED),
        (_F.CANCEL_REQUESTED, _FE.REFUSE_CANCEL): _F.ACCEPTED,
        **_each((_F.SHIPPED, _F.INCOMPLETE), [_FE.CLOSE], _F.CLOSED),
    },
    late={
        **_each(
            (*_ANSWERING, _F.CANCEL_REQUESTED, *_GONE, *_CALLED_OFF), [_FE.REQUEST], "it was asked before"
        ),
        **_each([_F.PICKING], [_FE.ACCEPT], "it is being picked already"),
        **_each([_F.PACKED], [_FE.ACCEPT, _FE.PICK], "it is packed already"),
        **_each([_F.CANCEL_REQUESTED], _WORKING, "the node has yet to answer the request to cancel it"),
        **_each(_GONE, [*_WORKING, *_SHIPPING, _FE.SHORT, _FE.REQUEST_CANCEL], "it has left already"),
        **_each(_GONE, [_FE.REFUSE_CANCEL], "it was shipped in spite of the cancellation"),
        **_each(_CALLED_OFF, [*_WORKING, *_REFUSING], "it was called off, and nothing has left"),
        **_each(_ANSWERING, [_FE.REFUSE_CANCEL], "no cancellation is asked for"),
    },
    escalated={
        **_each(_CALLED_OFF, _SHIPPING, Cause.CALLED_OFF_BUT_DONE),
        **_each(_GONE, [_FE.REJECT, _FE.CANCEL], Cause.INVENTORY_CONFLICT),
        **_each(_CALLED_OFF, [_FE.REFUSE_CANCEL], Cause.PARTNER_REFUSED),
    },
)

_S, _SE = ShipmentState, ShipmentEvent
_AT_DOCK = (_S.PLANNED, _S.LABEL_REQUESTED, _S.LABELLED, _S.PACKED)
_CARRIER = (_SE.SCAN, _SE.DELIVER, _SE.FAIL, _SE.RETURN)
_ON_THE_WAY = (_S.SHIPPED, _S.IN_TRANSIT, _S.EXCEPTION)

SHIPMENT: Machine[ShipmentState, ShipmentEvent] = Machine(
    "shipment",
    _S.PLANNED,
    {
        (_S.PLANNED, _SE.REQUEST_LABEL): _S.LABEL_REQUESTED,
        **_each((_S.PLANNED, _S.LABEL_REQUESTED), [_SE.LABEL], _S.LABELLED),
        (_S.LABEL_REQUESTED, _SE.FAIL_LABEL): _S.PLANNED,
        (_S.LABELLED, _SE.PACK): _S.PACKED,
        **_each((_S.PLANNED, _S.LABELLED, _S.PACKED), [_SE.VOID], _S.VOIDED),
        **_each(_AT_DOCK, [_SE.SHIP], _S.SHIPPED),
        **_each((_S.LABELLED, _S.PACKED, _S.SHIPPED, _S.EXCEPTION), [_SE.SCAN], _S.IN_TRANSIT),
        **_each((_S.LABELLED, _S.PACKED, *_ON_THE_WAY), [_SE.DELIVER], _S.DELIVERED),
        **_each((_S.LABELLED, _S.PACKED, _S.SHIPPED, _S.IN_TRANSIT), [_SE.FAIL], _S.EXCEPTION),
        **_each((_S.LABELLED, _S.PACKED, *_ON_THE_WAY), [_SE.RETURN], _S.RETURNED),
        (_S.DELIVERED, _SE.RETURN): _S.RETURNED,
    },
    late={
        **_each(
            (_S.SHIPPED, *_ON_THE_WAY, _S.DELIVERED, _S.RETURNED),
            [_SE.PACK, _SE.LABEL],
            "it has left already",
        ),
        **_each(
            (_S.IN_TRANSIT, _S.EXCEPTION, _S.DELIVERED, _S.RETURNED), [_SE.SHIP], "it is on its way already"
        ),
        **_each([_S.PACKED], [_SE.LABEL], "it has its label already"),
        **_each([_S.DELIVERED], [_SE.SCAN, _SE.FAIL], "it was delivered already"),
        **_each([_S.RETURNED], [_SE.SCAN, _SE.FAIL, _SE.DELIVER], "it went back to its sender"),
    },
    escalated={
        **_each([_S.VOIDED], [_SE.LABEL, _SE.SHIP, *_CARRIER], Cause.CALLED_OFF_BUT_DONE),
        **_each([*_ON_THE_WAY, _S.DELIVERED, _S.RETURNED], [_SE.VOID], Cause.PARTNER_REFUSED),
    },
)

_R, _RE = ReturnState, ReturnEvent

RETURN: Machine[ReturnState, ReturnEvent] = Machine(
    "return",
    _R.REQUESTED,
    {
        (_R.REQUESTED, _RE.RECEIVE): _R.RECEIVED,
        (_R.REQUESTED, _RE.CANCEL): _R.CANCELLED,
        (_R.RECEIVED, _RE.GRADE): _R.GRADED,
        (_R.GRADED, _RE.DISPOSE): _R.DISPOSED,
        **{(state, _RE.REFUND): state for state in (_R.REQUESTED, _R.RECEIVED, _R.GRADED)},
        (_R.DISPOSED, _RE.REFUND): _R.REFUNDED,
        **_each((_R.REQUESTED, _R.DISPOSED, _R.REFUNDED), [_RE.CLOSE], _R.CLOSED),
        (_R.CANCELLED, _RE.RECEIVE): _R.RECEIVED,
    },
    late={
        **_each((_R.GRADED, _R.DISPOSED, _R.REFUNDED, _R.CLOSED), [_RE.RECEIVE], "it was received already"),
        **_each((_R.DISPOSED, _R.REFUNDED, _R.CLOSED), [_RE.GRADE], "it was graded already"),
        **_each((_R.REFUNDED, _R.CLOSED), [_RE.DISPOSE], "it was disposed of already"),
        (_R.CLOSED, _RE.REFUND): "it was refunded already, or nothing was due",
    },
    escalated=_each(
        (_R.RECEIVED, _R.GRADED, _R.DISPOSED, _R.REFUNDED, _R.CLOSED), [_RE.CANCEL], Cause.PARTNER_REFUSED
    ),
)

"""What nodes are asked: the fulfilment order as they get it, and the command that brings it.

Parts of the order that are only handed on stay the bytes they came as.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from crossdock.config.network import NodeConfig
from crossdock.orders.fulfilment import Fulfilment, FulfilmentLine
from crossdock.routing import NodeKind
from crossdock.store.commands import CommandRow
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_book import StoredOrder
from crossdock.streams.processors.documents import (
    NOTHING,
    DestinationDocument,
    LineDocument,
    MoneyDocument,
    OrderDocument,
    encode,
)
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.outgoing import purchase_order_number
from crossdock.streams.processors.stores import address_of, node_address
from crossdock_schemas.order import DeliveryKind

__all__ = [
    "FulfilmentLineOut",
    "FulfilmentOrderOut",
    "fulfilment_order",
    "node_command",
    "ship_to",
    "unasked",
]


class Out(msgspec.Struct, frozen=True, omit_defaults=True):
    """A document, or a part of one, as it is written."""


class FulfilmentLineOut(Out, frozen=True, omit_defaults=True, kw_only=True):
    """``FulfilmentLine``."""

    id: str
    sku: str
    quantity: int
    order_line: str
    name: str | None = None
    gtin: str | None = None
    unit: str = "EA"
    unit_price: MoneyDocument | None = None
    lot: str | None = None
    gift: msgspec.Raw = NOTHING
    properties: msgspec.Raw = NOTHING


class FulfilmentOrderOut(Out, frozen=True, omit_defaults=True, kw_only=True):
    """``FulfilmentOrder``."""

    id: str
    order: str
    channel: str
    node: str
    created_at: datetime
    lines: tuple[FulfilmentLineOut, ...]
    order_number: str | None = None
    attempt: int = 1
    ship_by: datetime | None = None
    deliver_by: datetime | None = None
    delivery: DeliveryKind = DeliveryKind.SHIP
    ship_to: msgspec.Raw = NOTHING
    bill_to: msgspec.Raw = NOTHING
    carrier: str | None = None
    service: str | None = None
    purchase_order: str | None = None
    gift: msgspec.Raw = NOTHING
    note: str | None = None
    references: tuple[dict[str, str], ...] = ()


def fulfilment_order(
    hub: Hub, order: StoredOrder, document: OrderDocument, stored: StoredFulfilment
) -> bytes:
    """The ``fulfilment_order/1`` that a node is sent, under the name that its connection calls it."""
    node = hub.nodes[stored.fulfilment.node]
    lines = {line.external_id: line for line in document.lines}
    destination = _destination(document, stored)
    fulfilment = stored.fulfilment
    return encode(
        FulfilmentOrderOut(
            id=fulfilment.id,
            order=order.id,
            channel=order.channel,
            node=node.external_id or node.id,
            created_at=stored.created_at,
            order_number=order.number,
            attempt=stored.attempt,
            ship_by=stored.ship_by,
            deliver_by=stored.deliver_by,
            delivery=destination.kind if destination else DeliveryKind.SHIP,
            ship_to=ship_to(hub, order, document, stored),
            bill_to=document.bill_to,
            carrier=stored.carrier,
            service=stored.service or None,
            purchase_order=document.purchase_order,
            gift=document.gift,
            note=document.note,
            references=(*_references(node, order, fulfilment.id), *_of_legs(fulfilment)),
            lines=tuple(
                _fulfilment_line(line, lines[line.order_line]) for line in fulfilment.lines if line.open
            ),
        )
    )


def _destination(document: OrderDocument, stored: StoredFulfilment) -> DestinationDocument | None:
    return next((each for each in document.destinations if each.id == stored.destination), None)


def ship_to(hub: Hub, order: StoredOrder, document: OrderDocument, stored: StoredFulfilment) -> msgspec.Raw:
    """The address that a fulfilment order goes to: the buyer's, or that of the node that sends it on."""
    if stored.fulfilment.to_node:
        return msgspec.Raw(encode(node_address(hub, stored.fulfilment.to_node)))
    destination = _destination(document, stored)
    return address_of(hub, order.connection, destination) if destination else NOTHING


def _of_legs(fulfilment: Fulfilment) -> list[dict[str, str]]:
    """Which node a fulfilment order brings its goods to, or which fulfilment orders bring the goods of this one."""
    if fulfilment.to_node:
        return [{"kind": "transfer_to", "value": fulfilment.to_node}]
    brought = dict.fromkeys(line.awaits.rpartition("-")[0] for line in fulfilment.lines if line.awaits)
    return [{"kind": "fulfilment_order", "value": name} for name in brought]


def node_command(
    order: StoredOrder, stored: StoredFulfilment, name: str, payload: bytes | None, now: datetime
) -> CommandRow:
    """The command ``name`` to the node of a fulfilment order, which must have a connection."""
    assert stored.connection is not None
    fulfilment = stored.fulfilment
    key = f"{name}:{fulfilment.id}"
    if name == "fulfilment.cancel" and fulfilment.messages:
        key += f":{len(fulfilment.messages)}"  # a node that has refused may be asked again
    return CommandRow(
        connection=stored.connection,
        name=name,
        order_key=fulfilment.id,
        idempotency_key=key,
        payload=payload or encode({"id": fulfilment.id, "order": fulfilment.order, "node": fulfilment.node}),
        refs={"fulfilment_order": fulfilment.id},
        correlation_id=order.correlation_id,
        created_at=now,
    )


def unasked(stored: StoredFulfilment, name: str) -> str:
    """Why a node is not asked by message, for people."""
    what = "asked to ship" if name == "fulfilment.request" else "asked to cancel"
    why = f"connection {stored.connection} does no {name}" if stored.connection else "it has no connection"
    return f"node {stored.fulfilment.node} can't be {what} {stored.id} by message: {why}"


def _references(node: NodeConfig, order: StoredOrder, fulfilment_order_id: str) -> tuple[dict[str, str], ...]:
    """A supplier is told under which number its goods are ordered."""
    of_order = {"kind": "order", "value": order.external_id}
    if node.kind is not NodeKind.SUPPLIER:
        return (of_order,)
    return of_order, {"kind": "purchase_order", "value": purchase_order_number(fulfilment_order_id)}


def _fulfilment_line(line: FulfilmentLine, ordered: LineDocument) -> FulfilmentLineOut:
    return FulfilmentLineOut(
        id=line.id,
        sku=line.sku,
        quantity=line.open,
        order_line=line.order_line,
        name=ordered.name,
        gtin=ordered.gtin,
        unit=ordered.unit,
        unit_price=ordered.unit_price,
        lot=line.lot,
        gift=ordered.gift,
        properties=ordered.properties,
    )

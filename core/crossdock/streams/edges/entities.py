"""Where canonical documents go: topic, key and the id that makes a duplicate known."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crossdock.sdk.manifest import Entity
from crossdock.streams.processors.order_versions import order_id
from crossdock.streams.topics import FULFILMENT, ORDERS, PRODUCTS, RATES, RETURNS, STOCK, TRACKING

__all__ = ["DESTINATIONS", "Destination", "message_id"]

_Key = Callable[[str, Any], str]


@dataclass(frozen=True, slots=True)
class Destination:
    """The topic of an entity, its key there (of connection and document), and the fields its identity is made of.

    Without fields the content itself is the identity.
    """

    topic: str
    key: _Key
    identity: tuple[str, ...]


def _of_order(field: str) -> _Key:
    return lambda connection, document: order_id(connection, getattr(document, field))


def _field(field: str) -> _Key:
    return lambda _, document: str(getattr(document, field))


DESTINATIONS: Mapping[Entity, Destination] = {
    Entity.ORDER: Destination(ORDERS, _of_order("external_id"), ("external_id", "version")),
    Entity.CANCELLATION: Destination(ORDERS, _of_order("external_id"), ("external_id", "version")),
    Entity.REFUND: Destination(RETURNS, _of_order("order"), ("external_id",)),
    Entity.RETURN_REQUEST: Destination(RETURNS, _of_order("order"), ("external_id",)),
    Entity.RETURN_RECEIPT: Destination(RETURNS, _field("node"), ("node", "external_id")),
    Entity.STOCK_FEED: Destination(STOCK, _field("node"), ("node", "feed_id", "part")),
    Entity.STOCK_MOVEMENT: Destination(STOCK, _field("node"), ("node", "external_id")),
    Entity.FULFILMENT_RESPONSE: Destination(
        FULFILMENT, _field("fulfilment_order"), ("fulfilment_order", "external_id", "kind")
    ),
    Entity.SHIPMENT: Destination(FULFILMENT, _field("fulfilment_order"), ("fulfilment_order", "external_id")),
    Entity.ACKNOWLEDGEMENT: Destination(FULFILMENT, _field("group_control"), ("external_id",)),
    Entity.TRACKING_EVENT: Destination(
        TRACKING, _field("tracking_number"), ("tracking_number", "external_id", "status")
    ),
    Entity.PRODUCT: Destination(PRODUCTS, _field("sku"), ()),
    Entity.RATE: Destination(RATES, _field("carrier"), ()),
}
"""What streams may emit. A label and a posting's result only come as answers to commands."""


def message_id(
    entity: Entity, destination: Destination, connection: str, document: object, body: bytes
) -> str:
    """The id of a document's message: the same news always has the same."""
    if not destination.identity:
        key = destination.key(connection, document)
        return f"{entity}:{connection}:{key}:{hashlib.sha256(body).hexdigest()[:32]}"
    parts = [str(getattr(document, field)) for field in destination.identity]
    return ":".join((entity, connection, *parts))

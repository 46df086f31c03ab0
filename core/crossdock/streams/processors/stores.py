"""Stores that buyers collect at, and addresses that the hub itself knows."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from crossdock.routing import Position
from crossdock.streams.processors.documents import NOTHING, NULL, DestinationDocument, encode
from crossdock.streams.processors.hub import Hub
from crossdock_schemas.order import DeliveryKind

__all__ = ["address_of", "degrees", "node_address", "store_of"]


def store_of(hub: Hub, connection: str, destination: DestinationDocument) -> str:
    """The node that the channel means by the destination's location; empty where it names none."""
    location = destination.location or ""
    return hub.channel_of(connection).config.locations.get(location, location)


def address_of(hub: Hub, connection: str, destination: DestinationDocument) -> msgspec.Raw:
    """Where the goods go: the buyer's address, or the store's for goods to a store the channel gives no address of."""
    if destination.address not in (NOTHING, NULL) or destination.kind is not DeliveryKind.SHIP_TO_STORE:
        return destination.address
    store = store_of(hub, connection, destination)
    return msgspec.Raw(encode(node_address(hub, store))) if store in hub.nodes else NOTHING


def node_address(hub: Hub, node_id: str) -> Mapping[str, object]:
    """A node's address, and where routing knows it to stand."""
    node = hub.nodes[node_id]
    address = node.address.model_dump(exclude_none=True)
    position = hub.network.nodes[hub.network.index[node_id]].position
    return {"name": node.name or node.id, **address, **degrees(position)}


def degrees(position: Position | None) -> Mapping[str, str]:
    """A position in a canonical address: decimals that never were less exact than they are written."""
    if position is None:
        return {}
    return {"latitude": str(position.latitude), "longitude": str(position.longitude)}

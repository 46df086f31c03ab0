"""From an order to what routing is asked: one demand for each destination of its unallocated lines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Text, select

from crossdock.routing import Address, Demand, DemandLine, Destination, Position
from crossdock.store.bulk import SelectMany
from crossdock.store.order_book import StoredOrder
from crossdock.store.stock_tables import products
from crossdock.streams.processors.documents import DestinationDocument, LineDocument, OrderDocument
from crossdock.streams.processors.hub import Channel, Hub
from crossdock.streams.processors.stores import store_of
from crossdock_schemas.order import DeliveryKind

__all__ = ["ProductFacts", "Unroutable", "demands_of", "load_products"]


class ProductFacts(NamedTuple):
    """What routing needs of a product; of one unknown to the hub, nothing."""

    weight_grams: int = 0
    volume_cm3: int = 0
    restrictions: tuple[str, ...] = ()
    available_from: datetime | None = None


class Unroutable(Struct, frozen=True):
    """Lines for which routing can't be asked, and why, for the operator."""

    destination: str
    reason: str


_UNKNOWN = ProductFacts()


_products = SelectMany(
    {"sku": Text()},
    lambda wanted: (
        select(
            products.c.sku,
            products.c.weight_grams,
            products.c.volume_cm3,
            products.c.restrictions,
            products.c.available_from,
        )
        .select_from(wanted)
        .join(products, products.c.sku == wanted.c.sku)
    ),
)


def load_products(connection: Connection, skus: Iterable[str]) -> dict[str, ProductFacts]:
    """Facts by SKU; products unknown to the hub are missing."""
    rows = _products(connection, [(sku,) for sku in sorted(set(skus))])
    return {row[0]: ProductFacts(row[1], row[2], tuple(row[3]), row[4]) for row in rows}


def demands_of(
    hub: Hub,
    order: StoredOrder,
    document: OrderDocument,
    facts: Mapping[str, ProductFacts],
    excluded_nodes: frozenset[str],
    now: datetime,
) -> tuple[list[tuple[str, Demand]], list[Unroutable]]:
    """The demands of an order's unallocated units, each with the id of its destination.

    Lines without a destination go to the first one. Lines that may not be shipped before a date to come are a demand of
    their own: nothing waits for them.
    """
    channel = hub.channel_of(order.connection)
    waiting = {line.line_id: line.quantities.unallocated for line in order.lines}
    parts: dict[tuple[str, datetime | None], list[DemandLine]] = {}
    first = document.destinations[0].id if document.destinations else ""
    for line in document.lines:
        units = waiting.get(line.external_id, 0)
        if units > 0:
            part = (line.destination or first, _ready_from(line, facts, now))
            parts.setdefault(part, []).append(_demand_line(line, units, facts))
    destinations = {destination.id: destination for destination in document.destinations}
    demands: list[tuple[str, Demand]] = []
    refused: list[Unroutable] = []
    for (name, ready_from), lines in parts.items():
        found = _demand(hub, channel, order, document, destinations.get(name), tuple(lines), excluded_nodes)
        if isinstance(found, Demand):
            demands.append((name, replace(found, ready_from=ready_from) if ready_from else found))
        else:
            refused.append(Unroutable(name, found))
    return demands, refused


def _demand(
    hub: Hub,
    channel: Channel,
    order: StoredOrder,
    document: OrderDocument,
    destination: DestinationDocument | None,
    lines: tuple[DemandLine, ...],
    excluded_nodes: frozenset[str],
) -> Demand | str:
    if destination is None:
        return "the order names no destination: the channel has to send an address"
    pick_up = destination.kind is DeliveryKind.PICK_UP
    store = ""
    if pick_up or (destination.kind is DeliveryKind.SHIP_TO_STORE and destination.place is None):
        store = store_of(hub, order.connection, destination)
        if store not in hub.nodes:
            return (
                f"pick-up at location {destination.location!r} of the channel: no node has this id; "
                f"add it to channels.{channel.id}.locations"
            )
    where = _where(hub, destination, store)
    if isinstance(where, str):
        return where
    return Demand(
        order_id=order.id,
        channel=channel.id,
        channel_kind=channel.config.kind.value,
        currency=document.currency,
        lines=lines,
        destination=where,
        promise=_promise(order),
        ship_by=document.promise.ship_by.date() if document.promise and document.promise.ship_by else None,
        service_level=_service_level(hub, document),
        priority=order.priority,
        tags=(*document.tags, *document.programs),
        excluded_nodes=tuple(sorted(excluded_nodes)),
        fixed_node=store if pick_up else "",
        pick_up=pick_up,
    )


def _where(hub: Hub, destination: DestinationDocument, store: str) -> Destination | str:
    place = destination.place
    if place is None:
        if not store:
            return f"destination {destination.id} has no address: the channel has to send one"
        node = hub.network.nodes[hub.network.index[store]]
        return Destination(node.address, node.position)
    region = place.region or ""
    position = hub.locate(place.country, region, place.postal_code or "", place.city or "")
    if place.latitude is not None and place.longitude is not None:
        position = Position(float(place.latitude), float(place.longitude))
    if position is None:
        return (
            f"nobody knows where {place.postal_code or 'no post code'} {place.city or ''} in {place.country} "
            "lies: correct the address, or give its latitude and longitude"
        )
    full_region = f"{place.country}-{region}" if region else ""
    return Destination(Address(place.country, full_region, place.postal_code or ""), position)


def _demand_line(line: LineDocument, units: int, facts: Mapping[str, ProductFacts]) -> DemandLine:
    product = facts.get(line.sku, _UNKNOWN)
    weight = product.weight_grams or (int(line.weight.grams) if line.weight else 0)
    group = line.group or line.kit or ""
    return DemandLine(
        line.external_id,
        line.sku,
        units,
        unit_value=line.unit_price.amount if line.unit_price else Decimal(0),
        unit_weight_grams=weight,
        unit_volume_cm3=product.volume_cm3,
        restrictions=product.restrictions,
        group=group,
        group_kind=("kit" if line.kit else "set") if group else "",
    )


def _ready_from(line: LineDocument, facts: Mapping[str, ProductFacts], now: datetime) -> datetime | None:
    """When a pre-order may be shipped, if that is to come."""
    dates = (line.available_from, facts.get(line.sku, _UNKNOWN).available_from)
    return max((at for at in dates if at is not None and at > now), default=None)


def _promise(order: StoredOrder) -> date | None:
    return order.deliver_by.date() if order.deliver_by else None


def _service_level(hub: Hub, document: OrderDocument) -> str:
    """The level the order asks for, if any service offers it; an unknown word binds nobody."""
    wanted = document.promise.service if document.promise else None
    if wanted and any(wanted in service.levels for service in hub.network.services):
        return wanted
    return ""

"""One order as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from crossdock.inventory.back_orders import ship_by
from crossdock.store import inbound
from crossdock.store.fulfilments import StoredFulfilment, load_fulfilments_of_orders
from crossdock.store.metadata import decode_json
from crossdock.store.order_book import StoredOrder, load_orders

__all__ = [
    "DetailBackOrder",
    "DetailFulfilmentLine",
    "DetailFulfilmentOrder",
    "DetailHold",
    "DetailLine",
    "OrderDetail",
    "back_orders_of",
    "describe",
    "detail_of",
]


@dataclass(frozen=True, slots=True)
class DetailLine:
    """An order line and where its units are; ``kit_line`` is the channel's line of which it is a component."""

    line: str
    sku: str
    kit_line: str | None
    per_kit: int
    ordered: int
    cancelled: int
    allocated: int
    requested: int
    shipped: int
    short: int
    returned: int
    over_shipped: int


@dataclass(frozen=True, slots=True)
class DetailHold:
    """A hold; it is over when ``ended_at`` is set or ``expires_at`` has come."""

    name: str
    owner: str
    reason: str
    blocks: str
    placed_at: datetime
    expires_at: datetime | None
    ended_at: datetime | None
    ended_by: str


@dataclass(frozen=True, slots=True)
class DetailFulfilmentLine:
    """What of an order line a node has.

    Attributes:
        to_cancel: Units it was asked to cancel and has not answered for.
        to_come: Units that other nodes bring to it first.
    """

    line: str
    sku: str
    quantity: int
    open: int
    shipped: int
    rejected: int
    short: int
    cancelled: int
    to_cancel: int
    to_come: int


@dataclass(frozen=True, slots=True)
class DetailBackOrder:
    """Units of a line that wait for supply; ``ship_by`` is when the last of them is due, null where nobody knows."""

    line: str
    sku: str
    node: str
    quantity: int
    ship_by: datetime | None


@dataclass(frozen=True, slots=True)
class DetailFulfilmentOrder:
    """What one node is to ship.

    Attributes:
        to_node: The node that sends the goods on; null where they go to the buyer.
        release_at: When it is asked, where it was not asked yet.
    """

    id: str
    node: str
    to_node: str | None
    state: str
    service: str
    ship_by: datetime | None
    release_at: datetime | None
    lines: tuple[DetailFulfilmentLine, ...]


@dataclass(frozen=True, slots=True)
class OrderDetail:
    """An order as it stands; ``document`` is its canonical document."""

    id: str
    connection: str
    channel: str
    external_id: str
    number: str | None
    version: str
    state: str
    hold: str | None
    reason: str | None
    placed_at: datetime
    deliver_by: datetime | None
    lines: tuple[DetailLine, ...]
    holds: tuple[DetailHold, ...]
    fulfilment_orders: tuple[DetailFulfilmentOrder, ...]
    back_orders: tuple[DetailBackOrder, ...]
    document: Mapping[str, object]


def describe(connection: Connection, order_id: str) -> OrderDetail | None:
    """An order as it stands; None where there is no such order."""
    order = load_orders(connection, [order_id], lock=False).get(order_id)
    if order is None:
        return None
    fulfilments = load_fulfilments_of_orders(connection, [order_id]).get(order_id, ())
    return detail_of(order, fulfilments, back_orders_of(connection, order_id))


def back_orders_of(connection: Connection, order_id: str) -> tuple[DetailBackOrder, ...]:
    """What an order waits for; the earliest supply goes to the oldest promise."""
    found = inbound.of_orders(connection, [order_id])
    keys = {(each.sku, each.node) for each in found}
    supply, waiting = inbound.of_positions(connection, keys), inbound.waiting_at(connection, keys)
    return tuple(
        DetailBackOrder(
            each.line_id,
            each.sku,
            each.node,
            each.quantity,
            ship_by(supply.get((each.sku, each.node), ()), waiting[each.sku, each.node])[each.key],
        )
        for each in found
    )


def detail_of(
    order: StoredOrder,
    fulfilments: Sequence[StoredFulfilment],
    back_orders: tuple[DetailBackOrder, ...] = (),
) -> OrderDetail:
    """An order that is loaded with its fulfilment orders, as it is shown."""
    return OrderDetail(
        id=order.id,
        connection=order.connection,
        channel=order.channel,
        external_id=order.external_id,
        number=order.number,
        version=order.version,
        state=order.state.value,
        hold=order.hold,
        reason=order.reason,
        placed_at=order.placed_at,
        deliver_by=order.deliver_by,
        lines=tuple(
            DetailLine(line=line.line_id, **_named(DetailLine, line), **_named(DetailLine, line.quantities))
            for line in order.lines
        ),
        holds=tuple(DetailHold(**_named(DetailHold, hold)) for hold in order.holds),
        fulfilment_orders=tuple(_fulfilment(stored) for stored in fulfilments),
        back_orders=back_orders,
        document=decode_json(order.document),
    )


def _fulfilment(stored: StoredFulfilment) -> DetailFulfilmentOrder:
    lines = tuple(
        DetailFulfilmentLine(line=line.order_line, **_named(DetailFulfilmentLine, line))
        for line in stored.fulfilment.lines
    )
    state = stored.fulfilment.state.value
    fulfilment = stored.fulfilment
    release_at = None if fulfilment.requested else stored.release_at
    return DetailFulfilmentOrder(
        stored.id,
        fulfilment.node,
        fulfilment.to_node or None,
        state,
        stored.service,
        stored.ship_by,
        release_at,
        lines,
    )


def _named(shown: type[Any], source: object) -> dict[str, Any]:
    """The fields of ``shown`` that ``source`` has."""
    return {each.name: getattr(source, each.name) for each in fields(shown) if hasattr(source, each.name)}

"""The poll streams: what changed since a cursor, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from crossdock.sdk.connector import Cursor, Limits, Page, RawRecord
from crossdock.sdk.sweeps import Sweep, aware_instant
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.client import Node, ShopifyClient, TooCostlyError
from crossdock_connectors.shopify.manifest import MANIFEST
from crossdock_connectors.shopify.returns import ANY_RETURN, returned

__all__ = ["poll"]

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a stream comes from: the document, the order in each node (if any), the limit of a page, and what the
    search is narrowed by."""

    document: str
    order_in: Callable[[Node], Node] | None
    variables: Callable[[ShopifyClient], Mapping[str, object]]
    narrowed: str = ""


def _with_lines(client: ShopifyClient) -> Mapping[str, object]:
    return {"lines": client.config.lines_per_page}


_SOURCES: Final[Mapping[str, _Source]] = {
    "orders": _Source(documents.ORDERS, lambda node: node, _with_lines),
    "fulfilment_orders": _Source(documents.FULFILMENT_ORDERS, lambda node: node["order"], _with_lines),
    "products": _Source(documents.PRODUCTS, None, lambda _: {}),
    "returns": _Source(documents.RETURNS, None, _with_lines, ANY_RETURN),
}


async def poll(
    client: ShopifyClient, stream: str, cursor: Cursor | None, limits: Limits
) -> AsyncIterator[Page]:
    """Yield what changed since ``cursor``; see ``Polls.poll``."""
    source = _SOURCES[stream]
    spec = MANIFEST.stream(stream).cursor
    overlap = spec.overlap if spec else timedelta(0)
    now = client.clock.now()
    begin = now - timedelta(days=client.config.backfill_days)
    sweep = Sweep.resume(cursor, now, begin, place=("after", "latest"), remedy="begin `backfill_days` ago")
    size = min(client.config.orders_per_page if source.order_in else 50, limits.page_size)
    for _ in range(limits.pages):
        query = f"updated_at:>='{(sweep.since - overlap).isoformat()}'{source.narrowed}"
        connection, size = await _page(client, source, query, sweep.place.get("after"), size)
        nodes: list[Node] = connection["nodes"]
        if stream == "returns":
            records = await returned(client, stream, nodes)
        elif source.order_in is not None:
            records = await _orders(client, stream, [source.order_in(node) for node in nodes])
        else:
            records = tuple(_record(stream, node, node["updatedAt"]) for node in nodes)
        more: bool = connection["pageInfo"]["hasNextPage"]
        changed = [datetime.fromisoformat(node["updatedAt"]) for node in nodes]
        started = sweep.started
        sweep = _advanced(sweep, changed, connection["pageInfo"]["endCursor"] if more else None)
        yield Page(records, sweep.cursor, more, watermark=None if more else started)
        if not more:
            return


def _advanced(sweep: Sweep, changed: list[datetime], after: str | None) -> Sweep:
    """The sweep after a page; without a further page it is over, and the next begins where it saw all.

    That is the latest change seen, but never later than its start: an unordered sweep may have passed by
    an item that changed meanwhile.
    """
    latest = max([*changed, aware_instant(sweep.place.get("latest", sweep.since))])
    if after is not None:
        return sweep.onward(after=after, latest=latest.isoformat())
    return sweep.over(max(sweep.since, min(latest, sweep.started)))


async def _page(
    client: ShopifyClient, source: _Source, query: str, after: object, size: int
) -> tuple[Node, int]:
    """One page, and its size: halved until the query is cheap enough (there is no exact tariff)."""
    while True:
        try:
            data = await client.query(
                source.document, query=query, first=size, after=after, **source.variables(client)
            )
        except TooCostlyError:
            if size == 1:
                raise
            size //= 2
        else:
            (connection,) = data.values()
            return connection, size


async def _orders(client: ShopifyClient, stream: str, orders: list[Node]) -> tuple[RawRecord, ...]:
    """Whole orders, each once: several of its fulfilment orders may stand on one page."""
    distinct = {order["id"]: order for order in orders}
    for order in distinct.values():
        await _complete(client, order)
    return tuple(_record(stream, order, _version(order)) for order in distinct.values())


async def _complete(client: ShopifyClient, order: Node) -> None:
    """Read the lines and fulfilment orders that did not fit into the page."""
    lines = client.config.lines_per_page
    await client.complete(order["lineItems"], documents.ORDER_LINES, id=order["id"], lines=lines)
    await fulfilment_orders(client, order["id"], order["fulfillmentOrders"])


async def fulfilment_orders(client: ShopifyClient, order_id: str, connection: Node) -> list[Node]:
    """All fulfilment orders of an order with all their lines; ``connection`` is completed in place."""
    lines = client.config.lines_per_page
    await client.complete(connection, documents.ORDER_FULFILMENT_ORDERS, id=order_id, lines=lines)
    for one in connection["nodes"]:
        await client.complete(one["lineItems"], documents.FULFILMENT_ORDER_LINES, id=one["id"], lines=lines)
    nodes: list[Node] = connection["nodes"]
    return nodes


def _version(order: Node) -> str:
    """The instant of the latest change to the order or one of its fulfilment orders."""
    return str(max([order["updatedAt"], *(one["updatedAt"] for one in order["fulfillmentOrders"]["nodes"])]))


def _record(stream: str, node: Node, version: str) -> RawRecord:
    return RawRecord(
        stream=stream,
        key=node["id"],
        dedupe=f"{node['id']}@{version}",
        payload=_encode(node),
        occurred_at=datetime.fromisoformat(version),
    )

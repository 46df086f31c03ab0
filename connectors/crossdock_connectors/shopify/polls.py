"""The poll streams: what changed since a cursor, page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from crossdock.sdk.connector import Cursor, Limits, Page, RawRecord
from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.client import Node, ShopifyClient, TooCostlyError
from crossdock_connectors.shopify.manifest import MANIFEST

__all__ = ["Sweep", "poll"]

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Sweep:
    """One pass over what changed; it may take many pages and several runs of the hub.

    Attributes:
        since: Changes before this instant were seen by an earlier sweep.
        started: When it began, by our clock.
        after: Where the next page begins; ``None`` before the first.
        latest: The latest change seen.
    """

    since: datetime
    started: datetime
    after: str | None = None
    latest: datetime | None = None

    @classmethod
    def resume(cls, cursor: Cursor | None, now: datetime, backfill: timedelta) -> Sweep:
        """Read a cursor; without one begin ``backfill`` ago.

        Raises:
            MisconfiguredError: The cursor is none of ours.
        """
        if cursor is None:
            return cls(now - backfill, now)
        try:
            since = _instant(cursor["since"])
            if "after" not in cursor:
                return cls(since, now)
            return cls(since, _instant(cursor["started"]), str(cursor["after"]), _instant(cursor["latest"]))
        except (KeyError, ValueError) as error:
            raise MisconfiguredError(
                f"{dict(cursor)} is no cursor of this connector ({error}): rewind it, or delete it to begin "
                "`backfill_days` ago",
                path="cursor",
            ) from error

    def advanced(self, changed: list[datetime], after: str | None) -> Sweep:
        """The sweep after a page; without a further page it is over, and the next begins where it saw all.

        That is the latest change seen, but never later than its start: an unordered sweep may have passed by
        an item that changed meanwhile.
        """
        latest = max([*changed, self.latest or self.since])
        if after is not None:
            return Sweep(self.since, self.started, after, latest)
        return Sweep(max(self.since, min(latest, self.started)), self.started)

    @property
    def cursor(self) -> Cursor:
        """As the hub stores it."""
        if self.after is None:
            return {"since": self.since.isoformat()}
        return {
            "since": self.since.isoformat(),
            "started": self.started.isoformat(),
            "after": self.after,
            "latest": (self.latest or self.since).isoformat(),
        }


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return instant


@dataclass(frozen=True, slots=True)
class _Source:
    """Where a stream comes from: the document, the order in each node (if any), the limit of a page."""

    document: str
    order_in: Callable[[Node], Node] | None
    variables: Callable[[ShopifyClient], Mapping[str, object]]


def _with_lines(client: ShopifyClient) -> Mapping[str, object]:
    return {"lines": client.config.lines_per_page}


_SOURCES: Final[Mapping[str, _Source]] = {
    "orders": _Source(documents.ORDERS, lambda node: node, _with_lines),
    "fulfilment_orders": _Source(documents.FULFILMENT_ORDERS, lambda node: node["order"], _with_lines),
    "products": _Source(documents.PRODUCTS, None, lambda _: {}),
}


async def poll(
    client: ShopifyClient, stream: str, cursor: Cursor | None, limits: Limits
) -> AsyncIterator[Page]:
    """Yield what changed since ``cursor``; see ``Polls.poll``."""
    source = _SOURCES[stream]
    spec = MANIFEST.stream(stream).cursor
    overlap = spec.overlap if spec else timedelta(0)
    sweep = Sweep.resume(cursor, client.clock.now(), timedelta(days=client.config.backfill_days))
    size = min(client.config.orders_per_page if source.order_in else 50, limits.page_size)
    for _ in range(limits.pages):
        query = f"updated_at:>='{(sweep.since - overlap).isoformat()}'"
        connection, size = await _page(client, source, query, sweep.after, size)
        nodes: list[Node] = connection["nodes"]
        if source.order_in is not None:
            records = await _orders(client, stream, [source.order_in(node) for node in nodes])
        else:
            records = tuple(_record(stream, node, node["updatedAt"]) for node in nodes)
        more: bool = connection["pageInfo"]["hasNextPage"]
        changed = [datetime.fromisoformat(node["updatedAt"]) for node in nodes]
        started = sweep.started
        sweep = sweep.advanced(changed, connection["pageInfo"]["endCursor"] if more else None)
        yield Page(records, sweep.cursor, more, watermark=None if more else started)
        if not more:
            return


async def _page(
    client: ShopifyClient, source: _Source, query: str, after: str | None, size: int
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

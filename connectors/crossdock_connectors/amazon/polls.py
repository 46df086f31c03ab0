"""The poll stream: orders that changed since a cursor, page by page."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

import msgspec

from crossdock.sdk.connector import Cursor, Limits, Page, RawRecord
from crossdock.sdk.errors import UnreachableError
from crossdock.sdk.sweeps import Sweep, aware_instant
from crossdock_connectors.amazon.calls import ORDER_DATA, instant_text, search_orders
from crossdock_connectors.amazon.client import AmazonClient, Node
from crossdock_connectors.amazon.manifest import MANIFEST

__all__ = ["poll"]

_TOKEN_LIFETIME: Final = timedelta(hours=23)
"""Of the 24 hours that a pagination token is good for."""
_DELAY: Final = timedelta(minutes=2)
"""What changed later is not found yet (searchOrders, ``lastUpdatedBefore``)."""
_BAD_REQUEST: Final = 400

_encode = msgspec.json.Encoder(decimal_format="number").encode


async def poll(
    client: AmazonClient, stream: str, cursor: Cursor | None, limits: Limits
) -> AsyncIterator[Page]:
    """Yield what changed since ``cursor``; see ``Polls.poll``."""
    spec = MANIFEST.stream(stream).cursor
    overlap = spec.overlap if spec else timedelta(0)
    sweep = _resumed(client, cursor)
    for _ in range(limits.pages):
        answer, sweep = await _page(client, sweep, overlap, limits.page_size)
        records = tuple(_record(stream, order) for order in answer["orders"])
        more = bool(sweep.place)
        yield Page(records, sweep.cursor, more, watermark=None if more else sweep.since)
        if not more:
            return


def _resumed(client: AmazonClient, cursor: Cursor | None) -> Sweep:
    """The sweep of a cursor; one whose token has expired begins anew."""
    now = client.clock.now()
    begin = now - timedelta(days=client.config.backfill_days)
    sweep = Sweep.resume(cursor, now, begin, place=("token", "until"), remedy="begin `backfill_days` ago")
    return sweep if now - sweep.started <= _TOKEN_LIFETIME else Sweep(sweep.since, now)


def _advanced(sweep: Sweep, answer: Node, asked_at: datetime) -> Sweep:
    """The sweep after a page. After the last one the next sweep begins where this one reached, as its first page said.

    The answers are in no stated order, so nothing in between counts.
    """
    stated = sweep.place.get("until") or answer.get("lastUpdatedBefore")
    until = aware_instant(stated) if stated else asked_at - _DELAY
    if token := (answer.get("pagination") or {}).get("nextToken"):
        return sweep.onward(token=str(token), until=until.isoformat())
    return sweep.over(max(sweep.since, until))


async def _page(client: AmazonClient, sweep: Sweep, overlap: timedelta, page_size: int) -> tuple[Node, Sweep]:
    """One page and the sweep after it. Where Amazon refuses the token the sweep begins anew, once."""
    asked_at = client.clock.now()
    token = str(sweep.place["token"]) if sweep.place else None
    call = search_orders(
        instant_text(sweep.since - overlap),
        marketplace_ids=client.config.marketplace_ids,
        included_data=ORDER_DATA,
        pagination_token=token,
        fulfilled_by="MERCHANT",
        max_results=min(client.config.orders_per_page, page_size),
    )
    response = await client.send(call)
    if response.status_code == _BAD_REQUEST and token:
        client.log.warning("amazon.pagination_token_refused", since=sweep.since.isoformat())
        return await _page(client, Sweep(sweep.since, asked_at), overlap, page_size)
    answer = client.read(call, response)
    if not isinstance(answer.get("orders"), list):
        raise UnreachableError("searchOrders answered without a list of orders; it will be asked again")
    return answer, _advanced(sweep, answer, asked_at)


def _record(stream: str, order: Node) -> RawRecord:
    """One order, in the shape of an answer that holds it alone. A defective one is told by the mapping."""
    payload = _encode({"orders": [order]})
    order_id, changed_at = order.get("orderId"), order.get("lastUpdatedTime")
    known = isinstance(order_id, str) and isinstance(changed_at, str)
    try:
        occurred_at = aware_instant(changed_at)
    except ValueError:
        occurred_at = None
    return RawRecord(
        stream=stream,
        key=str(order_id),
        dedupe=f"{order_id}@{changed_at}" if known else hashlib.sha256(payload).hexdigest(),
        payload=payload,
        occurred_at=occurred_at,
    )

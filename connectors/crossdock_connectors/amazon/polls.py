"""The poll stream: orders that changed since a cursor, page by page."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import msgspec

from crossdock.sdk.connector import Cursor, Limits, Page, RawRecord
from crossdock.sdk.errors import MisconfiguredError, UnreachableError
from crossdock_connectors.amazon.calls import ORDER_DATA, instant_text, search_orders
from crossdock_connectors.amazon.client import AmazonClient, Node
from crossdock_connectors.amazon.manifest import MANIFEST

__all__ = ["Sweep", "poll"]

_TOKEN_LIFETIME: Final = timedelta(hours=23)
"""Of the 24 hours that a pagination token is good for."""
_DELAY: Final = timedelta(minutes=2)
"""What changed later is not found yet (searchOrders, ``lastUpdatedBefore``)."""
_BAD_REQUEST: Final = 400

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True, slots=True)
class Sweep:
    """One pass over what changed; it may take many pages and several runs of the hub.

    Attributes:
        since: Changes before this instant were seen by an earlier sweep.
        until: Up to where this one reaches, as its first page said.
        token: Of the next page; ``None`` before the first.
        token_at: When the first page was asked for.
    """

    since: datetime
    until: datetime | None = None
    token: str | None = None
    token_at: datetime | None = None

    @classmethod
    def resume(cls, cursor: Cursor | None, now: datetime, backfill: timedelta) -> Sweep:
        """Read a cursor; without one begin ``backfill`` ago. A sweep whose token has expired begins anew.

        Raises:
            MisconfiguredError: The cursor is none of ours.
        """
        if cursor is None:
            return cls(now - backfill)
        try:
            since = _instant(cursor["since"])
            if "token" not in cursor:
                return cls(since)
            sweep = cls(since, _instant(cursor["until"]), str(cursor["token"]), _instant(cursor["token_at"]))
        except (KeyError, ValueError) as error:
            raise MisconfiguredError(
                f"{dict(cursor)} is no cursor of this connector ({error}): rewind it, or delete it to begin "
                "`backfill_days` ago",
                path="cursor",
            ) from error
        return cls(since) if sweep.has_expired(now) else sweep

    def has_expired(self, now: datetime) -> bool:
        """Whether the token is too old to be used."""
        return self.token_at is not None and now - self.token_at > _TOKEN_LIFETIME

    def advanced(self, answer: Node, asked_at: datetime) -> Sweep:
        """The sweep after a page. After the last one the next sweep begins where this one reached.

        The answers are in no stated order, so nothing in between counts.
        """
        stated = answer.get("lastUpdatedBefore")
        until = self.until or (_instant(stated) if stated else asked_at - _DELAY)
        token = (answer.get("pagination") or {}).get("nextToken")
        if token:
            return Sweep(self.since, until, str(token), self.token_at or asked_at)
        return Sweep(max(self.since, until))

    @property
    def cursor(self) -> Cursor:
        """As the hub stores it."""
        if self.token is None or self.until is None or self.token_at is None:
            return {"since": self.since.isoformat()}
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "token": self.token,
            "token_at": self.token_at.isoformat(),
        }


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return instant


async def poll(
    client: AmazonClient, stream: str, cursor: Cursor | None, limits: Limits
) -> AsyncIterator[Page]:
    """Yield what changed since ``cursor``; see ``Polls.poll``."""
    spec = MANIFEST.stream(stream).cursor
    overlap = spec.overlap if spec else timedelta(0)
    sweep = Sweep.resume(cursor, client.clock.now(), timedelta(days=client.config.backfill_days))
    for _ in range(limits.pages):
        answer, sweep = await _page(client, sweep, overlap, limits.page_size)
        records = tuple(_record(stream, order) for order in answer["orders"])
        more = sweep.token is not None
        yield Page(records, sweep.cursor, more, watermark=None if more else sweep.since)
        if not more:
            return


async def _page(client: AmazonClient, sweep: Sweep, overlap: timedelta, page_size: int) -> tuple[Node, Sweep]:
    """One page and the sweep after it. Where Amazon refuses the token the sweep begins anew, once."""
    asked_at = client.clock.now()
    call = search_orders(
        instant_text(sweep.since - overlap),
        marketplace_ids=client.config.marketplace_ids,
        included_data=ORDER_DATA,
        pagination_token=sweep.token,
        fulfilled_by="MERCHANT",
        max_results=min(client.config.orders_per_page, page_size),
    )
    response = await client.send(call)
    if response.status_code == _BAD_REQUEST and sweep.token:
        client.log.warning("amazon.pagination_token_refused", since=sweep.since.isoformat())
        return await _page(client, Sweep(sweep.since), overlap, page_size)
    answer = client.read(call, response)
    if not isinstance(answer.get("orders"), list):
        raise UnreachableError("searchOrders answered without a list of orders; it will be asked again")
    return answer, sweep.advanced(answer, asked_at)


def _record(stream: str, order: Node) -> RawRecord:
    """One order, in the shape of an answer that holds it alone. A defective one is told by the mapping."""
    payload = _encode({"orders": [order]})
    order_id, changed_at = order.get("orderId"), order.get("lastUpdatedTime")
    known = isinstance(order_id, str) and isinstance(changed_at, str)
    try:
        occurred_at = _instant(changed_at)
    except ValueError:
        occurred_at = None
    return RawRecord(
        stream=stream,
        key=str(order_id),
        dedupe=f"{order_id}@{changed_at}" if known else hashlib.sha256(payload).hexdigest(),
        payload=payload,
        occurred_at=occurred_at,
    )

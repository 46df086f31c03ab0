"""The stream ``returns``: the returns of orders that changed, each whole."""

from __future__ import annotations

from datetime import datetime

import msgspec

from crossdock.sdk.connector import RawRecord
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.client import Node, ShopifyClient

__all__ = ["ANY_RETURN", "returned"]

ANY_RETURN = " AND -return_status:no_return"
"""What the search of orders is narrowed by."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


async def returned(client: ShopifyClient, stream: str, orders: list[Node]) -> tuple[RawRecord, ...]:
    """A record for each return of ``orders``. A return has no instant of its own, so it has that of its order."""
    lines = client.config.lines_per_page
    records = []
    for order in orders:
        await client.complete(order["returns"], documents.ORDER_RETURNS, id=order["id"], lines=lines)
        for one in order["returns"]["nodes"]:
            await client.complete(one["returnLineItems"], documents.RETURN_LINES, id=one["id"], lines=lines)
            records.append(
                RawRecord(
                    stream=stream,
                    key=one["id"],
                    dedupe=f"{one['id']}@{order['updatedAt']}",
                    payload=_encode(one),
                    occurred_at=datetime.fromisoformat(order["updatedAt"]),
                )
            )
    return tuple(records)

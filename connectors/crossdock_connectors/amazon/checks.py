"""``check``: for each stream and command, whether it would work. Reads only."""

from __future__ import annotations

from datetime import timedelta

from crossdock.sdk.checks import check_each
from crossdock.sdk.connector import CheckReport
from crossdock_connectors.amazon import calls
from crossdock_connectors.amazon.client import AmazonClient, Node

__all__ = ["check"]


async def check(client: AmazonClient) -> CheckReport:
    """Look at one order, its packages, and one listing.

    Of ``shipment.confirm`` that proves the reading half: whether an app may confirm can't be asked.
    """
    config = client.config
    found: list[Node] = []

    async def orders() -> None:
        since = calls.instant_text(client.clock.now() - timedelta(days=30))
        call = calls.search_orders(
            since, marketplace_ids=config.marketplace_ids, included_data=("RECIPIENT",), max_results=1
        )
        found.extend((await client.ask(call))["orders"])

    async def packages() -> None:
        if not found:
            await orders()
        for order in found:
            await client.ask(calls.get_order(order["orderId"], ("PACKAGES",)))

    async def listings() -> None:
        marketplaces = config.marketplace_ids
        await client.ask(calls.search_listings(config.seller_id, marketplace_ids=marketplaces, page_size=1))

    return await check_each({"orders": orders, "shipment.confirm": packages, "stock.publish": listings})

"""The simulated shop, asked by the connector that the hub uses."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from random import Random
from typing import Any

import httpx
import structlog

from crossdock.demo.dice import Dice
from crossdock.demo.orders import Channel
from crossdock.demo.partners.hosting import Moods
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.partners.shop import SECRET, SHOP, TOKEN, Shop
from crossdock.demo.partners.shop_documents import line_gid, order_gid
from crossdock.demo.world import make_world
from crossdock.sdk.assembly import assemble
from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.connector import Command, Limits
from crossdock.sdk.outcomes import AlreadyApplied, Applied, Rejected
from crossdock.sdk.tokens import MemoryTokenStore
from crossdock_connectors.shopify import CONNECTOR
from crossdock_connectors.shopify.config import ShopifyConfig
from crossdock_connectors.shopify.connector import Shopify

CONFIG = {"shop": SHOP, "client_secret": SECRET, "access_token": TOKEN, "base_url": "http://127.0.0.1"}


def test_units_of_a_line_are_cancelled_once() -> None:
    world = make_world(1, 40)
    order = next(each for each in world.orders if each.channel is Channel.WEB and each.lines[0].quantity > 1)
    shop, clock = Shop(world, Moods(Dice(1), "shop", {}), Journal()), SystemClock()
    config = ShopifyConfig.model_validate(CONFIG)
    gid = order_gid(order.number)

    def cancel(units: int) -> Command:
        line = {"lineItemId": line_gid(order.number, 0), "quantity": units}
        document = {"lines": [line], "reason": "INVENTORY", "staffNote": "inventory"}
        return Command("order.cancel", gid, (document,), {"order": gid})

    async def story() -> None:
        await shop.place(replace(order, unannounced=True))
        assembly = assemble(
            CONNECTOR.manifest, config, connection="shop", clock=clock, random=Random(1),
            tokens=MemoryTokenStore(clock), budgets=MemoryBudgetStore(), log=structlog.get_logger(),
            transport=httpx.ASGITransport(shop.app),
        )  # fmt: skip
        connector = Shopify(config, assembly.services)
        first = await connector.execute(cancel(1), "order.cancel:1")
        assert isinstance(first, Applied)
        assert await connector.execute(cancel(1), "order.cancel:1") == AlreadyApplied(first.ref)
        (page,) = [page async for page in connector.poll("orders", None, Limits())]
        document: Any = json.loads(page.records[0].payload)
        assert document["lineItems"]["nodes"][0]["currentQuantity"] == order.lines[0].quantity - 1
        assert isinstance(await connector.execute(cancel(1_000), "order.cancel:2"), Rejected)
        await assembly.close()

    asyncio.run(story())

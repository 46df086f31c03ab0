from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from crossdock.sdk.clock import ManualClock
from crossdock_connectors.shopify import CONNECTOR
from crossdock_connectors.shopify.config import ShopifyConfig
from crossdock_connectors.shopify.connector import Shopify
from tests.connectors.hub import assembled
from tests.connectors.shopify.shop import Shop

Connect = Callable[..., Shopify]

CONFIG: dict[str, Any] = {
    "shop": "acme-outdoor",
    "client_secret": "hush",
    "access_token": "shpat_good",
    "default_location": "gid://shopify/Location/1",
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 23, 10, tzinfo=UTC))


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.fixture
def connect(clock: ManualClock) -> Connect:
    """Make a connector that talks to a shop: ``connect(shop, lines_per_page=1)``."""

    def make(shop: Shop, **changes: Any) -> Shopify:
        given = {**CONFIG, "api_version": shop.version, **changes}
        config = ShopifyConfig.model_validate(
            {name: value for name, value in given.items() if value is not None}
        )
        transport = httpx.MockTransport(shop.handle)
        assembly = assembled(CONNECTOR.manifest, config, clock, connection="shop", transport=transport)
        return Shopify(config, assembly.services)

    return make

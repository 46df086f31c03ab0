"""Pick-ups that are ready: told once, and of whole fulfilment orders only."""

from __future__ import annotations

from typing import Any

import pytest

from crossdock.sdk.connector import Command
from crossdock.sdk.outcomes import AlreadyApplied, Applied, Rejected
from tests.connectors.shopify.builders import operations, run
from tests.connectors.shopify.conftest import Connect
from tests.connectors.shopify.shop import VERSIONS, Shop, order
from tests.connectors.shopify.test_commands import ORDER, TENT
from tests.connectors.shopify.test_conformance import collected_in_store

PLACES = {"store-7": "gid://shopify/Location/1", "store-8": "gid://shopify/Location/8"}


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    made.orders[ORDER] = order(1, "2026-11-21T11:00:00Z")
    collected_in_store(made.orders[ORDER])
    return made


def ready(units: int, location: str | None = "store-7") -> Command:
    document: dict[str, Any] = {"items": [{"lineItemId": TENT, "sku": "TENT-2P", "quantity": units}]}
    if location:
        document["location"] = location
    return Command("pick_up.ready", ORDER, (document,), {"order": ORDER})


@pytest.mark.parametrize("version", VERSIONS)
def test_a_pick_up_is_prepared_once(version: str, shop: Shop, connect: Connect) -> None:
    shop.version = version
    connected = connect(shop, locations=PLACES)
    assert isinstance(run(connected.execute(ready(2), "k")), Applied)
    (told,) = operations(shop, "PreparePickUp")
    (part,) = told["input"]["lineItemsByFulfillmentOrder"]
    assert part == {"fulfillmentOrderId": shop.orders[ORDER]["fulfillmentOrders"][0]["id"]}
    assert isinstance(run(connected.execute(ready(2), "k")), AlreadyApplied)


def test_what_shopify_cannot_be_told_is_refused_in_words(shop: Shop, connect: Connect) -> None:
    connected = connect(shop, locations=PLACES)
    part = run(connected.execute(ready(1), "k"))
    assert isinstance(part, Rejected)
    assert (part.code, "TENT-2P is not ready" in part.message) == ("shopify.partly_ready", True)
    elsewhere = run(connected.execute(ready(2, "store-8"), "k"))
    assert isinstance(elsewhere, Rejected)
    assert elsewhere.code == "shopify.no_pick_up"
    assert operations(shop, "PreparePickUp") == []


def test_what_was_collected_meanwhile_needs_no_telling(shop: Shop, connect: Connect) -> None:
    shop.orders[ORDER]["fulfillmentOrders"][0]["status"] = "CLOSED"
    assert isinstance(run(connect(shop).execute(ready(2, None), "k")), AlreadyApplied)

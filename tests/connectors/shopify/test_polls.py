"""The poll streams against a shop that answers over the vendor's schema."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Limits
from crossdock.sdk.errors import (
    ForbiddenError,
    MisconfiguredError,
    ThrottledError,
    UnauthorisedError,
    UnreachableError,
)
from crossdock_connectors.shopify.manifest import MANIFEST
from tests.connectors.shopify.builders import decode, order_of, pages
from tests.connectors.shopify.conftest import Connect
from tests.connectors.shopify.shop import VERSIONS, Shop, order

SINCE = {"since": "2026-11-20T00:00:00+00:00"}


def keys(shop: Shop, *numbers: int) -> list[str]:
    return [f"gid://shopify/Order/{number}" for number in numbers]


def fill(shop: Shop, count: int, minute: int = 0) -> None:
    for number in range(1, count + 1):
        one = order(number, f"2026-11-21T11:{minute or number:02}:00Z")
        shop.orders[one["id"]] = one


@pytest.mark.parametrize("version", VERSIONS)
def test_orders_come_whole_in_every_version_and_map(version: str, connect: Connect) -> None:
    shop = Shop(version)
    fill(shop, 1)
    (page,) = pages(connect(shop), "orders", SINCE)
    (record,) = page.records
    assert (record.key, record.stream) == ("gid://shopify/Order/1", "orders")
    mapped = order_of("shopify/order_graphql", decode(record.payload))
    assert len(mapped.lines) == 3


def test_pages_go_on_where_they_stopped_and_end_in_a_new_beginning(shop: Shop, connect: Connect) -> None:
    fill(shop, 5)
    connector = connect(shop, orders_per_page=2)
    found = pages(connector, "orders", SINCE)
    assert [[record.key for record in page.records] for page in found] == [
        keys(shop, 1, 2), keys(shop, 3, 4), keys(shop, 5)]  # fmt: skip
    assert [page.more for page in found] == [True, True, False]
    assert found[-1].cursor == {"since": "2026-11-21T11:05:00+00:00"}
    assert found[-1].watermark == datetime(2026, 11, 23, 10, tzinfo=UTC)
    resumed = pages(connector, "orders", found[0].cursor)
    assert [record.key for page in resumed for record in page.records] == keys(shop, 3, 4, 5)
    assert resumed[-1].cursor == found[-1].cursor


def test_equal_instants_across_a_page_edge_lose_nothing(shop: Shop, connect: Connect) -> None:
    fill(shop, 5, minute=30)
    found = pages(connect(shop, orders_per_page=2), "orders", SINCE)
    assert sorted(record.key for page in found for record in page.records) == keys(shop, 1, 2, 3, 4, 5)


def test_the_next_sweep_overlaps_and_repeats_are_known_by_their_key(shop: Shop, connect: Connect) -> None:
    fill(shop, 2)
    connector = connect(shop)
    (first,) = pages(connector, "orders", SINCE)
    (second,) = pages(connector, "orders", first.cursor)
    assert [record.dedupe for record in second.records] == [record.dedupe for record in first.records]
    overlap = MANIFEST.stream("orders").cursor
    assert overlap is not None
    since = datetime(2026, 11, 21, 11, 2, tzinfo=UTC) - overlap.overlap
    assert shop.requests[-1][1]["query"] == f"updated_at:>='{since.isoformat()}'"


def test_nothing_new_keeps_the_cursor(shop: Shop, connect: Connect) -> None:
    (page,) = pages(connect(shop), "orders", SINCE)
    assert (page.records, page.cursor, page.more) == ((), SINCE, False)


def test_the_first_poll_reaches_back_as_configured(shop: Shop, connect: Connect, clock: ManualClock) -> None:
    pages(connect(shop, backfill_days=3), "orders")
    since = clock.now() - timedelta(days=3, minutes=5)
    assert shop.requests[0][1]["query"] == f"updated_at:>='{since.isoformat()}'"


def test_long_orders_are_completed(shop: Shop, connect: Connect) -> None:
    fill(shop, 1)
    one = shop.orders["gid://shopify/Order/1"]
    first = one["fulfillmentOrders"][0]
    one["fulfillmentOrders"] = [{**first, "id": f"gid://shopify/FulfillmentOrder/{n}"} for n in range(12)]
    (page,) = pages(connect(shop, lines_per_page=1), "orders", SINCE)
    payload = decode(page.records[0].payload)
    assert [line["sku"] for line in payload["lineItems"]["nodes"]] == ["TENT-2P", "01234", None, "ROPE-30"]
    assert len(payload["fulfillmentOrders"]["nodes"]) == 12
    assert all(len(part["lineItems"]["nodes"]) == 2 for part in payload["fulfillmentOrders"]["nodes"])
    assert [name for name, _ in shop.requests].count("OrderLines") == 3


def test_a_hold_that_leaves_the_order_untouched_is_found(shop: Shop, connect: Connect) -> None:
    fill(shop, 2)
    held = shop.orders["gid://shopify/Order/2"]["fulfillmentOrders"][0]
    held |= {"status": "ON_HOLD", "updatedAt": "2026-11-22T08:00:00Z"}
    connector = connect(shop)
    cursor = {"since": "2026-11-22T00:00:00+00:00"}
    assert pages(connector, "orders", cursor)[0].records == ()
    (page,) = pages(connector, "fulfilment_orders", cursor)
    (record,) = page.records
    assert (record.key, record.dedupe) == (
        "gid://shopify/Order/2", "gid://shopify/Order/2@2026-11-22T08:00:00Z")  # fmt: skip
    assert order_of("shopify/order_graphql", decode(record.payload)).status == "pending"


def test_an_order_with_several_changed_parts_comes_once(shop: Shop, connect: Connect) -> None:
    fill(shop, 1)
    parts = shop.orders["gid://shopify/Order/1"]["fulfillmentOrders"]
    parts.append({**parts[0], "id": "gid://shopify/FulfillmentOrder/9"})
    (page,) = pages(connect(shop), "fulfilment_orders", SINCE)
    assert len(page.records) == 1


def test_products_are_swept_by_id_and_begin_anew_before_the_sweep(
    shop: Shop, connect: Connect, clock: ManualClock
) -> None:
    variant = {
        "barcode": "4006381333931", "title": "Default Title", "requiresComponents": False,
        "productVariantComponents": [],
        "product": {"id": "gid://shopify/Product/1", "title": "Tent", "status": "ACTIVE", "vendor": "Falk",
                    "productType": ""},
        "inventoryItem": {"id": "gid://shopify/InventoryItem/1", "countryCodeOfOrigin": "DE",
                          "harmonizedSystemCode": None, "requiresShipping": True, "unitCost": None,
                          "measurement": {"weight": {"unit": "GRAMS", "value": 2450.0}}},
    }  # fmt: skip
    shop.variants = [
        variant
        | {
            "id": f"gid://shopify/ProductVariant/{n}",
            "sku": f"S{n}",
            "updatedAt": f"2026-11-2{4 - n}T10:30:00Z",
        }
        for n in (1, 2, 3)
    ]
    found = pages(connect(shop), "products", SINCE, Limits(page_size=2))
    assert [record.key[-1] for page in found for record in page.records] == ["1", "2", "3"]
    # the first was changed after the sweep began, and so may others have been that it had passed
    assert found[-1].cursor == {"since": clock.now().isoformat()}


def test_a_query_that_costs_too_much_is_asked_in_halves(shop: Shop, connect: Connect) -> None:
    fill(shop, 4)
    costly = httpx.Response(
        200, json={"errors": [{"message": "too much", "extensions": {"code": "MAX_COST_EXCEEDED"}}]}
    )
    shop.faults = [costly, costly]
    found = pages(connect(shop, orders_per_page=8), "orders", SINCE)
    assert [len(page.records) for page in found] == [2, 2]
    shop.faults = [costly]
    with pytest.raises(MisconfiguredError, match="lower `lines_per_page`"):
        pages(connect(shop, orders_per_page=1), "orders", SINCE)


def test_throttled_inside_status_200_waits_and_asks_again(
    shop: Shop, connect: Connect, clock: ManualClock
) -> None:
    fill(shop, 1)
    throttled = httpx.Response(
        200,
        json={
            "errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}],
            "extensions": {
                "cost": {
                    "requestedQueryCost": 300,
                    "throttleStatus": {
                        "maximumAvailable": 1000.0,
                        "currentlyAvailable": 0.0,
                        "restoreRate": 100.0,
                    },
                }
            },
        },
    )
    shop.faults = [throttled]
    (page,) = pages(connect(shop), "orders", SINCE)
    assert len(page.records) == 1
    assert sum(clock.slept) >= 1
    shop.faults = [throttled] * 100
    with pytest.raises(ThrottledError):
        pages(connect(shop), "orders", SINCE)


def test_answers_that_are_no_answers(shop: Shop, connect: Connect) -> None:
    html = httpx.Response(200, html="<html>maintenance</html>")
    shop.faults = [html] * 20
    with pytest.raises(UnreachableError):
        pages(connect(shop), "orders", SINCE)
    shop.faults = [
        httpx.Response(200, json={"errors": [{"message": "no", "extensions": {"code": "ACCESS_DENIED"}}]})
    ]
    with pytest.raises(ForbiddenError):
        pages(connect(shop), "orders", SINCE)
    shop.faults = [httpx.Response(404, json={"errors": "Not Found"})]
    with pytest.raises(MisconfiguredError, match="there is no Admin API"):
        pages(connect(shop), "orders", SINCE)


def test_a_refused_token_is_told_and_a_daily_one_renewed(shop: Shop, connect: Connect) -> None:
    with pytest.raises(UnauthorisedError):
        pages(connect(shop, access_token="shpat_old"), "orders", SINCE)
    connector = connect(shop, access_token=None, client_id="app")
    pages(connector, "orders", SINCE)
    shop.token = "shpat_renewed"
    pages(connector, "orders", SINCE)
    assert [name for name, _ in shop.requests].count("token") == 2


@pytest.mark.parametrize(
    "cursor", [{}, {"since": "never"}, {"since": "2026-11-20"}, {"since": SINCE["since"], "after": "2"}]
)
def test_an_absurd_cursor_is_told(cursor: dict[str, str], shop: Shop, connect: Connect) -> None:
    with pytest.raises(MisconfiguredError, match="rewind it"):
        pages(connect(shop), "orders", cursor)


def test_a_limit_of_pages_ends_a_poll_in_the_middle(shop: Shop, connect: Connect) -> None:
    fill(shop, 5)
    connector = connect(shop, orders_per_page=2)
    (page,) = pages(connector, "orders", SINCE, Limits(pages=1))
    assert page.more
    rest = pages(connector, "orders", page.cursor)
    assert [record.key for page in rest for record in page.records] == keys(shop, 3, 4, 5)

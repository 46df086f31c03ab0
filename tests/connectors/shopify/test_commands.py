"""Shipments and stock: once each, whatever happens on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Command
from crossdock.sdk.errors import BugError, MisconfiguredError
from crossdock.sdk.outcomes import (
    AlreadyApplied,
    Applied,
    NotApplied,
    PartlyApplied,
    Rejected,
    Throttled,
    Unauthorised,
    Unknown,
    Unreachable,
)
from tests.connectors.shopify.builders import operations, run
from tests.connectors.shopify.conftest import Connect
from tests.connectors.shopify.shop import VERSIONS, Shop, order

ORDER = "gid://shopify/Order/1"
TENT = "gid://shopify/LineItem/7700000000000001"
STOVE = "gid://shopify/LineItem/7700000000000002"
TIMEOUT = httpx.ReadTimeout("no answer")


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    made.orders[ORDER] = order(1, "2026-11-21T11:00:00Z")
    return made


def confirm(*items: tuple[str | None, str, int], numbers: tuple[str, ...] = ("1Z1",), **more: Any) -> Command:
    document = {
        "trackingInfo": {"company": "UPS", "numbers": list(numbers), "urls": []},
        "items": [
            {"sku": sku, "quantity": quantity} | ({"lineItemId": line} if line else {})
            for line, sku, quantity in items
        ],
        **more,
    }
    return Command("shipment.confirm", ORDER, (document,), {"order": ORDER})


def part_of(shop: Shop) -> dict[str, Any]:
    first: dict[str, Any] = shop.orders[ORDER]["fulfillmentOrders"][0]
    return first


def second_part(shop: Shop, location: str, quantity: int) -> None:
    """Another fulfilment order with units of the tent, at ``location``."""
    first = part_of(shop)
    line = {
        **first["lineItems"][0],
        "id": "gid://shopify/FulfillmentOrderLineItem/999",
        "remainingQuantity": quantity,
    }
    shop.orders[ORDER]["fulfillmentOrders"].append(
        {**first, "id": "gid://shopify/FulfillmentOrder/9", "lineItems": [line],
         "assignedLocation": {"location": {"id": location}}}
    )  # fmt: skip


# --- shipment.confirm -----------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_a_part_is_fulfilled_with_its_tracking_number(version: str, shop: Shop, connect: Connect) -> None:
    shop.version = version
    assert run(connect(shop).execute(confirm((TENT, "TENT-2P", 1)), "k")) == Applied(
        "gid://shopify/Fulfillment/1"
    )
    (sent,) = operations(shop, "Fulfil")
    assert sent["fulfillment"] == {
        "lineItemsByFulfillmentOrder": [
            {
                "fulfillmentOrderId": "gid://shopify/FulfillmentOrder/1-301",
                "fulfillmentOrderLineItems": [
                    {"id": "gid://shopify/FulfillmentOrderLineItem/401", "quantity": 1}
                ],
            }
        ],
        "notifyCustomer": True,
        "trackingInfo": {"company": "UPS", "numbers": ["1Z1"], "urls": []},
    }
    assert part_of(shop)["lineItems"][0]["remainingQuantity"] == 1


def test_the_same_twice_is_one_effect(shop: Shop, connect: Connect) -> None:
    connector, command = connect(shop), confirm((TENT, "TENT-2P", 1))
    run(connector.execute(command, "k"))
    assert run(connector.execute(command, "k")) == AlreadyApplied("gid://shopify/Fulfillment/1")
    assert len(operations(shop, "Fulfil")) == 1


def test_a_time_out_after_the_effect_is_unknown_and_found_by_the_probe(shop: Shop, connect: Connect) -> None:
    connector, command = connect(shop), confirm((TENT, "TENT-2P", 2))
    shop.faults = [None, None, TIMEOUT]
    assert isinstance(run(connector.execute(command, "k")), Unknown)
    assert run(connector.probe(command, "k")) == AlreadyApplied("gid://shopify/Fulfillment/1")
    assert run(connector.probe(confirm((TENT, "TENT-2P", 2), numbers=("1Z2",)), "k")) == NotApplied()


def test_a_time_out_before_the_effect_is_not_applied(shop: Shop, connect: Connect) -> None:
    command = confirm((TENT, "TENT-2P", 1))
    shop.faults = [TIMEOUT] * 20
    assert isinstance(run(connect(shop).execute(command, "k")), Unreachable)
    shop.faults = []
    assert run(connect(shop).probe(command, "k")) == NotApplied()


def test_what_has_no_tracking_number_is_found_where_no_unit_is_left_for_another(
    shop: Shop, connect: Connect
) -> None:
    connector, command = connect(shop), confirm((TENT, "TENT-2P", 2), numbers=())
    assert run(connector.probe(command, "k")) == NotApplied()
    shop.faults = [None, TIMEOUT]
    assert isinstance(run(connector.execute(command, "k")), Unknown)
    assert run(connector.probe(command, "k")) == AlreadyApplied("gid://shopify/Fulfillment/1")


def test_without_a_tracking_number_nobody_can_tell_one_of_two_like_shipments(
    shop: Shop, connect: Connect
) -> None:
    connector, command = connect(shop), confirm((TENT, "TENT-2P", 1), numbers=())
    run(connector.execute(confirm((TENT, "TENT-2P", 1)), "with a number"))
    assert run(connector.probe(command, "k")) == NotApplied()
    second_part(shop, "gid://shopify/Location/1", 3)
    assert isinstance(run(connector.execute(command, "k")), Applied)
    assert isinstance(run(connector.probe(command, "k")), Unknown)


def test_a_cancelled_fulfilment_does_not_count(shop: Shop, connect: Connect) -> None:
    connector, command = connect(shop), confirm((TENT, "TENT-2P", 1))
    run(connector.execute(command, "k"))
    shop.orders[ORDER]["fulfillments"][0]["status"] = "CANCELLED"
    assert run(connector.probe(command, "k")) == NotApplied()


def test_parcels_of_one_line_are_summed_and_a_line_is_found_by_its_sku(shop: Shop, connect: Connect) -> None:
    run(connect(shop).execute(confirm((None, "TENT-2P", 1), (None, "TENT-2P", 1)), "k"))
    (sent,) = operations(shop, "Fulfil")
    (part,) = sent["fulfillment"]["lineItemsByFulfillmentOrder"]
    assert part["fulfillmentOrderLineItems"] == [
        {"id": "gid://shopify/FulfillmentOrderLineItem/401", "quantity": 2}
    ]


def test_two_parts_at_one_location_are_one_fulfilment(shop: Shop, connect: Connect) -> None:
    second_part(shop, "gid://shopify/Location/1", 3)
    assert run(connect(shop).execute(confirm((TENT, "TENT-2P", 4)), "k")) == Applied(
        "gid://shopify/Fulfillment/1"
    )
    (sent,) = operations(shop, "Fulfil")
    assert [part["fulfillmentOrderLineItems"][0]["quantity"] for part in
            sent["fulfillment"]["lineItemsByFulfillmentOrder"]] == [2, 2]  # fmt: skip


def test_parts_at_two_locations_are_two_fulfilments_and_a_lost_second_is_made_up(
    shop: Shop, connect: Connect
) -> None:
    second_part(shop, "gid://shopify/Location/2", 3)
    connector, command = connect(shop), confirm((TENT, "TENT-2P", 4))
    shop.faults = [None, None, None, httpx.Response(503)]
    assert isinstance(run(connector.execute(command, "k")), Unknown)
    assert run(connector.probe(command, "k")) == NotApplied()
    assert isinstance(run(connector.execute(command, "k")), Applied)
    told = [
        line["quantity"] for one in shop.orders[ORDER]["fulfillments"] for line in one["fulfillmentLineItems"]
    ]
    assert told == [2, 2]
    assert isinstance(run(connector.probe(command, "k")), AlreadyApplied)


def test_a_line_in_two_parts_is_taken_where_it_was_shipped_from(shop: Shop, connect: Connect) -> None:
    second_part(shop, "gid://shopify/Location/2", 3)
    connector = connect(shop, locations={"dc-west": "gid://shopify/Location/2"})
    run(connector.execute(confirm((TENT, "TENT-2P", 1), location="dc-west"), "k"))
    (sent,) = operations(shop, "Fulfil")
    (part,) = sent["fulfillment"]["lineItemsByFulfillmentOrder"]
    assert part["fulfillmentOrderId"] == "gid://shopify/FulfillmentOrder/9"


def test_a_part_on_hold_is_refused_in_words(shop: Shop, connect: Connect) -> None:
    part_of(shop).update(status="ON_HOLD", supportedActions=[{"action": "RELEASE_HOLD"}])
    outcome = run(connect(shop).execute(confirm((TENT, "TENT-2P", 1)), "k"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "shopify.not_fulfillable"
    assert "FulfillmentOrder/1-301 is ON_HOLD/UNSUBMITTED with 2 open" in outcome.message
    assert operations(shop, "Fulfil") == []


def test_more_than_is_open_is_refused_as_a_whole(shop: Shop, connect: Connect) -> None:
    outcome = run(connect(shop).execute(confirm((TENT, "TENT-2P", 1), (STOVE, "01234", 1)), "k"))
    assert isinstance(outcome, Rejected)
    assert outcome.path == "items[01234]"
    assert operations(shop, "Fulfil") == []


def test_long_shipments_are_cut_into_lists_that_shopify_takes(shop: Shop, connect: Connect) -> None:
    line = part_of(shop)["lineItems"][0]
    part_of(shop)["lineItems"] = [
        {**line, "id": f"gid://shopify/FulfillmentOrderLineItem/{n}", "sku": f"S{n}",
         "lineItem": {"id": f"gid://shopify/LineItem/{n}"}} for n in range(300)
    ]  # fmt: skip
    items = [(f"gid://shopify/LineItem/{n}", f"S{n}", 1) for n in range(300)]
    run(connect(shop, lines_per_page=250).execute(confirm(*items), "k"))
    lengths = [len(part["fulfillmentOrderLineItems"]) for sent in operations(shop, "Fulfil")
               for part in sent["fulfillment"]["lineItemsByFulfillmentOrder"]]  # fmt: skip
    assert lengths == [250, 50]


def test_an_unknown_order_and_a_command_without_one(shop: Shop, connect: Connect) -> None:
    shop.orders.clear()
    outcome = run(connect(shop).execute(confirm((TENT, "TENT-2P", 1)), "k"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "shopify.no_order"
    command = confirm((TENT, "TENT-2P", 1))
    with pytest.raises(BugError, match="refs name no order"):
        run(connect(shop).execute(Command(command.name, command.key, command.documents), "k"))


def test_a_refused_token_is_an_outcome(shop: Shop, connect: Connect) -> None:
    connector = connect(shop, access_token="shpat_old")
    assert isinstance(run(connector.execute(confirm((TENT, "TENT-2P", 1)), "k")), Unauthorised)


# --- stock.publish --------------------------------------------------------------------------------------

PLACE = "gid://shopify/Location/1"


def publish(*levels: dict[str, Any]) -> Command:
    return Command("stock.publish", "stock", tuple(levels))


def level(sku: str, quantity: int, previous: int | None = None, **more: Any) -> dict[str, Any]:
    item = {"inventoryItemId": f"gid://shopify/InventoryItem/{sku}"}
    return {"sku": sku, "quantity": quantity, "changeFromQuantity": previous, **item, **more}


def stocked(shop: Shop, **levels: int) -> Shop:
    shop.stock = {(f"gid://shopify/InventoryItem/{sku}", PLACE): quantity for sku, quantity in levels.items()}
    return shop


def stock(shop: Shop) -> dict[str, int]:
    return {item.rpartition("/")[2]: quantity for (item, _), quantity in shop.stock.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_levels_are_set_compared_with_what_was_told(version: str, shop: Shop, connect: Connect) -> None:
    shop.version = version
    outcome = run(connect(stocked(shop, A=7, B=0)).execute(publish(level("A", 5, 7), level("B", 3)), "k"))
    assert outcome == Applied("gid://shopify/InventoryAdjustmentGroup/1")
    assert stock(shop) == {"A": 5, "B": 3}
    (sent,) = operations(shop, "PublishStock")
    assert [one["changeFromQuantity"] for one in sent["input"]["quantities"]] == [7, None]


def test_the_same_key_twice_is_one_effect(shop: Shop, connect: Connect) -> None:
    connector, command = connect(stocked(shop, A=7)), publish(level("A", 5, 7))
    shop.faults = [TIMEOUT]
    assert isinstance(run(connector.execute(command, "k")), Applied)
    assert run(connector.probe(command, "k")) == NotApplied()
    shop.stock = dict.fromkeys(shop.stock, 4)
    assert isinstance(run(connector.execute(command, "k")), Applied)
    assert stock(shop) == {"A": 4}


def test_a_stale_level_is_left_for_the_next_time_and_the_rest_is_set(shop: Shop, connect: Connect) -> None:
    command = publish(level("A", 5, 7), level("B", 3, 1), level("C", 9, 2))
    connector = connect(stocked(shop, A=7, B=0, C=2))
    outcome = run(connector.execute(command, "k"))
    assert outcome == PartlyApplied("gid://shopify/InventoryAdjustmentGroup/1", {}, frozenset({1}))
    assert stock(shop) == {"A": 5, "B": 0, "C": 9}
    assert isinstance(run(connector.execute(publish(level("B", 3)), "k2")), Applied)
    assert stock(shop)["B"] == 3


def test_a_level_that_the_shop_refuses_is_named(shop: Shop, connect: Connect) -> None:
    outcome = run(connect(stocked(shop, A=7)).execute(publish(level("X", 1), level("A", 5)), "k"))
    assert isinstance(outcome, PartlyApplied)
    assert outcome.rejected[0].code == "shopify.item_not_stocked_at_location"
    assert outcome.rejected[0].path == "input.quantities.0.locationId"
    assert (outcome.retry, stock(shop)) == (frozenset(), {"A": 5})


def test_a_key_that_failed_before_gets_a_successor(shop: Shop, connect: Connect) -> None:
    connector, command = connect(stocked(shop, A=6)), publish(level("A", 5, 7))
    assert run(connector.execute(command, "k")) == PartlyApplied("", {}, frozenset({0}))
    shop.stock = dict.fromkeys(shop.stock, 7)
    assert isinstance(run(connector.execute(command, "k")), Applied)


def test_the_same_key_at_the_same_time_waits(
    shop: Shop, connect: Connect, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"code": "IDEMPOTENCY_CONCURRENT_REQUEST", "field": None, "message": "in progress"}
    answer = {"inventoryAdjustmentGroup": None, "userErrors": [error]}
    monkeypatch.setattr(shop, "q_inventorySetQuantities", lambda **_: answer)
    outcome = run(connect(stocked(shop, A=6)).execute(publish(level("A", 5)), "k"))
    assert outcome == Throttled(clock.now() + timedelta(seconds=5))


def test_items_are_found_by_their_exact_sku(shop: Shop, connect: Connect) -> None:
    stocked(shop, A=1, a=1, D=1, E=1)
    shop.items = [{"id": f"gid://shopify/InventoryItem/{name}", "sku": sku}
                  for name, sku in [("A", "A"), ("a", "a"), ("D", "DUP"), ("E", "DUP")]]  # fmt: skip
    bare = [{"sku": sku, "quantity": 5, "changeFromQuantity": None} for sku in ("A", "DUP", "NONE")]
    outcome = run(connect(shop).execute(publish(*bare), "k"))
    assert isinstance(outcome, PartlyApplied)
    assert {number: one.message.partition(";")[0] for number, one in outcome.rejected.items()} == {
        1: "the shop has 2 inventory items of SKU DUP",
        2: "the shop has 0 inventory items of SKU NONE",
    }
    assert stock(shop) == {"A": 5, "a": 1, "D": 1, "E": 1}


def test_a_location_is_named_by_the_level_or_the_configuration(shop: Shop, connect: Connect) -> None:
    stocked(shop, A=1)
    command = publish(level("A", 5, locationId="dc-east"))
    run(connect(shop, locations={"dc-east": PLACE}, default_location=None).execute(command, "k"))
    assert stock(shop) == {"A": 5}
    with pytest.raises(MisconfiguredError, match="default_location"):
        run(connect(shop, default_location=None).execute(publish(level("A", 6)), "k"))

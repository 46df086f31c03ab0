"""Shipments from another place than the one that Shopify has assigned: moved first, once, and no more than left."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Unknown
from tests.connectors.shopify.builders import operations, run
from tests.connectors.shopify.conftest import Connect
from tests.connectors.shopify.shop import VERSIONS, Shop, order
from tests.connectors.shopify.test_commands import ORDER, TENT, confirm, part_of, second_part

WEST = "gid://shopify/Location/2"
TIMEOUT = httpx.ReadTimeout("no answer")
PLACES = {"dc-east": "gid://shopify/Location/1", "dc-west": WEST, "dc-north": "gid://shopify/Location/3"}


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    made.orders[ORDER] = order(1, "2026-11-21T11:00:00Z")
    part_of(made)["supportedActions"].append({"action": "MOVE"})
    return made


def sent_from(shop: Shop) -> list[tuple[str, int]]:
    """Location and units of each fulfilment that was made."""
    places = {
        one["id"]: one["assignedLocation"]["location"]["id"]
        for one in shop.orders[ORDER]["fulfillmentOrders"]
    }
    return [
        (places[part["fulfillmentOrderId"]], line["quantity"])
        for sent in operations(shop, "Fulfil")
        for part in sent["fulfillment"]["lineItemsByFulfillmentOrder"]
        for line in part["fulfillmentOrderLineItems"]
    ]


def left_at(shop: Shop) -> dict[str, int]:
    """Open units of the tent by location."""
    return {
        one["assignedLocation"]["location"]["id"]: one["lineItems"][0]["remainingQuantity"]
        for one in shop.orders[ORDER]["fulfillmentOrders"]
    }


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("quantity", [1, 2])
def test_units_are_moved_to_where_they_left_from(
    version: str, quantity: int, shop: Shop, connect: Connect
) -> None:
    shop.version = version
    command = confirm((TENT, "TENT-2P", quantity), location="dc-west")
    assert isinstance(run(connect(shop, locations=PLACES).execute(command, "k")), Applied)
    (moved,) = operations(shop, "Move")
    assert moved == {
        "id": "gid://shopify/FulfillmentOrder/1-301",
        "location": WEST,
        "lines": [{"id": "gid://shopify/FulfillmentOrderLineItem/401", "quantity": quantity}],
    }
    assert sent_from(shop) == [(WEST, quantity)]
    assert left_at(shop) == {PLACES["dc-east"]: 2 - quantity, WEST: 0}


def test_units_that_are_there_already_are_taken_first(shop: Shop, connect: Connect) -> None:
    second_part(shop, WEST, 1)
    run(connect(shop, locations=PLACES).execute(confirm((TENT, "TENT-2P", 2), location="dc-west"), "k"))
    (moved,) = operations(shop, "Move")
    assert [line["quantity"] for line in moved["lines"]] == [1]
    assert sent_from(shop) == [(WEST, 1), (WEST, 1)]
    assert len(operations(shop, "Fulfil")) == 1


@pytest.mark.parametrize("command", [confirm((TENT, "TENT-2P", 2), location="dc-east"), confirm((TENT, "TENT-2P", 2)),
                                     confirm((TENT, "TENT-2P", 2), location="not mapped")])  # fmt: skip
def test_nothing_is_moved_where_it_is_right_or_nobody_knows(
    command: Any, shop: Shop, connect: Connect
) -> None:
    run(connect(shop, locations=PLACES).execute(command, "k"))
    assert operations(shop, "Move") == []
    assert sent_from(shop) == [(PLACES["dc-east"], 2)]


def test_a_lost_answer_to_a_move_moves_nothing_twice(shop: Shop, connect: Connect) -> None:
    connector = connect(shop, locations=PLACES)
    command = confirm((TENT, "TENT-2P", 1), location="dc-west")
    shop.faults = [None, None, TIMEOUT]
    assert isinstance(run(connector.execute(command, "k")), Unknown)
    assert run(connector.probe(command, "k")) == NotApplied()
    assert isinstance(run(connector.execute(command, "k")), Applied)
    assert len(operations(shop, "Move")) == 1
    assert sent_from(shop) == [(WEST, 1)]
    assert isinstance(run(connector.probe(command, "k")), AlreadyApplied)
    assert isinstance(run(connector.execute(command, "k")), AlreadyApplied)


def test_what_shopify_does_not_let_move_is_fulfilled_where_it_is(shop: Shop, connect: Connect) -> None:
    connector = connect(shop, locations=PLACES)
    run(connector.execute(confirm((TENT, "TENT-2P", 1), location="dc-north"), "k"))
    assert len(operations(shop, "Move")) == 1, "the location does not stock the item"
    part_of(shop)["supportedActions"].remove({"action": "MOVE"})
    run(connector.execute(confirm((TENT, "TENT-2P", 1), location="dc-west", numbers=("1Z2",)), "k2"))
    assert len(operations(shop, "Move")) == 1, "it is not among the supported actions"
    assert sent_from(shop) == [(PLACES["dc-east"], 1), (PLACES["dc-east"], 1)]

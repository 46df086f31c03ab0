"""What a channel changes after its order is placed: where it goes; and what it can't be told of in return."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from crossdock.orders.life_cycles import FulfilmentState
from crossdock.orders.worklist import Cause
from crossdock.store.order_tables import work_items
from crossdock.streams.processors.fixing import apply
from crossdock.streams.processors.interventions import cancel_order, lift_hold
from tests.processors.harness import CONFIG, Harness
from tests.schemas.builders import a_line, an_address, an_order

NEW_YORK = {"city": "New York", "region": "NY", "postal_code": "10001"}


def send(hub: Harness, version: int, status: str = "open", **address: Any) -> None:
    hub.clock.move(60)
    destinations = ({"id": "1", "address": an_address(**address)},)
    changed = an_order(version=f"2026-11-24T{version:02}", status=status, destinations=destinations)
    hub.send("order/1", changed)


@pytest.fixture
def stocked(hub: Harness) -> Harness:
    for node in ("CHI", "NYC"):
        hub.stock(node, {"SKU-1": 5})
    return hub


def standing(hub: Harness) -> list[tuple[str, FulfilmentState]]:
    return [(each.fulfilment.node, each.fulfilment.state) for each in hub.fulfilments()]


def test_what_no_node_was_asked_for_goes_where_the_channel_wants_it_now(stocked: Harness) -> None:
    send(stocked, 1, "pending")
    send(stocked, 2, "pending", **NEW_YORK)
    assert standing(stocked) == [("CHI", FulfilmentState.CANCELLED), ("NYC", FulfilmentState.ON_HOLD)]
    assert not stocked.commands("fulfilment.cancel")
    assert not stocked.rows(work_items)


def test_another_name_at_the_same_place_goes_out_with_the_fulfilment_order(stocked: Harness) -> None:
    send(stocked, 1, "pending")
    send(stocked, 2, "pending", name="Charles Babbage")
    stocked.transactions.transact_now(lambda tx: lift_hold(stocked.hub, tx, "shop:1001", "pending", "ada"))
    stocked.settle()
    assert standing(stocked) == [("CHI", FulfilmentState.REQUESTED)]
    (asked,) = stocked.commands("fulfilment.request")
    assert asked["document"]["ship_to"]["name"] == "Charles Babbage"


def test_a_node_that_has_the_old_address_is_work_that_the_hub_can_do(stocked: Harness) -> None:
    send(stocked, 1)
    send(stocked, 2, phone="+1 212 555 0100")
    assert not stocked.rows(work_items)
    for _ in range(2):
        send(stocked, 3, **NEW_YORK)
    assert standing(stocked) == [("CHI", FulfilmentState.REQUESTED)]
    (item,) = stocked.rows(work_items)
    assert (item["cause"], item["order_id"]) == (Cause.TELL_BY_HAND, "shop:1001")
    assert "node CHI has the old address" in item["message"]
    stocked.transactions.transact_now(lambda tx: apply(stocked.hub, None, "", "ada")(tx, item["id"]))
    stocked.settle()
    assert [row["state"] for row in stocked.rows(work_items)] == ["done"]
    (_, asked) = stocked.commands("fulfilment.request")
    assert (asked["document"]["node"], asked["document"]["ship_to"]["city"]) == ("NYC", "New York")


def test_a_channel_that_takes_no_cancellations_is_told_by_people_when_units_are_cancelled(
    make: Callable[..., Harness],
) -> None:
    connections = yaml.safe_load(CONFIG)["connections"] | {"shop": {"connector": "erp"}}
    hub = make(connections=connections)
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order(lines=(a_line(quantity=3),)))
    hub.transactions.transact_now(lambda tx: cancel_order(hub.hub, tx, "shop:1001", {"1": 2}, "buyer", "1"))
    hub.settle()
    assert not hub.rows(work_items)
    hub.answer(hub.fulfilments()[0].id, "cancelled", lines=[{"sku": "SKU-1", "quantity": 2}])
    (item,) = hub.rows(work_items)
    assert (item["cause"], item["order_id"]) == (Cause.TELL_BY_HAND, "shop:1001")
    assert "cancel 2 of line 1 of order" in item["message"]
    assert "(buyer)" in item["message"]

"""Goods brought together at a node: whatever happens on the way, the books stay right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from sqlalchemy import update

from crossdock.compiling import network_document
from crossdock.orders.holds import Hold
from crossdock.orders.life_cycles import FulfilmentState, OrderState
from crossdock.store import decision_log
from crossdock.store.engine import Database, open_database
from crossdock.store.fulfilments import StoredFulfilment
from crossdock.store.order_tables import work_items
from crossdock.store.plumbing import commands, dead_letters
from crossdock.store.stock_tables import inbound, positions
from crossdock.streams.processors.amending import Amendment, amend_order
from crossdock.streams.processors.interventions import hold_order, lift_hold
from tests.doctor.builders import catch_up, findings
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order
from tests.servers.sqlite import new_sqlite

POLICY = {
    "policy": "together",
    "version": 1,
    "objective": ["shipments", {"shipping_cost": 1}],
    "consolidate": ["CHI"],
    "unfillable": {"stop_after": "1h", "then": "worklist"},
}
CHANGES: dict[str, Any] = {"policies": [POLICY]}
Make = Callable[..., Harness]


def order(hub: Harness, first: int = 2, second: int = 2) -> None:
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", first), a_line("2", "SKU-2", second))))


def stocked(hub: Harness) -> Harness:
    hub.stock("NYC", {"SKU-1": 9})
    hub.stock("SFO", {"SKU-2": 9})
    hub.stock("CHI", {"SKU-9": 9})
    return hub


@pytest.fixture
def together(make: Make) -> Harness:
    """Two units of each of two products, one to come from New York, one from San Francisco, to go on from Chicago."""
    hub = stocked(make(**CHANGES))
    order(hub)
    return hub


def leave(hub: Harness, stored: StoredFulfilment, **more: Any) -> None:
    hub.ship(stored.id, {line.sku: line.open for line in stored.fulfilment.lines if line.open}, **more)


def receive(hub: Harness, units: dict[str, int], of: str = "", reason: str = "received") -> None:
    hub.clock.move(60)
    lines = [{"sku": sku, "quantity": quantity, "reason": reason} for sku, quantity in units.items()]
    moved: dict[str, Any] = {
        "external_id": f"receipt-{hub.clock.now():%d%H%M%S}",
        "node": "CHI",
        "occurred_at": hub.clock.now(),
        "lines": lines,
    }
    if of:
        moved["references"] = [{"kind": "fulfilment_order", "value": of}]
    hub.send("stock_movement/1", moved, connection="wms")


def at(hub: Harness, node: str, sku: str) -> tuple[int, int, int]:
    (row,) = hub.rows(positions, node=node, sku=sku)
    return row["on_hand"], row["allocated"], row["cover"]


def test_nobody_is_promised_what_comes_to_be_sent_on(together: Harness) -> None:
    assert at(together, "CHI", "SKU-1") == (0, 2, 2)
    first, second, last = together.fulfilments()
    assert [each.fulfilment.to_node for each in (first, second, last)] == ["CHI", "CHI", ""]
    assert last.fulfilment.state is FulfilmentState.SCHEDULED
    leave(together, first)
    receive(together, {"SKU-1": 2}, of=first.id)
    assert at(together, "CHI", "SKU-1") == (2, 2, 0)
    together.stock("NYC", {"SKU-1": 0})
    together.send("order/1", an_order(external_id="1002", lines=(a_line("1", "SKU-1", 1),)))
    assert together.order("1002").state is OrderState.RECEIVED
    leave(together, second)
    receive(together, {"SKU-2": 2}, reason="transferred_in")
    asked = together.commands("fulfilment.request")[-1]["document"]
    assert asked["id"] == last.id
    assert {"kind": "fulfilment_order", "value": first.id} in asked["references"]


def test_a_node_is_told_where_the_goods_go_and_the_channel_nothing(together: Harness) -> None:
    first, *_ = together.fulfilments()
    asked = together.commands("fulfilment.request")[0]["document"]
    assert {"kind": "transfer_to", "value": "CHI"} in asked["references"]
    assert asked["ship_to"]["name"] == "CHI"
    leave(together, first)
    assert together.order().state is OrderState.ROUTED
    assert not together.commands("shipment.confirm")
    assert not together.commands("invoice.post")


def test_a_receipt_that_is_heard_of_before_the_advice_counts_where_it_is_named(together: Harness) -> None:
    first, second, _ = together.fulfilments()
    receive(together, {"SKU-1": 2}, of=first.id)
    receive(together, {"SKU-2": 1}, of=second.id)
    assert together.fulfilments()[2].fulfilment.to_come == 1
    leave(together, first)
    leave(together, second)
    assert together.fulfilments()[0].fulfilment.state is FulfilmentState.CLOSED
    receive(together, {"SKU-2": 1})
    assert together.fulfilments()[2].fulfilment.state is FulfilmentState.REQUESTED


def test_what_comes_of_other_supply_is_left_to_those_who_wait_for_it(together: Harness) -> None:
    receive(together, {"SKU-1": 5})
    assert at(together, "CHI", "SKU-1") == (5, 2, 2), "nothing has left for Chicago yet: this is its own"
    assert together.fulfilments()[2].fulfilment.to_come == 4


def test_a_cancelled_line_is_called_off_where_it_has_not_left_and_else_is_supply(together: Harness) -> None:
    first, second, _ = together.fulfilments()
    leave(together, first)
    wish = {"external_id": "1001", "version": "2", "requested_at": START}
    together.send("cancellation/1", wish | {"lines": [{"external_id": "1", "quantity": 1}]})
    (due,) = together.rows(inbound)
    assert (due["sku"], due["node"], due["quantity"]) == ("SKU-1", "CHI", 1)
    together.send("cancellation/1", wish | {"version": "3", "lines": [{"external_id": "2", "quantity": 2}]})
    (asked,) = together.commands("fulfilment.cancel")
    assert asked["document"]["id"] == second.id
    receive(together, {"SKU-1": 2}, of=first.id)
    assert at(together, "CHI", "SKU-1") == (2, 1, 0)
    assert together.rows(inbound)[0]["quantity"] == 0
    together.answer(second.id, "cancelled")
    assert together.fulfilments()[1].fulfilment.state is FulfilmentState.CANCELLED
    assert together.fulfilments()[2].fulfilment.state is FulfilmentState.REQUESTED


def test_what_waits_only_for_units_that_are_cancelled_goes_on(together: Harness) -> None:
    first, *_ = together.fulfilments()
    leave(together, first)
    receive(together, {"SKU-1": 2}, of=first.id)
    wish = {"external_id": "1001", "version": "2", "requested_at": START}
    together.send("cancellation/1", wish | {"lines": [{"external_id": "2", "quantity": 2}]})
    assert together.fulfilments()[2].fulfilment.state is FulfilmentState.REQUESTED


def test_an_amendment_brings_it_together_anew(together: Harness) -> None:
    first, second, _ = together.fulfilments()
    leave(together, first)
    (destination,) = msgspec.json.decode(together.order().document)["destinations"]
    elsewhere = destination["address"] | {"postal_code": "10001", "region": "NY", "city": "New York"}
    wanted = Amendment(quantities={"2": 3}, addresses={destination["id"]: elsewhere}, reason="moved")
    together.transactions.transact_now(lambda tx: amend_order(together.hub, tx, "shop:1001", wanted, "c1"))
    together.settle()
    first, second, before, *legs, last = together.fulfilments()
    assert before.fulfilment.state is FulfilmentState.CANCELLED
    assert second.fulfilment.state is FulfilmentState.CANCEL_REQUESTED
    assert {leg.fulfilment.to_node for leg in legs} == {"CHI"}
    assert last.fulfilment.to_come == 5
    assert [(row["sku"], row["quantity"]) for row in together.rows(inbound)] == [("SKU-1", 2)]
    assert at(together, "CHI", "SKU-1") == (0, 2, 2)


def test_what_does_not_come_is_work_and_excluding_its_node_has_it_routed_again(together: Harness) -> None:
    first, *_ = together.fulfilments()
    leave(together, first)
    together.clock.move(20 * 86_400)
    together.tick("late_legs")
    (item,) = [
        each for each in together.rows(work_items) if "nobody has said that it came" in each["message"]
    ]
    assert item["subject"] == f"fulfilment_order:{first.id}"
    together.answer(first.id, "short")
    again = together.fulfilments()[3]
    assert again.fulfilment.node == "NYC"
    assert again.fulfilment.to_node == ""
    assert [each["state"] for each in together.rows(work_items, subject=item["subject"])] == ["done"]


def test_plans_that_wait_are_moved_to_come_together(make: Make) -> None:
    again = {"release_after": "2h", "reevaluate": {"every": "10m", "min_saving": "0.01 USD"}}
    hub = stocked(make(policies=[POLICY | again | {"consolidate": []}]))
    order(hub)
    assert len(hub.fulfilments()) == 2
    before = hub
    hub = make(policies=[POLICY | again | {"version": 2}])
    hub._read = before._read
    hub.clock.move(900)
    hub.tick("reevaluate")
    assert [(each.fulfilment.node, each.fulfilment.to_node) for each in hub.fulfilments()[2:]] == [
        ("NYC", "CHI"),
        ("SFO", "CHI"),
        ("CHI", ""),
    ]


@pytest.mark.parametrize("seed", range(6))
def test_the_books_stay_right_whatever_happens_on_the_way(
    sqlite_template: Path, tmp_path: Path, seed: int
) -> None:
    database = open_database(new_sqlite(sqlite_template, tmp_path / "hub.sqlite"))
    try:
        hub = _played(database, Random(seed))
        letters = [letter["message"] for letter in hub.rows(dead_letters)]
        assert not letters
        broken = [finding for finding in findings(hub).values() if finding.rows]
        assert not broken
        for stored in hub.fulfilments():
            there = stored.fulfilment.open and not stored.fulfilment.to_come
            assert stored.fulfilment.requested or not there, "what is there goes on"
    finally:
        database.close()


def _played(database: Database, random: Random) -> Harness:
    hub = stocked(Harness(database, CHANGES))
    network = hub.hub.network.version, network_document(hub.hub.config)
    database.transact_now(lambda connection: decision_log.keep_network(connection, *network, START))
    order(hub, random.randint(1, 3), random.randint(1, 3))
    for number in range(18):
        step = random.choice([_node_says, _node_says, _node_says, _somebody_counts, _people_say])
        step(hub, random, number)
    if hub.order().hold:
        _hold(hub)
    for _ in range(3):
        hub.clock.move(3600)
        hub.tick("retry_waiting")
    database.transact_now(lambda connection: connection.execute(update(commands).values(state="applied")))
    database.transact_now(lambda connection: catch_up(connection, hub))
    return hub


def _node_says(hub: Harness, random: Random, number: int) -> None:
    stored = random.choice(hub.fulfilments())
    open_lines = [line for line in stored.fulfilment.lines if line.open]
    if not stored.fulfilment.requested:
        return
    if stored.fulfilment.state is FulfilmentState.CANCEL_REQUESTED and random.random() < 0.5:
        hub.answer(stored.id, random.choice(["cancelled", "cancel_refused"]))
    elif random.random() < 0.3:
        hub.answer(stored.id, random.choice(["rejected", "short"]))
    elif open_lines and random.random() < 0.5:
        leave(hub, stored)
    elif open_lines:
        hub.ship(stored.id, {open_lines[0].sku: 1}, f"1Z{number}", final=random.random() < 0.5)


def _somebody_counts(hub: Harness, random: Random, number: int) -> None:
    sku = random.choice(["SKU-1", "SKU-2"])
    if random.random() < 0.7:
        of = random.choice(["", random.choice(hub.fulfilments()).id])
        receive(hub, {sku: random.randint(1, 3)}, of=of)
    else:
        hub.clock.move(60)
        hub.stock(random.choice(["CHI", "NYC", "SFO"]), {sku: random.randint(0, 4)})


def _people_say(hub: Harness, random: Random, number: int) -> None:
    over = hub.order().state in (OrderState.SHIPPED, OrderState.CANCELLED)
    if random.random() < 0.6 and not over:
        _hold(hub)
    else:
        lines = [{"external_id": random.choice("12"), "quantity": 1}]
        wish = {"external_id": "1001", "version": str(number), "requested_at": START, "lines": lines}
        hub.send("cancellation/1", wish)


def _hold(hub: Harness) -> None:
    """Hold the order, or lift the hold."""
    if hub.order().hold:
        hub.transactions.transact_now(lambda tx: lift_hold(hub.hub, tx, "shop:1001", "look", "people"))
    else:
        held = Hold("look", "people", hub.clock.now())
        hub.transactions.transact_now(lambda tx: hold_order(hub.hub, tx, "shop:1001", held))
    hub.settle()

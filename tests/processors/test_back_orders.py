from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from crossdock.doctor.model import Situation
from crossdock.doctor.stock import STOCK_CHECKS
from crossdock.errors import RecordRejectedError
from crossdock.inventory.inbound import Inbound
from crossdock.store.plumbing import dead_letters
from crossdock.store.stock_tables import back_orders, inbound, positions
from crossdock.streams.processors import back_ordering, reserving
from crossdock.streams.processors.reserving import Wanted
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order

DAY = timedelta(days=1)
WAITS = [
    {
        "policy": "standard",
        "version": 1,
        "objective": ["shipments"],
        "unfillable": {"stop_after": "1h", "then": "backorder"},
    }
]


@pytest.fixture
def hub(make: Callable[..., Harness]) -> Harness:
    return make(policies=WAITS)


def due(hub: Harness, units: int, node: str = "CHI", days: int = 3, name: str = "PO-1") -> None:
    row = Inbound(name, "A", node, units, START + days * DAY)
    hub.transactions.transact_now(lambda tx: back_ordering.set_supply(hub.hub, tx, row))


def order(hub: Harness, name: str, units: int) -> None:
    hub.clock.move(1)
    hub.send("order/1", an_order(external_id=name, lines=(a_line(sku="A", quantity=units),)))


def receive(hub: Harness, units: int, node: str = "CHI", name: str = "R-1") -> None:
    hub.clock.move(60)
    lines = [{"sku": "A", "quantity": units, "reason": "received"}]
    moved = {"external_id": name, "node": node, "occurred_at": hub.clock.now(), "lines": lines}
    hub.send("stock_movement/1", moved, connection="wms")
    hub.tick("retry_waiting")


def waiting(hub: Harness) -> dict[str, tuple[str, int]]:
    """By order: the node where it waits, and the units still to come."""
    return {
        row["order_id"].removeprefix("shop:"): (row["node"], row["to_come"]) for row in hub.rows(back_orders)
    }


def position(hub: Harness, node: str = "CHI") -> tuple[int, ...]:
    """On hand, reserved, allocated, cover."""
    (row,) = hub.rows(positions, node=node)
    return (row["on_hand"], row["reserved"], row["allocated"], row["cover"])


def placed(hub: Harness, name: str) -> list[tuple[str, int]]:
    return [(each.fulfilment.node, each.fulfilment.lines[0].quantity) for each in hub.fulfilments(name)]


def sound(hub: Harness) -> None:
    now = Situation(hub.clock.now())
    assert (
        hub.database.read_now(lambda c: [row for check in STOCK_CHECKS for row in check.find(c, now)]) == []
    )


def test_supply_is_promised_once_and_goes_to_the_oldest_first(hub: Harness) -> None:
    due(hub, 3)
    order(hub, "first", 2)
    order(hub, "second", 2)
    order(hub, "third", 1)
    assert waiting(hub) == {"first": ("CHI", 2), "third": ("CHI", 1)}
    assert position(hub) == (0, 3, 0, 3)
    sound(hub)
    receive(hub, 2)
    assert placed(hub, "first") == [("CHI", 2)]
    assert waiting(hub) == {"third": ("CHI", 1)}
    assert position(hub) == (2, 1, 2, 1)
    sound(hub)
    receive(hub, 1, name="R-2")
    assert (placed(hub, "third"), placed(hub, "second")) == ([("CHI", 1)], [])
    assert position(hub) == (3, 0, 3, 0)
    assert hub.rows(inbound)[0]["quantity"] == 0
    sound(hub)


def test_an_order_waits_where_its_units_come_soonest(hub: Harness) -> None:
    due(hub, 5, node="CHI", days=9)
    due(hub, 5, node="NYC", days=2, name="PO-2")
    due(hub, 1, node="SFO", days=1, name="PO-3")
    order(hub, "1", 2)
    assert waiting(hub) == {"1": ("NYC", 2)}


def test_stock_that_comes_is_not_sold_past_those_who_wait(hub: Harness) -> None:
    due(hub, 2)
    order(hub, "patient", 2)
    hub.clock.move(60)
    lines = [{"sku": "A", "quantity": 2, "reason": "received"}]
    moved = {"external_id": "R", "node": "CHI", "occurred_at": hub.clock.now(), "lines": lines}
    hub.send("stock_movement/1", moved, connection="wms")
    order(hub, "pushy", 1)
    assert placed(hub, "pushy") == []
    with pytest.raises(RecordRejectedError, match="0 can be promised"):
        hub.transactions.transact_now(
            lambda tx: reserving.reserve(hub.hub, tx, "cart", "web", [Wanted("A", "CHI", 1)], START + DAY)
        )
    hub.tick("retry_waiting")
    assert placed(hub, "patient") == [("CHI", 2)]
    sound(hub)


def test_beyond_supply_the_cap_of_the_node_is_the_limit(make: Callable[..., Harness]) -> None:
    nodes = make().hub.config.model_dump(mode="json")["nodes"]
    nodes[0]["feed"]["backorder_cap"] = 2
    hub = make(policies=WAITS, nodes=nodes)
    hub.stock("CHI", {"A": 0})
    order(hub, "1", 2)
    order(hub, "2", 1)
    assert waiting(hub) == {"1": ("CHI", 2)}
    assert position(hub) == (0, 2, 0, 2)
    due(hub, 1)
    hub.clock.move(60)
    hub.tick("retry_waiting")
    assert waiting(hub) == {"1": ("CHI", 2), "2": ("CHI", 1)}
    sound(hub)


def test_supply_that_is_cancelled_is_taken_from_the_newest(hub: Harness) -> None:
    due(hub, 3)
    order(hub, "old", 2)
    order(hub, "new", 1)
    due(hub, 2)
    assert waiting(hub) == {"old": ("CHI", 2)}
    assert position(hub) == (0, 2, 0, 2)
    due(hub, 0)
    assert (waiting(hub), position(hub)) == ({}, (0, 0, 0, 0))
    sound(hub)


def test_what_an_order_gets_elsewhere_or_does_not_want_is_given_back(hub: Harness) -> None:
    due(hub, 3)
    order(hub, "lucky", 2)
    order(hub, "gone", 1)
    hub.send(
        "cancellation/1",
        {"external_id": "gone", "version": "2026-11-23T10:01:00Z", "requested_at": hub.clock.now()},
    )
    assert waiting(hub) == {"lucky": ("CHI", 2)}
    hub.stock("NYC", {"A": 2})
    hub.clock.move(60)
    hub.tick("retry_waiting")
    assert placed(hub, "lucky") == [("NYC", 2)]
    assert (waiting(hub), position(hub)) == ({}, (0, 0, 0, 0))
    sound(hub)


def test_a_count_is_no_shortfall_where_supply_covers_the_promises(hub: Harness) -> None:
    due(hub, 3)
    order(hub, "1", 2)
    hub.clock.move(60)
    hub.stock("CHI", {"A": 0})
    hub.clock.move(60)
    hub.stock("CHI", {"A": 1})
    assert waiting(hub) == {"1": ("CHI", 2)}
    assert hub.rows(positions)[0]["shortfall"] == 0
    sound(hub)


def test_an_order_that_does_not_wait_is_promised_nothing(make: Callable[..., Harness]) -> None:
    hub = make()
    due(hub, 3)
    order(hub, "1", 2)
    assert waiting(hub) == {}


@pytest.mark.parametrize("changed", [("PO-1", "B", "CHI"), ("PO-9", "A", "LAX")])
def test_a_row_of_supply_stays_what_it_is(hub: Harness, changed: tuple[str, str, str]) -> None:
    due(hub, 3)
    with pytest.raises(RecordRejectedError):
        hub.transactions.transact_now(
            lambda tx: back_ordering.set_supply(hub.hub, tx, Inbound(*changed, 1, START))
        )


def transfer(hub: Harness, reason: str, node: str, units: int, **references: str) -> None:
    hub.clock.move(60)
    moved = {
        "external_id": f"T-{reason}",
        "node": node,
        "occurred_at": hub.clock.now(),
        "lines": [{"sku": "A", "quantity": units, "reason": reason}],
        "references": [{"kind": kind, "value": value} for kind, value in references.items()],
    }
    hub.send("stock_movement/1", moved, connection="wms")


def test_what_is_in_transit_is_supply_at_the_other_node_until_it_arrives(hub: Harness) -> None:
    hub.stock("NYC", {"A": 2})
    for _ in range(2):
        transfer(hub, "transferred_out", "NYC", 2, transfer_to="CHI", due="2026-11-25T08:00:00+01:00")
    (row,) = hub.rows(inbound)
    assert (row["node"], row["quantity"], row["due"].isoformat()) == ("CHI", 2, "2026-11-25T07:00:00+00:00")
    order(hub, "1", 2)
    assert waiting(hub) == {"1": ("CHI", 2)}
    transfer(hub, "transferred_in", "CHI", 2)
    hub.tick("retry_waiting")
    assert placed(hub, "1") == [("CHI", 2)]
    assert hub.rows(inbound)[0]["quantity"] == 0
    sound(hub)


@pytest.mark.parametrize(("to", "due"), [("LAX", "2026-11-25T08:00:00Z"), ("CHI", "2026-11-25")])
def test_a_transfer_to_nowhere_or_some_day_is_refused(hub: Harness, to: str, due: str) -> None:
    hub.stock("NYC", {"A": 2})
    transfer(hub, "transferred_out", "NYC", 2, transfer_to=to, due=due)
    assert hub.rows(inbound) == []
    assert position(hub, "NYC")[0] == 2
    assert len(hub.rows(dead_letters)) == 1

"""Promises out of supply that is due are those that an order would get."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection

from crossdock.inventory.inbound import Inbound
from crossdock.routing.promising import Offer
from crossdock.store.queries.detail import describe
from crossdock.streams.processors import back_ordering
from crossdock.streams.processors.documents import encode
from crossdock.trying.live import only_read
from crossdock.trying.promised import Promiser
from crossdock_schemas.order import Order
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order

DAY = timedelta(days=1)


def policies(then: str) -> list[dict[str, Any]]:
    unfillable = {"stop_after": "1h", "then": then}
    return [{"policy": "standard", "version": 1, "objective": ["shipments"], "unfillable": unfillable}]


@pytest.fixture
def hub(make: Callable[..., Harness]) -> Harness:
    return make(policies=policies("backorder"))


def due(hub: Harness, units: int, *, sku: str = "A", node: str = "CHI", days: int = 3) -> datetime:
    row = Inbound(f"PO-{sku}-{node}-{days}", sku, node, units, START + days * DAY)
    hub.transactions.transact_now(lambda tx: back_ordering.set_supply(hub.hub, tx, row))
    return row.due


def promise(hub: Harness, **units: int) -> list[Offer]:
    lines = tuple(a_line(external_id=sku, sku=sku, quantity=count) for sku, count in units.items())
    wanted = Order.model_validate_json(encode(an_order(lines=lines)))

    def ask(connection: Connection) -> list[Offer]:
        only_read(connection)
        (found,) = Promiser(hub.hub).promise(connection, "shop", wanted, hub.clock.now(), earliest=True)
        assert found.offers is not None
        assert bool(found.offers.offers) is (found.offers.refused is None)
        return list(found.offers.offers)

    return hub.database.read_now(ask)


def shipments(offer: Offer) -> list[tuple[str, str, int]]:
    return [
        (each.node, line.sku, line.quantity) for each in offer.decision.assignments for line in each.lines
    ]


def test_what_nobody_has_is_promised_from_the_first_supply_that_is_enough(hub: Harness) -> None:
    due(hub, 1, days=2)
    second = due(hub, 2, days=4)
    due(hub, 9, node="NYC", days=9)
    (offer,) = promise(hub, A=3)
    assert shipments(offer) == [("CHI", "A", 3)]
    assert offer.supply_due == second
    assert offer.ship_date >= second.date()


def test_what_lies_there_is_promised_now_and_the_rest_later_as_the_order_would_go(hub: Harness) -> None:
    hub.stock("NYC", {"B": 1})
    at = due(hub, 2)
    (offer,) = promise(hub, A=2, B=1)
    assert sorted(shipments(offer)) == [("CHI", "A", 2), ("NYC", "B", 1)]
    lines = (a_line(external_id="A", sku="A", quantity=2), a_line(external_id="B", sku="B"))
    hub.send("order/1", an_order(lines=lines))
    placed = hub.database.read_now(lambda c: describe(c, "shop:1001"))
    assert placed is not None
    assert [each.node for each in placed.fulfilment_orders] == ["NYC"]
    assert [(each.node, each.ship_by) for each in placed.back_orders] == [("CHI", at)]


def test_supply_is_promised_once(hub: Harness) -> None:
    due(hub, 3)
    assert promise(hub, A=2)
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=2),)))
    assert promise(hub, A=2) == []
    assert shipments(promise(hub, A=1)[0]) == [("CHI", "A", 1)]


def test_a_line_waits_at_one_node(hub: Harness) -> None:
    due(hub, 1)
    due(hub, 1, node="NYC")
    assert promise(hub, A=2) == []


def test_supply_that_makes_up_for_what_is_missing_is_not_offered(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=2),)))
    hub.clock.move(60)
    hub.stock("CHI", {"A": 0})
    due(hub, 2)
    assert promise(hub, A=1) == []


def test_supply_that_is_late_already_counts_from_now(hub: Harness) -> None:
    due(hub, 1, days=-2)
    (offer,) = promise(hub, A=1)
    assert offer.ship_date >= START.date()


def test_a_policy_that_lets_nothing_wait_promises_no_supply(make: Callable[..., Harness]) -> None:
    hub = make(policies=policies("worklist"))
    due(hub, 3)
    assert promise(hub, A=1) == []

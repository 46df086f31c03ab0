from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from crossdock.inventory.inbound import Inbound
from crossdock.orders.holds import Hold, place_hold
from crossdock.store.plumbing import commands
from crossdock.store.queries.detail import OrderDetail, describe
from crossdock.store.stock_tables import back_orders, positions
from crossdock.streams.processors import back_ordering
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.documents import encode
from crossdock.streams.processors.holding import keep_back, resume
from crossdock.trying.live import only_read
from crossdock.trying.promised import Promiser
from crossdock_schemas.order import Order
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order

DAY = timedelta(days=1)
OUT = START + 10 * DAY


def waits(**more: Any) -> list[dict[str, Any]]:
    unfillable = {"stop_after": "1h", "then": "backorder", **more}
    return [{"policy": "standard", "version": 1, "objective": ["shipments"], "unfillable": unfillable}]


def order(hub: Harness, name: str, *lines: dict[str, Any]) -> None:
    hub.clock.move(1)
    hub.send("order/1", an_order(external_id=name, lines=lines))


def placed(hub: Harness, name: str) -> list[tuple[str, str, datetime | None]]:
    return [
        (each.fulfilment.lines[0].sku, each.fulfilment.state.value, each.release_at)
        for each in hub.fulfilments(name)
    ]


def until(hub: Harness, at: datetime) -> None:
    hub.clock.move((at - hub.clock.now()).total_seconds())


def asked(hub: Harness) -> int:
    return len(hub.commands("fulfilment.request"))


def shown(hub: Harness, name: str) -> OrderDetail:
    found = hub.database.read_now(lambda c: describe(c, f"shop:{name}"))
    assert found is not None
    return found


def due(hub: Harness, units: int, days: int = 3) -> None:
    row = Inbound("PO", "A", "CHI", units, START + days * DAY)
    hub.transactions.transact_now(lambda tx: back_ordering.set_supply(hub.hub, tx, row))


def test_a_pre_order_is_promised_its_stock_and_released_on_its_day(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2, "B": 2})
    order(hub, "1", a_line(external_id="1", sku="A", available_from=OUT), a_line(external_id="2", sku="B"))
    assert sorted(placed(hub, "1"), key=str) == [("A", "scheduled", OUT), ("B", "requested", None)]
    assert asked(hub) == 1
    (position,) = hub.rows(positions, sku="A")
    assert (position["on_hand"], position["allocated"]) == (2, 1)
    late = next(each for each in hub.fulfilments("1") if each.release_at)
    assert late.ship_by is not None
    assert late.ship_by > OUT
    until(hub, OUT - timedelta(seconds=1))
    hub.tick("release")
    assert asked(hub) == 1
    until(hub, OUT)
    hub.tick("release")
    hub.tick("release")
    assert asked(hub) == 2
    assert [state for _, state, _ in placed(hub, "1")] == ["requested", "requested"]


def test_the_date_of_the_product_holds_for_every_order_of_it(hub: Harness) -> None:
    hub.send("product/1", {"sku": "A", "version": "1", "available_from": OUT})
    hub.stock("CHI", {"A": 5})
    order(hub, "1", a_line(sku="A", available_from=OUT - 5 * DAY))
    assert placed(hub, "1") == [("A", "scheduled", OUT)]
    assert shown(hub, "1").fulfilment_orders[0].release_at == OUT


def test_a_date_that_is_over_parts_nothing(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5, "B": 5})
    order(
        hub,
        "1",
        a_line(external_id="1", sku="A", available_from=START - DAY),
        a_line(external_id="2", sku="B"),
    )
    assert len(hub.fulfilments("1")) == 1


def test_promises_say_a_day_after_the_date(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    document = an_order(external_id="1", lines=(a_line(sku="A", available_from=OUT),))
    wanted = Order.model_validate_json(encode(document))

    def ask(connection: Any) -> Any:
        only_read(connection)
        return Promiser(hub.hub).promise(connection, "shop", wanted, hub.clock.now())

    (found,) = hub.database.read_now(ask)
    assert found.offers.offers[0].ship_date >= OUT.date()


def test_a_pre_order_on_hold_is_scheduled_when_the_hold_ends(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    order(hub, "1", a_line(sku="A", available_from=OUT))

    def change(how: str) -> None:
        def work(tx: Any) -> None:
            books = Books(hub.hub, tx)
            books.load(["shop:1"])
            order = books.orders["shop:1"]
            if how == "hold":
                holds = place_hold(order.holds, Hold("fraud", "a", tx.now, expires_at=tx.now + DAY))
                books.put_quantities("shop:1", order.quantities, holds=holds)
                keep_back(books, "shop:1")
            else:
                resume(books, "shop:1")
            books.close()

        hub.transactions.transact_now(work)

    change("hold")
    assert placed(hub, "1") == [("A", "on_hold", OUT)]
    hub.clock.move(2 * 86400)
    change("resume")
    assert placed(hub, "1") == [("A", "scheduled", OUT)]
    until(hub, OUT)
    hub.tick("release")
    assert placed(hub, "1") == [("A", "requested", None)]


def test_a_scheduled_order_that_is_cancelled_is_never_asked_for(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    order(hub, "1", a_line(sku="A", available_from=OUT))
    hub.send(
        "cancellation/1",
        {"external_id": "1", "version": "2026-11-23T10:01:00Z", "requested_at": hub.clock.now()},
    )
    until(hub, OUT)
    hub.tick("release")
    assert asked(hub) == 0
    assert hub.rows(positions)[0]["allocated"] == 0


@pytest.fixture
def patient(make: Callable[..., Harness]) -> Harness:
    return make(policies=waits(cancel_after="5d"))


def test_the_day_on_which_a_back_order_ships_is_shown(patient: Harness) -> None:
    due(patient, 3)
    order(patient, "1", a_line(sku="A", quantity=2))
    (back,) = shown(patient, "1").back_orders
    assert (back.sku, back.node, back.quantity, back.ship_by) == ("A", "CHI", 2, START + 3 * DAY)
    due(patient, 3, days=4)
    assert shown(patient, "1").back_orders[0].ship_by == START + 4 * DAY


def test_what_has_waited_too_long_is_cancelled_and_the_channel_told(patient: Harness) -> None:
    due(patient, 3)
    order(patient, "1", a_line(sku="A", quantity=2))
    until(patient, START + 5 * DAY)
    patient.tick("retry_waiting")
    assert patient.order("1").state.value == "received"
    patient.clock.move(1)
    patient.tick("retry_waiting")
    (told,) = patient.commands("order.cancel")
    assert told["document"]["reason"] == "inventory"
    assert patient.order("1").state.value == "cancelled"
    assert patient.rows(back_orders) == []
    (position,) = patient.rows(positions)
    assert (position["reserved"], position["cover"]) == (0, 0)


def test_without_a_limit_a_back_order_waits_for_ever(make: Callable[..., Harness]) -> None:
    hub = make(policies=waits())
    order(hub, "1", a_line(sku="A"))
    until(hub, START + 400 * DAY)
    hub.tick("retry_waiting")
    assert hub.order("1").state.value == "received"
    assert hub.rows(commands, name="order.cancel") == []

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from crossdock.orders.life_cycles import FulfilmentState, OrderState
from crossdock.store.order_book import save_orders
from crossdock.store.order_tables import decisions, work_items
from crossdock.store.plumbing import dead_letters
from crossdock.store.stock_tables import ledger, positions
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_address, an_order, money


def test_an_order_is_routed_to_the_nearest_node_with_stock_and_the_node_is_asked(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("NYC", {"SKU-1": 5})
    hub.send("order/1", an_order(totals={"shipping": money("4.90"), "total": money("14.90")}))
    (fulfilment,) = hub.fulfilments()
    assert fulfilment.fulfilment.node == "CHI"
    assert fulfilment.fulfilment.state is FulfilmentState.REQUESTED
    assert hub.order().state is OrderState.ROUTED
    (asked,) = hub.commands("fulfilment.request")
    assert asked["connection"] == "wms"
    assert asked["document"]["ship_to"]["postal_code"] == "60601"
    assert asked["document"]["lines"][0]["sku"] == "SKU-1"
    (position,) = hub.rows(positions, node="CHI")
    assert (position["on_hand"], position["allocated"]) == (5, 1)
    assert len(hub.rows(decisions)) == 1
    (posted,) = hub.commands("sales_order.post")
    assert posted["document"]["lines"][0]["net"] == {"amount": "10.00", "currency": "USD"}
    assert posted["document"]["shipping"] == {"amount": "4.90", "currency": "USD"}
    assert posted["document"]["ship_to"]["postal_code"] == "60601"


def test_the_last_unit_is_promised_once(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 1})
    for number in range(3):
        hub.send("order/1", an_order(external_id=str(number)))
    states = [hub.order(str(number)).state for number in range(3)]
    assert states == [OrderState.ROUTED, OrderState.RECEIVED, OrderState.RECEIVED]
    assert [row["allocated"] for row in hub.rows(positions)] == [1]


def test_the_same_version_twice_and_an_older_one_change_nothing(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order())
    hub.send("order/1", an_order())
    hub.send("order/1", an_order(version="2026-11-22T10:00:00Z", status="cancelled"))
    assert len(hub.fulfilments()) == 1
    assert hub.order().state is OrderState.ROUTED


def test_what_waits_for_stock_is_placed_when_stock_comes_and_given_up_in_the_end(hub: Harness) -> None:
    hub.send("order/1", an_order())
    assert hub.order().route_at is not None
    assert hub.order().reason == "policy standard can't place 1 of SKU-1 (no_stock)"
    hub.stock("SFO", {"SKU-1": 1})
    hub.clock.move(61)
    hub.tick("retry_waiting")
    assert hub.order().state is OrderState.ROUTED
    assert hub.order().route_at is None

    hub.send("order/1", an_order(external_id="2"))
    for _ in range(62):
        hub.clock.move(61)
        hub.tick("retry_waiting")
    (item,) = hub.rows(work_items, state="open")
    assert (item["cause"], item["order_id"]) == ("constraint_unmet", "shop:2")
    assert hub.order("2").route_at is None


def test_what_cannot_be_placed_is_cancelled_where_the_policy_says_so(make: Callable[..., Harness]) -> None:
    policy = {"policy": "strict", "version": 1, "objective": ["shipments"]}
    hub = make(policies=[policy | {"unfillable": {"retry": "never", "then": "cancel"}}])
    hub.stock("CHI", {"SKU-1": 5})
    lines = (a_line("1", "SKU-1", 2), a_line("2", "SKU-2", 3))
    hub.send("order/1", an_order(lines=lines))
    assert [line.quantities.cancelled for line in hub.order().lines] == [0, 3]
    assert hub.order().state is OrderState.ROUTED
    (cancel,) = hub.commands("order.cancel")
    assert cancel["document"]["lines"] == [{"external_id": "2", "quantity": 3}]


def test_an_order_that_waits_for_payment_keeps_stock_and_goes_when_it_is_paid(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 1})
    hub.send("order/1", an_order(status="pending"))
    assert hub.order().state is OrderState.ON_HOLD
    assert hub.fulfilments()[0].fulfilment.state is FulfilmentState.ON_HOLD
    assert hub.commands("fulfilment.request") == []
    hub.send("order/1", an_order(version="2026-11-23T11:00:00Z"))
    assert hub.fulfilments()[0].fulfilment.state is FulfilmentState.REQUESTED
    assert len(hub.commands("fulfilment.request")) == 1
    assert hub.order().state is OrderState.ROUTED


def test_cancelling_before_anything_left_asks_the_node_and_gives_stock_back(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order())
    hub.send(
        "order/1", an_order(version="2026-11-23T11:00:00Z", status="cancelled", cancel_reason="customer")
    )
    (fulfilment,) = hub.fulfilments()
    assert fulfilment.fulfilment.state is FulfilmentState.CANCEL_REQUESTED
    assert len(hub.commands("fulfilment.cancel")) == 1
    answer = {
        "external_id": "r1",
        "fulfilment_order": fulfilment.id,
        "kind": "cancelled",
        "occurred_at": hub.clock.now(),
    }
    hub.send("fulfilment_response/1", answer, connection="wms")
    assert hub.order().state is OrderState.CANCELLED
    assert hub.order().reason == "customer"
    assert [row["allocated"] for row in hub.rows(positions)] == [0]
    assert hub.commands("order.cancel") == []


def test_an_amended_order_cancels_what_is_gone_and_places_what_is_new(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5, "SKU-2": 5})
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", 3),)))
    hub.send(
        "order/1",
        an_order(version="2026-11-23T11:00:00Z", lines=(a_line("1", "SKU-1", 3), a_line("2", "SKU-2", 2))),
    )
    assert [f.fulfilment.lines[0].sku for f in hub.fulfilments()] == ["SKU-1", "SKU-2"]
    assert hub.order().state is OrderState.ROUTED


def test_a_line_that_its_channel_took_out_is_billed_when_its_node_ships_all_the_same(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 3, "SKU-2": 1})
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", 1), a_line("2", "SKU-2", 1))))
    hub.send("order/1", an_order(version="2026-11-23T11:00:00Z", lines=(a_line("1", "SKU-1", 1),)))
    (asked,) = hub.fulfilments()
    hub.answer(asked.id, "cancel_refused")
    hub.ship(asked.id, {"SKU-1": 1, "SKU-2": 1})
    assert hub.order().state is OrderState.SHIPPED
    (posted,) = hub.commands("invoice.post")
    assert [line["order_line"] for line in posted["document"]["lines"]] == ["1", "2"]
    assert hub.rows(dead_letters) == []


def test_units_given_up_are_not_wanted_anew_by_a_version_that_says_the_same(hub: Harness) -> None:
    """A shop that can't take single units off keeps asking for them in every later version."""
    hub.stock("CHI", {"SKU-1": 3})
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", 3), a_line("2", "SKU-2", 1))))
    order = hub.order()
    lines = tuple(
        replace(line, quantities=line.quantities.cancel(1)) if line.line_id == "2" else line
        for line in order.lines
    )
    hub.database.transact_now(lambda db: save_orders(db, [replace(order, lines=lines)], hub.clock.now()))
    known = len(hub.rows(decisions))
    again = an_order(version="2026-11-23T11:00:00Z", lines=(a_line("1", "SKU-1", 3), a_line("2", "SKU-2", 1)))
    hub.send("order/1", again)
    assert [line.quantities.ordered for line in hub.order().lines] == [3, 1]
    assert len(hub.rows(decisions)) == known


def test_lines_for_two_destinations_become_two_fulfilment_orders(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("SFO", {"SKU-1": 5})
    order = an_order(
        destinations=(
            {"id": "a", "address": an_address()},
            {"id": "b", "address": an_address(postal_code="94105")},
        ),
        lines=(a_line("1", destination="a"), a_line("2", destination="b")),
    )
    hub.send("order/1", order)
    assert [(f.fulfilment.node, f.destination) for f in hub.fulfilments()] == [("CHI", "a"), ("SFO", "b")]
    posts = {row["document"]["ship_to"]["postal_code"] for row in hub.commands("fulfilment.request")}
    assert posts == {"60601", "94105"}


def test_an_address_nobody_can_find_is_work_for_people_and_says_what_to_do(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.send(
        "order/1",
        an_order(destinations=({"id": "1", "address": an_address(postal_code="00000", city="Atlantis")},)),
    )
    (item,) = hub.rows(work_items)
    assert "00000 Atlantis in US lies: correct the address" in item["message"]


def test_a_pick_up_order_goes_to_its_store(make: Callable[..., Harness]) -> None:
    hub = make(channels={"web": {"connection": "shop", "locations": {"gid-7": "SFO"}}})
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("SFO", {"SKU-1": 5})
    hub.send("order/1", an_order(destinations=({"id": "1", "kind": "pick_up", "location": "gid-7"},)))
    (fulfilment,) = hub.fulfilments()
    assert (fulfilment.fulfilment.node, fulfilment.service) == ("SFO", "")


def test_digital_lines_are_not_shipped_and_an_order_of_nothing_else_is_over(hub: Harness) -> None:
    hub.send("order/1", an_order(lines=(a_line("1", requires_shipping=False), a_line("2", gift_card=True))))
    assert hub.fulfilments() == []
    assert hub.order().lines == ()


def test_a_cancellation_of_an_order_not_heard_of_is_kept_to_be_replayed(hub: Harness) -> None:
    hub.send("cancellation/1", {"external_id": "9", "version": "1", "requested_at": hub.clock.now()})
    (letter,) = hub.rows(dead_letters)
    assert letter["code"] == "order.unknown"
    assert "replay this when it has" in letter["message"]


def test_safety_stock_is_not_promised(make: Callable[..., Harness]) -> None:
    hub = make(safety_stock=[{"units": 2, "nodes": ["CHI"]}])
    hub.stock("CHI", {"SKU-1": 2})
    hub.stock("SFO", {"SKU-1": 1})
    hub.send("order/1", an_order())
    assert hub.fulfilments()[0].fulfilment.node == "SFO"


def test_the_ledger_is_the_sum_of_the_balances(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order(lines=(a_line(quantity=2, unit_price=money("3.00")),)))
    rows = hub.rows(ledger)
    assert sum(row["on_hand"] for row in rows) == 5
    assert sum(row["allocated"] for row in rows) == 2

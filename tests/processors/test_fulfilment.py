from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from crossdock.mapping.library import MappingLibrary
from crossdock.orders.life_cycles import FulfilmentState, OrderState, ShipmentState
from crossdock.store.commands import CommandRow, enqueue
from crossdock.store.order_tables import fulfilment_orders, parcels, shipments, tracking_events, work_items
from crossdock.store.plumbing import commands, dead_letters
from crossdock.store.stock_tables import positions
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_order, money


@pytest.fixture
def placed(hub: Harness) -> Harness:
    """Two units ordered, asked of Chicago."""
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("NYC", {"SKU-1": 5})
    hub.send("order/1", an_order(lines=(a_line(quantity=2),)))
    return hub


def name_of(hub: Harness, index: int = 0) -> str:
    return str(hub.fulfilments()[index].id)


def test_what_ships_is_booked_out_and_told_to_channel_and_erp(placed: Harness) -> None:
    placed.answer(name_of(placed), "accepted")
    placed.ship(name_of(placed), {"SKU-1": 2}, "1Z999")
    assert placed.order().state is OrderState.SHIPPED
    assert placed.fulfilments()[0].fulfilment.state is FulfilmentState.SHIPPED
    (position,) = placed.rows(positions, node="CHI")
    assert (position["on_hand"], position["allocated"]) == (3, 0)
    (told,) = placed.commands("shipment.confirm")
    assert told["refs"] == {"order": "1001"}
    (parcel,) = told["document"]["parcels"]
    assert parcel["tracking_number"] == "1Z999"
    assert parcel["lines"][0]["order_line"] == "1"
    (posted,) = placed.commands("invoice.post")
    assert posted["document"]["tracking_numbers"] == ["1Z999"]
    assert posted["document"]["lines"][0]["quantity"] == 2


def test_discounts_and_taxes_of_a_line_are_shared_out_over_its_shipments_to_the_cent(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    line = a_line(
        quantity=3,
        discounts=({"amount": money("1.00")},),
        taxes=({"title": "VAT", "amount": money("2.00"), "rate": Decimal("0.07")},),
    )
    tax = {"title": "VAT", "amount": money("0.34"), "rate": Decimal("0.07")}
    shipping = ({"price": money("4.90"), "taxes": (tax,)}, {"removed": True, "taxes": (tax,)})
    hub.send("order/1", an_order(lines=(line,), shipping=shipping))
    for _ in range(3):
        hub.ship(name_of(hub), {"SKU-1": 1}, final=False)
    posted = [row["document"]["lines"][0] for row in hub.commands("invoice.post")]
    assert [line["net"]["amount"] for line in posted] == ["10.00"] * 3
    assert [line["discounts"][0]["amount"]["amount"] for line in posted] == ["0.33", "0.34", "0.33"]
    assert [line["taxes"][0]["amount"]["amount"] for line in posted] == ["0.67", "0.66", "0.67"]
    (whole,) = hub.commands("sales_order.post")
    assert whole["document"]["lines"][0]["discounts"][0]["amount"]["amount"] == "1.00"
    assert [tax["amount"]["amount"] for tax in whole["document"]["shipping_taxes"]] == ["0.34"]
    assert not any("shipping_taxes" in row["document"] for row in hub.commands("invoice.post"))


def test_the_order_closes_when_everybody_has_been_told(placed: Harness) -> None:
    placed.ship(name_of(placed), {"SKU-1": 2})
    for command in (*placed.commands("sales_order.post"), *placed.commands("invoice.post")):
        placed.outcome(command)
    assert placed.order().state is OrderState.SHIPPED
    placed.outcome(placed.commands("shipment.confirm")[0])
    assert placed.order().state is OrderState.CLOSED


def test_a_closed_order_stays_closed_when_the_channel_tells_it_again(placed: Harness) -> None:
    placed.ship(name_of(placed), {"SKU-1": 2})
    for name in ("sales_order.post", "invoice.post", "shipment.confirm"):
        for command in placed.commands(name):
            placed.outcome(command)
    placed.send("order/1", an_order(version="2", tags=("sent",)))
    assert placed.order().state is OrderState.CLOSED


def test_the_same_advice_twice_ships_once(placed: Harness) -> None:
    for _ in range(2):
        placed.ship(name_of(placed), {"SKU-1": 2}, external_id="A-1")
    assert len(placed.rows(shipments)) == 1
    assert [row["on_hand"] for row in placed.rows(positions, node="CHI")] == [3]
    assert len(placed.commands("shipment.confirm")) == 1


def test_a_rejection_goes_to_the_next_node_and_never_back(placed: Harness) -> None:
    placed.answer(name_of(placed), "rejected", reason="too_busy")
    first, second = placed.fulfilments()
    assert (first.fulfilment.state, second.fulfilment.node) == (FulfilmentState.REJECTED, "NYC")
    placed.answer(second.id, "rejected")
    assert len(placed.fulfilments()) == 2
    assert placed.order().state is OrderState.RECEIVED
    assert [row["allocated"] for row in placed.rows(positions)] == [0, 0]
    assert [row["on_hand"] for row in placed.rows(positions)] == [5, 5]


def test_a_short_pick_is_written_off_and_the_rest_comes_from_elsewhere(placed: Harness) -> None:
    placed.answer(name_of(placed), "short", lines=[{"sku": "SKU-1", "quantity": 1}])
    assert [f.fulfilment.node for f in placed.fulfilments()] == ["CHI", "NYC"]
    placed.ship(name_of(placed), {"SKU-1": 1}, "A")
    placed.ship(name_of(placed, 1), {"SKU-1": 1}, "B")
    assert placed.order().state is OrderState.SHIPPED
    assert [row["on_hand"] for row in placed.rows(positions)] == [3, 4]
    assert [row["document"]["lines"][0]["quantity"] for row in placed.commands("invoice.post")] == [1, 1]


def test_a_partial_shipment_that_is_final_leaves_the_rest_to_others(placed: Harness) -> None:
    placed.ship(name_of(placed), {"SKU-1": 1}, "A")
    assert placed.fulfilments()[0].fulfilment.state is FulfilmentState.INCOMPLETE
    assert placed.fulfilments()[1].fulfilment.node == "NYC"


def test_an_answer_to_an_order_nobody_gave_is_kept_with_words(hub: Harness) -> None:
    hub.answer("F-UNKNOWN", "accepted")
    (letter,) = hub.rows(dead_letters)
    assert letter["code"] == "fulfilment.unknown_order"
    assert "must send back the id it was given" in letter["message"]


def test_a_bad_answer_does_not_hold_up_the_good_ones(placed: Harness) -> None:
    good = name_of(placed)
    placed.answer("F-UNKNOWN", "accepted")
    placed.answer(good, "accepted")
    assert placed.fulfilments()[0].fulfilment.state is FulfilmentState.ACCEPTED


def test_a_node_that_refuses_the_request_itself_is_left_out(placed: Harness) -> None:
    (asked,) = placed.commands("fulfilment.request")
    placed.outcome(asked, "rejected", code="bad_address", message="ship_to is too long")
    assert [f.fulfilment.node for f in placed.fulfilments()] == ["CHI", "NYC"]


def test_what_nobody_knows_is_work_for_people_and_is_not_repeated(placed: Harness) -> None:
    (asked,) = placed.commands("fulfilment.request")
    placed.outcome(asked, "parked", code="unknown", message="time-out")
    (item,) = placed.rows(work_items)
    assert item["cause"] == "outcome_unknown"
    assert item["order_id"] == "shop:1001"
    assert len(placed.fulfilments()) == 1


def test_an_acknowledgement_is_matched_by_its_control_number(placed: Harness) -> None:
    (asked,) = placed.commands("fulfilment.request")
    said = {"external_id": "997-1", "group_control": "1", "status": "accepted"}
    placed.send("acknowledgement/1", said | {"document_control": f"{asked['id']:09d}"}, connection="wms")
    (row,) = placed.rows(fulfilment_orders)
    assert row["known_from"] is not None
    refused = said | {"external_id": "997-2", "status": "rejected", "errors": ["W05 missing"]}
    placed.send("acknowledgement/1", refused | {"document_control": str(asked["id"])}, connection="wms")
    (item,) = placed.rows(work_items)
    assert "could not read fulfilment.request" in item["message"]
    assert "W05 missing" in item["message"]


def test_an_acknowledgement_of_what_is_about_no_fulfilment_order(placed: Harness) -> None:
    """Such as a TA1 for a 997 of ours: taken is no news, refused is work for people."""
    row = CommandRow(
        connection="wms", name="acknowledgement.send", order_key="a", idempotency_key="a", payload=b"{}",
        refs={"raw": "r"}, correlation_id="r", created_at=placed.clock.now(),
    )  # fmt: skip
    placed.transactions.transact_now(lambda tx: enqueue(tx.connection, [row]))
    (sent,) = placed.commands("acknowledgement.send")
    said = {"external_id": "5/TA1/1", "group_control": str(sent["id"]), "status": "accepted"}
    placed.send("acknowledgement/1", said, connection="wms")
    assert placed.rows(work_items) == []
    placed.send(
        "acknowledgement/1", said | {"external_id": "6/TA1/1", "status": "rejected"}, connection="wms"
    )
    (item,) = placed.rows(work_items)
    assert item["subject"] == f"command:{sent['id']}"


class TestLabels:
    @pytest.fixture
    def packed(self, make: Callable[..., Harness]) -> Harness:
        """Packed at a node that has no labels of its own."""
        hub = make(labels={"connection": "carrier"})
        hub.stock("CHI", {"SKU-1": 5})
        hub.send("order/1", an_order(lines=(a_line(quantity=2, weight={"grams": Decimal(250)}),)))
        hub.ship(name_of(hub), {"SKU-1": 2}, None, external_id="A-1")
        return hub

    def label(self, hub: Harness, number: str = "9400") -> dict[str, Any]:
        label = {"external_id": f"shp_{number}", "tracking_number": number, "carrier": "USPS"}
        return {"ref": label["external_id"], "schema": "label/1", "document": label}

    def test_the_hub_buys_the_label_and_then_the_goods_count_as_shipped(self, packed: Harness) -> None:
        assert packed.order().state is OrderState.ROUTED
        assert packed.fulfilments()[0].fulfilment.state is FulfilmentState.PACKED
        (bought,) = packed.commands("label.buy")
        assert bought["document"]["weight"] == {"grams": "500"}
        assert bought["document"]["ship_to"]["postal_code"] == "60601"
        packed.outcome(bought, **self.label(packed))
        assert packed.order().state is OrderState.SHIPPED
        (told,) = packed.commands("shipment.confirm")
        assert told["document"]["parcels"][0]["tracking_number"] == "9400"
        assert told["document"]["carrier"] == "USPS"

    def test_a_carrier_is_told_where_the_parcel_goes_from_and_to(self, packed: Harness) -> None:
        (bought,) = packed.commands("label.buy")
        parcel = MappingLibrary.packaged().get("rate_card/parcel").map(bought["document"]).document
        origin, destination = parcel["origin"], parcel["destination"]
        assert (origin["latitude"], origin["longitude"]) == (Decimal("41.88"), Decimal("-87.62"))
        assert abs(destination["latitude"] - Decimal("41.88")) < 1
        assert abs(destination["longitude"] + Decimal("87.62")) < 1

    def test_an_advice_repeated_before_and_after_the_label_buys_no_second_one(self, packed: Harness) -> None:
        packed.ship(name_of(packed), {"SKU-1": 2}, None, external_id="A-1")
        packed.outcome(packed.commands("label.buy")[0], **self.label(packed))
        packed.ship(name_of(packed), {"SKU-1": 2}, None, external_id="A-1")
        assert len(packed.commands("label.buy")) == 1
        (parcel,) = packed.rows(parcels)
        assert parcel["tracking_number"] == "9400"
        assert len(packed.commands("shipment.confirm")) == 1

    def test_a_carrier_that_refuses_is_work_for_people(self, packed: Harness) -> None:
        packed.outcome(packed.commands("label.buy")[0], "rejected", code="address", message="no such street")
        (item,) = packed.rows(work_items)
        assert "no such street" in item["message"]
        assert packed.order().state is OrderState.ROUTED


def test_parcels_are_followed_until_they_arrive(placed: Harness) -> None:
    placed.ship(name_of(placed), {"SKU-1": 2}, "1Z1")

    def track(number: str, status: str, minutes: int) -> None:
        placed.clock.move(minutes * 60)
        event = {
            "external_id": number,
            "tracking_number": "1Z1",
            "status": status,
            "occurred_at": placed.clock.now(),
        }
        placed.send("tracking_event/1", event, connection="carrier")

    track("1", "in_transit", 1)
    track("2", "delivered", 1)
    (row,) = placed.rows(shipments)
    assert row["state"] == ShipmentState.DELIVERED
    late = {
        "external_id": "0",
        "tracking_number": "1Z1",
        "status": "in_transit",
        "occurred_at": placed.order().placed_at,
    }
    placed.send("tracking_event/1", late, connection="carrier")
    assert placed.rows(shipments)[0]["state"] == ShipmentState.DELIVERED
    assert len(placed.rows(tracking_events)) == 3


def test_a_carrier_that_speaks_before_the_node_is_heard_later(placed: Harness) -> None:
    event = {"external_id": "1", "tracking_number": "1Z1", "status": "delivered"}
    placed.send("tracking_event/1", event | {"occurred_at": placed.clock.now()}, connection="carrier")
    assert placed.rows(dead_letters) == []
    placed.ship(name_of(placed), {"SKU-1": 2}, "1Z1")
    assert placed.rows(shipments)[0]["state"] == ShipmentState.DELIVERED
    assert placed.rows(parcels)[0]["status"] == "delivered"


def test_a_parcel_that_comes_back_is_work_for_people(placed: Harness) -> None:
    placed.ship(name_of(placed), {"SKU-1": 2}, "1Z1")
    event = {
        "external_id": "1",
        "tracking_number": "1Z1",
        "status": "return_to_sender",
        "occurred_at": placed.clock.now(),
    }
    placed.send("tracking_event/1", event, connection="carrier")
    assert placed.rows(shipments)[0]["state"] == ShipmentState.RETURNED
    assert len(placed.rows(work_items)) == 1


def test_a_silent_node_is_work_for_people(placed: Harness) -> None:
    placed.clock.move(23 * 3600)
    placed.tick("silent_nodes")
    assert placed.rows(work_items) == []
    placed.clock.move(2 * 3600)
    placed.tick("silent_nodes")
    (item,) = placed.rows(work_items)
    assert (item["cause"], item["order_id"]) == ("upstream_lag", "shop:1001")


def test_goods_shipped_although_called_off_are_booked_and_told_to_people(placed: Harness) -> None:
    placed.send(
        "order/1", an_order(version="2026-11-23T12:00:00Z", status="cancelled", lines=(a_line(quantity=2),))
    )
    placed.answer(name_of(placed), "cancelled")
    placed.ship(name_of(placed), {"SKU-1": 2})
    causes = [row["cause"] for row in placed.rows(work_items)]
    assert "called_off_but_done" in causes
    assert [row["on_hand"] for row in placed.rows(positions, node="CHI")] == [3]


def test_a_channel_that_repeats_a_cancellation_neither_asks_nodes_nor_tells_people_twice(
    placed: Harness,
) -> None:
    def cancelled(hour: int) -> None:
        lines = (a_line(quantity=2),)
        placed.send("order/1", an_order(version=f"2026-11-23T{hour}:00:00Z", status="cancelled", lines=lines))

    cancelled(12)
    placed.answer(name_of(placed), "cancel_refused")
    cancelled(13)
    placed.ship(name_of(placed), {"SKU-1": 2})
    cancelled(14)
    assert len(placed.commands("fulfilment.cancel")) == 1
    (item,) = placed.rows(work_items)
    assert (item["cause"], item["subject"]) == ("partner_refused", f"fulfilment_order:{name_of(placed)}")


def test_every_command_belongs_to_its_orders_story(placed: Harness) -> None:
    placed.ship(name_of(placed), {"SKU-1": 2})
    assert {row["correlation_id"] for row in placed.rows(commands)} == {"shop:1001"}

"""Returns: routed, received in any order and any number of times, restocked once, refunded or exchanged once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crossdock.doctor import Situation, examine
from crossdock.orders.life_cycles import OrderState
from crossdock.store.order_tables import work_items
from crossdock.store.return_tables import return_lines, return_receipts, returns
from crossdock.store.stock_tables import positions
from crossdock.streams.processors.return_standing import close_return
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_address, an_order

NUMBERS = count(1)


def receipt(name: str, *lines: dict[str, Any], request: str | None = None, **more: Any) -> dict[str, Any]:
    named = {"return_request": request} if request else {}
    return {"external_id": name, "node": "CHI", "received_at": START, "lines": list(lines)} | named | more


def units(sku: str, quantity: int = 1, condition: str = "new", **more: Any) -> dict[str, Any]:
    return {"sku": sku, "quantity": quantity, "condition": condition} | more


def request(name: str = "R-1", *lines: dict[str, Any], order: str = "1001", **more: Any) -> dict[str, Any]:
    wanted = list(lines) or [{"sku": "A", "quantity": 2}]
    return {"external_id": name, "order": order, "requested_at": START, "lines": wanted} | more


def refund(name: str, of: str, *lines: dict[str, Any], order: str = "1001") -> dict[str, Any]:
    named = [{"kind": "return", "value": of}]
    return {
        "external_id": name,
        "order": order,
        "refunded_at": START,
        "lines": list(lines),
        "references": named,
    }


def shipped(hub: Harness, sku: str = "A", quantity: int = 3, order: str = "1001", **more: Any) -> None:
    hub.stock("CHI", {sku: quantity + 2})
    hub.clock.move(1)
    hub.send("order/1", an_order(external_id=order, lines=(a_line(sku=sku, quantity=quantity),), **more))
    hub.ship(hub.fulfilments(order)[0].id, {sku: quantity})
    hub.clock.move(60)


def send(hub: Harness, document: dict[str, Any]) -> None:
    if "requested_at" in document:
        hub.send("return_request/1", document)
    elif "refunded_at" in document:
        hub.send("refund/1", document)
    else:
        hub.send("return_receipt/1", document | {"received_at": hub.clock.now()}, connection="wms")


def healthy(hub: Harness) -> None:
    found = hub.database.read_now(lambda c: examine(c, Situation(hub.clock.now())))
    assert [
        each.rows for each in found if each.name in ("returns_booked_once", "ledger_equals_balances")
    ] == [(), ()]


def test_a_return_is_restocked_once_and_only_what_is_as_new(hub: Harness) -> None:
    shipped(hub)
    send(hub, request())
    came = receipt("RR-1", units("A"), units("A", condition="damaged"), request="shop:R-1")
    for _ in range(2):
        send(hub, came)
    (row,) = hub.rows(positions)
    assert (row["on_hand"], row["quarantined"]) == (3, 0)
    assert hub.rows(returns)[0]["state"] == "disposed"
    assert [line["received"] for line in hub.rows(return_lines)] == [2]
    assert [line["disposition"] for line in hub.rows(return_receipts)] == ["restock", "scrap"]
    assert hub.order().lines[0].quantities.returned == 2
    healthy(hub)


def test_what_is_restocked_is_promised_to_an_order_that_waits(hub: Harness) -> None:
    hub.stock("CHI", {"A": 0})
    hub.send("order/1", an_order(lines=(a_line(sku="A"),)))
    hub.clock.move(60)
    send(hub, receipt("RR-1", units("A")))
    hub.clock.move(61)
    hub.tick("retry_waiting")
    assert hub.order().state is OrderState.ROUTED


@pytest.mark.parametrize(
    ("disposition", "on_hand", "held"),
    [("restock", 1, 0), ("refurbish", 1, 1), ("quarantine", 1, 1), ("supplier", 1, 1), ("scrap", 0, 0)],
)
def test_a_blind_return_is_taken_in_and_goes_where_its_disposition_says(
    hub: Harness, disposition: str, on_hand: int, held: int
) -> None:
    for _ in range(2):
        send(hub, receipt("B", units("A", disposition=disposition)))
    assert [(row["on_hand"], row["quarantined"]) for row in hub.rows(positions)] in ([(on_hand, held)], [])
    (line,) = hub.rows(return_receipts)
    assert (line["disposition"], line["quantity"]) == (disposition, 1)
    assert hub.rows(returns)[0]["order_id"] is None
    healthy(hub)


def test_a_receipt_that_grows_is_booked_further_and_one_that_changes_asks_a_person(hub: Harness) -> None:
    send(hub, receipt("RR-1", units("A")))
    send(hub, receipt("RR-1", units("A"), units("B", 2)))
    assert {row["sku"]: row["on_hand"] for row in hub.rows(positions)} == {"A": 1, "B": 2}
    send(hub, receipt("RR-1", units("A", 5), units("B", 2)))
    assert {row["sku"]: row["on_hand"] for row in hub.rows(positions)} == {"A": 1, "B": 2}
    (item,) = hub.rows(work_items)
    assert (item["cause"], "says 5 of A" in item["message"]) == ("inventory_conflict", True)


@pytest.mark.parametrize(
    ("condition", "on_hand", "held"),
    [("new", 2, 0), ("damaged", 0, 0), ("opened", 2, 2), ("defective", 2, 2)],
)
@pytest.mark.parametrize("order", ["uug", "ug", "gu", "gug", "ugg", "gg"])
def test_units_are_graded_once_whichever_news_comes_first(
    hub: Harness, condition: str, on_hand: int, held: int, order: str
) -> None:
    came = {"u": receipt("RR-1", units("A", 2, "unknown")), "g": receipt("RR-1", units("A", 2, condition))}
    for letter in order:
        send(hub, came[letter])
    booked = [(row["on_hand"], row["quarantined"]) for row in hub.rows(positions)]
    assert booked in ([(on_hand, held)], [] if condition == "damaged" else None)
    (line,) = hub.rows(return_receipts)
    assert line["condition"] == condition
    assert [each["condition"] for each in hub.rows(return_lines)] == [condition]
    assert hub.rows(work_items) == []
    healthy(hub)


def test_two_nodes_may_call_their_receipts_the_same(hub: Harness) -> None:
    send(hub, receipt("1", units("A")))
    send(hub, receipt("1", units("A"), node="NYC"))
    assert {row["node"]: row["on_hand"] for row in hub.rows(positions)} == {"CHI": 1, "NYC": 1}
    assert len(hub.rows(returns)) == 2
    healthy(hub)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_messages_in_any_order_and_any_number_end_the_same(hub: Harness, data: st.DataObject) -> None:
    number = next(NUMBERS)
    sku, name, order = f"S{number}", f"R-{number}", f"O-{number}"
    shipped(hub, sku, 4, order)
    mine = f"shop:{name}"
    messages = [
        request(name, {"sku": sku, "quantity": 2}, order=order),
        receipt(f"a{number}", units(sku), request=name),
        receipt(f"b{number}", units(sku, condition="damaged"), units(sku), request=mine),
        receipt(f"c{number}", units(f"X{number}", 2, "unknown"), request=name),
        refund(f"F{number}", name, {"order_line": "1", "quantity": 2}, order=order),
        request(name, {"sku": sku, "quantity": 2}, order=order, status="approved"),
    ]
    wanted = data.draw(st.permutations(range(len(messages))))
    for index in [*wanted, *data.draw(st.lists(st.sampled_from(range(len(messages))), max_size=3))]:
        send(hub, messages[index])
    (kept,) = hub.rows(returns, order_id=f"shop:{order}")
    assert (kept["id"], kept["state"], kept["awaits"]) == (mine, "received", None)
    lines = [
        (each["sku"], each["requested"], each["received"]) for each in hub.rows(return_lines, return_id=mine)
    ]
    assert lines == [(sku, 2, 2), (sku, 0, 1), (f"X{number}", 0, 2)]
    booked = {row["sku"]: (row["on_hand"], row["quarantined"]) for row in hub.rows(positions)}
    assert (booked[sku], booked[f"X{number}"]) == ((2 + 2, 0), (2, 2))
    assert hub.order(order).lines[0].quantities.returned == 3
    send(hub, receipt(f"c{number}", units(f"X{number}", 2, "opened"), request=name))
    commands = [each for each in hub.commands("return.refund") if each["refs"]["return"] == mine]
    if commands:
        assert hub.rows(returns, id=mine)[0]["state"] == "disposed"
    for command in commands:
        hub.outcome(command)
    assert hub.rows(returns, id=mine)[0]["state"] == "closed"
    asked = [line for each in commands for line in each["document"]["lines"]]
    # of three units the channel refunded two by itself: if it said so first, one is left
    assert 1 <= sum(line["quantity"] for line in asked) <= 3
    assert max(line["cumulative_quantity"] for line in asked) == 3
    healthy(hub)


@pytest.mark.parametrize("order", ["qrf", "qfr", "fqr", "frq", "rqf", "rfq"])
def test_a_refund_is_kept_whatever_it_overtakes(hub: Harness, order: str) -> None:
    shipped(hub)
    said = {
        "q": request("R-1", {"sku": "A", "quantity": 1}),
        "r": receipt("RR-1", units("A"), request="R-1"),
        "f": refund("F-1", "R-1", {"order_line": "1", "quantity": 1}),
    }
    for letter in order:
        for _ in range(2):
            send(hub, said[letter])
    (kept,) = hub.rows(returns)
    assert (kept["id"], kept["state"], kept["refunded_at"]) == ("shop:R-1", "closed", START)
    assert len(hub.commands("return.close")) == 1
    assert len(hub.commands("return.refund")) == (order[-1] == "f")


def test_a_refund_of_goods_that_never_left_is_not_one_of_a_return(hub: Harness) -> None:
    shipped(hub)
    send(hub, request())
    send(hub, refund("F-1", "R-1", {"order_line": "1", "quantity": 2, "restock": "cancel"}))
    send(hub, receipt("RR-1", units("A", 2), request="R-1"))
    assert len(hub.commands("return.refund")) == 1


def test_a_return_closes_when_all_came_was_graded_and_refunded(hub: Harness) -> None:
    shipped(hub)
    send(hub, request())

    def state() -> str:
        return str(hub.rows(returns)[0]["state"])

    send(hub, receipt("RR-1", units("A"), request="R-1"))
    hub.outcome(hub.commands("return.refund")[0])
    assert state() == "refunded"
    send(hub, receipt("RR-2", units("A", condition="unknown"), request="R-1"))
    hub.outcome(hub.commands("return.refund")[1])
    assert (state(), hub.commands("return.close")) == ("received", [])
    send(hub, receipt("RR-2", units("A", condition="opened"), request="R-1"))
    (command,) = hub.commands("return.close")
    assert (state(), command["connection"], command["document"]["external_id"]) == ("closed", "shop", "R-1")
    send(hub, receipt("RR-3", units("A", condition="damaged"), request="R-1"))
    assert state() == "disposed", "more came: that is due as well"
    hub.outcome(hub.commands("return.refund")[2])
    assert (state(), len(hub.commands("return.close"))) == ("closed", 1)


def test_what_a_receipt_brings_later_is_refunded_as_well(hub: Harness) -> None:
    shipped(hub)
    send(hub, request())
    send(hub, receipt("RR-1", units("A"), request="R-1"))
    send(hub, receipt("RR-1", units("A"), units("A"), request="R-1"))
    lines = [line for each in hub.commands("return.refund") for line in each["document"]["lines"]]
    assert [(line["quantity"], line["cumulative_quantity"]) for line in lines] == [(1, 1), (1, 2)]


@pytest.mark.parametrize(
    ("first", "then", "state"),
    [
        ({}, {"status": "declined"}, "cancelled"),
        ({}, {"status": "cancelled"}, "cancelled"),
        ({}, {"status": "closed"}, "closed"),
        ({"status": "cancelled"}, {}, "cancelled"),
        ({"status": "cancelled"}, {"updated_at": START + timedelta(hours=1)}, "requested"),
        ({"status": "closed", "updated_at": START + timedelta(hours=2)}, {"status": "approved"}, "closed"),
    ],
)
def test_the_channel_ends_a_return_by_the_newest_word(
    hub: Harness, first: dict[str, Any], then: dict[str, Any], state: str
) -> None:
    shipped(hub)
    send(hub, request(**first))
    send(hub, request(**then))
    assert hub.rows(returns)[0]["state"] == state
    assert hub.commands("return.close") == []
    send(hub, receipt("RR-1", units("A"), request="R-1"))
    assert hub.rows(returns)[0]["state"] == "disposed", "what comes all the same is taken in"


def test_a_person_closes_a_return_of_which_nothing_more_comes(hub: Harness) -> None:
    shipped(hub)
    send(hub, request())
    send(hub, receipt("RR-1", units("A"), request="R-1"))

    def close() -> str:
        kept = hub.transactions.transact_now(lambda tx: close_return(hub.hub, tx, "shop:R-1"))
        return str(kept.state)

    assert (close(), hub.commands("return.close")) == ("disposed", []), "a refund is due"
    hub.outcome(hub.commands("return.refund")[0])
    assert (hub.rows(returns)[0]["state"], len(hub.commands("return.close"))) == ("closed", 1)
    assert close() == "closed"


def test_lines_of_a_request_may_change(hub: Harness) -> None:
    shipped(hub)
    send(hub, request("R-1", {"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}))
    send(hub, request("R-1", {"sku": "A", "quantity": 1}, updated_at=START + timedelta(hours=1)))
    assert [(line["sku"], line["requested"]) for line in hub.rows(return_lines)] == [("A", 1)]


def test_the_nearest_node_that_takes_returns_is_chosen_and_everybody_told(hub: Harness) -> None:
    shipped(hub)
    send(hub, request())
    send(hub, request())
    assert hub.rows(returns)[0]["node"] == "CHI"
    for name, told in (("return.expect", "wms"), ("return.authorise", "shop")):
        (command,) = hub.commands(name)
        assert (command["connection"], command["document"]["node"]) == (told, "CHI")


@pytest.mark.parametrize(
    ("rules", "more", "node"),
    [
        ((), {"ship_from": an_address(postal_code="10001", city="New York")}, "NYC"),
        # a store does not take returns unless it says so
        ((), {"ship_from": an_address(postal_code="94105", city="San Francisco")}, "CHI"),
        ((), {"node": "SFO"}, "SFO"),
        (({"nodes": ["NYC"]},), {}, "NYC"),
        (({"channels": ["b2b"], "nodes": ["NYC"]},), {}, "CHI"),
        (
            ({"countries": ["US"], "prefer": "shipped_from"},),
            {"ship_from": an_address(postal_code="10001")},
            "CHI",
        ),
        (({"nodes": ["SFO"]},), {}, None),
    ],
)
def test_rules_say_which_node_takes_a_return(
    make: Callable[..., Harness], rules: tuple[Any, ...], more: dict[str, Any], node: str | None
) -> None:
    hub = make(returns={"rules": rules})
    shipped(hub)
    send(hub, request(**more))
    assert hub.rows(returns)[0]["node"] == node
    assert len(hub.commands("return.authorise")) == (node is not None)
    asked = [(item["cause"], item["subject"]) for item in hub.rows(work_items)]
    assert asked == ([] if node else [("constraint_unmet", "return:shop:R-1")])


def test_a_return_that_the_rules_decline_is_declined_at_the_channel(make: Callable[..., Harness]) -> None:
    hub = make(returns={"rules": [{"decline": "final sale"}]})
    shipped(hub)
    send(hub, request())
    (command,) = hub.commands("return.decline")
    assert (command["document"]["reason"], command["connection"]) == ("final sale", "shop")
    assert (hub.commands("return.authorise"), hub.commands("return.expect"), hub.rows(work_items)) == (
        [],
        [],
        [],
    )
    send(hub, request(status="declined"))
    assert hub.rows(returns)[0]["state"] == "cancelled"


def test_people_may_approve_returns_at_the_channel_instead(make: Callable[..., Harness]) -> None:
    hub = make(returns={"authorise": False})
    shipped(hub)
    send(hub, request())
    assert (len(hub.commands("return.expect")), hub.commands("return.authorise")) == (1, [])


def test_a_refund_is_asked_of_the_channel_and_closes_the_circle(make: Callable[..., Harness]) -> None:
    hub = make(returns={"no_refund": ["damaged"]})
    shipped(hub)
    send(hub, request())
    send(hub, receipt("RR-1", units("A"), units("A", condition="damaged"), request="R-1"))
    (command,) = hub.commands("return.refund")
    (line,) = command["document"]["lines"]
    assert (line["order_line"], line["quantity"], line["restock"]) == ("1", 1, "return")
    assert command["document"]["references"] == [{"kind": "return", "value": "R-1"}]
    hub.outcome(command)
    assert hub.rows(returns)[0]["state"] == "closed"


def test_an_exchange_is_an_order_of_its_own_that_ships_once_the_goods_are_back(hub: Harness) -> None:
    shipped(hub)
    hub.stock("NYC", {"B": 5})
    send(hub, request("R-1", {"sku": "A", "quantity": 1, "exchange_for": "B"}, resolution="exchange"))
    came = receipt("RR-1", units("A"), request="R-1")
    for _ in range(2):
        send(hub, came)
    assert hub.commands("return.refund") == []
    (asked, again) = hub.commands("fulfilment.request")
    assert asked["document"]["node"] == "CHI"
    assert (again["document"]["node"], again["document"]["lines"][0]["sku"]) == ("NYC", "B")
    assert again["document"]["order"] == "exchange:shop:R-1/CHI/RR-1"
    assert again["document"]["ship_to"]["postal_code"] == "60601"

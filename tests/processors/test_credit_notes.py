"""Credit notes to ERPs for what was paid back; ``docs/models/returns.md`` has the usual course."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from crossdock.store.order_tables import work_items
from tests.processors.harness import Harness
from tests.processors.test_returning import receipt, refund, request, send, units
from tests.schemas.builders import a_line, an_order, money


def sold(make: Callable[..., Harness], quantity: int = 3) -> Harness:
    """Units with a discount and a tax that don't divide by three have left Chicago."""
    hub = make(postings=[{"connection": "erp", "credit_note": True}])
    hub.stock("CHI", {"A": quantity})
    tax = {"title": "VAT", "amount": money("2.00"), "rate": Decimal("0.07")}
    line = a_line(sku="A", quantity=quantity, discounts=({"amount": money("1.00")},), taxes=(tax,))
    hub.send("order/1", an_order(lines=(line,)))
    hub.ship(hub.fulfilments()[0].id, {"A": quantity})
    hub.clock.move(60)
    return hub


def test_what_is_paid_back_is_credited_once_and_to_the_cent_over_all_returns(
    make: Callable[..., Harness],
) -> None:
    hub = sold(make)
    for number in (1, 2, 3):
        send(hub, request(f"R-{number}", {"sku": "A", "quantity": 1}))
        send(hub, receipt(f"B-{number}", units("A"), request=f"shop:R-{number}"))
        assert len(hub.commands("credit_note.post")) == number - 1
        (asked,) = [row for row in hub.commands("return.refund") if row["state"] == "pending"]
        hub.outcome(asked)
        send(hub, refund(f"F-{number}", f"R-{number}", {"order_line": "1", "quantity": 1}))
    posted = [row["document"] for row in hub.commands("credit_note.post")]
    assert [each["kind"] for each in posted] == ["credit_note"] * 3
    assert [each["node"] for each in posted] == ["CHI"] * 3
    assert posted[0]["references"] == [{"kind": "return", "value": "R-1"}]
    lines = [line for each in posted for line in each["lines"]]
    assert [line["net"]["amount"] for line in lines] == ["10.00"] * 3
    assert [line["discounts"][0]["amount"]["amount"] for line in lines] == ["0.33", "0.34", "0.33"]
    assert [line["taxes"][0]["amount"]["amount"] for line in lines] == ["0.67", "0.66", "0.67"]


def test_refunds_that_the_channel_reports_before_anything_came_are_credited_as_far_as_billed(
    make: Callable[..., Harness],
) -> None:
    hub = sold(make, 2)
    send(hub, refund("F-1", "R-1", {"order_line": "1", "quantity": 5}, {"order_line": "9", "quantity": 1}))
    assert hub.commands("credit_note.post") == []
    for _ in range(2):
        send(hub, request("R-1", {"sku": "A", "quantity": 2}))
        send(hub, receipt("B-1", units("A", 2), request="shop:R-1"))
    (posted,) = hub.commands("credit_note.post")
    assert [(line["order_line"], line["quantity"]) for line in posted["document"]["lines"]] == [("1", 2)]
    hub.outcome(posted, "rejected", code="no_customer", message="there is no customer 77")
    (item,) = hub.rows(work_items)
    assert item["order_id"] == "shop:1001"

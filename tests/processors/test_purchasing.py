"""Purchase orders to ERPs for what suppliers ship; ``docs/models/drop-ship.md`` has the usual course."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from crossdock.errors import MisconfiguredError
from crossdock.orders.life_cycles import OrderState
from crossdock.orders.worklist import Cause
from crossdock.store.order_tables import work_items
from crossdock.streams.processors.interventions import cancel_order, lift_hold
from tests.processors.harness import CONFIG, Harness
from tests.schemas.builders import a_line, an_order, money

ORDER = "shop:1001"


def with_supplier(**posting: Any) -> dict[str, Any]:
    chicago, *others = yaml.safe_load(CONFIG)["nodes"]
    posted = {"connection": "erp", "sales_order": True, "purchase_order": True} | posting
    return {"nodes": [chicago | {"kind": "supplier"}, *others], "postings": [posted]}


@pytest.fixture
def bought(make: Callable[..., Harness]) -> Harness:
    """Two units of a supplier in Chicago."""
    hub = make(**with_supplier())
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order(lines=(a_line(quantity=2),)))
    return hub


def test_an_order_is_open_until_its_erp_knows_what_was_bought(bought: Harness) -> None:
    (created,) = bought.commands("purchase_order.create")
    (asked,) = bought.commands("fulfilment.request")
    number = created["document"]["external_id"]
    assert asked["document"]["references"][1] == {"kind": "purchase_order", "value": number}
    bought.ship(bought.fulfilments()[0].id, {"SKU-1": 2})
    for name in ("sales_order.post", "invoice.post", "shipment.confirm"):
        bought.outcome(bought.commands(name)[0])
    assert bought.order().state is OrderState.SHIPPED
    bought.outcome(created, "rejected", code="no_vendor", message="there is no vendor CHI")
    (item,) = bought.rows(work_items)
    assert (item["cause"], item["order_id"]) == (Cause.PARTNER_REFUSED, ORDER)
    bought.outcome(created | {"attempts": 1})
    assert bought.order().state is OrderState.CLOSED


def test_what_the_supplier_was_not_asked_for_was_never_bought(make: Callable[..., Harness]) -> None:
    hub = make(**with_supplier())
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order(status="pending", lines=(a_line(quantity=3),)))
    hub.transactions.transact_now(lambda tx: cancel_order(hub.hub, tx, ORDER, {"1": 1}, "buyer", "1"))
    hub.settle()
    assert not hub.commands("purchase_order.create")
    hub.transactions.transact_now(lambda tx: lift_hold(hub.hub, tx, ORDER, "pending", "ada"))
    hub.settle()
    (created,) = hub.commands("purchase_order.create")
    assert [line["quantity"] for line in created["document"]["lines"] if line["quantity"]] == [2]


def test_prices_in_another_currency_are_left_to_the_erp(make: Callable[..., Harness]) -> None:
    hub = make(**with_supplier())
    for sku, currency in (("SKU-1", "EUR"), ("SKU-2", "USD")):
        prices = [{"price": money("7.50") | {"currency": currency}}]
        hub.send("product/1", {"sku": sku, "version": "1", "purchase_prices": prices})
    hub.stock("CHI", {"SKU-1": 5, "SKU-2": 5})
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1"), a_line("2", "SKU-2"))))
    (created,) = hub.commands("purchase_order.create")
    assert created["document"]["currency"] == "EUR"
    assert ["unit_cost" in line for line in created["document"]["lines"]] == [True, False]


def test_a_connection_that_takes_no_purchase_orders_is_refused(make: Callable[..., Harness]) -> None:
    with pytest.raises(
        MisconfiguredError, match=r"postings.0.purchase_order: connection shop does no purchase"
    ):
        make(**with_supplier(connection="shop"))

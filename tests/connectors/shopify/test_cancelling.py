"""Cancelling whole orders and units of their lines, once each."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crossdock.sdk.connector import Command
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Rejected, Unknown
from tests.connectors.shopify.builders import operations, run
from tests.connectors.shopify.conftest import Connect
from tests.connectors.shopify.shop import VERSIONS, Shop, order

ORDER = "gid://shopify/Order/1"
TENT = "gid://shopify/LineItem/7700000000000001"
TIMEOUT = httpx.ReadTimeout("no answer")
ONE_TENT = [{"lineItemId": TENT, "quantity": 1}]


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    made.orders[ORDER] = order(1, "2026-11-21T11:00:00Z")
    return made


CANCEL = {"reason": "INVENTORY", "restock": True, "refundMethod": {"originalPaymentMethodsRefund": True},
          "staffNote": None, "lines": []}  # fmt: skip


def cancel(**changes: Any) -> Command:
    return Command("order.cancel", ORDER, (CANCEL | changes,), {"order": ORDER})


@pytest.mark.parametrize("version", VERSIONS)
def test_an_order_is_cancelled_once(version: str, shop: Shop, connect: Connect) -> None:
    shop.version = version
    connector = connect(shop)
    assert run(connector.probe(cancel(), "k")) == NotApplied()
    assert run(connector.execute(cancel(), "k")) == Applied("gid://shopify/Job/1")
    assert run(connector.execute(cancel(), "k")) == AlreadyApplied(ORDER)
    assert len(operations(shop, "Cancel")) == 1


def test_a_lost_answer_to_a_cancellation_is_found(shop: Shop, connect: Connect) -> None:
    connector = connect(shop)
    shop.faults = [None, TIMEOUT]
    assert isinstance(run(connector.execute(cancel(), "k")), Unknown)
    assert run(connector.probe(cancel(), "k")) == AlreadyApplied(ORDER)


def test_a_refusal_is_told_in_shopifys_words(
    shop: Shop, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = {"code": "NO_REFUND_PERMISSION", "field": ["orderId"], "message": "no permission to refund"}
    monkeypatch.setattr(shop, "q_orderCancel", lambda **_: {"job": None, "orderCancelUserErrors": [error]})
    outcome = run(connect(shop).execute(cancel(), "k"))
    assert outcome == Rejected("shopify.no_refund_permission", "no permission to refund", "orderId")


@pytest.mark.parametrize("version", VERSIONS)
def test_units_of_a_line_are_refunded_and_not_restocked(version: str, shop: Shop, connect: Connect) -> None:
    shop.version = version
    command = cancel(lines=ONE_TENT, staffNote="inventory")
    assert run(connect(shop).execute(command, "order.cancel:O-1:1")) == Applied("gid://shopify/Refund/1")
    (sent,) = operations(shop, "CancelLines")
    assert sent["input"] == {
        "orderId": ORDER,
        "currency": "EUR",
        "note": "inventory [order.cancel:O-1:1]",
        "notify": True,
        "refundLineItems": [{"lineItemId": TENT, "quantity": 1, "restockType": "NO_RESTOCK"}],
        "transactions": [
            {
                "orderId": ORDER,
                "kind": "REFUND",
                "gateway": "shopify_payments",
                "amount": "19.9",
                "parentId": "gid://shopify/OrderTransaction/1",
            }
        ],
    }
    assert operations(shop, "Cancel") == []
    asked = {"id": ORDER, "lines": sent["input"]["refundLineItems"], "shipping": False}
    assert operations(shop, "SuggestedRefund") == [asked]


def test_shipping_is_refunded_with_the_last_units_and_what_is_left_of_it(
    shop: Shop, connect: Connect
) -> None:
    there = [line for line in shop.orders[ORDER]["lineItems"] if line["currentQuantity"]]
    rest = [{"lineItemId": line["id"], "quantity": line["currentQuantity"]} for line in there]
    rest[0] = {**rest[0], "quantity": rest[0]["quantity"] - 1}
    connector = connect(shop)
    run(connector.execute(cancel(lines=ONE_TENT), "one"))
    run(connector.execute(cancel(lines=rest), "all"))
    one, last = operations(shop, "CancelLines")
    assert ("shipping" in one["input"], last["input"]["shipping"]) == (False, {"amount": "4.9"})
    assert [asked["shipping"] for asked in operations(shop, "SuggestedRefund")] == [False, True]


def test_shipping_that_was_free_or_refunded_before_is_not_refunded(shop: Shop, connect: Connect) -> None:
    shop.orders[ORDER]["currentSubtotalLineItemsQuantity"] = 1
    shop.orders[ORDER]["suggestedRefund"]["shipping"]["amountSet"]["presentmentMoney"]["amount"] = "0.0"
    run(connect(shop).execute(cancel(lines=ONE_TENT), "k"))
    (sent,) = operations(shop, "CancelLines")
    assert "shipping" not in sent["input"]


def test_the_same_units_are_refunded_once_and_others_again(shop: Shop, connect: Connect) -> None:
    connector, command = connect(shop), cancel(lines=ONE_TENT)
    assert run(connector.probe(command, "k")) == NotApplied()
    run(connector.execute(command, "k"))
    assert run(connector.execute(command, "k")) == AlreadyApplied("gid://shopify/Refund/1")
    assert run(connector.probe(command, "k")) == AlreadyApplied("gid://shopify/Refund/1")
    assert run(connector.execute(command, "another")) == Applied("gid://shopify/Refund/2")


def test_a_lost_answer_to_a_refund_is_sent_again_under_the_same_key(shop: Shop, connect: Connect) -> None:
    connector, command = connect(shop), cancel(lines=ONE_TENT)
    shop.faults = [None, None, TIMEOUT]
    assert run(connector.execute(command, "k")) == Applied("gid://shopify/Refund/1")
    assert len({sent["key"] for sent in operations(shop, "CancelLines")}) == 1
    assert len(shop.orders[ORDER]["refunds"]) == 1


def test_what_was_not_paid_is_taken_off_without_paying_back(shop: Shop, connect: Connect) -> None:
    shop.orders[ORDER]["suggestedRefund"] = None
    assert isinstance(run(connect(shop).execute(cancel(lines=ONE_TENT), "k")), Applied)
    (sent,) = operations(shop, "CancelLines")
    assert sent["input"]["transactions"] == []


def test_a_refused_refund_is_told_in_shopifys_words(shop: Shop, connect: Connect) -> None:
    too_many = [{"lineItemId": TENT, "quantity": 99}]
    assert run(connect(shop).execute(cancel(lines=too_many), "k")) == Rejected(
        "shopify.refused",
        "Quantity cannot refund more items than were purchased",
        "refundLineItems.0.quantity",
    )

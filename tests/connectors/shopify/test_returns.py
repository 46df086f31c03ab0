"""Returns: read whole, approved, declined, refunded to the unit and closed, once each."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from crossdock.sdk.connector import Command
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Rejected, Unknown
from crossdock_schemas.returns import ReturnRequest, ReturnStatus
from tests.connectors.shopify.builders import canonical, decode, operations, pages, run
from tests.connectors.shopify.conftest import Connect
from tests.connectors.shopify.return_desk import a_return
from tests.connectors.shopify.shop import VERSIONS, Node, Shop, order

ORDER = "gid://shopify/Order/1"
RETURN = "gid://shopify/Return/1"
TENT = "gid://shopify/LineItem/7700000000000001"
TIMEOUT = httpx.ReadTimeout("no answer")


@pytest.fixture
def shop() -> Shop:
    made = Shop()
    made.orders[ORDER] = order(1, "2026-11-22T09:00:01Z")
    made.orders[ORDER]["returns"] = [a_return(1, ORDER, (TENT, 2), (TENT, 1))]
    return made


def standing(shop: Shop, **changes: Any) -> Node:
    found = shop.q_return(RETURN)
    assert found
    found |= changes
    return found


def decision(name: str) -> Command:
    return Command(name, ORDER, ({"id": RETURN, "declineNote": "worn"},), {"return": "shop:R"})


def refund(cumulative: int, quantity: int = 1, **changes: Any) -> Command:
    line = {"lineItemId": TENT, "quantity": quantity, "cumulative": cumulative}
    document = {"returnId": RETURN, "note": "n", "lines": [line]} | changes
    return Command("return.refund", ORDER, (document,), {"order": ORDER})


# --- reading --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_returns_are_read_whole(version: str, shop: Shop, connect: Connect) -> None:
    shop.version = version
    shop.orders[ORDER]["returns"] += [a_return(n, ORDER, (TENT, 1), status="OPEN") for n in range(2, 8)]
    shop.orders["gid://shopify/Order/2"] = order(2, "2026-11-22T10:00:00Z")
    (page,) = pages(connect(shop, lines_per_page=1, backfill_days=2), "returns")
    assert [record.key for record in page.records] == [f"gid://shopify/Return/{n}" for n in range(1, 8)]
    made = canonical("shopify/return", decode(page.records[0].payload))
    assert isinstance(made, ReturnRequest)
    assert (made.order, made.status, [line.quantity for line in made.lines]) == (
        ORDER, ReturnStatus.REQUESTED, [2, 1],
    )  # fmt: skip
    assert len(operations(shop, "OrderReturns")) == 1
    assert len(operations(shop, "ReturnLines")) == 1


def test_a_return_is_read_again_when_its_order_has_changed(shop: Shop, connect: Connect) -> None:
    ((first,),) = (page.records for page in pages(connect(shop, backfill_days=2), "returns"))
    shop.orders[ORDER]["updatedAt"] = "2026-11-22T09:30:00Z"
    ((second,),) = (page.records for page in pages(connect(shop, backfill_days=2), "returns"))
    assert first.dedupe != second.dedupe


# --- approve, decline, close ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "before", "after", "operation"),
    [
        ("return.authorise", "REQUESTED", "OPEN", "ApproveReturn"),
        ("return.decline", "REQUESTED", "DECLINED", "DeclineReturn"),
        ("return.close", "OPEN", "CLOSED", "CloseReturn"),
    ],
)
@pytest.mark.parametrize("version", VERSIONS)
def test_a_return_is_decided_once(
    shop: Shop, connect: Connect, version: str, name: str, before: str, after: str, operation: str
) -> None:
    shop.version = version
    standing(shop, status=before)
    connector = connect(shop)
    assert run(connector.probe(decision(name), "k")) == NotApplied()
    assert run(connector.execute(decision(name), "k")) == Applied(RETURN)
    assert standing(shop)["status"] == after
    assert run(connector.execute(decision(name), "k")) == AlreadyApplied(RETURN)
    assert len(operations(shop, operation)) == 1


def test_a_declined_buyer_is_told_why(shop: Shop, connect: Connect) -> None:
    run(connect(shop, notify_customer=False).execute(decision("return.decline"), "k"))
    assert operations(shop, "DeclineReturn") == [
        {"input": {"id": RETURN, "notifyCustomer": False, "declineReason": "OTHER", "declineNote": "worn"}}
    ]


def test_what_can_no_longer_be_decided_is_refused_in_shopifys_words(shop: Shop, connect: Connect) -> None:
    standing(shop, status="CANCELED")
    outcome = run(connect(shop).execute(decision("return.authorise"), "k"))
    assert outcome == Rejected("shopify.invalid_state", "Return is CANCELED", "input.id")


@pytest.mark.parametrize("name", ["return.authorise", "return.decline", "return.close", "return.refund"])
def test_a_return_that_is_not_there_is_named(shop: Shop, connect: Connect, name: str) -> None:
    shop.orders[ORDER]["returns"] = []
    command = refund(1) if name == "return.refund" else decision(name)
    for outcome in (run(connect(shop).execute(command, "k")), run(connect(shop).probe(command, "k"))):
        assert isinstance(outcome, Rejected)
        assert (outcome.code, RETURN in outcome.message) == ("shopify.no_return", True)


# --- refund ---------------------------------------------------------------------------------------------


def paid(shop: Shop) -> list[str]:
    return [one["transactionAmount"]["amount"] for one in standing(shop)["paid"]]


@pytest.mark.parametrize("version", VERSIONS)
def test_units_are_processed_and_paid_back_once(version: str, shop: Shop, connect: Connect) -> None:
    shop.version = version
    standing(shop, status="OPEN")
    connector = connect(shop)
    assert run(connector.probe(refund(1), "k")) == NotApplied()
    assert run(connector.execute(refund(1), "k")) == Applied(RETURN)
    assert run(connector.execute(refund(1), "k")) == AlreadyApplied(RETURN)
    assert run(connector.probe(refund(1), "k")) == AlreadyApplied(RETURN)
    assert run(connector.execute(refund(3, 2), "k2")) == Applied(RETURN)
    assert paid(shop) == ["9.95", "19.90"]
    assert [line["processedQuantity"] for line in standing(shop)["returnLineItems"]] == [2, 1]


def test_what_the_merchant_has_refunded_is_not_paid_again(shop: Shop, connect: Connect) -> None:
    first, _ = standing(shop, status="OPEN")["returnLineItems"]
    first |= {"refundedQuantity": 1, "processableQuantity": 1}
    assert run(connect(shop).execute(refund(1), "k")) == AlreadyApplied(RETURN)
    assert run(connect(shop).execute(refund(2), "k2")) == Applied(RETURN)
    assert paid(shop) == ["9.95"]


def test_a_lost_answer_to_a_refund_is_found(shop: Shop, connect: Connect) -> None:
    standing(shop, status="OPEN")
    connector = connect(shop)
    shop.faults = [None, None, TIMEOUT]
    assert isinstance(run(connector.execute(refund(2), "k")), Unknown)
    assert run(connector.probe(refund(2), "k")) == AlreadyApplied(RETURN)
    assert paid(shop) == ["19.90"]


def test_more_than_the_return_has_is_refused_and_nothing_paid(shop: Shop, connect: Connect) -> None:
    standing(shop, status="OPEN")
    outcome = run(connect(shop).execute(refund(4), "k"))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, "1 more of line" in outcome.message) == ("shopify.not_in_return", True)
    assert paid(shop) == []


def test_an_exchange_is_settled_with_the_refund(shop: Shop, connect: Connect) -> None:
    exchanged = [{"id": "gid://shopify/ExchangeLineItem/1", "processableQuantity": 1}]
    standing(shop, status="OPEN", exchangeLineItems=exchanged)
    assert run(connect(shop).execute(refund(1), "k")) == Applied(RETURN)
    assert (paid(shop), exchanged[0]["processableQuantity"]) == (["4.95"], 0)


def test_where_the_buyer_owes_nothing_is_paid(shop: Shop, connect: Connect) -> None:
    exchanged = [{"id": "gid://shopify/ExchangeLineItem/1", "processableQuantity": 3}]
    standing(shop, status="OPEN", exchangeLineItems=exchanged)
    assert run(connect(shop).execute(refund(1), "k")) == Applied(RETURN)
    (sent,) = operations(shop, "ProcessReturn")
    assert sent["input"]["financialTransfer"] is None


def test_goods_without_a_return_are_refunded_as_units_of_the_order(shop: Shop, connect: Connect) -> None:
    connector, command = connect(shop), refund(1, returnId=None)
    assert run(connector.probe(command, "k")) == NotApplied()
    assert run(connector.execute(command, "k")) == Applied("gid://shopify/Refund/1")
    assert run(connector.execute(command, "k")) == AlreadyApplied("gid://shopify/Refund/1")
    (sent,) = operations(shop, "CancelLines")
    assert sent["input"]["refundLineItems"] == [
        {"lineItemId": TENT, "quantity": 1, "restockType": "NO_RESTOCK"}
    ]

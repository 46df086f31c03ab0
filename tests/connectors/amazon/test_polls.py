"""Orders polled: nothing is missed, whatever becomes of tokens, pages and the partner."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from crossdock.mapping import MappingError
from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Limits
from crossdock.sdk.errors import (
    ForbiddenError,
    MisconfiguredError,
    ThrottledError,
    UnauthorisedError,
    UnreachableError,
)
from tests.connectors.amazon.builders import orders_of, pages
from tests.connectors.amazon.conftest import Connect
from tests.connectors.amazon.seller import Seller, errors, order

NOON = "2026-11-23T09:00:00Z"


def asked(seller: Seller) -> list[dict[str, str]]:
    return [
        dict(request.url.params) for operation, request in seller.requests if operation == "search_orders"
    ]


def ids(found: list[object]) -> list[str]:
    return [record.key for page in found for record in page.records]  # type: ignore[attr-defined]


def three(seller: Seller) -> list[str]:
    seller.add(*(order(number, NOON) for number in (1, 2, 3)))
    return list(seller.orders)


def test_every_page_is_asked_for_with_all_arguments(seller: Seller, connect: Connect) -> None:
    expected = three(seller)
    found = pages(connect(orders_per_page=2))
    assert ids(list(found)) == expected
    assert [page.more for page in found] == [True, False]
    first, second = asked(seller)
    assert second == first | {"paginationToken": "token-2-0"}
    assert first == {
        "lastUpdatedAfter": "2026-11-22T09:55:00Z",
        "marketplaceIds": "A1PA6795UKMFR9",
        "fulfilledBy": "MERCHANT",
        "maxResultsPerPage": "2",
        "includedData": "BUYER,RECIPIENT,PROCEEDS,EXPENSE,PROMOTION,CANCELLATION,FULFILLMENT,PACKAGES,TAX,PAYMENT",
    }


def test_a_record_is_one_order_known_by_its_change(seller: Seller, connect: Connect) -> None:
    (order_id, *_) = three(seller)
    record = pages(connect())[0].records[0]
    assert (record.key, record.dedupe) == (order_id, f"{order_id}@{NOON}")
    assert record.occurred_at == datetime(2026, 11, 23, 9, tzinfo=UTC)
    (made,) = orders_of(*json.loads(record.payload)["orders"])
    assert (made.external_id, made.status) == (order_id, "open")


def test_the_next_sweep_begins_where_amazon_said_that_this_one_reached(
    seller: Seller, connect: Connect, clock: ManualClock
) -> None:
    three(seller)
    (page,) = pages(connect())
    assert page.watermark == clock.now() - timedelta(minutes=2)
    assert page.cursor == {"since": "2026-11-23T09:58:00+00:00"}
    pages(connect(), page.cursor)
    assert asked(seller)[-1]["lastUpdatedAfter"] == "2026-11-23T09:53:00Z"


def test_a_stopped_sweep_goes_on_with_its_token(seller: Seller, connect: Connect) -> None:
    expected = three(seller)
    (first,) = pages(connect(orders_per_page=1), limits=Limits(pages=1))
    assert first.more
    assert first.watermark is None
    rest = pages(connect(orders_per_page=1), first.cursor)
    assert ids([first, *rest]) == expected
    assert asked(seller)[1]["paginationToken"] == "token-1-0"


def test_what_changes_during_a_sweep_is_found_by_the_next(
    seller: Seller, connect: Connect, clock: ManualClock
) -> None:
    expected = three(seller)
    (first,) = pages(connect(orders_per_page=1), limits=Limits(pages=1))
    clock.move(3600)
    seller.orders[expected[0]]["lastUpdatedTime"] = "2026-11-23T10:30:00Z"
    rest = pages(connect(orders_per_page=1), first.cursor)
    assert rest[-1].cursor == {"since": "2026-11-23T09:58:00+00:00"}
    assert ids(list(pages(connect(), rest[-1].cursor))) == [expected[0]]


def test_a_token_of_yesterday_is_not_used(seller: Seller, connect: Connect, clock: ManualClock) -> None:
    expected = three(seller)
    (first,) = pages(connect(orders_per_page=1), limits=Limits(pages=1))
    clock.move(23.5 * 3600)
    assert ids(list(pages(connect(), first.cursor))) == expected
    assert "paginationToken" not in asked(seller)[-1]


def test_a_token_that_amazon_refuses_begins_the_sweep_anew(seller: Seller, connect: Connect) -> None:
    expected = three(seller)
    (first,) = pages(connect(orders_per_page=1), limits=Limits(pages=1))
    seller.tokens.clear()
    assert ids(list(pages(connect(), first.cursor))) == expected
    assert ["paginationToken" in one for one in asked(seller)] == [False, True, False]


def test_a_question_that_amazon_refuses_is_told_with_its_words(seller: Seller, connect: Connect) -> None:
    seller.faults = [errors(400, "InvalidInput", "Invalid marketplace", **{"x-amzn-RequestId": "rq-7"})]
    with pytest.raises(MisconfiguredError, match=r"400 InvalidInput: Invalid marketplace \(request rq-7\)"):
        pages(connect())


@pytest.mark.parametrize(
    "cursor", [{}, {"since": "yesterday"}, {"since": NOON, "token": "t"}, {"since": "2026-11-23"}]
)
def test_an_absurd_cursor_is_told(cursor: dict[str, str], connect: Connect) -> None:
    with pytest.raises(MisconfiguredError, match="is no cursor of this connector"):
        pages(connect(), cursor)


def test_orders_that_amazon_fulfils_do_not_come(seller: Seller, connect: Connect) -> None:
    seller.add(order(1, NOON, fulfillment={"fulfillmentStatus": "SHIPPED", "fulfilledBy": "AMAZON"}))
    assert ids(list(pages(connect()))) == []


@pytest.mark.parametrize(
    "changes", [{"lastUpdatedTime": "soon"}, {"lastUpdatedTime": None}, {"orderId": None}]
)
def test_a_defective_order_does_not_hold_up_the_others(
    changes: dict[str, None], seller: Seller, connect: Connect
) -> None:
    found = [order(1, NOON, **changes), order(2, NOON)]
    seller.faults = [httpx.Response(200, json={"orders": found, "lastUpdatedBefore": NOON})]
    (page,) = pages(connect())
    defective, good = page.records
    with pytest.raises(MappingError):
        orders_of(*json.loads(defective.payload)["orders"])
    assert good.key == found[1]["orderId"]


@pytest.mark.parametrize("answer", [{}, {"orders": None}])
def test_an_answer_without_orders_is_no_empty_page(
    answer: dict[str, None], seller: Seller, connect: Connect
) -> None:
    seller.faults = [httpx.Response(200, json=answer)]
    with pytest.raises(UnreachableError, match="without a list of orders"):
        pages(connect())


# --- tokens and throttling ------------------------------------------------------------------------------


def test_a_token_that_expires_between_attempts_is_renewed_once(seller: Seller, connect: Connect) -> None:
    expected = three(seller)
    connector = connect(orders_per_page=2)
    (first,) = pages(connector, limits=Limits(pages=1))
    seller.token = "Atza|2"
    assert ids([first, *pages(connector, first.cursor)]) == expected
    assert seller.refreshed == 2
    assert len(seller.requests) == 3
    assert seller.requests[-1][1].headers["x-amz-access-token"] == "Atza|2"


def test_a_missing_role_is_no_reason_for_a_new_token(seller: Seller, connect: Connect) -> None:
    seller.forbidden = {"search_orders"}
    with pytest.raises(ForbiddenError):
        pages(connect())
    assert (len(seller.requests), seller.refreshed) == (1, 1)


def test_a_revoked_grant_is_told(seller: Seller, connect: Connect) -> None:
    seller.refresh_token = "Atzr|another"
    with pytest.raises(UnauthorisedError, match="authorise the connection anew"):
        pages(connect())


@pytest.mark.parametrize(
    "headers", [{}, {"retry-after": "2"}, {"retry-after": "Mon, 23 Nov 2026 10:00:02 GMT"}]
)
def test_throttling_is_waited_out(headers: dict[str, str], seller: Seller, connect: Connect) -> None:
    expected = three(seller)
    seller.faults = [errors(429, "QuotaExceeded", "You exceeded your quota", **headers)]
    assert ids(list(pages(connect()))) == expected


def test_a_burst_of_broken_answers_is_outlived(seller: Seller, connect: Connect) -> None:
    expected = three(seller)
    html = httpx.Response(503, text="<html>maintenance</html>")
    seller.faults = [errors(500, "InternalFailure", "oops"), html, httpx.ReadTimeout("slow")]
    assert ids(list(pages(connect()))) == expected


def test_the_budget_is_amazons_default_until_an_answer_says_more(
    seller: Seller, connect: Connect, clock: ManualClock, budgets: MemoryBudgetStore
) -> None:
    connector = connect()
    for _ in range(20):
        pages(connector)
    with pytest.raises(ThrottledError) as caught:
        pages(connector)
    assert (caught.value.until - clock.now()).total_seconds() == pytest.approx(1 / 0.0056, abs=1)
    assert len(seller.requests) == 20
    clock.move(180)
    seller.rate = "2.0"
    for _ in range(5):
        pages(connector)
    assert len(seller.requests) == 25

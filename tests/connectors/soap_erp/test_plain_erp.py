"""The plain ERP, served by node-soap from its WSDL."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from crossdock.sdk.connector import Limits, Verdict
from crossdock.sdk.outcomes import (
    AlreadyApplied,
    Applied,
    NotApplied,
    Rejected,
    Throttled,
    Unauthorised,
    Unknown,
)
from crossdock_connectors.soap_erp.profile import PROFILES
from crossdock_schemas.posting import PostingKind, PostingResult
from crossdock_schemas.product import Product
from crossdock_schemas.stock import FeedMeaning, StockFeed
from tests.connectors.soap_erp.builders import PLAIN, Erp, canonical, command, decode
from tests.servers.node import NODE_FOLDER, running_node

pytestmark = pytest.mark.xdist_group("plain_erp")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    wsdl = PROFILES / "plain_erp" / "plain_erp.wsdl"
    with running_node(
        NODE_FOLDER / "plain_erp.mjs", [str(wsdl)], tmp_path_factory.mktemp("erp") / "log"
    ) as port:
        yield f"http://127.0.0.1:{port}"


def erp(address: str, **changes: Any) -> Erp:
    return Erp({**PLAIN, "endpoint": f"{address}/erp", **changes})


def books(address: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(address, trust_env=False).json()
    return answer


def test_posts_once_and_maps_the_answer(address: str) -> None:
    first = erp(address).execute(command("invoice.post"))
    assert isinstance(first, Applied)
    assert first.response is not None
    result = canonical("soap_erp/posting_result", decode(first.response.body))
    assert result == PostingResult(external_id="S-1", document=first.ref, kind=PostingKind.INVOICE)
    again = erp(address).execute(command("invoice.post"))
    assert isinstance(again, AlreadyApplied)
    assert again.ref == first.ref
    posted = [one for one in books(address)["documents"] if one["externalId"] == "S-1"]
    assert posted == [
        {"documentNumber": first.ref, "kind": "invoice", "externalId": "S-1", "quantity": 2, "net": "39.80"}
    ]


def test_all_of_a_posting_arrives(address: str) -> None:
    erp(address).execute(command("invoice.post", external_id="S-2"))
    sent = books(address)["received"][-1]["posting"]
    (line,) = sent["line"]
    # node-soap reads decimals as numbers
    assert (line["sku"], line["unitPrice"], line["tax"][0]["title"]) == ("01234", 19.9, "IL")
    assert sent["shipTo"]["street"] == ["1 Main St", "Apt 2"]
    assert sent["trackingNumber"] == ["1Z1", "1Z2"]
    assert (sent["purchaseOrder"], sent["node"], sent["orderNumber"]) == ("PO-77", "dc-east", "#1001")


def test_a_fault_of_content_is_a_rejection_with_code_and_path(address: str) -> None:
    line = {"order_line": "L1", "sku": "UNKNOWN", "quantity": 1}
    outcome = erp(address).execute(command("invoice.post", external_id="S-3", lines=[line]))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.path) == ("UNKNOWN_SKU", "posting/line[1]/sku")
    assert "there is no item UNKNOWN" in outcome.message


def test_a_time_out_after_the_effect_is_probed(address: str) -> None:
    slow = command("invoice.post", external_id="S-4", order="SLOW")
    assert isinstance(erp(address).execute(slow), Unknown)
    found = erp(address).probe(slow)
    assert isinstance(found, AlreadyApplied)
    assert found.ref in [one["documentNumber"] for one in books(address)["documents"]]
    assert found.response is not None
    assert decode(found.response.body)["externalId"] == "S-4"


def test_what_was_never_posted_is_not_applied(address: str) -> None:
    assert (
        erp(address).probe(command("sales_order.post", external_id="none", kind="sales_order"))
        == NotApplied()
    )


@pytest.mark.parametrize(("order", "kind"), [("BUSY", Throttled), ("BROKEN", Unknown)])
def test_codes_mean_what_the_profile_says(address: str, order: str, kind: type) -> None:
    outcome = erp(address).execute(command("invoice.post", external_id="S-5", order=order))
    assert isinstance(outcome, kind)


def test_wrong_credentials(address: str) -> None:
    wrong = erp(address, password="wrong-password")
    assert isinstance(wrong.execute(command("invoice.post", external_id="S-6")), Unauthorised)
    verdicts = {name: check.verdict for name, check in wrong.check().items()}
    assert verdicts["stock"] is verdicts["invoice.post"] is Verdict.UNAUTHORISED
    assert verdicts["orders_in"] is Verdict.OK


def test_check_is_ok(address: str) -> None:
    assert {check.verdict for check in erp(address).check().values()} == {Verdict.OK}


def test_items_page_by_page(address: str) -> None:
    found = erp(address, page_size=5).pages("products")
    assert [(len(page.records), page.more) for page in found] == [(5, True), (5, True), (2, False)]
    product = canonical("soap_erp/product", decode(found[0].records[0].payload))
    assert isinstance(product, Product)
    assert product.sku == "01"
    assert product.weight is not None
    assert product.weight.grams == Decimal("250.5")
    assert found[-1].cursor == {"since": "2026-11-23T10:00:00+00:00"}


def test_a_poll_goes_on_from_the_cursor_of_any_page(address: str) -> None:
    connector = erp(address, page_size=5)
    first = connector.pages("products", limits=Limits(pages=1))
    rest = connector.pages("products", first[-1].cursor)
    assert [len(page.records) for page in rest] == [5, 2]
    assert len({record.dedupe for page in first + rest for record in page.records}) == 12


@pytest.mark.parametrize(("meaning", "quantity"), [("physical", 10), ("available", 8)])
def test_stock_by_location(address: str, meaning: str, quantity: int) -> None:
    (page,) = erp(address, nodes={"1": "dc-east"}).pages("stock")
    (record,) = page.records
    feed = canonical("soap_erp/stock", decode(record.payload) | {"_hub": {"meaning": meaning}})
    assert isinstance(feed, StockFeed)
    assert (feed.node, feed.meaning, len(feed.lines)) == ("dc-east", FeedMeaning(meaning), 12)
    assert (feed.lines[0].sku, feed.lines[0].quantity) == ("01", quantity)


def test_without_nodes_every_location_is_one(address: str) -> None:
    (page,) = erp(address).pages("stock")
    assert [record.key for record in page.records] == ["1", "2"]

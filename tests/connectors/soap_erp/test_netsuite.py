"""The NetSuite profile against node-soap on the vendor's WSDL, and against answers that NetSuite really gave."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

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
from crossdock.sdk.soap_envelope import read_envelope
from crossdock_connectors.soap_erp.profile import Question
from crossdock_connectors.soap_erp.reading import find_all
from crossdock_schemas.posting import PostingKind, PostingResult
from crossdock_schemas.product import Product
from crossdock_schemas.stock import StockFeed
from tests.connectors.soap_erp.builders import Erp, canonical, decode
from tests.connectors.soap_erp.netsuite import RECORDED, SECRETS, account, netsuite, post
from tests.servers.node import CONTRACTS, contract

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("netsuite")]


RETURNED: dict[str, Any] = {"ship_to": None, "shipment": None, "tracking_numbers": []}
"""What a credit note does not have of an invoice."""


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("sales_order", "salesOrder"),
        ("invoice", "invoice"),
        ("item_fulfilment", "itemFulfillment"),
        ("credit_note", "creditMemo"),
    ],
)
def test_adds_a_record_once(address: str, kind: str, record: str) -> None:
    changes = RETURNED if kind == "credit_note" else {}
    posting = post(kind, external_id=f"X-{kind}", **changes)
    first = netsuite(address).execute(posting)
    assert isinstance(first, Applied)
    assert first.response is not None
    result = canonical("soap_erp/posting_result", decode(first.response.body))
    expected = PostingKind.INVOICE if kind == "item_fulfilment" else PostingKind(kind)
    assert result == PostingResult(external_id=f"X-{kind}", document=first.ref, kind=expected)
    again = netsuite(address).execute(posting)
    assert isinstance(again, AlreadyApplied)
    assert again.ref == first.ref
    kept = [one for one in account(address)["records"] if one["externalId"] == f"X-{kind}"]
    assert kept == [{"type": record, "externalId": f"X-{kind}", "internalId": first.ref}]


def test_all_of_an_invoice_arrives(address: str) -> None:
    netsuite(address).execute(post("invoice", external_id="X-1"))
    record = account(address)["received"][-1]["args"]["record"]
    line = record["itemList"]["item"]
    assert line["item"]["attributes"]["externalId"] == "01234"
    assert (line["quantity"], line["amount"], line.get("taxCode")) == ("2", "38.80", None)
    assert record["entity"]["attributes"]["internalId"] == "77"
    assert record["location"]["attributes"]["internalId"] == "1"
    assert record["createdFrom"]["attributes"] == {"externalId": "O-1", "type": "salesOrder"}
    assert (record["otherRefNum"], record["trackingNumbers"], record["email"]) == (
        "PO-77",
        "1Z1 1Z2",
        "ada@example.com",
    )
    address_sent = record["shippingAddress"]
    assert (address_sent["country"], address_sent["addr2"], address_sent["zip"]) == (
        "_unitedStates",
        "Apt 2",
        "60601",
    )


def test_a_refusal_of_content_has_code_and_words(address: str) -> None:
    outcome = netsuite(address).execute(post("invoice", external_id="X-2", channel="bad"))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "INVALID_KEY_OR_REF"
    assert "Invalid item reference key 01234." in outcome.message


@pytest.mark.parametrize("channel", ["busy", "limit"])
def test_a_limit_is_waited_for(address: str, channel: str) -> None:
    erp = netsuite(address)
    outcome = erp.execute(post("invoice", external_id="X-3", channel=channel))
    assert isinstance(outcome, Throttled)
    assert (outcome.until - erp.clock.now()).total_seconds() == 10


def test_a_time_out_after_the_effect_is_probed(address: str) -> None:
    slow = post("sales_order", external_id="X-4", channel="slow")
    assert netsuite(address).probe(slow) == NotApplied()
    assert isinstance(netsuite(address).execute(slow), Unknown)
    assert isinstance(netsuite(address).probe(slow), AlreadyApplied)


def test_a_wrong_secret(address: str) -> None:
    wrong = netsuite(address, secrets={**SECRETS, "token_secret": "another"})
    assert isinstance(wrong.execute(post("invoice", external_id="X-5")), Unauthorised)
    assert wrong.check()["products"].verdict is Verdict.UNAUTHORISED


def test_check_is_ok(address: str) -> None:
    assert {check.verdict for check in netsuite(address).check().values()} == {Verdict.OK}


def test_items_page_by_page(address: str) -> None:
    found = netsuite(address, page_size=5).pages("products")
    assert [(len(page.records), page.more) for page in found] == [(5, True), (5, True), (2, False)]
    product = canonical("soap_erp/netsuite/item", decode(found[0].records[0].payload))
    assert isinstance(product, Product)
    assert (product.sku, product.external_id, product.barcode, product.name) == (
        "01",
        "50",
        "4006381333931",
        "Item 1",
    )
    assert product.weight is not None
    assert product.weight.grams == Decimal("1133.980925")
    asked = account(address)["received"][-3]["args"]["searchRecord"]["basic"]["lastModifiedDate"]
    assert asked == {"attributes": {"operator": "onOrAfter"}, "searchValue": "1999-12-31T23:55:00Z"}


def test_an_expired_search_is_begun_again(address: str) -> None:
    first = netsuite(address, page_size=5).pages("products", limits=Limits(pages=1))
    assert str(first[-1].cursor["token"]).startswith("WEBSERVICES_")
    resumed = netsuite(address, page_size=5).pages("products", {**first[-1].cursor, "token": "forgotten"})
    assert [len(page.records) for page in resumed] == [5, 5, 2]


@pytest.mark.parametrize(("meaning", "quantity"), [("physical", 264), ("available", 260)])
def test_stock_of_all_items_by_location(address: str, meaning: str, quantity: int) -> None:
    found = netsuite(address, page_size=5).pages("stock")
    feeds = [
        canonical("soap_erp/netsuite/stock", decode(record.payload) | {"_hub": {"meaning": meaning}})
        for page in found
        for record in page.records
    ]
    by_node: dict[str, dict[str, int]] = {}
    for feed in feeds:
        assert isinstance(feed, StockFeed)
        by_node.setdefault(feed.node, {}).update({line.sku: line.quantity for line in feed.lines})
    skus = {f"0{number}" for number in range(1, 13)}
    assert by_node == {"dc-east": dict.fromkeys(skus, quantity), "dc-west": dict.fromkeys(skus, 0)}
    assert len({feed.feed_id for feed in feeds if isinstance(feed, StockFeed)}) == len(feeds) == 6


def recorded(*fixtures: str) -> Erp:
    """A connection that is answered with what NetSuite really answered, one after the other."""
    RECORDED.bodies = [
        contract("netsuite", "fixtures", *fixture.split("/")).read_bytes() for fixture in fixtures
    ]
    return netsuite("https://erp.test")


def test_a_recorded_answer_to_add_has_its_number() -> None:
    outcome = recorded("add/add_invoice.xml").execute(post("invoice"))
    assert isinstance(outcome, Applied)
    assert outcome.ref == "999"


def test_a_recorded_answer_to_get_is_found() -> None:
    outcome = recorded("get/get_invoice.xml").probe(post("invoice"))
    assert isinstance(outcome, AlreadyApplied)
    assert outcome.ref == "439"


def test_a_recorded_search_has_its_records() -> None:
    (page,) = recorded("search/single_search_result.xml").pages("products")
    (record,) = page.records
    assert (record.key, page.more) == ("355", False)


FOLDER = CONTRACTS / "netsuite" / "fixtures"
FIXTURES = [path.relative_to(FOLDER).as_posix() for path in sorted(FOLDER.rglob("*.xml"))]


def operation_of(fixture: str) -> str:
    """The operation that a recorded answer is of: its element in the body, less ``Response``."""
    payload = read_envelope((FOLDER / fixture).read_bytes()).payload
    assert payload is not None
    return etree.QName(payload).localname.removesuffix("Response")


@pytest.mark.parametrize(
    "fixture", FIXTURES or [pytest.param("", marks=pytest.mark.skip("no fixtures are there"))]
)
def test_every_recorded_answer_is_read_whatever_its_version(fixture: str) -> None:
    operation = operation_of(fixture)
    if operation == "login":
        pytest.skip("login was removed from the WSDL before 2023_2")
    erp = recorded(fixture)
    question = Question(operation=operation, arguments=ARGUMENTS[operation])
    answer = erp.run(erp.client.read(question, {}))
    assert set(find_all(answer, "status.isSuccess")) == {True}


REFERENCE = {"@type": "core:RecordRef", "type": "invoice", "internalId": "1"}
RECORD = {"@type": "sales:Invoice", "memo": "x"}
ARGUMENTS: dict[str, Any] = {
    "add": {"record": RECORD},
    "get": {"baseRef": REFERENCE},
    "getItemAvailability": {"itemAvailabilityFilter": {"item": {"recordRef": [{"internalId": "1"}]}}},
    "getSelectValue": {
        "fieldDescription": {"recordType": "itemFulfillment", "field": "shipMethod"}, "pageIndex": 1,
    },
    "initialize": {"initializeRecord": {"type": "invoice", "reference": {"type": "customer", "internalId": "1"}}},
    "search": {"searchRecord": {"@type": "accounting:ItemSearch"}},
    "update": {"record": RECORD},
    "updateList": {"record": [RECORD]},
}  # fmt: skip


def test_recorded_stock_is_mapped() -> None:
    erp = recorded("search/single_search_result.xml", "get_item_availability/get_item_availability.xml")
    (page,) = erp.pages("stock")
    feeds = [canonical("soap_erp/netsuite/stock", decode(record.payload)) for record in page.records]
    found = {
        feed.node: [(line.sku, line.quantity) for line in feed.lines]
        for feed in feeds
        if isinstance(feed, StockFeed)
    }
    assert found == {"dc-east": [("CD-R", 264)], "dc-west": [("CD-R", 0)]}

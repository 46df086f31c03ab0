"""Customers, currencies, taxes and countries at NetSuite, against node-soap on the vendor's WSDL."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import Any

import pytest
from lxml import etree

from crossdock.mapping.files import packaged_mappings
from crossdock.sdk.connector import Verdict
from crossdock.sdk.outcomes import Applied, Rejected
from crossdock_schemas.base import Address
from tests.connectors.soap_erp.builders import POSTING
from tests.connectors.soap_erp.netsuite import account, netsuite, post, received
from tests.servers.node import contract

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("netsuite")]
COMPANY = {"external_id": "B-1", "company_id": "C-1"}
ONE_LINE = POSTING["lines"][0]
TAXES = {
    "customers": {"default": "77"},
    "tax_codes": {"entries": {"IL": "11", "untaxed": "-7"}},
    "tax_types": {"entries": {"taxed": "5"}},
}


def customer_of(address: str, tables: dict[str, Any], external_id: str, **changes: Any) -> Any:
    """Whom an order is booked on."""
    posting = post("sales_order", external_id=external_id, **changes)
    outcome = netsuite(address, tables={"customers": tables}).execute(posting)
    assert isinstance(outcome, Applied), outcome
    return received(address)["record"]["entity"]["attributes"]["internalId"]


def test_the_customer_is_the_most_special_that_is_listed(address: str) -> None:
    tables = {"entries": {"shop/B-1": "1001", "shop/C-1": "1002", "shop": "78"}, "default": "77"}
    assert customer_of(address, tables, "C-1", buyer=COMPANY) == "1002"
    assert customer_of(address, tables, "C-2", buyer={"external_id": "B-1"}) == "1001"
    assert customer_of(address, tables, "C-3", buyer={"external_id": "B-9"}) == "78"
    assert customer_of(address, tables, "C-4", channel="market") == "77"


def test_a_customer_that_is_not_listed_is_asked_for_by_external_id(address: str) -> None:
    tables = {"entries": {"shop": "78"}, "ask": True, "default": "77"}
    assert customer_of(address, tables, "C-5", buyer={"company_id": "C-9"}) == "4711"
    assert customer_of(address, tables, "C-6", buyer={"company_id": "C-8"}) == "78"
    asked = [each["args"]["baseRef"] for each in account(address)["received"] if each["name"] == "get"]
    attributes = [each["attributes"] for each in asked]
    assert [each["externalId"] for each in attributes] == ["shop/C-9", "shop/C-8"]
    assert {each["type"] for each in attributes} == {"customer"}


def test_a_buyer_that_netsuite_does_not_know_becomes_a_customer_once(address: str) -> None:
    tables = {"ask": True, "create": True, "default": "77"}
    buyer = {"external_id": "B-20", "name": "Ada King Lovelace", "email": "ada@example.com"}
    made = customer_of(address, tables, "C-20", buyer=buyer)
    (kept,) = [one for one in account(address)["records"] if one["externalId"] == "shop/B-20"]
    assert kept == {"type": "customer", "externalId": "shop/B-20", "internalId": made}
    added = [each["args"]["record"] for each in account(address)["received"] if each["name"] == "add"]
    customer = next(one for one in added if one["attributes"]["externalId"] == "shop/B-20")
    assert (customer["isPerson"], customer["firstName"], customer["lastName"]) == (
        True,
        "Ada King",
        "Lovelace",
    )
    assert customer_of(address, tables, "C-21", buyer=buyer) == made
    company = {**buyer, "company_id": "C-20", "company": "Engines Ltd"}
    assert customer_of(address, tables, "C-22", buyer=company) != made
    assert customer_of(address, tables, "C-23", buyer={"name": "A guest"}) == "77"
    assert (
        sum(
            one["type"] == "customer" and one["externalId"].endswith("-20")
            for one in account(address)["records"]
        )
        == 2
    )


def test_nobody_to_book_on_is_a_rejection_that_says_what_to_add(address: str) -> None:
    outcome = netsuite(address, tables={"customers": {"entries": {"web": "78"}}}).execute(
        post("sales_order", external_id="C-7", buyer={"company_id": "C-8"})
    )
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.path) == ("erp.table", "customers")
    assert (
        "config.tables.customers has no 'shop/C-8' or 'shop': add one of them to its entries"
        in outcome.message
    )


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({}, "tables.customers: is missing; add it, with entries or a default"),
        (
            {"customers": {"default": "7"}, "costumers": {}},
            "tables.costumers: the profile reads no such thing",
        ),
        (
            {"customers": {"default": "7"}, "currencies": {"ask": True}},
            "tables.currencies.ask: the profile can't ask",
        ),
        ({"customers": {"default": "7", "create": True}}, "tables.customers.create: needs `ask: true`"),
        (
            {"customers": {"default": "7"}, "nodes": {"create": True}},
            "tables.nodes.create: the profile can't make",
        ),
    ],
)
def test_check_says_what_is_wrong_with_tables(address: str, tables: dict[str, Any], words: str) -> None:
    check = netsuite(address, tables=tables).check()["sales_order.post"]
    assert check.verdict is Verdict.MISCONFIGURED
    assert words in check.message


def test_a_currency_is_the_customers_where_nothing_is_listed(address: str) -> None:
    netsuite(address).execute(post("sales_order", external_id="C-8"))
    assert "currency" not in received(address)["record"]
    listed = {"customers": {"default": "77"}, "currencies": {"entries": {"USD": "1"}}}
    netsuite(address, tables=listed).execute(post("sales_order", external_id="C-9"))
    assert received(address)["record"]["currency"]["attributes"]["internalId"] == "1"
    refused = netsuite(address, tables=listed).execute(
        post("sales_order", external_id="C-10", currency="EUR")
    )
    assert isinstance(refused, Rejected)
    assert refused.path == "currencies"


def test_a_node_that_netsuite_does_not_have_has_no_location(address: str) -> None:
    netsuite(address).execute(post("invoice", external_id="C-11", node="supplier"))
    assert "location" not in received(address)["record"]


def test_taxes_by_line(address: str) -> None:
    untaxed = {**ONE_LINE, "order_line": "L2", "taxes": []}
    netsuite(address, tables=TAXES).execute(
        post("invoice", external_id="T-1", lines=[ONE_LINE, untaxed], _hub={"taxes": "lines"})
    )
    taxed, free = received(address)["record"]["itemList"]["item"]
    assert taxed["taxCode"]["attributes"]["internalId"] == "11"
    assert (int(Decimal(taxed["taxRate1"])), Decimal(taxed["tax1Amt"]), taxed["amount"]) == (
        10,
        Decimal("3.98"),
        "38.80",
    )
    assert free["taxCode"]["attributes"]["internalId"] == "-7"


def test_the_tax_on_shipping_is_posted_by_its_code(address: str) -> None:
    tax = {"title": "IL", "rate": Decimal("0.1"), "amount": {"amount": Decimal("0.49"), "currency": "USD"}}
    shipping = {"shipping": {"amount": Decimal("4.90"), "currency": "USD"}, "shipping_taxes": [tax]}
    erp = netsuite(address, tables=TAXES)
    assert isinstance(
        erp.execute(post("sales_order", external_id="T-3", _hub={"taxes": "lines"}, **shipping)), Applied
    )
    record = received(address)["record"]
    assert record["shippingTaxCode"]["attributes"]["internalId"] == "11"
    assert (Decimal(str(record["shippingCost"])), int(record["shippingTax1Rate"])) == (Decimal("4.9"), 10)
    assert isinstance(
        erp.execute(post("sales_order", external_id="T-4", _hub={"taxes": "details"}, **shipping)), Applied
    )
    details = received(address)["record"]["taxDetailsList"]["taxDetails"]
    assert [each["taxDetailsReference"] for each in details] == ["L1", "SHIPPING"]
    assert (details[1]["taxBasis"], details[1]["taxAmount"]) == ("4.90", "0.49")


@pytest.mark.parametrize("kind", ["sales_order", "invoice"])
def test_taxes_as_details_of_suitetax(address: str, kind: str) -> None:
    netsuite(address, tables=TAXES).execute(post(kind, external_id=f"T-{kind}", _hub={"taxes": "details"}))
    record = received(address)["record"]
    assert record["taxDetailsOverride"] is True
    assert record["itemList"]["item"]["taxDetailsReference"] == "L1"
    detail = record["taxDetailsList"]["taxDetails"]
    assert detail["taxDetailsReference"] == "L1"
    assert (detail["taxType"]["attributes"]["internalId"], detail["taxCode"]["attributes"]["internalId"]) == (
        "5",
        "11",
    )
    assert (detail["taxBasis"], detail["taxAmount"], int(Decimal(detail["taxRate"]))) == ("38.80", "3.98", 10)


def test_a_tax_that_is_not_listed_is_a_rejection(address: str) -> None:
    line = {**ONE_LINE, "taxes": [{**ONE_LINE["taxes"][0], "title": "Moon"}]}
    outcome = netsuite(address, tables=TAXES).execute(
        post("invoice", external_id="T-2", lines=[line], _hub={"taxes": "details"})
    )
    assert isinstance(outcome, Rejected)
    assert "config.tables.tax_codes has no 'Moon'" in outcome.message


def test_every_country_is_netsuites_and_every_one_of_netsuites_is_there() -> None:
    text = packaged_mappings().read_text("soap_erp/netsuite/countries.csv")
    ours = {row["code"]: row["country"] for row in csv.DictReader(text.splitlines())}
    for code in ours:
        Address(country=code)
    types = etree.parse(str(contract("netsuite", "wsdl", "xsd", "platform.commonTypes.xsd")))
    schema = "{http://www.w3.org/2001/XMLSchema}"
    (countries,) = types.iterfind(f"{schema}simpleType[@name='Country']")
    theirs = {element.get("value") for element in countries.iter(f"{schema}enumeration")}
    assert set(ours.values()) == theirs


@pytest.mark.parametrize("country", ["XK", "IC", "AQ", "KR"])
def test_an_order_to_any_country_is_taken(address: str, country: str) -> None:
    to = {**POSTING["ship_to"], "country": country}
    assert isinstance(
        netsuite(address).execute(post("sales_order", external_id=f"A-{country}", ship_to=to)), Applied
    )

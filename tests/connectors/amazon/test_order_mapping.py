"""What an order of Amazon means: status, quantities, promises, money, and who withholds the tax."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crossdock.mapping.cases import run_cases
from crossdock.mapping.files import packaged_mappings
from crossdock_schemas.base import Money
from crossdock_schemas.order import DeliveryKind
from tests.connectors.amazon.builders import fixture, library, order_of, orders_of
from tests.connectors.amazon.seller import order


def euros(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def sample(**changes: Any) -> Any:
    return order(1, "2026-11-23T09:00:00Z", **changes)


@pytest.mark.parametrize("name", ["amazon/order", "amazon/shipment", "amazon/stock"])
def test_the_cases_beside_the_mapping_hold(name: str) -> None:
    results = run_cases(library(), name, packaged_mappings())
    assert results
    assert [problem for result in results for problem in result.problems] == []


def test_the_order_holds_what_amazon_knows() -> None:
    made = order_of(fixture())
    assert (made.external_id, made.number) == ("026-1520163-6049104", "026-1520163-6049104")
    assert (made.status, made.financial_status) == ("open", "authorised")
    assert made.placed_at == datetime(2026, 11, 20, 8, 31, tzinfo=UTC)
    assert made.version == "2026-11-21T11:00:00.250000Z"
    assert (made.purchase_order, made.sales_channel) == ("PO-88/17", "A1PA6795UKMFR9")
    assert made.programs == ("prime", "amazon_business")
    assert made.tags == ("cancellation_requested",)
    assert made.cancel_reason is None
    assert made.buyer is not None
    assert (made.buyer.company, made.buyer.tax_id) == ("Falk Outdoor GmbH", "DE123456789")
    assert made.bill_to is not None
    assert (made.bill_to.lines, made.bill_to.postal_code) == (("Postfach 7",), "20001")
    assert [(one.kind, one.value) for one in made.references] == [
        ("seller_order_id", "WEB-7731"),
        ("replacement_original_id", "026-0000000-0000001"),
        ("tracking_number", "00340434161094000000"),
    ]
    assert {one.name for one in made.attributes} == {
        "label_printing_from", "cod_fee", "invoice_status", "invoice_preference", "delivery_hours",
        "delivery_exception", "delivery_capability",
    }  # fmt: skip


def test_the_address_with_what_the_buyer_asks_of_the_carrier() -> None:
    (destination,) = order_of(fixture()).destinations
    address = destination.address
    assert address is not None
    assert (address.lines, address.district, address.postal_code) == (
        ("Hafenstr. 4", "Tor 2"),
        "Altona",
        "01067",
    )
    assert (address.residential, address.instructions) == (False, "Receptionist; Ring twice")


def test_windows_become_the_promise() -> None:
    made = order_of(fixture())
    promise = made.promise
    assert promise is not None
    assert promise.ship_after == datetime(2026, 11, 20, 23, tzinfo=UTC)
    assert promise.ship_by == datetime(2026, 11, 23, 22, 59, 59, tzinfo=UTC)
    assert promise.deliver_after == datetime(2026, 11, 23, 23, tzinfo=UTC)
    assert promise.deliver_by == datetime(2026, 11, 24, 22, 59, 59, tzinfo=UTC)
    assert promise.service == "next_day"
    assert made.lines[0].promise is not None
    assert made.lines[0].promise.deliver_by == datetime(2026, 11, 24, 10, tzinfo=UTC)


def test_lines_are_what_is_still_wanted_and_the_cancelled_one_is_counted() -> None:
    tents, rope = order_of(fixture()).lines
    assert (tents.quantity, tents.quantity_ordered, tents.quantity_fulfilled) == (2, 3, 1)
    assert (rope.sku, rope.quantity, rope.quantity_fulfilled) == ("01234", 1, 0)
    result = library().get("amazon/order").map({"orders": [fixture()]})
    assert result.omitted["[].lines"] == 1


def test_prices_discounts_and_taxes_withheld_by_the_marketplace() -> None:
    made = order_of(fixture())
    tents, rope = made.lines
    assert tents.unit_price == euros("129.90")
    assert [(one.kind, one.amount) for one in tents.discounts] == [
        ("item", euros("10.00")),
        ("shipping", euros("5.00")),
    ]
    assert [one.amount for one in rope.discounts] == [euros("2.00")]
    assert [(one.amount, one.withheld) for one in tents.taxes] == [(euros("14.10"), True)]
    assert rope.taxes == ()
    assert [(one.code, one.price) for one in made.shipping] == [("NEXT_DAY", euros("9.90"))]
    assert made.totals is not None
    totals = made.totals
    assert (totals.lines, totals.discounts, totals.shipping) == (
        euros("419.80"),
        euros("15.00"),
        euros("9.90"),
    )
    assert (totals.taxes, totals.tips, totals.total) == (euros("14.10"), euros("1.00"), euros("437.30"))


def test_a_tax_that_the_seller_owes_is_not_withheld() -> None:
    changed = fixture()
    del changed["orderItems"][0]["tax"]["taxCollections"]
    assert order_of(changed).lines[0].taxes[0].withheld is None


def test_gift_and_what_carriers_and_pickers_have_to_know() -> None:
    tents, rope = order_of(fixture()).lines
    assert tents.gift is not None
    assert (tents.gift.message, tents.gift.wrap, tents.gift.wrap_price) == (
        "Happy birthday",
        "Classic",
        euros("3.50"),
    )
    assert {one.name: one.value for one in tents.properties} == {
        "program": "transparency",
        "promotion": "BLACK-WEEK",
        "condition": "USED/VERY_GOOD",
        "condition_note": "Box opened",
        "price_designation": "BUSINESS_PRICE",
        "customization": "https://custom.example/70000000000001.zip",
        "cancellation_requested": "Ordered by mistake",
        "serial_numbers": "required",
        "pallet_delivery": "mandatory",
        "cash_on_delivery": "mandatory",
        "signature": "mandatory",
        "identity_check": "mandatory",
        "age_check": "mandatory",
        "substitution": "do_not_substitute",
    }
    assert [(one.name, one.value) for one in rope.properties] == [("measurement", "1.5 POUNDS")]


@pytest.mark.parametrize(
    ("status", "ours", "payment"),
    [
        ("PENDING_AVAILABILITY", "pending", "pending"),
        ("PENDING", "pending", "pending"),
        ("UNSHIPPED", "open", "authorised"),
        ("PARTIALLY_SHIPPED", "open", "authorised"),
        ("SHIPPED", "closed", "paid"),
        ("UNFULFILLABLE", "closed", "unknown"),
        ("CANCELLED", "cancelled", "voided"),
        ("AWAITING_CARRIER", "pending", "unknown"),
    ],
)
def test_status(status: str, ours: str, payment: str) -> None:
    made = order_of(sample(fulfillment={"fulfillmentStatus": status, "fulfilledBy": "MERCHANT"}))
    assert (made.status, made.financial_status) == (ours, payment)
    assert (made.cancelled_at is not None) == (ours == "cancelled")


@pytest.mark.parametrize("status", ["PENDING", "PENDING_AVAILABILITY", "CANCELLED"])
def test_of_an_order_that_is_not_ready_the_ordered_quantities_count(status: str) -> None:
    given = sample(fulfillment={"fulfillmentStatus": status})
    for item in given["orderItems"]:
        item["fulfillment"] = {"quantityFulfilled": 0, "quantityUnfulfilled": 0}
    made = order_of(given)
    assert [line.quantity for line in made.lines] == [3, 1]
    assert made.destinations[0].address is None


@pytest.mark.parametrize(
    ("marketplace", "currency"),
    [("ATVPDKIKX0DER", "USD"), ("A1VC38T7YXB528", "JPY"), ("A2NODRKZP88ZB9", "SEK")],
)
def test_without_prices_the_marketplace_tells_the_currency(marketplace: str, currency: str) -> None:
    given = sample(salesChannel={"channelName": "AMAZON", "marketplaceId": marketplace})
    for item in given["orderItems"]:
        del item["product"]["price"]
    assert order_of(given).currency == currency


def test_why_it_was_cancelled() -> None:
    given = sample(fulfillment={"fulfillmentStatus": "CANCELLED"})
    given["orderItems"][1]["cancellation"] = {"cancellationExecution": {"cancelReason": "No stock"}}
    made = order_of(given)
    assert (made.cancel_reason, made.cancelled_at) == ("No stock", datetime(2026, 11, 23, 9, tzinfo=UTC))


def test_a_pick_up_in_the_store() -> None:
    recipient = {"deliveryAddress": {"companyName": "Store Altona", "city": "Hamburg", "countryCode": "DE"}}
    (destination,) = order_of(sample(programs=["IN_STORE_PICK_UP"], recipient=recipient)).destinations
    assert (destination.kind, destination.location) == (DeliveryKind.PICK_UP, "Store Altona")


def test_an_access_point_is_an_address_that_is_shipped_to() -> None:
    given = fixture()
    given["recipient"]["deliveryAddress"]["addressType"] = "PICKUP_POINT"
    made = order_of(given)
    assert "pickup_point" in made.tags
    (destination,) = made.destinations
    assert (destination.kind, destination.location) == (DeliveryKind.SHIP, None)
    assert destination.address is not None
    assert destination.address.residential is False


def test_a_pre_order_is_known_by_its_programme() -> None:
    assert [line.pre_order for line in order_of(sample(programs=["PREORDER"])).lines] == [True, True]
    assert [line.pre_order for line in order_of(sample()).lines] == [False, False]


def test_several_packages_are_all_named() -> None:
    given = sample(packages=[{"packageReferenceId": str(n), "trackingNumber": f"T{n}"} for n in (1, 2, 3)])
    assert [one.value for one in order_of(given).references] == ["T1", "T2", "T3"]


def test_values_that_are_new_to_us_do_no_harm() -> None:
    given = fixture()
    given["programs"].append("MOON_DELIVERY")
    given["recipient"]["deliveryAddress"]["addressType"] = "ORBIT"
    given["orderItems"][0]["proceeds"]["breakdowns"].append(
        {"type": "AIR", "subtotal": given["proceeds"]["grandTotal"]}
    )
    given["fulfillment"]["fulfillmentServiceLevel"] = "SAME_HOUR"
    given["brandNew"] = {"anything": [1]}
    made = order_of(given)
    assert made.programs[-1] == "moon_delivery"
    assert made.promise is not None
    assert made.promise.service == "same_hour"


def test_orders_of_amazons_own_fulfilment_are_left_out_and_counted() -> None:
    by_amazon = sample(fulfillment={"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "AMAZON"})
    assert orders_of(by_amazon) == []
    result = library().get("amazon/order").map({"orders": [by_amazon, sample()]})
    assert (len(result.documents), result.omitted) == (1, {"$": 1})


def test_versions_sort_as_text() -> None:
    instants = ["2026-11-23T09:00:00Z", "2026-11-23T09:00:00.250Z", "2026-11-23T10:00:01+01:00"]
    versions = [order_of(sample(lastUpdatedTime=instant)).version for instant in instants]
    assert versions == sorted(versions)

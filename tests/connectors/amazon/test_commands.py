"""Shipments and stock: once each, whatever happens on the way."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Command
from crossdock.sdk.errors import BugError
from crossdock.sdk.outcomes import (
    AlreadyApplied,
    Applied,
    NotApplied,
    Rejected,
    Throttled,
    Unauthorised,
    Unknown,
    Unreachable,
)
from crossdock_connectors.amazon.commands import package_reference
from crossdock_schemas.fulfilment import Parcel, ParcelLine, Shipment
from crossdock_schemas.stock import StockLevel
from tests.connectors.amazon.builders import outbound, run
from tests.connectors.amazon.conftest import Connect
from tests.connectors.amazon.seller import Node, Seller, errors, order

ORDER = "026-0000000-0000001"
KEY = "shipment.confirm:S-1"
TENTS, ROPE = "101", "102"
TIMEOUT = httpx.ReadTimeout("no answer")
FORBIDDEN = errors(403, "Unauthorized", "Access to requested resource is denied.")


@pytest.fixture
def seller(clock: ManualClock) -> Seller:
    made = Seller(clock)
    made.add(order(1, "2026-11-23T09:00:00Z"))
    return made


def parcel(number: str, *lines: tuple[str, int]) -> Parcel:
    return Parcel(
        tracking_number=number,
        lines=tuple(
            ParcelLine(line=f"L{line}", order_line=line, sku="any", quantity=quantity)
            for line, quantity in lines
        ),
    )


def confirm(*parcels: Parcel, order_id: str = ORDER, **changes: Any) -> Command:
    """The command as the hub makes it of a canonical shipment."""
    shipment = Shipment(
        external_id="S-1",
        fulfilment_order="FO-1",
        node="dc-east",
        shipped_at=datetime(2026, 11, 23, 9, 30, tzinfo=UTC),
        carrier="FDXG",
        service="FedEx Ground",
        parcels=parcels,
    ).model_copy(update=changes)
    return Command(
        "shipment.confirm", order_id, (outbound("amazon/shipment", shipment),), {"order": order_id}
    )


def publish(sku: str, quantity: int) -> Command:
    level = StockLevel(sku=sku, channel="amazon", quantity=quantity, as_of=datetime(2026, 11, 23, tzinfo=UTC))
    return Command("stock.publish", sku, (outbound("amazon/stock", level),))


def bodies(seller: Seller, operation: str) -> list[Node]:
    return [json.loads(request.content) for name, request in seller.requests if name == operation]


def packages(seller: Seller) -> dict[str, list[tuple[str, int]]]:
    return {
        one["trackingNumber"]: [(item["orderItemId"], item["quantity"]) for item in one["packageItems"]]
        for one in seller.orders[ORDER]["packages"]
    }


# --- shipment.confirm -----------------------------------------------------------------------------------


def test_a_parcel_is_confirmed_with_one_request(seller: Seller, connect: Connect) -> None:
    outcome = run(connect().execute(confirm(parcel("7711", (TENTS, 2), (ROPE, 1))), KEY))
    assert outcome == Applied(package_reference(KEY, 0))
    assert [name for name, _ in seller.requests] == ["confirm_shipment"]
    assert bodies(seller, "confirm_shipment") == [
        {
            "marketplaceId": "A1PA6795UKMFR9",
            "packageDetail": {
                "packageReferenceId": package_reference(KEY, 0),
                "carrierCode": "FedEx",
                "carrierName": "FDXG",
                "shippingMethod": "FedEx Ground",
                "trackingNumber": "7711",
                "shipDate": "2026-11-23T09:30:00Z",
                "orderItems": [
                    {"orderItemId": TENTS, "quantity": 2},
                    {"orderItemId": ROPE, "quantity": 1},
                ],
            },
        }
    ]
    assert seller.orders[ORDER]["fulfillment"]["fulfillmentStatus"] == "PARTIALLY_SHIPPED"


def test_a_package_reference_is_a_small_number_made_from_the_key() -> None:
    numbers = [package_reference(f"shipment.confirm:S-{number}", 0) for number in range(2000)]
    assert all(0 < int(number) < 2**31 for number in numbers)
    assert len(set(numbers)) == 2000
    assert package_reference(KEY, 0) == package_reference(KEY, 0)
    assert int(package_reference(KEY, 1)) == int(package_reference(KEY, 0)) + 1


def test_each_parcel_is_a_package_of_its_own(seller: Seller, connect: Connect) -> None:
    command = confirm(parcel("7711", (TENTS, 2)), parcel("7712", (TENTS, 1), (ROPE, 1)))
    assert isinstance(run(connect().execute(command, KEY)), Applied)
    assert packages(seller) == {"7711": [(TENTS, 2)], "7712": [(TENTS, 1), (ROPE, 1)]}
    assert seller.orders[ORDER]["fulfillment"]["fulfillmentStatus"] == "SHIPPED"


def test_lots_of_one_item_in_a_parcel_are_one_line(seller: Seller, connect: Connect) -> None:
    run(connect().execute(confirm(parcel("7711", (TENTS, 1), (TENTS, 2))), KEY))
    assert packages(seller) == {"7711": [(TENTS, 3)]}


def test_an_unknown_carrier_goes_by_its_name(seller: Seller, connect: Connect) -> None:
    run(connect().execute(confirm(parcel("1", (ROPE, 1)), carrier="Bob's Bikes"), KEY))
    (body,) = bodies(seller, "confirm_shipment")
    assert body["packageDetail"]["carrierCode"] == "Other"
    assert body["packageDetail"]["carrierName"] == "Bob's Bikes"


def test_the_supply_source_of_the_node_is_named(seller: Seller, connect: Connect) -> None:
    run(connect(supply_sources={"dc-east": "057d3fcc"}).execute(confirm(parcel("1", (ROPE, 1))), KEY))
    (body,) = bodies(seller, "confirm_shipment")
    assert body["packageDetail"]["shipFromSupplySourceId"] == "057d3fcc"


def test_with_several_marketplaces_the_order_says_which(seller: Seller, connect: Connect) -> None:
    connector = connect(marketplace_ids=["A13V1IB3VIYZZH", "A1PA6795UKMFR9"])
    assert isinstance(run(connector.execute(confirm(parcel("1", (ROPE, 1))), KEY)), Applied)
    assert bodies(seller, "confirm_shipment")[0]["marketplaceId"] == "A1PA6795UKMFR9"


def test_a_time_out_after_the_effect_is_unknown_then_found(seller: Seller, connect: Connect) -> None:
    connector, command = connect(), confirm(parcel("7711", (TENTS, 3)))
    seller.faults = [TIMEOUT]
    assert isinstance(run(connector.execute(command, KEY)), Unknown)
    assert run(connector.probe(command, KEY)) == AlreadyApplied(package_reference(KEY, 0))
    assert packages(seller) == {"7711": [(TENTS, 3)]}


@pytest.mark.parametrize("status", [500, 503])
def test_a_broken_answer_is_unknown_and_was_not_applied(
    status: int, seller: Seller, connect: Connect
) -> None:
    connector, command = connect(), confirm(parcel("7711", (TENTS, 3)))
    seller.faults = [errors(status, "InternalFailure", "oops")]
    assert isinstance(run(connector.execute(command, KEY)), Unknown)
    assert run(connector.probe(command, KEY)) == NotApplied()
    assert isinstance(run(connector.execute(command, KEY)), Applied)


def test_a_repetition_has_no_second_effect(seller: Seller, connect: Connect) -> None:
    connector, command = connect(), confirm(parcel("7711", (TENTS, 1)))
    first = run(connector.execute(command, KEY))
    assert isinstance(first, Applied)
    assert run(connector.execute(command, KEY)) == AlreadyApplied(first.ref)
    assert packages(seller) == {"7711": [(TENTS, 1)]}


def test_after_half_a_shipment_only_the_rest_is_confirmed(seller: Seller, connect: Connect) -> None:
    connector = connect()
    command = confirm(parcel("7711", (TENTS, 1)), parcel("7712", (TENTS, 1)), parcel("7713", (ROPE, 1)))
    seller.faults = [None, None, TIMEOUT]
    assert isinstance(run(connector.execute(command, KEY)), Unknown)
    assert list(packages(seller)) == ["7711", "7712"]
    assert run(connector.probe(command, KEY)) == NotApplied()
    assert isinstance(run(connector.execute(command, KEY)), Applied)
    assert list(packages(seller)) == ["7711", "7712", "7713"]
    assert len(bodies(seller, "confirm_shipment")) == 3


def test_a_package_confirmed_by_hand_counts(seller: Seller, connect: Connect) -> None:
    connector, command = connect(), confirm(parcel("7711", (TENTS, 3)))
    by_hand = {"packageReferenceId": "1", "trackingNumber": "7711",
               "packageItems": [{"orderItemId": TENTS, "quantity": 3}]}  # fmt: skip
    seller.orders[ORDER]["packages"] = [by_hand]
    assert isinstance(run(connector.probe(command, KEY)), AlreadyApplied)
    by_hand["packageItems"] = [{"orderItemId": TENTS, "quantity": 2}]
    assert run(connector.probe(command, KEY)) == NotApplied()


def test_a_cancelled_package_does_not_count(seller: Seller, connect: Connect) -> None:
    connector, command = connect(), confirm(parcel("7711", (TENTS, 3)))
    run(connector.execute(command, KEY))
    seller.orders[ORDER]["packages"][0]["packageStatus"]["status"] = "CANCELLED"
    assert run(connector.probe(command, KEY)) == NotApplied()


def test_too_many_units_are_rejected_in_amazons_words(seller: Seller, connect: Connect) -> None:
    command = confirm(parcel("7711", (TENTS, 3)), parcel("7712", (TENTS, 1)))
    outcome = run(connect().execute(command, KEY))
    assert outcome == Rejected(
        "amazon.refused", f"400 InvalidInput: Invalid quantity of item {TENTS} (request rq-1)", "packages[1]"
    )
    assert list(packages(seller)) == ["7711"]


def test_an_order_that_amazon_does_not_know_is_rejected(seller: Seller, connect: Connect) -> None:
    command = confirm(parcel("7711", (TENTS, 1)), order_id="026-9999999-9999999")
    for outcome in (run(connect().execute(command, KEY)), run(connect().probe(command, KEY))):
        assert isinstance(outcome, Rejected)
        assert "026-9999999-9999999" in outcome.message


def test_without_a_reference_to_the_order_it_is_our_bug(connect: Connect) -> None:
    command = confirm(parcel("7711", (TENTS, 1)))
    with pytest.raises(BugError, match="refs name no order"):
        run(connect().execute(Command(command.name, command.key, command.documents), KEY))


@pytest.mark.parametrize("headers", [{}, {"retry-after": "120"}])
def test_lasting_throttling_is_told(
    headers: dict[str, str], seller: Seller, connect: Connect, clock: ManualClock
) -> None:
    seller.faults = [errors(429, "QuotaExceeded", "You exceeded your quota", **headers)] * 9
    outcome = run(connect().execute(confirm(parcel("7711", (TENTS, 1))), KEY))
    assert isinstance(outcome, Throttled)
    assert outcome.until > clock.now()
    assert packages(seller) == {}


@pytest.mark.parametrize(
    ("fault", "kind"), [(FORBIDDEN, Unauthorised), (httpx.ConnectError("refused"), Unreachable)]
)
def test_what_did_not_happen_is_told(fault: Any, kind: type, seller: Seller, connect: Connect) -> None:
    seller.faults = [fault] * 9
    command = publish("TENT-2P", 1)
    assert isinstance(run(connect().execute(command, "k")), kind)


# --- stock.publish --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sku", ["TENT-2P", "A/B 1%"])
def test_the_same_quantity_twice_is_one_effect(sku: str, seller: Seller, connect: Connect) -> None:
    connector, command = connect(), publish(sku, 17)
    assert run(connector.execute(command, "k")) == Applied("s-1")
    assert run(connector.execute(command, "k")) == Applied("s-1")
    assert seller.listings[sku] == 17
    body = bodies(seller, "patch_listing")[0]
    assert body["productType"] == "PRODUCT"
    assert body["patches"][0]["value"] == [{"fulfillment_channel_code": "DEFAULT", "quantity": 17}]


def test_a_lost_answer_is_asked_for_again(seller: Seller, connect: Connect) -> None:
    connector, command = connect(), publish("TENT-2P", 0)
    seller.faults = [TIMEOUT, errors(500, "InternalFailure", "oops")]
    assert run(connector.execute(command, "k")) == Applied("s-1")
    assert seller.listings["TENT-2P"] == 0
    assert run(connector.probe(command, "k")) == NotApplied()


def test_a_sku_without_a_listing_is_rejected_with_the_issue(connect: Connect) -> None:
    outcome = run(connect().execute(publish("NONE", 1), "k"))
    assert outcome == Rejected("amazon.invalid_listing", "13013 SKU NONE is not in the catalogue", "sku")


def test_a_refused_patch_is_rejected(seller: Seller, connect: Connect) -> None:
    seller.faults = [errors(400, "InvalidInput", "productType is wrong")]
    outcome = run(connect().execute(publish("TENT-2P", 1), "k"))
    assert outcome == Rejected("amazon.refused", "400 InvalidInput: productType is wrong", "sku")


def test_an_answer_that_is_no_json_is_not_taken_for_success(seller: Seller, connect: Connect) -> None:
    seller.faults = [httpx.Response(200, text="<html>login</html>"), httpx.Response(200, json={})]
    connector = connect()
    assert isinstance(run(connector.execute(publish("TENT-2P", 1), "k")), Unreachable)
    assert isinstance(run(connector.execute(publish("TENT-2P", 1), "k")), Unknown)


def test_a_status_that_is_new_to_us_is_no_refusal(seller: Seller, connect: Connect) -> None:
    seller.faults = [httpx.Response(200, json={"sku": "S", "status": "QUEUED", "submissionId": "s-9"})]
    assert run(connect().execute(publish("TENT-2P", 1), "k")) == Applied("s-9")


def test_patches_keep_to_their_budget(seller: Seller, connect: Connect, clock: ManualClock) -> None:
    connector, started = connect(), clock.now()
    for quantity in range(15):
        run(connector.execute(publish("TENT-2P", quantity), "k"))
    assert clock.now() - started == pytest.approx(timedelta(seconds=2), abs=timedelta(milliseconds=50))

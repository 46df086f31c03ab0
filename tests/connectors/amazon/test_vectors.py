"""The vendor's sandbox pairs: our client makes each request, and reads each answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from jsonschema import Draft4Validator

from crossdock.mapping import MappingError
from crossdock.sdk.answers import json_of
from crossdock.sdk.outcomes import Applied, Rejected
from crossdock_connectors.amazon import calls
from crossdock_connectors.amazon.client import refusal
from crossdock_connectors.amazon.commands import submission
from crossdock_schemas.fulfilment import Parcel, ParcelLine, Shipment
from tests.connectors.amazon.builders import fixture, order_of, orders_of, outbound
from tests.connectors.amazon.samples import OURS, PAGE, model, sampled_orders, samples, text, vectors
from tests.connectors.amazon.seller import MODELS
from tests.connectors.coverage import reasons_of, unread

DEVIATIONS = {
    "listingsItems_2021-08-01|patchListingsItem|200|1": "no sellerId and no body",
    "listingsItems_2021-08-01|patchListingsItem|200|2": "no sellerId and no body",
    "listingsItems_2021-08-01|patchListingsItem|400|0": "no sellerId, no marketplaceIds and no body",
    "ordersV0|confirmShipment|400|0": "a shipDate that is no date-time, which is what it is about",
}
"""Requests of the vendor that its own model forbids; what they lack we fill in, the rest has to agree."""

IDS = (
    "listingsItems_2021-08-01|patchListingsItem|200|1",
    "listingsItems_2021-08-01|patchListingsItem|200|2",
    "listingsItems_2021-08-01|patchListingsItem|400|0",
    "ordersV0|confirmShipment|204|0",
    "ordersV0|confirmShipment|400|0",
    "orders_2026-01-01|getOrder|200|0",
    "orders_2026-01-01|getOrder|400|0",
    "orders_2026-01-01|searchOrders|200|0",
    "orders_2026-01-01|searchOrders|200|1",
    "orders_2026-01-01|searchOrders|400|0",
)
FILLED_IN = {
    "sellerId": "A1EXAMPLESELLER",
    "marketplaceIds": ["ATVPDKIKX0DER"],
    "body": {"productType": "PRODUCT"},
}


def given(vector: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value["value"] for name, value in vector["request"]["parameters"].items() if "value" in value
    }


def call_of(operation: str, values: dict[str, Any]) -> calls.Call:
    """The request as our client makes it of a vector's values."""
    listed = {name: values[name] for name in ("marketplaceIds", "includedData") if name in values}
    match operation:
        case "searchOrders":
            return calls.search_orders(
                values["createdAfter"],
                marketplace_ids=listed.get("marketplaceIds", ()),
                included_data=listed.get("includedData", ()),
                pagination_token=values.get("paginationToken"),
                by_creation=True,
            )
        case "getOrder":
            return calls.get_order(values["orderId"], listed.get("includedData", ()))
        case "confirmShipment":
            body = values["body"]
            return calls.confirm_shipment(values["orderId"], body["marketplaceId"], body["packageDetail"])
        case _:
            return calls.patch_listing(
                values["sellerId"],
                values["sku"],
                marketplace_ids=values["marketplaceIds"],
                body=values["body"],
                included_data=listed.get("includedData", ()),
                mode=values.get("mode"),
            )


def test_all_pairs_of_our_operations_are_played() -> None:
    assert tuple(sorted(vectors())) == IDS


@pytest.mark.parametrize("name", IDS)
def test_the_request_is_the_vendors(name: str) -> None:
    vector = vectors()[name]
    values = given(vector)
    filled = FILLED_IN | values if vector["operationId"] == "patchListingsItem" else values
    call = call_of(vector["operationId"], filled)
    in_path = {one for one in filled if f"{{{one}}}" in vector["path"]}
    assert (call.method, call.path) == (
        vector["method"],
        vector["path"].format(**{one: filled[one] for one in in_path}),
    )
    assert call.json == filled.get("body")
    query = {one: value for one, value in filled.items() if one not in in_path and one != "body"}
    assert call.params == {
        one: ",".join(value) if isinstance(value, list) else value for one, value in query.items()
    }


def violations(vector: dict[str, Any]) -> list[str]:
    """In which points the vendor's request is not as its own model says."""
    document = model(vector["path"])
    values, found = given(vector), []
    for parameter in document["paths"][vector["path"]][vector["method"].lower()]["parameters"]:
        if parameter["in"] == "body":
            schema = {**parameter["schema"], "definitions": document["definitions"]}
            body = json.loads(json.dumps(values.get("body"), default=str))
            checker = Draft4Validator(schema, format_checker=Draft4Validator.FORMAT_CHECKER)
            found += [error.message for error in checker.iter_errors(body)]
            date = (body or {}).get("packageDetail", {}).get("shipDate", "2026-01-01T00:00:00Z")
            found += [f"{date} is no date-time"] if "T" not in date else []
        elif parameter.get("required") and parameter["name"] not in values:
            found.append(f"{parameter['name']} is missing")
    return found


def test_the_vendors_own_deviations_are_these() -> None:
    assert {name for name, vector in vectors().items() if violations(vector)} == DEVIATIONS.keys()


@pytest.mark.parametrize("name", IDS)
def test_the_answer_is_read(name: str) -> None:
    vector = vectors()[name]
    request = httpx.Request(vector["method"], "https://sellingpartnerapi-na.amazon.com" + vector["path"])
    content = json.dumps(vector["response"], default=str).encode() if vector["response"] else b""
    response = httpx.Response(int(vector["status"]), content=content, request=request)
    match vector["operationId"], vector["status"]:
        case _, "400":
            assert refusal(response).startswith("400 ")
            assert "nvalid" in refusal(response)
        case "patchListingsItem", _:
            status = vector["response"]["status"]
            assert isinstance(submission(json_of(response)), {"VALID": Applied, "INVALID": Rejected}[status])
        case "searchOrders" | "getOrder", _:
            answer = json_of(response)
            assert isinstance(answer, dict)
            for one in answer.get("orders") or [answer["order"]]:
                made = orders_of(one)
                expected = [] if one["fulfillment"]["fulfilledBy"] == "AMAZON" else [one["orderId"]]
                assert [order.external_id for order in made] == expected
        case _:
            assert (response.status_code, response.content) == (204, b"")


def test_a_rejected_listing_says_which_attribute() -> None:
    outcome = submission(vectors()["listingsItems_2021-08-01|patchListingsItem|200|2"]["response"])
    assert outcome == Rejected(
        "amazon.invalid_listing", "90000900 The attributes are invalid.", "fake_attribute"
    )


def test_the_mapped_shipment_is_the_vendors_package() -> None:
    body = vectors()["ordersV0|confirmShipment|204|0"]["request"]["parameters"]["body"]["value"]
    line = ParcelLine(order_line="79039765272157", sku="S", quantity=1)
    shipment = Shipment(
        external_id="1",
        fulfilment_order="1",
        shipped_at=datetime(2022, 2, 11, 1, tzinfo=UTC),
        carrier="FedEx",
        service="FedEx Ground",
        parcels=(Parcel(tracking_number="112345678", lines=(line,)),),
    )
    (package,) = outbound("amazon/shipment", shipment)["packages"]
    theirs = body["packageDetail"]
    # the connector adds the reference and the supply source; codes of Transparency are not known to the hub
    del (
        theirs["packageReferenceId"],
        theirs["shipFromSupplySourceId"],
        theirs["orderItems"][0]["transparencyCodes"],
    )
    assert package == theirs | {"shipDate": "2022-02-11T01:00:00Z"}


# --- orders in the samples -------------------------------------------------------------------------------


def test_the_vendors_orders_are_accepted_line_for_line() -> None:
    sold = [one for one in sampled_orders() if one["fulfillment"]["fulfilledBy"] == "MERCHANT"]
    assert len(sold) == 2
    for one in sold:
        order = order_of(one)
        assert [line.external_id for line in order.lines] == [
            item["orderItemId"] for item in one["orderItems"]
        ]
        assert order.totals is not None
        assert order.totals.total is not None
        assert str(order.totals.total.amount) == one["proceeds"]["grandTotal"]["amount"]


def test_our_fixture_is_as_the_vendors_model_says() -> None:
    path = "/orders/2026-01-01/orders"
    document = model(path)
    schema = {"$ref": "#/definitions/Order", "definitions": document["definitions"]}
    order = json.loads(json.dumps(fixture(), default=float))
    assert [error.message for error in Draft4Validator(schema).iter_errors(order)] == []
    assert OURS[path] == "searchOrders"
    assert path.startswith(tuple(MODELS))


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("orderId",), "$.orders[0].orderId"),
        (("lastUpdatedTime",), "$.orders[0].lastUpdatedTime"),
        (("fulfillment", "fulfillmentStatus"), "$.orders[0].fulfillment.fulfillmentStatus"),
        (("orderItems", 0, "product", "sellerSku"), "$.orders[0].orderItems[0].product.sellerSku"),
        (("orderItems", 0, "quantityOrdered"), "$.orders[0].orderItems[0].quantityOrdered"),
    ],
)
def test_a_defective_order_is_rejected_with_its_place(path: tuple[Any, ...], place: str) -> None:
    order: Any = fixture()
    inner = order
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    with pytest.raises(MappingError) as caught:
        order_of(order)
    assert place in [fault.source_path for fault in caught.value.faults]


def test_nothing_is_left_unread_without_a_reason() -> None:
    reasons = reasons_of("amazon")
    for mapping, (_, documents) in samples().items():
        silent = [one.path for one in unread(mapping, documents, reasons[mapping]) if one.reason is None]
        assert silent == [], f"{mapping}: read them, or say why not in coverage.yaml"


def test_no_reason_is_given_for_what_is_read_or_never_comes() -> None:
    found = samples()
    for mapping, reasons in reasons_of("amazon").items():
        used = {one.reason for one in unread(mapping, found[mapping][1], reasons)}
        assert set(reasons.values()) - used == set(), mapping


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m tests.connectors.amazon.samples"

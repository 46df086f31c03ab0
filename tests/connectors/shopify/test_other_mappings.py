"""Products and refunds in; fulfilments, stock and cancellations out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crossdock.mapping.cases import run_cases
from crossdock.mapping.files import packaged_mappings
from crossdock_schemas.fulfilment import Parcel, ParcelLine, Shipment
from crossdock_schemas.order import Cancellation, CancelledLine
from crossdock_schemas.stock import StockLevel
from tests.connectors.shopify.builders import library, outbound

NAMES = [entry.name for entry in library().entries() if entry.name.startswith("shopify/")]
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_beside_the_mapping_pass(name: str) -> None:
    results = run_cases(library(), name, packaged_mappings())
    assert [result for result in results if not result.passed] == []
    if library().get(name).target:
        assert results, f"{name} needs cases in {name}.tests.yaml"


def shipment(*parcels: Parcel, **changes: Any) -> Shipment:
    facts: dict[str, Any] = {
        "external_id": "D-1",
        "fulfilment_order": "FO-1",
        "shipped_at": NOW,
        "carrier": "ups",
    }
    return Shipment(**facts | changes, parcels=parcels)


def test_a_shipment_of_two_parcels_is_one_fulfilment() -> None:
    line = "gid://shopify/LineItem/7700000000000001"
    first = Parcel(tracking_number="1Z1", tracking_url="https://ups.example/1Z1",
                   lines=(ParcelLine(order_line=line, sku="TENT-2P", quantity=1),))  # fmt: skip
    second = Parcel(tracking_number="1Z2", lines=(ParcelLine(order_line=line, sku="TENT-2P", quantity=1),))
    made = outbound("shopify/fulfilment", shipment(first, second, node="dc-east"))
    assert made == {
        "trackingInfo": {"company": "UPS", "numbers": ["1Z1", "1Z2"], "urls": ["https://ups.example/1Z1"]},
        "location": "dc-east",
        "items": [{"lineItemId": line, "sku": "TENT-2P", "quantity": 1}] * 2,
    }


def test_an_unknown_carrier_keeps_its_name() -> None:
    made = outbound("shopify/fulfilment", shipment(Parcel(), carrier="Night Owl"))
    assert made["trackingInfo"] == {"company": "Night Owl", "numbers": [], "urls": []}


@pytest.mark.parametrize("previous", [None, 7])
def test_a_stock_level_states_what_it_replaces(previous: int | None) -> None:
    level = StockLevel(sku="01234", channel="shop", quantity=5, as_of=NOW, previous=previous)
    assert outbound("shopify/inventory", level) == {
        "sku": "01234",
        "quantity": 5,
        "changeFromQuantity": previous,
    }


def test_a_cancellation_goes_back_the_way_it_came() -> None:
    whole = Cancellation(
        external_id="gid://shopify/Order/1", version="1", requested_at=NOW, reason="out_of_stock"
    )
    assert outbound("shopify/cancellation", whole) == {
        "reason": "INVENTORY",
        "restock": True,
        "refundMethod": {"originalPaymentMethodsRefund": True},
        "staffNote": "out_of_stock",
        "lines": [],
    }
    part = whole.model_copy(update={"lines": (CancelledLine(external_id="L1", quantity=1),)})
    assert outbound("shopify/cancellation", part)["lines"] == [{"lineItemId": "L1", "quantity": 1}]


def test_weights_are_grams() -> None:
    weight = library().get("shopify/weight")
    assert weight.map({"value": Decimal("2.5"), "unit": "POUNDS"}).document == {
        "grams": Decimal("1133.980925")
    }

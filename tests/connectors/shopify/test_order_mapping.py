"""One order in Shopify's two dialects, and the facts that only fulfilment orders know."""

from __future__ import annotations

import json
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from crossdock.mapping import MappingError
from crossdock_schemas.base import Money
from crossdock_schemas.order import DeliveryKind, OrderStatus
from tests.connectors.shopify.builders import decode, order_of
from tests.connectors.shopify.shop import FIXTURES

WEBHOOK, GRAPHQL = "shopify/order_webhook", "shopify/order_graphql"
CONNECTIONS = ("shippingLines", "lineItems", "fulfillmentOrders", "paymentSchedules")


def webhook() -> Any:
    return decode((FIXTURES / "order_webhook.json").read_text())


def connected(value: Any) -> Any:
    """The fixture with its lists as connections, the way the API gives them."""
    if isinstance(value, list):
        return [connected(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {name: connected(child) for name, child in value.items()}
    return {name: {"nodes": child} if name in CONNECTIONS else child for name, child in made.items()}


def graphql() -> Any:
    return connected(decode((FIXTURES / "order_graphql.json").read_text()))


def euros(amount: str) -> Money:
    return Money(amount=Decimal(amount), currency="EUR")


def test_both_dialects_give_the_same_order() -> None:
    assert order_of(GRAPHQL, graphql()) == order_of(WEBHOOK, webhook())


def test_the_order_holds_what_the_shop_knows() -> None:
    order = order_of(WEBHOOK, webhook())
    assert order.external_id == "gid://shopify/Order/9007199254740993"
    assert order.version == "2026-11-21T11:00:00Z"
    assert order.placed_at == datetime(2026, 11, 20, 8, 31, tzinfo=UTC)
    assert (order.status, order.purchase_order, order.payment_terms) == ("open", "PO-88/17", "Net 30")
    assert order.payment_due is not None
    assert order.payment_due.isoformat() == "2026-12-20"
    assert order.buyer is not None
    assert (order.buyer.company, order.buyer.company_id) == (
        "Falk Outdoor GmbH",
        "gid://shopify/Company/88001",
    )
    assert order.destinations[0].address is not None
    assert order.destinations[0].address.lines == ("Hafenstr. 4", "Tor 2")
    assert order.totals is not None
    assert (order.totals.total, order.totals.duties) == (euros("525.74"), euros("1.50"))
    assert [(one.name, one.value) for one in order.attributes] == [
        ("cost_centre", "7700"),
        ("additional_fees", "0.80"),
    ]
    assert [(one.kind, one.value) for one in order.references] == [
        ("confirmation_number", "X7Q2"),
        ("source_identifier", "B2B-1"),
    ]


def test_lines_are_what_is_still_wanted_with_taxes_discounts_and_kit() -> None:
    tent, stove, card = order_of(WEBHOOK, webhook()).lines
    assert (tent.quantity, tent.quantity_ordered, tent.quantity_fulfilled) == (2, 3, 0)
    assert (stove.sku, stove.quantity, stove.quantity_fulfilled) == ("01234", 1, 1)
    assert [(one.code or one.title, one.kind, one.value, one.amount) for one in tent.discounts] == [
        ("CAMP20", "fixed_amount", Decimal("20.0"), euros("20.00")),
        ("Autumn", "percentage", Decimal("2.5"), euros("5.00")),
    ]
    assert [(tax.title, tax.rate) for tax in tent.taxes] == [
        ("MwSt", Decimal("0.19")),
        ("City tax", Decimal("0.0005")),
    ]
    assert (stove.duties[0].title, stove.duties[0].jurisdiction) == ("732111", "CN")
    assert {tent.group, stove.group} == {"gid://shopify/LineItemGroup/5501"}
    assert (tent.kit, stove.kit, card.kit) == ("CAMP-SET", "CAMP-SET", None)
    assert tent.weight is not None
    assert tent.weight.grams == 2450
    assert stove.weight is None
    assert [(one.name, one.value) for one in tent.properties] == [("engraving", "IF"), ("_gift_wrap", "")]


def test_a_gift_card_is_a_line_that_is_not_shipped_and_needs_no_sku() -> None:
    card = order_of(WEBHOOK, webhook()).lines[2]
    assert (card.gift_card, card.requires_shipping) == (True, False)
    assert card.sku == "gid://shopify/ProductVariant/7103"


def test_a_line_that_has_to_be_shipped_needs_a_sku() -> None:
    document = webhook()
    document["line_items"][1]["sku"] = ""
    with pytest.raises(MappingError) as caught:
        order_of(WEBHOOK, document)
    assert [fault.source_path for fault in caught.value.faults] == ["$.line_items[1].sku"]


def test_shipping_keeps_price_and_discount_apart() -> None:
    (shipping,) = order_of(WEBHOOK, webhook()).shipping
    assert (shipping.code, shipping.price) == ("DHL_PAKET", euros("9.90"))
    assert [(one.code, one.amount) for one in shipping.discounts] == [("FREESHIP", euros("9.90"))]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"cancelled_at": "2026-11-22T00:00:00Z", "closed_at": "2026-11-22T00:00:00Z"}, "cancelled"),
        ({"closed_at": "2026-11-22T00:00:00Z"}, "closed"),
        ({"payment_terms": None}, "pending"),
        ({"payment_terms": None, "financial_status": "voided"}, "pending"),
        ({"payment_terms": None, "payment_gateway_names": ["Cash on Delivery (COD)"]}, "open"),
        ({"payment_terms": None, "financial_status": "authorized"}, "open"),
        ({"financial_status": "paid"}, "open"),
    ],
)
def test_status(changes: dict[str, Any], status: str) -> None:
    assert order_of(WEBHOOK, webhook() | changes).status == status


def test_a_pick_up_is_known_by_the_shipping_line_that_is_called_like_the_store() -> None:
    document = webhook() | {"shipping_address": None}
    document["shipping_lines"][0]["code"] = "Store Altona"
    same = graphql() | {"shippingAddress": None, "fulfillmentOrders": {"nodes": []}}
    same["shippingLines"]["nodes"][0]["code"] = "Store Altona"
    for order in (order_of(WEBHOOK, document), order_of(GRAPHQL, same)):
        (destination,) = order.destinations
        assert (destination.kind, destination.location) == (DeliveryKind.PICK_UP, "Store Altona")


def test_an_order_sold_at_the_till_goes_nowhere() -> None:
    document = webhook() | {"shipping_address": None, "shipping_lines": [], "location_id": 17}
    order = order_of(WEBHOOK, document)
    assert order.destinations == ()
    assert order.origin_location == "gid://shopify/Location/17"


def second_fulfilment_order(document: Any, **changes: Any) -> Any:
    """Put line 2 of the fixture into a fulfilment order of its own."""
    first = document["fulfillmentOrders"]["nodes"][0]
    second = deepcopy(first) | {"id": "gid://shopify/FulfillmentOrder/302"} | changes
    second["lineItems"]["nodes"] = [first["lineItems"]["nodes"].pop()]
    document["fulfillmentOrders"]["nodes"].append(second)
    return document


def test_a_hold_on_one_part_holds_the_order_and_is_a_new_version() -> None:
    held = second_fulfilment_order(graphql(), status="ON_HOLD", updatedAt="2026-11-21T12:30:00Z")
    order = order_of(GRAPHQL, held)
    assert order.status is OrderStatus.PENDING
    assert order.version == "2026-11-21T12:30:00Z"
    assert order.updated_at == datetime(2026, 11, 21, 11, tzinfo=UTC)


def test_one_order_is_shipped_and_picked_up() -> None:
    method = {"methodType": "PICK_UP", "minDeliveryDateTime": None, "maxDeliveryDateTime": None}
    document = second_fulfilment_order(graphql(), deliveryMethod=method, destination=None)
    order = order_of(GRAPHQL, document)
    assert [(one.id, one.kind, one.location) for one in order.destinations] == [
        ("shipping", "ship", None),
        ("gid://shopify/FulfillmentOrder/302", "pick_up", "gid://shopify/Location/1"),
    ]
    assert [line.destination for line in order.lines] == [None, "gid://shopify/FulfillmentOrder/302", None]


def test_one_order_goes_to_two_addresses() -> None:
    document = graphql()
    other = document["fulfillmentOrders"]["nodes"][0]["destination"] | {
        "address1": "Am Kai 1",
        "zip": "28195",
    }
    order = order_of(GRAPHQL, second_fulfilment_order(document, destination=other))
    assert [one.address.postal_code for one in order.destinations if one.address] == ["20457", "28195"]
    assert order.lines[1].destination == "gid://shopify/FulfillmentOrder/302"


def test_a_pre_order_waits_for_its_date() -> None:
    document = second_fulfilment_order(graphql(), status="SCHEDULED", fulfillAt="2027-01-15T08:00:00Z")
    document["lineItems"]["nodes"][1]["sellingPlan"] = {"name": "Pre-order January"}
    tent, stove, _ = order_of(GRAPHQL, document).lines
    assert (tent.pre_order, tent.available_from) == (False, None)
    assert (stove.pre_order, stove.available_from) == (True, datetime(2027, 1, 15, 8, tzinfo=UTC))
    assert [(one.name, one.value) for one in stove.properties] == [("selling_plan", "Pre-order January")]


def test_a_promise_stands_at_its_lines() -> None:
    method = {
        "methodType": "SHIPPING",
        "minDeliveryDateTime": None,
        "maxDeliveryDateTime": "2026-11-24T17:00:00Z",
    }
    document = second_fulfilment_order(graphql(), deliveryMethod=method, fulfillBy="2026-11-23T15:00:00Z")
    tent, stove, _ = order_of(GRAPHQL, document).lines
    assert tent.promise is None
    assert stove.promise is not None
    assert stove.promise.deliver_by == datetime(2026, 11, 24, 17, tzinfo=UTC)
    assert stove.promise.ship_by == datetime(2026, 11, 23, 15, tzinfo=UTC)


def test_ids_beyond_what_a_float_holds_stay_exact() -> None:
    text = json.dumps(webhook(), default=str).replace("7103", "9007199254740995")
    card = order_of(WEBHOOK, decode(text)).lines[2]
    assert card.variant_id == "gid://shopify/ProductVariant/9007199254740995"

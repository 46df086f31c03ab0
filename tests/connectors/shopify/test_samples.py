"""Every sample of the vendor: accepted whole, or rejected with its place."""

from __future__ import annotations

from typing import Any

import pytest

from crossdock.mapping import MappingError
from crossdock.sdk.connector import Refused
from crossdock_connectors.shopify.manifest import STREAM_OF_TOPIC
from crossdock_schemas.returns import Refund
from tests.connectors.coverage import reasons_of, unread
from tests.connectors.shopify.builders import canonical, order_of
from tests.connectors.shopify.conftest import Connect
from tests.connectors.shopify.samples import PAGE, filled, published, recorded, samples, text
from tests.connectors.shopify.shop import VERSIONS, Shop
from tests.connectors.shopify.test_webhooks import request
from tests.servers.node import contract

ORDER_TOPICS = ("create", "updated", "cancelled", "paid", "fulfilled")
RECORDED = {"2024-01/orders/1.json", "2024-01/orders/2.json", "2024-01/orders/3.json"}
"""Of real shops, in a version that has all we need (2023-10 knew no ``current_quantity``)."""


@pytest.mark.parametrize("topic", ORDER_TOPICS)
def test_the_vendors_orders_are_accepted_line_for_line(topic: str) -> None:
    found = published(f"orders/{topic}")
    assert set(found) == set(VERSIONS)
    for document in found.values():
        order = order_of("shopify/order_webhook", document)
        assert [line.external_id for line in order.lines] == [
            line["admin_graphql_api_id"] for line in document["line_items"]
        ]
        assert order.totals is not None
        assert order.totals.total is not None
        assert str(order.totals.total.amount) == document["current_total_price"]


def test_orders_of_real_shops_are_accepted() -> None:
    found = recorded("orders")
    assert found.keys() >= RECORDED
    for name in RECORDED:
        document = filled(found[name])
        order = order_of("shopify/order_webhook", document)
        assert len(order.lines) == len(document["line_items"])
        assert len(order.shipping) == len(document["shipping_lines"])


def test_the_vendors_refunds_are_accepted() -> None:
    for document in published("refunds/create").values():
        refund = canonical("shopify/refund", document)
        assert isinstance(refund, Refund)
        assert len(refund.lines) == len(document["refund_line_items"])
        assert refund.amount is not None
        assert str(refund.amount.amount) == "85.00"


def faults(mapping: str, document: Any) -> dict[str, str]:
    with pytest.raises(MappingError) as caught:
        canonical(mapping, document)
    return {fault.source_path: fault.code for fault in caught.value.faults}


def test_a_version_without_current_quantities_is_rejected_at_each_line() -> None:
    old = filled(recorded("orders")["2023-10/orders/1.json"])
    assert "$.line_items" in " ".join(faults("shopify/order_webhook", old))


@pytest.mark.parametrize("name", sorted(RECORDED))
def test_placeholders_in_place_of_values_are_rejected_with_their_places(name: str) -> None:
    found = faults("shopify/order_webhook", recorded("orders")[name])
    assert found["$.currency"] == "mapping.currency"
    assert found["$.financial_status"] == "mapping.lookup"


@pytest.mark.parametrize(
    ("topic", "place"),
    [
        ("orders/risk_assessment_changed", "$.currency"),
        ("orders/shopify_protect_eligibility_changed", "$.currency"),
    ],
)
def test_a_payload_that_is_no_order_is_rejected(topic: str, place: str) -> None:
    for document in published(topic).values():
        assert faults("shopify/order_webhook", document)[place] == "mapping.missing"


def test_each_sampled_topic_is_stored_or_refused_in_words(shop: Shop, connect: Connect) -> None:
    connector = connect(shop)
    folder = contract("shopify", "webhooks", "metadatas")
    kinds = ("orders", "refunds", "fulfillment_orders", "products")
    paths = [path for kind in kinds for path in sorted(folder.glob(f"*/{kind}/*.json"))]
    assert paths
    for path in paths:
        topic = f"{path.parent.name}/{path.stem}"
        signed = request(path.read_bytes(), topic=topic)
        answer = connector.verify(signed)
        assert isinstance(answer, Refused) is (topic not in STREAM_OF_TOPIC), topic
        if not isinstance(answer, Refused):
            (record,) = connector.split(signed)
            assert record.stream == STREAM_OF_TOPIC[topic]


def test_nothing_is_left_unread_without_a_reason() -> None:
    reasons = reasons_of("shopify")
    for mapping, (_, documents) in samples().items():
        silent = [one.path for one in unread(mapping, documents, reasons[mapping]) if one.reason is None]
        assert silent == [], f"{mapping}: read them, or say why not in coverage.yaml"


def test_no_reason_is_given_for_what_is_read_or_never_comes() -> None:
    found = samples()
    for mapping, reasons in reasons_of("shopify").items():
        used = {one.reason for one in unread(mapping, found[mapping][1], reasons)}
        assert set(reasons.values()) - used == set(), mapping


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == text(), "run python -m tests.connectors.shopify.samples"

"""Webhooks: signature, shop, topic; what is stored; which subscriptions there are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from crossdock.sdk.connector import RawRequest, Refused, Verified
from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.shopify.manifest import MANIFEST, STREAM_OF_TOPIC
from tests.connectors.shopify.builders import run
from tests.connectors.shopify.conftest import Connect
from tests.connectors.shopify.shop import FIXTURES, Shop

BODY = (FIXTURES / "order_webhook.json").read_bytes()
URL = "https://hub.acme.example/hooks/shop"


def request(body: bytes = BODY, secret: str = "hush", **headers: str | None) -> RawRequest:
    signature = base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256)).decode()
    given = {
        "x-shopify-hmac-sha256": signature,
        "x-shopify-shop-domain": "acme-outdoor.myshopify.com",
        "x-shopify-topic": "orders/create",
        "x-shopify-webhook-id": "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043",
        "x-shopify-event-id": "98880550-7158-44d4-b7cd-2c97c8a091b5",
        "x-shopify-api-version": "2026-07",
        "x-shopify-triggered-at": "2026-11-23T09:59:58.123456789Z",
        "authorization": "secret of a proxy",
        **{f"x-shopify-{name.replace('_', '-')}": value for name, value in headers.items()},
    }
    kept = {name: value for name, value in given.items() if value is not None}
    return RawRequest("POST", "/hooks/shop", "", kept, body, datetime(2026, 11, 23, 10, tzinfo=UTC))


def status(answer: Verified | Refused) -> int:
    return answer.status if isinstance(answer, Refused) else 200


def test_a_signed_webhook_is_verified(shop: Shop, connect: Connect) -> None:
    assert connect(shop).verify(request()) == Verified("orders/create")


def test_any_other_byte_is_refused(shop: Shop, connect: Connect) -> None:
    connector, good = connect(shop), request()
    flipped = RawRequest("POST", "", "", good.headers, BODY[:-2] + b" }", good.received_at)
    assert status(connector.verify(flipped)) == 401
    reserialised = RawRequest(
        "POST", "", "", good.headers, json.dumps(json.loads(BODY)).encode(), good.received_at
    )
    assert status(connector.verify(reserialised)) == 401


@pytest.mark.parametrize("signature", [None, "", "AAAA", "ä", "=" * 44])
def test_a_missing_or_odd_signature_is_refused(signature: str | None, shop: Shop, connect: Connect) -> None:
    assert status(connect(shop).verify(request(hmac_sha256=signature))) == 401


def test_while_rotating_both_secrets_are_good(shop: Shop, connect: Connect) -> None:
    rotating = connect(shop, client_secret="new", previous_client_secret="hush")
    assert status(rotating.verify(request(secret="hush"))) == 200
    assert status(rotating.verify(request(secret="new"))) == 200
    assert status(rotating.verify(request(secret="other"))) == 401
    rotated = connect(shop, client_secret="new")
    assert status(rotated.verify(request(secret="hush"))) == 401


@pytest.mark.parametrize(
    ("headers", "code", "reason"),
    [
        ({"shop_domain": "other.myshopify.com"}, 403, "of shop 'other.myshopify.com'"),
        ({"topic": "carts/create"}, 404, "topic 'carts/create' is not read here"),
        ({"webhook_id": None}, 400, "X-Shopify-Webhook-Id"),
    ],
)
def test_what_is_not_ours_is_refused_in_words(
    headers: dict[str, Any], code: int, reason: str, shop: Shop, connect: Connect
) -> None:
    answer = connect(shop).verify(request(**headers))
    assert isinstance(answer, Refused)
    assert answer.status == code
    assert reason in answer.reason
    assert "hush" not in answer.reason


def test_the_record_holds_the_bytes_and_both_ids_and_nothing_secret(shop: Shop, connect: Connect) -> None:
    (record,) = connect(shop).split(request())
    assert record.payload == BODY
    assert (record.stream, record.key) == ("orders_hook", "gid://shopify/Order/9007199254740993")
    assert record.dedupe == "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"
    assert record.headers["x-shopify-event-id"] == "98880550-7158-44d4-b7cd-2c97c8a091b5"
    assert record.headers.keys() & {"authorization", "x-shopify-hmac-sha256"} == set()
    assert record.occurred_at == datetime(2026, 11, 23, 9, 59, 58, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("topic", "body", "stream", "key"),
    [
        ("orders/updated", BODY, "order_changes_hook", "gid://shopify/Order/9007199254740993"),
        ("refunds/create", b'{"id": 5, "order_id": 9007199254740993, "admin_graphql_api_id": "gid://shopify/Refund/5"}',
         "refunds_hook", "gid://shopify/Order/9007199254740993"),
        ("fulfillment_orders/placed_on_hold", b'{"fulfillment_order": {"id": "gid://shopify/FulfillmentOrder/1"}}',
         "fulfilment_order_changes_hook", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
        ("orders/create", b'{"id": 12', "orders_hook", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
        ("orders/create", b"[1]", "orders_hook", "b54557e4-bdd9-4b37-8a5f-bf7d70bcd043"),
    ],
)  # fmt: skip
def test_each_topic_goes_to_its_stream(
    topic: str, body: bytes, stream: str, key: str, shop: Shop, connect: Connect
) -> None:
    (record,) = connect(shop).split(request(body, topic=topic))
    assert (record.stream, record.key, record.payload) == (stream, key, body)


def test_bells_wake_the_stream_that_reads_what_they_do_not_say() -> None:
    bells = {name: spec.wakes for name, spec in MANIFEST.streams.items() if spec.wakes}
    assert bells == {
        "order_changes_hook": "orders",
        "fulfilment_order_changes_hook": "fulfilment_orders",
        "returns_hook": "returns",
    }
    assert all(MANIFEST.stream(name).mapping is None for name in bells)


def test_subscriptions_are_made_once_and_strays_of_ours_removed(shop: Shop, connect: Connect) -> None:
    shop.subscriptions = [
        {"id": "gid://shopify/WebhookSubscription/90", "topic": "ORDERS_CREATE", "uri": URL},
        {"id": "gid://shopify/WebhookSubscription/91", "topic": "PRODUCTS_UPDATE", "uri": URL},
        {
            "id": "gid://shopify/WebhookSubscription/92",
            "topic": "PRODUCTS_UPDATE",
            "uri": "https://other.example",
        },
    ]
    connector = connect(shop)
    change = run(connector.ensure_subscriptions(URL))
    assert set(change.created) == set(STREAM_OF_TOPIC) - {"orders/create"}
    assert (change.removed, change.kept) == (("PRODUCTS_UPDATE",), ("orders/create",))
    again = run(connector.ensure_subscriptions(URL))
    assert (again.created, again.removed, set(again.kept)) == ((), (), set(STREAM_OF_TOPIC))
    assert [one["uri"] for one in shop.subscriptions].count("https://other.example") == 1


def test_a_refused_subscription_is_told(
    shop: Shop, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusal = {"webhookSubscription": None, "userErrors": [{"field": None, "message": "Address is invalid"}]}
    monkeypatch.setattr(shop, "q_webhookSubscriptionCreate", lambda **_: refusal)
    with pytest.raises(MisconfiguredError, match="Address is invalid"):
        run(connect(shop).ensure_subscriptions("ftp://hub"))

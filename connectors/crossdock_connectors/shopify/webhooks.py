"""The webhooks: is it Shopify's, what is it about, and are we subscribed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

import msgspec

from crossdock.sdk.connector import RawRecord, RawRequest, Refused, SubscriptionChange, Verified
from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.client import ShopifyClient
from crossdock_connectors.shopify.config import ShopifyConfig
from crossdock_connectors.shopify.manifest import STREAM_OF_TOPIC

__all__ = ["ensure_subscriptions", "split", "verify"]

_KEPT_HEADERS = (
    "x-shopify-topic",
    "x-shopify-shop-domain",
    "x-shopify-api-version",
    "x-shopify-webhook-id",
    "x-shopify-event-id",
    "x-shopify-triggered-at",
)


def verify(config: ShopifyConfig, request: RawRequest) -> Verified | Refused:
    """Prove the signature on the raw bytes; see ``Receives.verify``."""
    headers = request.headers
    signature = headers.get("x-shopify-hmac-sha256", "").encode()
    secrets = [secret for secret in (config.client_secret, config.previous_client_secret) if secret]
    # all are compared, so that the time does not tell which one fits
    fits = [
        hmac.compare_digest(_signature(secret.get_secret_value(), request.body), signature)
        for secret in secrets
    ]
    if not any(fits):
        return Refused(
            401,
            "X-Shopify-Hmac-SHA256 does not fit the body: is `client_secret` that of the app, or does "
            "something on the way change the body?",
        )
    if (shop := headers.get("x-shopify-shop-domain", "")) != config.domain:
        return Refused(403, f"the webhook is of shop {shop!r}, this connection is {config.domain}")
    if (topic := headers.get("x-shopify-topic", "")) not in STREAM_OF_TOPIC:
        known = ", ".join(sorted(STREAM_OF_TOPIC))
        return Refused(404, f"topic {topic!r} is not read here; delete its subscription. Read are: {known}")
    if not headers.get("x-shopify-webhook-id"):
        return Refused(
            400, "X-Shopify-Webhook-Id is missing: the same delivery could not be told from another"
        )
    return Verified(topic)


def _signature(secret: str, body: bytes) -> bytes:
    return base64.b64encode(hmac.digest(secret.encode(), body, hashlib.sha256))


def split(request: RawRequest) -> list[RawRecord]:
    """One record a delivery, its bytes untouched."""
    headers = {name: request.headers[name] for name in _KEPT_HEADERS if name in request.headers}
    delivery = headers["x-shopify-webhook-id"]
    return [
        RawRecord(
            stream=STREAM_OF_TOPIC[headers["x-shopify-topic"]],
            key=_key(request.body) or delivery,
            dedupe=delivery,
            payload=request.body,
            headers=headers,
            occurred_at=_instant(headers.get("x-shopify-triggered-at")),
        )
    ]


class _Keys(msgspec.Struct):
    """The ids that the payloads of our topics have."""

    admin_graphql_api_id: str | None = None
    order_id: int | None = None


def _key(body: bytes) -> str | None:
    """The order that the payload is about; ``None`` where it does not say, or is broken."""
    try:
        keys = msgspec.json.decode(body, type=_Keys)
    except msgspec.DecodeError:
        return None
    return f"gid://shopify/Order/{keys.order_id}" if keys.order_id else keys.admin_graphql_api_id


def _instant(text: str | None) -> datetime | None:
    try:
        instant = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return instant if instant.tzinfo else None


async def ensure_subscriptions(client: ShopifyClient, base_url: str) -> SubscriptionChange:
    """Subscribe ``base_url`` to our topics and no other; other addresses are left alone."""
    wanted = {topic.upper().replace("/", "_"): topic for topic in STREAM_OF_TOPIC}
    kept: set[str] = set()
    removed: list[str] = []
    async for connection in client.pages(documents.SUBSCRIPTIONS):
        for subscription in connection["nodes"]:
            if subscription["uri"] != base_url:
                continue
            if subscription["topic"] in wanted:
                kept.add(subscription["topic"])
            else:
                _accepted(
                    await client.mutate(documents.UNSUBSCRIBE, {"id": subscription["id"]}, repeatable=True)
                )
                removed.append(subscription["topic"])
    missing = [topic for topic in wanted if topic not in kept]
    for topic in missing:
        _accepted(await client.mutate(documents.SUBSCRIBE, {"topic": topic, "uri": base_url}))
    return SubscriptionChange(
        created=tuple(wanted[topic] for topic in missing),
        removed=tuple(removed),
        kept=tuple(wanted[topic] for topic in sorted(kept)),
    )


def _accepted(payload: Mapping[str, list[Mapping[str, str]]]) -> None:
    for error in payload["userErrors"]:
        raise MisconfiguredError(
            f"Shopify refused a webhook subscription: {error['message']}", path="base_url"
        )

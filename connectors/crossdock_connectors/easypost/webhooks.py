"""The webhooks: is it EasyPost's, what is it about, and are we subscribed."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from datetime import datetime

import msgspec

from crossdock.sdk.connector import RawRecord, RawRequest, Refused, SubscriptionChange, Verified
from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.easypost.client import EasyPostClient
from crossdock_connectors.easypost.config import EasyPostConfig
from crossdock_connectors.easypost.manifest import STREAM_OF_TOPIC

__all__ = ["ensure_subscriptions", "signature", "split", "verify"]


class _Result(msgspec.Struct):
    id: str | None = None


class _Event(msgspec.Struct):
    """What every event has (EasyPost documentation, Events)."""

    description: str
    id: str
    mode: str
    created_at: datetime | None = None
    result: _Result | None = None


def signature(secret: str, body: bytes) -> str:
    """The header that EasyPost sends: the secret is Unicode-normalised to NFKD before it signs."""
    normalised = unicodedata.normalize("NFKD", secret).encode()
    return f"hmac-sha256-hex={hmac.digest(normalised, body, hashlib.sha256).hex()}"


def verify(config: EasyPostConfig, request: RawRequest) -> Verified | Refused:
    """Prove the signature on the raw bytes; see ``Receives.verify``."""
    secrets = [secret for secret in (config.webhook_secret, config.previous_webhook_secret) if secret]
    if not secrets:
        return Refused(
            401, "no `webhook_secret` is configured, so that no webhook can be proven to be EasyPost's"
        )
    given = request.headers.get("x-hmac-signature", "").encode()
    # all are compared, so that the time does not tell which one fits
    fits = [
        hmac.compare_digest(signature(secret.get_secret_value(), request.body).encode(), given)
        for secret in secrets
    ]
    if not any(fits):
        return Refused(
            401,
            "X-Hmac-Signature does not fit the body: is `webhook_secret` that of the webhook, or does something on the "
            "way change the body?",
        )
    event = _event(request.body)
    if event is None:
        return Refused(400, "the body is no event of EasyPost's: description, id and mode are wanted")
    if event.mode != config.mode:
        return Refused(
            403,
            f"the event is of mode {event.mode!r}, this connection is {config.mode}: correct the webhook's mode",
        )
    return Verified(event.description)


def split(request: RawRequest) -> list[RawRecord]:
    """One record of a tracker's event, its bytes untouched; none of other events, which can't be unsubscribed."""
    event = _event(request.body)
    stream = STREAM_OF_TOPIC.get(event.description) if event else None
    if event is None or stream is None:
        return []
    return [
        RawRecord(
            stream=stream,
            key=(event.result.id if event.result else None) or event.id,
            dedupe=event.id,
            payload=request.body,
            occurred_at=event.created_at if event.created_at and event.created_at.tzinfo else None,
        )
    ]


def _event(body: bytes) -> _Event | None:
    try:
        return msgspec.json.decode(body, type=_Event)
    except msgspec.DecodeError:
        return None


async def ensure_subscriptions(client: EasyPostClient, base_url: str) -> SubscriptionChange:
    """Subscribe ``base_url`` with the present secret, and wake it where EasyPost has disabled it."""
    if client.config.webhook_secret is None:
        raise MisconfiguredError("webhooks need a secret: set `webhook_secret`", path="webhook_secret")
    secret = client.config.webhook_secret.get_secret_value()
    webhooks = (await client.get("/webhooks", wanted="webhooks")).node["webhooks"]
    ours = [webhook for webhook in webhooks if webhook["url"] == base_url]
    for webhook in ours:
        await client.patch(f"/webhooks/{webhook['id']}", {"webhook_secret": secret})
    if not ours:
        await client.post("/webhooks", {"webhook": {"url": base_url, "webhook_secret": secret}})
    topics = tuple(STREAM_OF_TOPIC)
    return SubscriptionChange(kept=topics) if ours else SubscriptionChange(created=topics)

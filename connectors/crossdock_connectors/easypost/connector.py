"""The connector: its roles, each in a module of its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import ClassVar

from pydantic import BaseModel

from crossdock.sdk.checks import check_each
from crossdock.sdk.connector import (
    CheckReport,
    Command,
    Cursor,
    Limits,
    Page,
    RawRecord,
    RawRequest,
    Refused,
    SubscriptionChange,
    Verified,
)
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.outcomes import Outcome
from crossdock.sdk.services import Services
from crossdock_connectors.easypost import labels, tracking, webhooks
from crossdock_connectors.easypost.client import EasyPostClient
from crossdock_connectors.easypost.config import EasyPostConfig
from crossdock_connectors.easypost.manifest import MANIFEST

__all__ = ["EasyPost"]


class EasyPost:
    """One account: shops rates, buys and refunds labels, follows trackers."""

    Config: ClassVar[type[BaseModel]] = EasyPostConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the configuration and the services; no I/O."""
        self._config = EasyPostConfig.model_validate(config)
        self._client = EasyPostClient(self._config, services)

    async def check(self) -> CheckReport:
        """Read one shipment, one tracker and the webhooks."""
        read = self._client.get
        shipments = partial(read, "/shipments", {"page_size": "1"}, "shipments")
        return await check_each(
            {
                "trackers": partial(read, "/trackers", {"page_size": "1"}, "trackers"),
                "tracker_hook": self._check_webhooks,
                **dict.fromkeys(MANIFEST.commands, shipments),
            }
        )

    async def _check_webhooks(self) -> None:
        if self._config.webhook_secret is None:
            raise MisconfiguredError(
                "webhooks are refused until `webhook_secret` is set; without them parcels are followed by polling only",
                path="webhook_secret",
            )
        for webhook in (await self._client.get("/webhooks", wanted="webhooks")).node["webhooks"]:
            if webhook["disabled_at"]:
                raise MisconfiguredError(
                    f"EasyPost has disabled the webhook to {webhook['url']} after failures: see that it can be "
                    "reached; subscribing again enables it"
                )

    def poll(self, stream: str, cursor: Cursor | None, limits: Limits) -> AsyncIterator[Page]:
        """Trackers that changed since ``cursor``."""
        return tracking.poll(self._client, stream, cursor, limits)

    def verify(self, request: RawRequest) -> Verified | Refused:
        """Whether a webhook is EasyPost's and of our mode."""
        return webhooks.verify(self._config, request)

    def split(self, request: RawRequest) -> Sequence[RawRecord]:
        """The tracker's event, if it is one."""
        return webhooks.split(request)

    async def ensure_subscriptions(self, base_url: str) -> SubscriptionChange:
        """Subscribe ``base_url``."""
        return await webhooks.ensure_subscriptions(self._client, base_url)

    async def execute(self, command: Command, key: str) -> Outcome:
        """Shop rates, buy a label, ask for its refund."""
        return await labels.execute(self._client, command, key)

    async def probe(self, command: Command, key: str) -> Outcome:
        """Whether it happened."""
        return await labels.probe(self._client, command, key)

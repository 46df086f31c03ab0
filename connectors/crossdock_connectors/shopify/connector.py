"""The connector: its roles, each in a module of its name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from pydantic import BaseModel

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
from crossdock.sdk.outcomes import Outcome
from crossdock.sdk.services import Services
from crossdock_connectors.shopify import checks, commands, polls, webhooks
from crossdock_connectors.shopify.client import ShopifyClient
from crossdock_connectors.shopify.config import ShopifyConfig

__all__ = ["Shopify"]


class Shopify:
    """One shop: polls and receives orders, executes confirmations, stock levels and cancellations."""

    Config: ClassVar[type[BaseModel]] = ShopifyConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the configuration and the services; no I/O."""
        self._config = ShopifyConfig.model_validate(config)
        self._client = ShopifyClient(self._config, services)

    async def check(self) -> CheckReport:
        """Shop, scopes and locations."""
        return await checks.check(self._client)

    def poll(self, stream: str, cursor: Cursor | None, limits: Limits) -> AsyncIterator[Page]:
        """What changed since ``cursor``."""
        return polls.poll(self._client, stream, cursor, limits)

    def verify(self, request: RawRequest) -> Verified | Refused:
        """Whether a webhook is the shop's, and of a topic that is read here."""
        return webhooks.verify(self._config, request)

    def split(self, request: RawRequest) -> Sequence[RawRecord]:
        """The one record of a webhook."""
        return webhooks.split(request)

    async def ensure_subscriptions(self, base_url: str) -> SubscriptionChange:
        """Subscribe ``base_url`` to the topics that are read here."""
        return await webhooks.ensure_subscriptions(self._client, base_url)

    async def execute(self, command: Command, key: str) -> Outcome:
        """Confirm a shipment, publish stock, cancel an order."""
        return await commands.execute(self._client, command, key)

    async def probe(self, command: Command, key: str) -> Outcome:
        """Whether it happened."""
        return await commands.probe(self._client, command, key)

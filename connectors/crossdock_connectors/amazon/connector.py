"""The connector: its roles, each in a module of its name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import ClassVar

from pydantic import BaseModel

from crossdock.sdk.connector import CheckReport, Command, Cursor, Limits, Page
from crossdock.sdk.outcomes import Outcome
from crossdock.sdk.services import Services
from crossdock_connectors.amazon import checks, commands, polls
from crossdock_connectors.amazon.client import AmazonClient
from crossdock_connectors.amazon.config import AmazonConfig

__all__ = ["Amazon"]


class Amazon:
    """One seller in one region: polls orders, confirms shipments, publishes stock."""

    Config: ClassVar[type[BaseModel]] = AmazonConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the configuration and the services; no I/O."""
        self._client = AmazonClient(AmazonConfig.model_validate(config), services)

    async def check(self) -> CheckReport:
        """Orders, packages and listings."""
        return await checks.check(self._client)

    def poll(self, stream: str, cursor: Cursor | None, limits: Limits) -> AsyncIterator[Page]:
        """What changed since ``cursor``."""
        return polls.poll(self._client, stream, cursor, limits)

    async def execute(self, command: Command, key: str) -> Outcome:
        """Confirm a shipment, publish stock."""
        return await commands.execute(self._client, command, key)

    async def probe(self, command: Command, key: str) -> Outcome:
        """Whether it happened."""
        return await commands.probe(self._client, command, key)

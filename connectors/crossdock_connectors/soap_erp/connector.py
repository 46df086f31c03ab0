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
    RawResponse,
    Refused,
    SubscriptionChange,
    Verified,
)
from crossdock.sdk.errors import RecordRejectedError
from crossdock.sdk.outcomes import Outcome
from crossdock.sdk.services import Services
from crossdock_connectors.soap_erp import checks, commands, polls, receiving
from crossdock_connectors.soap_erp.client import SoapErpClient
from crossdock_connectors.soap_erp.config import SoapErpConfig

__all__ = ["SoapErp"]


class SoapErp:
    """One ERP: posts orders and invoices; polls, and is sent, items, stock and orders."""

    Config: ClassVar[type[BaseModel]] = SoapErpConfig

    def __init__(self, config: BaseModel, services: Services) -> None:
        """Keep the configuration and the services; no I/O."""
        self._config = SoapErpConfig.model_validate(config)
        self._client = SoapErpClient(self._config, services)

    async def check(self) -> CheckReport:
        """Profile, WSDL, credentials and each stream."""
        return await checks.check(self._client)

    def poll(self, stream: str, cursor: Cursor | None, limits: Limits) -> AsyncIterator[Page]:
        """What changed since ``cursor``."""
        return polls.poll(self._client, stream, cursor, limits)

    def verify(self, request: RawRequest) -> Verified | Refused:
        """Whether a call is the ERP's, and of an operation that we have."""
        return receiving.verify(self._config, request)

    def split(self, request: RawRequest) -> Sequence[RawRecord]:
        """The orders, cancellations, products or the stock feed of a call."""
        return receiving.split(request)

    def answer(self, request: RawRequest, problem: Refused | RecordRejectedError | None) -> RawResponse:
        """A SOAP response with our reference, or a fault that says what is wrong."""
        return receiving.answer(request, problem)

    async def ensure_subscriptions(self, base_url: str) -> SubscriptionChange:
        """Nothing to do: the ERP's people import our WSDL and enter the address."""
        return SubscriptionChange()

    async def execute(self, command: Command, key: str) -> Outcome:
        """Post a document."""
        return await commands.execute(self._client, command, key)

    async def probe(self, command: Command, key: str) -> Outcome:
        """Whether it was posted."""
        return await commands.probe(self._client, command, key)

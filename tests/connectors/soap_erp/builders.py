"""Shorthands: connect, run, post, map, validate."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime
from decimal import Decimal
from functools import cached_property
from itertools import count
from typing import Any, TypeVar

import httpx

from crossdock.sdk.assembly import Assembly
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Check, Command, Cursor, Limits, Page
from crossdock.sdk.http import HttpSettings
from crossdock.sdk.outcomes import Outcome
from crossdock_connectors.soap_erp import CONNECTOR
from crossdock_connectors.soap_erp.client import SoapErpClient
from crossdock_connectors.soap_erp.config import SoapErpConfig
from crossdock_connectors.soap_erp.connector import SoapErp
from tests.connectors.hub import assembled, canonical, decode, library

__all__ = [
    "NOW",
    "PLAIN",
    "POSTING",
    "PURCHASE",
    "Erp",
    "canonical",
    "close_all",
    "command",
    "decode",
    "library",
    "purchase",
]

_T = TypeVar("_T")
_connections = count()
NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
PLAIN: dict[str, Any] = {
    "profile": "plain_erp", "endpoint": "http://127.0.0.1:9/erp", "username": "hub", "password": "erp-secret",
}  # fmt: skip
POSTING: dict[str, Any] = {
    "external_id": "S-1", "kind": "invoice", "order": "O-1", "order_number": "#1001", "channel": "shop",
    "posted_at": "2026-11-23T10:00:00Z", "currency": "USD", "node": "dc-east", "shipment": "S-1",
    "tracking_numbers": ["1Z1", "1Z2"], "purchase_order": "PO-77",
    "buyer": {"name": "Ada Lovelace", "email": "ada@example.com"},
    "ship_to": {"name": "Ada Lovelace", "lines": ["1 Main St", "Apt 2"], "city": "Chicago", "region": "IL",
                "postal_code": "60601", "country": "US"},
    "lines": [
        {"order_line": "L1", "sku": "01234", "quantity": 2, "name": "Tent",
         "unit_price": {"amount": Decimal("19.90"), "currency": "USD"},
         "net": {"amount": Decimal("39.80"), "currency": "USD"},
         "discounts": [{"code": "X", "amount": {"amount": Decimal("1.00"), "currency": "USD"}}],
         "taxes": [{"title": "IL", "amount": {"amount": Decimal("3.98"), "currency": "USD"}, "rate": Decimal("0.1")}]},
    ],
}  # fmt: skip


PURCHASE: dict[str, Any] = {
    "external_id": "P-1", "status": "ordered", "node": "acme", "fulfilment_order": "F-1", "order": "O-1",
    "order_number": "#1001", "channel": "shop", "ordered_at": "2026-11-23T10:00:00Z", "currency": "USD",
    "ship_by": "2026-11-25T05:00:00Z", "deliver_by": "2026-11-28T05:00:00Z", "ship_to": POSTING["ship_to"],
    "lines": [
        {"number": 1, "fulfilment_line": "F-1-1", "order_line": "L1", "sku": "01234", "quantity": 2, "name": "Tent",
         "unit_cost": {"amount": Decimal("12.50"), "currency": "USD"}},
        {"number": 2, "fulfilment_line": "F-1-2", "order_line": "L2", "sku": "05678", "quantity": 1},
    ],
}  # fmt: skip


class Erp:
    """A connection with its own event loop; ``close_all`` ends those that were opened."""

    def __init__(self, config: dict[str, Any], transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.config, self.transport, self.clock = config, transport, ManualClock(NOW)

    @cached_property
    def _opened(self) -> tuple[asyncio.Runner, Assembly, SoapErpConfig]:
        _OPEN.append(self)
        model = SoapErpConfig.model_validate(self.config)
        assembly = assembled(
            CONNECTOR.manifest, model, self.clock, connection=f"erp-{next(_connections)}",
            transport=self.transport, settings=HttpSettings(timeout_seconds=5),
        )  # fmt: skip
        return asyncio.Runner(), assembly, model

    @cached_property
    def connector(self) -> SoapErp:
        return SoapErp(self._opened[2], self._opened[1].services)

    @cached_property
    def client(self) -> SoapErpClient:
        return SoapErpClient(self._opened[2], self._opened[1].services)

    def run(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return self._opened[0].run(coroutine)

    def close(self) -> None:
        runner, assembly, _ = self._opened
        runner.run(assembly.close())
        runner.close()

    def execute(self, command: Command) -> Outcome:
        return self.run(self.connector.execute(command, "key"))

    def probe(self, command: Command) -> Outcome:
        return self.run(self.connector.probe(command, "key"))

    def check(self) -> dict[str, Check]:
        return {check.capability: check for check in self.run(self.connector.check()).checks}

    def pages(self, stream: str, cursor: Cursor | None = None, limits: Limits | None = None) -> list[Page]:
        async def polled() -> list[Page]:
            return [page async for page in self.connector.poll(stream, cursor, limits or Limits())]

        return self.run(polled())


_OPEN: list[Erp] = []


def close_all() -> None:
    while _OPEN:
        _OPEN.pop().close()


def command(name: str, mapping: str = "soap_erp/posting", **changes: Any) -> Command:
    """A posting as the hub hands it to the connector."""
    document = library().get(mapping).map({**POSTING, **changes}).document
    return Command(name=name, key="O-1", documents=(document,))


def purchase(
    mapping: str = "soap_erp/purchase_order", quantities: tuple[int, ...] = (2, 1), **changes: Any
) -> Command:
    """A purchase order as the hub hands it to the connector, ordered, changed or cancelled."""
    status = {**PURCHASE, **changes}["status"]
    name = {"ordered": "create", "changed": "change", "cancelled": "cancel"}[status]
    lines = [{**line, "quantity": units} for line, units in zip(PURCHASE["lines"], quantities, strict=True)]
    document = library().get(mapping).map({**PURCHASE, "lines": lines, **changes}).document
    return Command(name=f"purchase_order.{name}", key="O-1", documents=(document,))

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from crossdock.sdk.budgets import MemoryBudgetStore
from crossdock.sdk.clock import ManualClock
from crossdock_connectors.amazon import CONNECTOR
from crossdock_connectors.amazon.config import AmazonConfig
from crossdock_connectors.amazon.connector import Amazon
from tests.connectors.amazon.seller import Proxies, Seller, Wire, served
from tests.connectors.hub import assembled

Connect = Callable[..., Amazon]

CONFIG: dict[str, Any] = {
    "region": "eu",
    "seller_id": "A1EXAMPLESELLER",
    "marketplace_ids": ["A1PA6795UKMFR9"],
    "client_id": "amzn1.application-oa2-client.1",
    "client_secret": "hush",
    "refresh_token": "Atzr|good",
}


PRISM = [pytest.mark.server("node"), pytest.mark.xdist_group("prism")]
"""Prism reads the vendor's models for seconds: one worker does."""


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 23, 10, tzinfo=UTC))


@pytest.fixture
def seller(clock: ManualClock) -> Seller:
    return Seller(clock)


@pytest.fixture(scope="session")
def proxies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxies]:
    with served(tmp_path_factory.mktemp("prism")) as running:
        yield running


@pytest.fixture(params=["plain", pytest.param("prism", marks=PRISM)])
def wire(request: pytest.FixtureRequest, seller: Seller) -> Wire:
    """The way to the seller: straight, and through the vendor's models."""
    if request.param == "plain":
        return Wire(seller, seller.handle)
    running: Proxies = request.getfixturevalue("proxies")
    running.upstream[:] = [seller]
    return Wire(seller, running.carry)


@pytest.fixture
def budgets() -> MemoryBudgetStore:
    return MemoryBudgetStore()


@pytest.fixture
def connect(clock: ManualClock, wire: Wire, budgets: MemoryBudgetStore) -> Connect:
    """Make a connector of the seller: ``connect(orders_per_page=1)``."""

    def make(**changes: Any) -> Amazon:
        config = AmazonConfig.model_validate(CONFIG | changes)
        transport = httpx.MockTransport(wire.handle)
        assembly = assembled(CONNECTOR.manifest, config, clock, transport=transport, budgets=budgets)
        return Amazon(config, assembly.services)

    return make

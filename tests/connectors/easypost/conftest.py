from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from crossdock.sdk.clock import ManualClock
from crossdock.sdk.http import HttpSettings
from crossdock_connectors.easypost import CONNECTOR
from crossdock_connectors.easypost.config import EasyPostConfig
from crossdock_connectors.easypost.connector import EasyPost
from tests.connectors.easypost.account import Account, served
from tests.connectors.hub import assembled

Connect = Callable[..., EasyPost]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 23, 10, tzinfo=UTC))


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def address(account: Account) -> Iterator[str]:
    with served(account) as base:
        yield base


@pytest.fixture
def connect(clock: ManualClock) -> Connect:
    """Make a connector: ``connect(base_url=address, services={...})``; without an address it is EasyPost's."""

    def make(attempt_seconds: float = 30, **changes: Any) -> EasyPost:
        config = EasyPostConfig.model_validate({"api_key": "EZTKgood", "mode": "test", **changes})
        settings = HttpSettings(attempt_seconds=attempt_seconds)
        assembly = assembled(CONNECTOR.manifest, config, clock, connection="carrier", settings=settings)
        return EasyPost(config, assembly.services)

    return make

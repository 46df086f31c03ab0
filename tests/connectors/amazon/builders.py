"""Shorthands: map orders and validate what comes out, poll."""

from __future__ import annotations

from typing import Any

from crossdock.sdk.connector import Cursor, Limits, Page
from crossdock_connectors.amazon.connector import Amazon
from crossdock_schemas.order import Order
from tests.connectors import hub
from tests.connectors.amazon.seller import FIXTURES
from tests.connectors.hub import decode, library, outbound, run

__all__ = ["decode", "fixture", "library", "order_of", "orders_of", "outbound", "pages", "run"]


def fixture() -> Any:
    return decode((FIXTURES / "order.json").read_text())


def orders_of(*orders: Any) -> list[Order]:
    """What the hub makes of orders as they came."""
    documents = library().get("amazon/order").map({"orders": list(orders), "_hub": {}}).documents
    return [Order.model_validate(document) for document in documents]


def order_of(order: Any) -> Order:
    (made,) = orders_of(order)
    return made


def pages(connector: Amazon, cursor: Cursor | None = None, limits: Limits | None = None) -> list[Page]:
    return hub.pages(connector, "orders", cursor, limits)

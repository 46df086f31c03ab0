"""Shorthands: map a document and validate what comes out, look at what the shop was asked."""

from __future__ import annotations

from typing import Any

from crossdock_schemas.order import Order
from tests.connectors.hub import canonical, decode, library, outbound, pages, run
from tests.connectors.shopify.shop import Shop

__all__ = ["canonical", "decode", "library", "operations", "order_of", "outbound", "pages", "run"]


def order_of(mapping: str, document: Any) -> Order:
    made = canonical(mapping, document)
    assert isinstance(made, Order)
    return made


def operations(shop: Shop, name: str) -> list[dict[str, Any]]:
    """The variables of each request of an operation."""
    return [variables for operation, variables in shop.requests if operation == name]

"""Canonical documents with defaults, for tests."""

from __future__ import annotations

from decimal import Decimal
from typing import Any


def money(amount: str, currency: str = "USD") -> dict[str, Any]:
    return {"amount": Decimal(amount), "currency": currency}


def an_address(**changes: Any) -> dict[str, Any]:
    address = {
        "name": "Ada Lovelace",
        "lines": ("12 Analytical Way",),
        "city": "Chicago",
        "region": "IL",
        "postal_code": "60601",
        "country": "US",
    }
    return address | changes


def a_line(external_id: str = "1", sku: str = "SKU-1", quantity: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "external_id": external_id,
        "sku": sku,
        "quantity": quantity,
        "unit_price": money("10.00"),
    } | changes


def an_order(**changes: Any) -> dict[str, Any]:
    order = {
        "external_id": "1001",
        "version": "2026-11-23T10:00:00Z",
        "placed_at": "2026-11-23T10:00:00Z",
        "currency": "USD",
        "destinations": ({"id": "1", "address": an_address()},),
        "lines": (a_line(),),
    }
    return order | changes

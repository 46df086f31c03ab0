"""The topics, each with what its key is (see docs/architecture.md)."""

from __future__ import annotations

__all__ = [
    "EVENTS",
    "FULFILMENT",
    "ORDERS",
    "OUTCOMES",
    "PRODUCTS",
    "RATES",
    "RAW",
    "RETURNS",
    "STOCK",
    "TOPICS",
    "TRACKING",
]

RAW = "raw"
"""Key: connection / external id. From pollers, webhooks, file drops to ``normalise``."""
ORDERS = "orders"
"""Key: connection / external order id. Orders, cancellations, re-route requests."""
STOCK = "stock"
"""Key: node. Feeds and movements."""
FULFILMENT = "fulfilment"
"""Key: fulfilment order id. Responses and shipments of the nodes."""
TRACKING = "tracking"
"""Key: carrier / tracking number."""
RETURNS = "returns"
"""Key: return id."""
PRODUCTS = "products"
"""Key: SKU."""
RATES = "rates"
"""Key: carrier."""
OUTCOMES = "outcomes"
"""Key: connection / order key. What became of the commands."""
EVENTS = "events"
"""Key: canonical id. For outbound webhooks, read models, anyone."""

TOPICS = (RAW, ORDERS, STOCK, FULFILMENT, TRACKING, RETURNS, PRODUCTS, RATES, OUTCOMES, EVENTS)

"""The GraphQL documents, each a file of ``graphql/`` with the fragments it needs.

Tests validate every one against each version of the vendor's schema.
"""

from __future__ import annotations

from importlib.resources import files

__all__ = [
    "CANCEL",
    "CANCEL_LINES",
    "CHECK",
    "FULFIL",
    "FULFILMENTS",
    "FULFILMENT_ORDERS",
    "FULFILMENT_ORDER_LINES",
    "INVENTORY_ITEMS",
    "LOCATIONS",
    "MOVE",
    "ORDERS",
    "ORDER_FULFILMENT_ORDERS",
    "ORDER_LINES",
    "PRODUCTS",
    "PUBLISH_STOCK",
    "REFUNDS",
    "SUBSCRIBE",
    "SUBSCRIPTIONS",
    "SUGGESTED_REFUND",
    "UNSUBSCRIBE",
]


def _document(*names: str) -> str:
    folder = files("crossdock_connectors.shopify") / "graphql"
    return "\n".join((folder / f"{name}.graphql").read_text(encoding="utf-8") for name in names)


_FULFILMENT_ORDER = ("fulfilment_order_fields", "fulfilment_order_line_fields")
_ORDER = ("order_fields", "line_fields", *_FULFILMENT_ORDER)

ORDERS = _document("orders", *_ORDER)
FULFILMENT_ORDERS = _document("fulfilment_orders", *_ORDER)
ORDER_LINES = _document("order_lines", "line_fields")
ORDER_FULFILMENT_ORDERS = _document("order_fulfilment_orders", *_FULFILMENT_ORDER)
FULFILMENT_ORDER_LINES = _document("fulfilment_order_lines", "fulfilment_order_line_fields")
PRODUCTS = _document("products")
CHECK = _document("check")
LOCATIONS = _document("locations")
SUBSCRIPTIONS = _document("subscriptions")
SUBSCRIBE = _document("subscribe")
UNSUBSCRIBE = _document("unsubscribe")
FULFILMENTS = _document("fulfilments")
FULFIL = _document("fulfil")
INVENTORY_ITEMS = _document("inventory_items")
PUBLISH_STOCK = _document("publish_stock")
MOVE = _document("move")
REFUNDS = _document("refunds")
SUGGESTED_REFUND = _document("suggested_refund")
CANCEL = _document("cancel")
CANCEL_LINES = _document("cancel_lines")

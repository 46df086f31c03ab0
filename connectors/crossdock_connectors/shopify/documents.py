"""The GraphQL documents, each a file of ``graphql/`` with the fragments it needs.

Tests validate every one against each version of the vendor's schema.
"""

from __future__ import annotations

from importlib.resources import files

__all__ = [
    "APPROVE_RETURN",
    "CANCEL",
    "CANCEL_LINES",
    "CHECK",
    "CLOSE_RETURN",
    "DECLINE_RETURN",
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
    "ORDER_RETURNS",
    "PREPARE_PICK_UP",
    "PROCESS_RETURN",
    "PRODUCTS",
    "PUBLISH_STOCK",
    "REFUNDS",
    "RETURNS",
    "RETURN_LINES",
    "RETURN_OUTCOME",
    "RETURN_PROGRESS",
    "RETURN_STATUS",
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
PREPARE_PICK_UP = _document("prepare_pick_up")
REFUNDS = _document("refunds")
SUGGESTED_REFUND = _document("suggested_refund")
CANCEL = _document("cancel")
CANCEL_LINES = _document("cancel_lines")
RETURNS = _document("returns", "return_fields", "return_line_fields")
ORDER_RETURNS = _document("order_returns", "return_fields", "return_line_fields")
RETURN_LINES = _document("return_lines", "return_line_fields")
RETURN_STATUS = _document("return_status")
RETURN_PROGRESS = _document("return_progress")
RETURN_OUTCOME = _document("return_outcome")
APPROVE_RETURN = _document("approve_return")
DECLINE_RETURN = _document("decline_return")
PROCESS_RETURN = _document("process_return")
CLOSE_RETURN = _document("close_return")

"""Shopify: orders, refunds and products in; shipments, stock and cancellations out."""

from crossdock.sdk.registry import plugin
from crossdock_connectors.shopify.connector import Shopify

__all__ = ["CONNECTOR"]

CONNECTOR = plugin(__name__, Shopify)

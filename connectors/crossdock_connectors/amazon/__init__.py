"""Amazon Selling Partner API: orders in; shipments and stock out."""

from crossdock.sdk.registry import plugin
from crossdock_connectors.amazon.connector import Amazon

__all__ = ["CONNECTOR"]

CONNECTOR = plugin(__name__, Amazon)

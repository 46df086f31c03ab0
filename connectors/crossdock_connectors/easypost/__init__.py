"""EasyPost: rates, labels, refunds and tracking of many carriers."""

from crossdock.sdk.registry import plugin
from crossdock_connectors.easypost.connector import EasyPost

__all__ = ["CONNECTOR"]

CONNECTOR = plugin(__name__, EasyPost)

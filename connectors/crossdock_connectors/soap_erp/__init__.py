"""ERPs that speak SOAP: postings out; items, stock and orders in, asked for or sent to us."""

from crossdock.sdk.registry import plugin
from crossdock_connectors.soap_erp.connector import SoapErp

__all__ = ["CONNECTOR"]

CONNECTOR = plugin(__name__, SoapErp)

"""A carrier without an API: prices from a tariff sheet, tracking numbers of our own."""

from crossdock.sdk.registry import plugin
from crossdock_connectors.rate_card.connector import RateCardCarrier

__all__ = ["CONNECTOR"]

CONNECTOR = plugin(__name__, RateCardCarrier)

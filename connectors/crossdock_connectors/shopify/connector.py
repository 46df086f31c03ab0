"""The connector: a client whose roles are the functions of a module each."""

from __future__ import annotations

from crossdock.sdk.connector import RawRequest, Refused, Verified
from crossdock_connectors.shopify import checks, commands, polls, webhooks
from crossdock_connectors.shopify.client import ShopifyClient

__all__ = ["Shopify"]


class Shopify(ShopifyClient):
    """One shop: polls and receives orders, executes confirmations, stock levels and cancellations."""

    check = checks.check
    poll = polls.poll
    split = staticmethod(webhooks.split)
    ensure_subscriptions = webhooks.ensure_subscriptions
    execute = commands.execute
    probe = commands.probe

    def verify(self, request: RawRequest) -> Verified | Refused:
        """Whether a webhook is the shop's, and of a topic that is read here."""
        return webhooks.verify(self.config, request)

"""The connector: a client whose roles are the functions of a module each."""

from __future__ import annotations

from functools import partial

from crossdock.sdk.checks import check_each
from crossdock.sdk.connector import CheckReport, RawRequest, Refused, Verified
from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.easypost import labels, tracking, webhooks
from crossdock_connectors.easypost.client import EasyPostClient
from crossdock_connectors.easypost.manifest import MANIFEST

__all__ = ["EasyPost"]


class EasyPost(EasyPostClient):
    """One account: shops rates, buys and refunds labels, follows trackers."""

    poll = tracking.poll
    split = staticmethod(webhooks.split)
    ensure_subscriptions = webhooks.ensure_subscriptions
    execute = labels.execute
    probe = labels.probe

    def verify(self, request: RawRequest) -> Verified | Refused:
        """Whether a webhook is EasyPost's and of our mode."""
        return webhooks.verify(self.config, request)

    async def check(self) -> CheckReport:
        """Read one shipment, one tracker and the webhooks."""
        read = self.get
        shipments = partial(read, "/shipments", {"page_size": "1"}, "shipments")
        return await check_each(
            {
                "trackers": partial(read, "/trackers", {"page_size": "1"}, "trackers"),
                "tracker_hook": self._check_webhooks,
                **dict.fromkeys(MANIFEST.commands, shipments),
            }
        )

    async def _check_webhooks(self) -> None:
        if self.config.webhook_secret is None:
            raise MisconfiguredError(
                "webhooks are refused until `webhook_secret` is set; without them parcels are followed by polling only",
                path="webhook_secret",
            )
        for webhook in (await self.get("/webhooks", wanted="webhooks")).node["webhooks"]:
            if webhook["disabled_at"]:
                raise MisconfiguredError(
                    f"EasyPost has disabled the webhook to {webhook['url']} after failures: see that it can be "
                    "reached; subscribing again enables it"
                )

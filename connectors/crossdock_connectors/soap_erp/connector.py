"""The connector: a client whose roles are the functions of a module each."""

from __future__ import annotations

from crossdock.sdk.connector import RawRequest, Refused, SubscriptionChange, Verified
from crossdock_connectors.soap_erp import checks, commands, polls, receiving
from crossdock_connectors.soap_erp.client import SoapErpClient

__all__ = ["SoapErp"]


class SoapErp(SoapErpClient):
    """One ERP: posts orders and invoices; polls, and is sent, items, stock and orders."""

    check = checks.check
    poll = polls.poll
    split = staticmethod(receiving.split)
    answer = staticmethod(receiving.answer)
    execute = commands.execute
    probe = commands.probe

    def verify(self, request: RawRequest) -> Verified | Refused:
        """Whether a call is the ERP's, and of an operation that we have."""
        return receiving.verify(self.config, request)

    async def ensure_subscriptions(self, base_url: str) -> SubscriptionChange:
        """Nothing to do: the ERP's people import our WSDL and enter the address."""
        return SubscriptionChange()

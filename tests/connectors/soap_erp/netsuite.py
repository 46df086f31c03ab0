"""Connections to NetSuite: to node-soap on the vendor's WSDL, or to answers that NetSuite really gave."""

from __future__ import annotations

from typing import Any

import httpx

from crossdock.sdk.connector import Command
from tests.connectors.soap_erp.builders import Erp, command
from tests.servers.node import contract

__all__ = ["CLIENT", "RECORDED", "SECRETS", "account", "netsuite", "netsuite_config", "post", "received"]

# one for all: reading the certificates of authorities takes longer than a call
CLIENT = httpx.Client(trust_env=False, verify=False)
PATH = "/services/NetSuitePort_2023_2"
SECRETS = {
    "consumer_key": "ck",
    "consumer_secret": "cs/secret",
    "token_id": "token&id",
    "token_secret": "ts secret",
}


class Recorded:
    """Answers with the bodies it was given, in turn."""

    bodies: list[bytes]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(
            200, content=self.bodies.pop(0), headers={"content-type": "text/xml; charset=utf-8"}
        )


RECORDED = Recorded()
_known: dict[str, Erp] = {}


def netsuite(address: str, **changes: Any) -> Erp:
    """A connection; one for each configuration."""
    config = netsuite_config(address, **changes)
    transport = httpx.MockTransport(RECORDED) if address == "https://erp.test" else None
    return _known.setdefault(str(config), Erp(config, transport))


def netsuite_config(address: str, **changes: Any) -> dict[str, Any]:
    return {
        "profile": "netsuite",
        "wsdl": str(contract("netsuite", "wsdl", "netsuite.wsdl")),
        "endpoint": address + PATH,
        "settings": {"account": "1234567_SB1"},
        "tables": {"customers": {"default": "77"}},
        "secrets": SECRETS,
        "nodes": {"1": "dc-east", "2": "dc-west"},
    } | changes


def account(address: str) -> dict[str, Any]:
    answer: dict[str, Any] = CLIENT.get(address).json()
    return answer


def post(kind: str, **changes: Any) -> Command:
    name = f"{kind}.post" if kind in ("sales_order", "credit_note") else "invoice.post"
    mapping = "item_fulfilment" if kind == "item_fulfilment" else "transaction"
    kinds = {"kind": kind if kind in ("sales_order", "credit_note") else "invoice"}
    return command(name, f"soap_erp/netsuite/{mapping}", **(kinds | changes))


def received(address: str, operation: str = "add") -> Any:
    """The arguments of the last call of an operation."""
    calls = [each["args"] for each in account(address)["received"] if each["name"] == operation]
    return calls[-1]

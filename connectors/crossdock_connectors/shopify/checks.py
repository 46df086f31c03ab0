"""``check``: for each stream and command, whether it would work. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from crossdock.sdk.checks import verdict_of
from crossdock.sdk.connector import Check, CheckReport, Verdict
from crossdock.sdk.errors import CrossdockError
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.client import Node, ShopifyClient
from crossdock_connectors.shopify.manifest import MANIFEST

__all__ = ["SCOPES", "check"]

_FULFILMENT: Final = "merchant_managed_fulfillment_orders"
_READ_ORDERS: Final = ("read_orders", "read_products", "read_inventory", f"read_{_FULFILMENT}")

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": _READ_ORDERS,
    "fulfilment_orders": _READ_ORDERS,
    "products": ("read_products", "read_inventory"),
    "returns": ("read_orders", "read_returns"),
    "orders_hook": ("read_orders",),
    "refunds_hook": ("read_orders",),
    "returns_hook": ("read_returns",),
    "order_changes_hook": ("read_orders",),
    "fulfilment_order_changes_hook": (f"read_{_FULFILMENT}",),
    "shipment.confirm": (*_READ_ORDERS, f"write_{_FULFILMENT}"),
    "pick_up.ready": (*_READ_ORDERS, f"write_{_FULFILMENT}"),
    "stock.publish": ("read_inventory", "write_inventory", "read_locations"),
    "order.cancel": ("write_orders",),
    "return.authorise": ("write_returns",),
    "return.decline": ("write_returns",),
    "return.refund": ("write_orders", "write_returns"),
    "return.close": ("write_returns",),
}
"""What each stream and command needs."""


async def check(client: ShopifyClient) -> CheckReport:
    """Look at the shop, the granted scopes and the configured locations."""
    capabilities = [*MANIFEST.streams, *MANIFEST.commands]
    try:
        data = await client.query(documents.CHECK)
    except CrossdockError as error:
        verdict = verdict_of(error)
        return CheckReport(tuple(Check(capability, verdict, error.message) for capability in capabilities))
    granted = _granted(data)
    checks = [_shop(client, data["shop"]), *(_scopes(capability, granted) for capability in capabilities)]
    try:
        checks.append(await _locations(client))
    except CrossdockError as error:
        checks.append(Check("locations", verdict_of(error), error.message))
    return CheckReport(tuple(checks))


def _granted(data: Node) -> set[str]:
    """The scopes of the app; a write scope includes the read scope, which Shopify then need not list."""
    handles = {scope["handle"] for scope in data["currentAppInstallation"]["accessScopes"]}
    return handles | {handle.replace("write_", "read_", 1) for handle in handles}


def _scopes(capability: str, granted: set[str]) -> Check:
    missing = [scope for scope in SCOPES[capability] if scope not in granted]
    if not missing:
        return Check(capability, Verdict.OK)
    remedy = "add it to the app's scopes and install the new version in the shop"
    return Check(capability, Verdict.FORBIDDEN, f"the app lacks {', '.join(missing)}: {remedy}")


def _shop(client: ShopifyClient, shop: Node) -> Check:
    if shop["myshopifyDomain"] == client.config.domain:
        return Check("shop", Verdict.OK, f"{shop['name']}, books in {shop['currencyCode']}")
    return Check(
        "shop",
        Verdict.MISCONFIGURED,
        f"the token is of {shop['myshopifyDomain']}, not of {client.config.domain}: correct `shop` or the "
        "credentials",
    )


async def _locations(client: ShopifyClient) -> Check:
    """Whether the configured locations are there and active."""
    there: dict[str, Node] = {}
    async for connection in client.pages(documents.LOCATIONS):
        there.update({location["id"]: location for location in connection["nodes"]})
    problems = list(_problems(client, there))
    if not problems:
        return Check("locations", Verdict.OK)
    known = ", ".join(f"{one['name']} ({gid})" for gid, one in there.items() if one["isActive"])
    return Check("locations", Verdict.MISCONFIGURED, f"{'; '.join(problems)}. Active are: {known or 'none'}")


def _problems(client: ShopifyClient, there: Mapping[str, Node]) -> Iterator[str]:
    configured = {f"locations.{node}": gid for node, gid in client.config.locations.items()}
    if client.config.default_location:
        configured["default_location"] = client.config.default_location
    for path, gid in configured.items():
        if gid not in there:
            yield f"`{path}` is {gid}, which the shop does not have"
        elif not there[gid]["isActive"]:
            yield f"`{path}` is {there[gid]['name']}, which is deactivated"

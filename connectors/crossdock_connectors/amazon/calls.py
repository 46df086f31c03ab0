"""The operations of the Selling Partner API that we use, as requests; no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import quote

__all__ = [
    "ORDER_DATA",
    "Call",
    "confirm_shipment",
    "get_order",
    "instant_text",
    "patch_listing",
    "search_listings",
    "search_orders",
]

ORDER_DATA: Final = (
    "BUYER",
    "RECIPIENT",
    "PROCEEDS",
    "EXPENSE",
    "PROMOTION",
    "CANCELLATION",
    "FULFILLMENT",
    "PACKAGES",
    "TAX",
    "PAYMENT",
)
"""The parts of an order that ``amazon/order`` reads; what the app's roles do not permit is left out by Amazon."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request; ``safe`` says that repeating it has no second effect."""

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: object | None = None
    safe: bool = True


def instant_text(instant: datetime) -> str:
    """An instant in UTC as Amazon writes it."""
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")


def search_orders(
    after: str,
    *,
    marketplace_ids: Iterable[str],
    included_data: Iterable[str],
    pagination_token: str | None = None,
    fulfilled_by: str | None = None,
    max_results: int | None = None,
    by_creation: bool = False,
) -> Call:
    """searchOrders (2026-01-01): orders changed, or ``by_creation`` placed, at or after an instant in ISO 8601.

    A page further on is asked for with all the arguments of the first one and its token.
    """
    optional = {
        "marketplaceIds": _listed(marketplace_ids),
        "fulfilledBy": fulfilled_by,
        "maxResultsPerPage": None if max_results is None else str(max_results),
        "includedData": _listed(included_data),
        "paginationToken": pagination_token,
    }
    params = {"createdAfter" if by_creation else "lastUpdatedAfter": after}
    params |= {name: value for name, value in optional.items() if value}
    return Call("GET", "/orders/2026-01-01/orders", params)


def get_order(order_id: str, included_data: Iterable[str] = ()) -> Call:
    """getOrder (2026-01-01)."""
    listed = _listed(included_data)
    params = {"includedData": listed} if listed else {}
    return Call("GET", f"/orders/2026-01-01/orders/{quote(order_id, safe='')}", params)


def confirm_shipment(order_id: str, marketplace_id: str, package: Mapping[str, object]) -> Call:
    """confirmShipment (v0, which stays when its order reads go): one package of an order has left."""
    return Call(
        "POST",
        f"/orders/v0/orders/{quote(order_id, safe='')}/shipmentConfirmation",
        json={"marketplaceId": marketplace_id, "packageDetail": package},
        safe=False,
    )


def patch_listing(
    seller_id: str,
    sku: str,
    *,
    marketplace_ids: Iterable[str],
    body: Mapping[str, object],
    included_data: Iterable[str] = (),
    mode: str | None = None,
) -> Call:
    """patchListingsItem (2021-08-01); the same patch twice leaves the same listing."""
    optional = {"includedData": _listed(included_data), "mode": mode}
    params = {"marketplaceIds": _listed(marketplace_ids)}
    params |= {name: value for name, value in optional.items() if value}
    return Call(
        "PATCH", f"/listings/2021-08-01/items/{quote(seller_id, safe='')}/{quote(sku, safe='')}", params, body
    )


def search_listings(seller_id: str, *, marketplace_ids: Iterable[str], page_size: int) -> Call:
    """searchListingsItems (2021-08-01)."""
    params = {"marketplaceIds": _listed(marketplace_ids), "pageSize": str(page_size)}
    return Call("GET", f"/listings/2021-08-01/items/{quote(seller_id, safe='')}", params)


def _listed(values: Iterable[str]) -> str:
    """A list in a query, which Swagger 2.0 joins by commas where nothing else is said."""
    return ",".join(values)

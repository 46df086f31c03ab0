"""``stock.publish``: one mutation for a whole batch, with compare-and-set and an idempotency key."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

import msgspec

from crossdock.sdk.connector import Command
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.outcomes import Applied, Outcome, PartlyApplied, Rejected, Throttled
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.client import Node, ShopifyClient
from crossdock_connectors.shopify.flows import index_of, rejected

__all__ = ["publish_stock"]

_CONCURRENT_PAUSE: Final = timedelta(seconds=5)
_ATTEMPTS: Final = 3


async def publish_stock(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Set all levels in one mutation, which Shopify does wholly or not at all.

    What it refuses is left out, and the rest is sent again. A level that somebody else has changed since we
    last set it (CHANGE_FROM_QUANTITY_STALE) is to be retried: with the newest quantity, and with no previous
    one, since what we had is no longer true.
    """
    refused: dict[int, Rejected] = {}
    stale: set[int] = set()
    levels = await _levels(client, command, refused)
    ref, attempt = "", 0
    while levels:
        payload = await _set(client, list(levels.values()), key, attempt)
        errors: list[Node] = payload["userErrors"]
        if not errors:
            ref = (payload["inventoryAdjustmentGroup"] or {}).get("id", "unchanged")
            break
        codes = {error["code"] for error in errors}
        if "IDEMPOTENCY_CONCURRENT_REQUEST" in codes:
            return Throttled(client.clock.now() + _CONCURRENT_PAUSE)
        if "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED" in codes and attempt < _ATTEMPTS:
            attempt += 1
            continue
        numbers = list(levels)
        for error in errors:
            _leave_out(error, numbers, levels, refused, stale)
    return PartlyApplied(ref, refused, frozenset(stale)) if refused or stale else Applied(ref)


async def _set(client: ShopifyClient, quantities: list[Node], key: str, attempt: int) -> Node:
    # Shopify refuses a key that comes back with other quantities, so the content is part of it
    content = msgspec.json.encode([key, attempt, quantities])
    return await client.mutate(
        documents.PUBLISH_STOCK,
        {
            "input": {"name": "available", "reason": "correction", "quantities": quantities},
            "key": hashlib.sha256(content).hexdigest(),
        },
        repeatable=True,
    )


def _leave_out(
    error: Node, numbers: list[int], levels: dict[int, Node], refused: dict[int, Rejected], stale: set[int]
) -> None:
    """Take the document that ``error`` is about out of ``levels``; all of them where it names none."""
    index = index_of(error)
    for number in numbers if index is None else [numbers[index]]:
        levels.pop(number, None)
        if error["code"] == "CHANGE_FROM_QUANTITY_STALE":
            stale.add(number)
        else:
            refused[number] = rejected(error)


async def _levels(client: ShopifyClient, command: Command, refused: dict[int, Rejected]) -> dict[int, Node]:
    """The input for each document by its index; those of no known inventory item are ``refused``."""
    unknown = {str(document["sku"]) for document in command.documents if not document.get("inventoryItemId")}
    found = await _inventory_items(client, unknown) if unknown else {}
    levels: dict[int, Node] = {}
    for number, document in enumerate(command.documents):
        sku, item = str(document["sku"]), document.get("inventoryItemId")
        candidates = [str(item)] if item else found.get(sku, [])
        if len(candidates) == 1:
            levels[number] = {
                "inventoryItemId": candidates[0],
                "locationId": _location(client, document.get("locationId")),
                "quantity": document["quantity"],
                # null switches the comparison off, but from 2026-04 it has to be said
                "changeFromQuantity": document.get("changeFromQuantity"),
            }
        else:
            refused[number] = Rejected(
                "shopify.sku",
                f"the shop has {len(candidates)} inventory items of SKU {sku}; give it to one variant there",
                "sku",
            )
    return levels


def _location(client: ShopifyClient, named: object) -> str:
    if named is not None:
        return client.config.locations.get(str(named), str(named))
    if client.config.default_location is not None:
        return client.config.default_location
    raise MisconfiguredError(
        "stock can't be published without a location: set `default_location`", path="default_location"
    )


async def _inventory_items(client: ShopifyClient, skus: set[str]) -> dict[str, list[str]]:
    """The ids of the inventory items by SKU; Shopify's search also finds what is merely similar."""
    terms = " OR ".join("sku:" + _quoted(sku) for sku in sorted(skus))
    found: dict[str, list[str]] = {}
    async for connection in client.pages(documents.INVENTORY_ITEMS, query=terms):
        for item in connection["nodes"]:
            found.setdefault(item["sku"], []).append(item["id"])
    return found


def _quoted(text: str) -> str:
    """A term of Shopify's search syntax in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

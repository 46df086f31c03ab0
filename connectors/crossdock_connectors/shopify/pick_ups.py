"""``pick_up.ready``: the buyer is told that goods can be collected. Shopify knows this of whole fulfilment orders."""

from __future__ import annotations

from typing import Final

from crossdock.sdk.connector import Command
from crossdock.sdk.outcomes import AlreadyApplied, Applied, Outcome, Rejected
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.client import Node, ShopifyClient
from crossdock_connectors.shopify.flows import Item, items_of, no_order, order_id_of, rejected
from crossdock_connectors.shopify.polls import fulfilment_orders

__all__ = ["tell_ready"]

_OPEN: Final = frozenset({"OPEN", "IN_PROGRESS", "SCHEDULED"})
_PREPARED: Final = "NO_LINE_ITEMS_TO_PREPARE_FOR_FULFILLMENT_ORDER"
"""What Shopify says of a fulfilment order that is prepared already."""


async def tell_ready(client: ShopifyClient, command: Command, _key: str) -> Outcome:
    """Mark the pick-up of an order at its location as prepared; one that is, or is collected, stays as it is."""
    order_id = order_id_of(command)
    lines = client.config.lines_per_page
    data = await client.query(documents.ORDER_FULFILMENT_ORDERS, id=order_id, lines=lines, after=None)
    if data["node"] is None:
        return no_order(order_id)
    location = client.config.locations.get(str(command.document.get("location")))
    pick_ups = [
        one
        for one in await fulfilment_orders(client, order_id, data["node"]["page"])
        if (one["deliveryMethod"] or {}).get("methodType") == "PICK_UP"
        and location in (None, one["assignedLocation"]["location"]["id"])
    ]
    if not pick_ups:
        return Rejected(
            "shopify.no_pick_up", f"order {order_id} has no pick-up there: tell the buyer by hand"
        )
    waiting = [one for one in pick_ups if one["status"] in _OPEN and _left(one)]
    if missing := _missing(waiting, items_of(command.document)):
        return Rejected(
            "shopify.partly_ready",
            f"Shopify tells of whole pick-ups only, and {', '.join(missing)} is not ready: tell the buyer by hand",
        )
    parts = [{"fulfillmentOrderId": one["id"]} for one in waiting]
    if not parts:
        return AlreadyApplied(order_id)
    payload = await client.mutate(
        documents.PREPARE_PICK_UP, {"input": {"lineItemsByFulfillmentOrder": parts}}, repeatable=True
    )
    for error in payload["userErrors"]:
        return AlreadyApplied(order_id) if error["code"] == _PREPARED else rejected(error)
    return Applied(",".join(part["fulfillmentOrderId"] for part in parts))


def _left(one: Node) -> list[Node]:
    return [line for line in one["lineItems"]["nodes"] if line["remainingQuantity"]]


def _missing(waiting: list[Node], ready: list[Item]) -> list[str]:
    """SKUs of which more units wait for the buyer than are ready."""
    found = []
    left = {id(item): item.quantity for item in ready}
    for line in (line for one in waiting for line in _left(one)):
        needed = line["remainingQuantity"]
        for item in ready:
            if item.is_of({"id": line["lineItem"]["id"], "sku": line["sku"]}):
                taken = min(needed, left[id(item)])
                left[id(item)] -= taken
                needed -= taken
        if needed:
            found.append(line["sku"])
    return found

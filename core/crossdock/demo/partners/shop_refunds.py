"""Refunds at the shop: units that nobody ships are taken off an order."""

from __future__ import annotations

from collections.abc import MutableMapping

from crossdock.demo.partners.graphql_service import Fields
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.times import now_text

__all__ = ["refund_once"]


def refund_once(
    order: Fields, asked: Fields, key: str, keys: MutableMapping[str, tuple[str, Fields]], journal: Journal
) -> Fields:
    """The payload of ``refundCreate``; under a key that was used before the one that was given then."""
    if key not in keys:
        keys[key] = ("", _refund(order, asked))
        units = sum(line["quantity"] for line in asked["refundLineItems"])
        journal.note("shop", "cancelled", f"{units} units of {order['name']} cancelled: {asked['note']}")
    return keys[key][1]


def _refund(order: Fields, asked: Fields) -> Fields:
    """Take units off the lines of an order and of its fulfilment order."""
    (fulfilment_order,) = order["fulfillmentOrders"]["nodes"]
    open_lines = {line["lineItem"]["id"]: line for line in fulfilment_order["lineItems"]["nodes"]}
    for index, wanted in enumerate(asked["refundLineItems"]):
        if wanted["quantity"] > open_lines[wanted["lineItemId"]]["remainingQuantity"]:
            where = ["refundLineItems", str(index), "quantity"]
            said = "Quantity cannot refund more items than were purchased"
            return {"refund": None, "userErrors": [{"field": where, "message": said}]}
    for wanted in asked["refundLineItems"]:
        line = open_lines[wanted["lineItemId"]]
        line["remainingQuantity"] -= wanted["quantity"]
        order["currentSubtotalLineItemsQuantity"] -= wanted["quantity"]
        for counted in ("currentQuantity", "unfulfilledQuantity"):
            line["lineItem"][counted] -= wanted["quantity"]
    if not any(line["remainingQuantity"] for line in open_lines.values()):
        fulfilment_order["status"] = "CLOSED"
    order["updatedAt"] = fulfilment_order["updatedAt"] = now_text("seconds")
    made = {
        "id": f"gid://shopify/Refund/{order['id'].rpartition('/')[2]}{len(order['refunds'])}",
        "note": asked.get("note"),
    }
    order["refunds"].append(made)
    return {"refund": made, "userErrors": []}

"""``order.cancel``: a whole order by ``orderCancel``, lines of it by a refund that does not restock."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal

from crossdock.sdk.connector import Command
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Outcome
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.client import Node, ShopifyClient
from crossdock_connectors.shopify.flows import no_order, order_id_of, rejected

__all__ = ["cancel_order", "probe_cancel"]


async def cancel_order(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Cancel an order, or some of its lines."""
    standing = await probe_cancel(client, command, key)
    if not isinstance(standing, NotApplied):
        return standing
    if lines := _lines(command):
        return await _cancel_lines(client, command, key, lines)
    document = command.document
    arguments = {name: document[name] for name in ("reason", "restock", "refundMethod", "staffNote")}
    payload = await client.mutate(
        documents.CANCEL,
        {"orderId": order_id_of(command), "notifyCustomer": client.config.notify_customer, **arguments},
    )
    for error in payload["orderCancelUserErrors"]:
        return rejected(error)
    return Applied(payload["job"]["id"])


async def probe_cancel(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Whether the order is cancelled, or has the refund of these lines: its note ends with our key."""
    order_id = order_id_of(command)
    data = await client.query(documents.REFUNDS, id=order_id)
    if data["order"] is None:
        return no_order(order_id)
    if data["order"]["cancelledAt"]:
        return AlreadyApplied(order_id)
    for refund in data["order"]["refunds"] if _lines(command) else ():
        if (refund["note"] or "").endswith(_mark(key)):
            return AlreadyApplied(refund["id"])
    return NotApplied()


def _lines(command: Command) -> Sequence[Mapping[str, object]]:
    lines = command.document["lines"]
    assert isinstance(lines, Sequence)
    return lines


def _mark(key: str) -> str:
    return f"[{key}]"


async def _cancel_lines(
    client: ShopifyClient, command: Command, key: str, lines: Sequence[Mapping[str, object]]
) -> Outcome:
    """Take units off the order, and give back what Shopify says was paid for them.

    They are not restocked: units that can't be shipped are not there, and the hub publishes the level of the others.
    """
    order_id = order_id_of(command)
    refunded = [
        {"lineItemId": line["lineItemId"], "quantity": line["quantity"], "restockType": "NO_RESTOCK"}
        for line in lines
    ]
    data = await client.query(documents.SUGGESTED_REFUND, id=order_id, lines=refunded)
    order = data["order"]
    if order is None:
        return no_order(order_id)
    reason = command.document["staffNote"] or command.document["reason"]
    refund = {
        "orderId": order_id,
        "currency": order["presentmentCurrencyCode"],
        "note": f"{reason} {_mark(key)}",
        "notify": client.config.notify_customer,
        "refundLineItems": refunded,
        "transactions": _transactions(order_id, order["suggestedRefund"]),
    }
    # the key alone, not the content: with another suggestion it is still the same refund
    idempotency_key = hashlib.sha256(key.encode()).hexdigest()
    payload = await client.mutate(
        documents.CANCEL_LINES, {"input": refund, "key": idempotency_key}, repeatable=True
    )
    for error in payload["userErrors"]:
        return rejected(error)
    return Applied(payload["refund"]["id"])


def _transactions(order_id: str, suggested: Node | None) -> list[Node]:
    """Money back the way it came, in the buyer's currency; an authorisation that was not captured has none."""
    found = suggested["suggestedTransactions"] if suggested else []
    return [
        {
            "orderId": order_id,
            "kind": "REFUND",
            "gateway": one["gateway"],
            "amount": one["amountSet"]["presentmentMoney"]["amount"],
            "parentId": one["parentTransaction"]["id"],
        }
        for one in found
        if one["parentTransaction"] and Decimal(one["amountSet"]["presentmentMoney"]["amount"]) > 0
    ]

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

__all__ = ["cancel_order", "probe_cancel", "probe_refund", "refund_units"]


async def cancel_order(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Cancel an order, or some of its lines."""
    order_id = order_id_of(command)
    order = await _standing(client, order_id)
    standing = _outcome(order, command, key)
    if order is None or not isinstance(standing, NotApplied):
        return standing
    if lines := _lines(command):
        note = str(command.document["staffNote"] or command.document["reason"])
        units = [(str(line["lineItemId"]), int(str(line["quantity"]))) for line in lines]
        # with the last units of which nothing has left, nothing is shipped: the buyer paid shipping for nothing
        last = order["currentSubtotalLineItemsQuantity"] == sum(quantity for _, quantity in units)
        return await refund_units(client, order_id, units, note, key, shipping=last)
    document = command.document
    arguments = {name: document[name] for name in ("reason", "restock", "refundMethod", "staffNote")}
    payload = await client.mutate(
        documents.CANCEL,
        {"orderId": order_id, "notifyCustomer": client.config.notify_customer, **arguments},
    )
    for error in payload["orderCancelUserErrors"]:
        return rejected(error)
    return Applied(payload["job"]["id"])


async def probe_cancel(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Whether the order is cancelled, or has the refund of these lines: its note ends with our key."""
    return _outcome(await _standing(client, order_id_of(command)), command, key)


async def probe_refund(client: ShopifyClient, order_id: str, key: str) -> Outcome:
    """Whether the order has the refund whose note ends with our key."""
    order = await _standing(client, order_id)
    return _refunded(order, key) if order else no_order(order_id)


async def _standing(client: ShopifyClient, order_id: str) -> Node | None:
    """What of an order tells whether it was cancelled, and how many units it has left."""
    order: Node | None = (await client.query(documents.REFUNDS, id=order_id))["order"]
    return order


def _outcome(order: Node | None, command: Command, key: str) -> Outcome:
    if order is None:
        return no_order(order_id_of(command))
    if order["cancelledAt"]:
        return AlreadyApplied(order["id"])
    return _refunded(order, key) if _lines(command) else NotApplied()


def _refunded(order: Node, key: str) -> Outcome:
    for refund in order["refunds"]:
        if (refund["note"] or "").endswith(_mark(key)):
            return AlreadyApplied(refund["id"])
    return NotApplied()


def _lines(command: Command) -> Sequence[Mapping[str, object]]:
    lines = command.document["lines"]
    assert isinstance(lines, Sequence)
    return lines


def _mark(key: str) -> str:
    return f"[{key}]"


async def refund_units(
    client: ShopifyClient,
    order_id: str,
    units: Sequence[tuple[str, int]],
    note: str,
    key: str,
    *,
    shipping: bool = False,
) -> Outcome:
    """Give back what Shopify says was paid for units of order lines (line and number of them), and for ``shipping``.

    They are not restocked: units that can't be shipped are not there, and the hub publishes the level of the others.
    """
    refunded = [
        {"lineItemId": line, "quantity": quantity, "restockType": "NO_RESTOCK"} for line, quantity in units
    ]
    data = await client.query(documents.SUGGESTED_REFUND, id=order_id, lines=refunded, shipping=shipping)
    order = data["order"]
    if order is None:
        return no_order(order_id)
    suggested = order["suggestedRefund"]
    refund: Node = {
        "orderId": order_id,
        "currency": order["presentmentCurrencyCode"],
        "note": f"{note} {_mark(key)}",
        "notify": client.config.notify_customer,
        "refundLineItems": refunded,
        "transactions": _transactions(order_id, suggested),
    }
    if shipping and suggested and Decimal(amount := _amount(suggested["shipping"])) > 0:
        refund["shipping"] = {"amount": amount}
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
            "amount": _amount(one),
            "parentId": one["parentTransaction"]["id"],
        }
        for one in found
        if one["parentTransaction"] and Decimal(_amount(one)) > 0
    ]


def _amount(of: Node) -> str:
    """In the buyer's currency."""
    return str(of["amountSet"]["presentmentMoney"]["amount"])

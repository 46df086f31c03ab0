"""The commands about returns: approve, decline, refund by ``returnProcess``, close."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from crossdock.sdk.connector import Command
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Outcome, Rejected
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.cancelling import probe_refund, refund_units
from crossdock_connectors.shopify.client import Node, ShopifyClient
from crossdock_connectors.shopify.flows import order_id_of, rejected

__all__ = ["decide_return", "probe_decision", "probe_return_refund", "refund_return"]

_DONE: Final[Mapping[str, frozenset[str]]] = {
    "return.authorise": frozenset({"OPEN", "CLOSED"}),
    "return.decline": frozenset({"DECLINED"}),
    "return.close": frozenset({"CLOSED"}),
}
"""The states of a return in which a command has happened."""


# --- approve, decline, close ----------------------------------------------------------------------------


async def decide_return(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Approve, decline or close a return; what its state says has happened is not done again."""
    standing = await probe_decision(client, command, key)
    if not isinstance(standing, NotApplied):
        return standing
    return_id = str(command.document["id"])
    told = {"id": return_id, "notifyCustomer": client.config.notify_customer}
    match command.name:
        case "return.authorise":
            payload = await client.mutate(documents.APPROVE_RETURN, {"input": told})
        case "return.decline":
            reason = {"declineReason": "OTHER", "declineNote": command.document["declineNote"]}
            payload = await client.mutate(documents.DECLINE_RETURN, {"input": told | reason})
        case _:
            payload = await client.mutate(documents.CLOSE_RETURN, {"id": return_id})
    for error in payload["userErrors"]:
        return rejected(error)
    return Applied(return_id)


async def probe_decision(client: ShopifyClient, command: Command, _key: str) -> Outcome:
    """Whether the return is in a state that the command leads to."""
    return_id = str(command.document["id"])
    data = await client.query(documents.RETURN_STATUS, id=return_id)
    if data["return"] is None:
        return _no_return(return_id)
    return AlreadyApplied(return_id) if data["return"]["status"] in _DONE[command.name] else NotApplied()


def _no_return(return_id: str) -> Rejected:
    return Rejected("shopify.no_return", f"the shop has no return {return_id}, or the app may not read it")


# --- refund ---------------------------------------------------------------------------------------------


async def refund_return(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Process the units of a return that the shop has not processed yet, and pay back what Shopify suggests.

    What came without a return at the shop is refunded as units of the order.
    """
    return_id = command.document["returnId"]
    if return_id is None:
        return await _refund_unannounced(client, command, key)
    data = await client.query(documents.RETURN_PROGRESS, id=return_id)
    standing: Node | None = data["return"]
    if standing is None:
        return _no_return(str(return_id))
    plan = _plan(_wanted(command), standing)
    if isinstance(plan, Rejected):
        return plan
    if not plan:
        return AlreadyApplied(str(return_id))
    exchanges = [
        {"id": one["id"], "quantity": one["processableQuantity"]}
        for one in standing["exchangeLineItems"]["nodes"]
        if one["processableQuantity"]
    ]
    outcome = await client.query(documents.RETURN_OUTCOME, id=return_id, lines=plan, exchanges=exchanges)
    wanted = {
        "returnId": return_id,
        "returnLineItems": plan,
        "exchangeLineItems": exchanges,
        "financialTransfer": _transfer(outcome["return"]["suggestedFinancialOutcome"]),
        "note": command.document["note"],
        "notifyCustomer": client.config.notify_customer,
    }
    payload = await client.mutate(documents.PROCESS_RETURN, {"input": wanted})
    for error in payload["userErrors"]:
        return rejected(error)
    return Applied(str(return_id))


async def probe_return_refund(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Whether the shop has processed, or refunded, as many units of each line as came back."""
    return_id = command.document["returnId"]
    if return_id is None:
        return await probe_refund(client, order_id_of(command), key)
    data = await client.query(documents.RETURN_PROGRESS, id=return_id)
    if data["return"] is None:
        return _no_return(str(return_id))
    plan = _plan(_wanted(command), data["return"])
    return NotApplied() if plan else AlreadyApplied(str(return_id))


async def _refund_unannounced(client: ShopifyClient, command: Command, key: str) -> Outcome:
    order_id = order_id_of(command)
    standing = await probe_refund(client, order_id, key)
    if not isinstance(standing, NotApplied):
        return standing
    units = [(str(line["lineItemId"]), int(str(line["quantity"]))) for line in _lines(command)]
    return await refund_units(client, order_id, units, "returned", key)


def _lines(command: Command) -> Sequence[Mapping[str, object]]:
    lines = command.document["lines"]
    assert isinstance(lines, Sequence)
    return lines


def _wanted(command: Command) -> dict[str, int]:
    """By order line, the units of the return that are to be refunded once the command has happened."""
    return {str(line["lineItemId"]): int(str(line["cumulative"])) for line in _lines(command)}


def _plan(wanted: Mapping[str, int], standing: Node) -> list[Node] | Rejected:
    """The units of each return line to process so that each order line comes to what is ``wanted``."""
    plan = []
    for order_line, units in wanted.items():
        lines = [line for line in standing["returnLineItems"]["nodes"] if _order_line(line) == order_line]
        missing = units - sum(max(line["processedQuantity"], line["refundedQuantity"]) for line in lines)
        for line in lines:
            quantity = min(missing, line["processableQuantity"])
            if quantity > 0:
                missing -= quantity
                plan.append({"id": line["id"], "quantity": quantity})
        if missing > 0:
            return Rejected(
                "shopify.not_in_return",
                f"{missing} more of line {order_line} came back than return {standing['id']} "
                f"({standing['status']}) has open; refund them in the shop, or add them to a return there",
                "lines",
            )
    return plan


def _order_line(line: Node) -> str | None:
    """None of what was taken back at a till without an order."""
    found = line.get("fulfillmentLineItem")
    return found["lineItem"]["id"] if found else None


def _transfer(outcome: Node | None) -> Node | None:
    """Money back the way it came; nothing where the buyer owes, or was never charged."""
    transfer = (outcome or {}).get("financialTransfer") or {}
    transactions = [
        {
            "parentId": one["parentTransaction"]["id"],
            "transactionAmount": one["amountSet"]["presentmentMoney"],
        }
        for one in transfer.get("suggestedTransactions", ())
        if one["parentTransaction"] and Decimal(one["amountSet"]["presentmentMoney"]["amount"]) > 0
    ]
    return {"issueRefund": {"orderTransactions": transactions}} if transactions else None

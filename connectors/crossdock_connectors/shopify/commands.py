"""The commands, and whether they happened."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, TypeAlias

from crossdock.sdk.connector import Command
from crossdock.sdk.outcomes import AlreadyApplied, Applied, NotApplied, Outcome, Rejected, Unknown
from crossdock.sdk.translation import outcomes
from crossdock_connectors.shopify import documents
from crossdock_connectors.shopify.cancelling import cancel_order, probe_cancel
from crossdock_connectors.shopify.client import Node, ShopifyClient
from crossdock_connectors.shopify.flows import (
    Item,
    have_room,
    items_of,
    no_order,
    order_id_of,
    outstanding,
    plan_fulfilments,
    plan_moves,
    rejected,
)
from crossdock_connectors.shopify.pick_ups import tell_ready
from crossdock_connectors.shopify.polls import fulfilment_orders
from crossdock_connectors.shopify.returning import (
    decide_return,
    probe_decision,
    probe_return_refund,
    refund_return,
)
from crossdock_connectors.shopify.stock import publish_stock

__all__ = ["execute", "probe"]

Handler: TypeAlias = Callable[[ShopifyClient, Command, str], Awaitable[Outcome]]


@outcomes
async def execute(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Do it; see ``Executes.execute``."""
    return await _EXECUTE[command.name](client, command, key)


@outcomes
async def probe(client: ShopifyClient, command: Command, key: str) -> Outcome:
    """Say whether it happened; see ``Executes.probe``."""
    return await _PROBE[command.name](client, command, key)


# --- shipment.confirm -----------------------------------------------------------------------------------


async def _confirm_shipment(client: ShopifyClient, command: Command, _key: str) -> Outcome:
    left, told = await _unconfirmed(client, command)
    if not left:
        return AlreadyApplied(",".join(told))
    order_id = order_id_of(command)
    orders = await _fulfilment_orders(client, order_id)
    if orders is None:
        return no_order(order_id)
    location = client.config.locations.get(str(command.document.get("location")))
    if location and await _move(client, plan_moves(left, orders, location), location):
        orders = await _fulfilment_orders(client, order_id) or []
    plan = plan_fulfilments(left, orders, location)
    if isinstance(plan, Rejected):
        return plan
    for part in plan:
        fulfilment: Node = {
            "lineItemsByFulfillmentOrder": part,
            "notifyCustomer": client.config.notify_customer,
            "trackingInfo": command.document["trackingInfo"],
        }
        payload = await client.mutate(documents.FULFIL, {"fulfillment": fulfilment})
        for error in payload["userErrors"]:
            return rejected(error)
        told.append(payload["fulfillment"]["id"])
    return Applied(",".join(told))


async def _fulfilment_orders(client: ShopifyClient, order_id: str) -> list[Node] | None:
    lines = client.config.lines_per_page
    data = await client.query(documents.ORDER_FULFILMENT_ORDERS, id=order_id, lines=lines, after=None)
    return await fulfilment_orders(client, order_id, data["node"]["page"]) if data["node"] else None


async def _move(client: ShopifyClient, moves: Iterable[tuple[str, list[Node]]], location: str) -> bool:
    """Move units to where they were shipped from; whether any was moved.

    Where Shopify refuses (the location does not stock the item), they are fulfilled where they are: they have left.
    """
    moved = False
    for order_id, lines in moves:
        payload = await client.mutate(documents.MOVE, {"id": order_id, "location": location, "lines": lines})
        if errors := payload["userErrors"]:
            client.log.warning(
                "shopify.not_moved", fulfilment_order=order_id, location=location, errors=errors
            )
        else:
            moved = True
    return moved


async def _probe_shipment(client: ShopifyClient, command: Command, _key: str) -> Outcome:
    items, numbers = items_of(command.document), _tracking_numbers(command)
    fulfilments = await _fulfilments(client, command)
    left, told = outstanding(items, fulfilments, numbers)
    if numbers:
        return NotApplied() if left else AlreadyApplied(",".join(told))
    # Without a number another shipment of the same order looks the same, unless there are not enough units for two.
    if left == items:
        return NotApplied()
    if not left and not have_room(items, fulfilments):
        return AlreadyApplied(",".join(told))
    return Unknown("the shipment has no tracking number, and the shop has others like it; look into the shop")


async def _unconfirmed(client: ShopifyClient, command: Command) -> tuple[list[Item], list[str]]:
    """What of the shipment the shop was not told yet, by its tracking numbers, and the fulfilments it has."""
    items, numbers = items_of(command.document), _tracking_numbers(command)
    return outstanding(items, await _fulfilments(client, command), numbers) if numbers else (items, [])


async def _fulfilments(client: ShopifyClient, command: Command) -> list[Node]:
    data = await client.query(documents.FULFILMENTS, id=order_id_of(command))
    return data["order"]["fulfillments"] if data["order"] else []


def _tracking_numbers(command: Command) -> list[str]:
    tracking = command.document["trackingInfo"]
    assert isinstance(tracking, Mapping)
    return list(tracking["numbers"])


# --- stock.publish --------------------------------------------------------------------------------------


async def _send_again(_client: ShopifyClient, _command: Command, _key: str) -> Outcome:
    """Nothing to look for: it may simply be sent again."""
    return NotApplied()


_EXECUTE: Final[Mapping[str, Handler]] = {
    "shipment.confirm": _confirm_shipment,
    "pick_up.ready": tell_ready,
    "stock.publish": publish_stock,
    "order.cancel": cancel_order,
    "return.authorise": decide_return,
    "return.decline": decide_return,
    "return.refund": refund_return,
    "return.close": decide_return,
}
_PROBE: Final[Mapping[str, Handler]] = {
    "shipment.confirm": _probe_shipment,
    "pick_up.ready": _send_again,
    "stock.publish": _send_again,
    "order.cancel": probe_cancel,
    "return.authorise": probe_decision,
    "return.decline": probe_decision,
    "return.refund": probe_return_refund,
    "return.close": probe_decision,
}

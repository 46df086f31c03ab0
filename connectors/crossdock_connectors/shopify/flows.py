"""What to ask of Shopify, decided without I/O: which fulfilment orders a shipment fulfils, and what a refusal
means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from crossdock.sdk.connector import Command
from crossdock.sdk.errors import BugError
from crossdock.sdk.outcomes import Rejected
from crossdock_connectors.shopify.client import Node

__all__ = [
    "Item",
    "have_room",
    "index_of",
    "items_of",
    "no_order",
    "order_id_of",
    "outstanding",
    "plan_fulfilments",
    "plan_moves",
    "rejected",
]

LINES_PER_FULFILMENT: Final = 250
"""The longest list that Shopify takes as an argument."""
_VOID: Final = frozenset({"CANCELLED", "ERROR", "FAILURE"})
_INDEX: Final = re.compile(r"[0-9]+")


def order_id_of(command: Command) -> str:
    """The shop's id of the order that a command is about.

    Raises:
        BugError: The hub did not give it.
    """
    if order_id := command.refs.get("order"):
        return order_id
    raise BugError(
        f"{command.name} {command.key}: refs name no order; the hub has to give the shop's id of it"
    )


def no_order(order_id: str) -> Rejected:
    """What to say of an order that is not there."""
    return Rejected("shopify.no_order", f"the shop has no order {order_id}, or the app may not read it")


@dataclass(frozen=True, slots=True)
class Item:
    """Units of an order line that were shipped; ``line`` is Shopify's id of it, where the sender knows it."""

    line: str | None
    sku: str
    quantity: int

    def is_of(self, line: Node) -> bool:
        """Whether it is of that order line (a node with ``id`` and ``sku``)."""
        return bool(self.line == line["id"] if self.line else self.sku == line["sku"])


def items_of(document: Mapping[str, object]) -> list[Item]:
    """The mapped shipment's items, one for each order line however many parcels it fills."""
    quantities: dict[tuple[str | None, str], int] = {}
    listed = document["items"]
    assert isinstance(listed, Sequence)
    for item in listed:
        key = (item.get("lineItemId"), item["sku"])
        quantities[key] = quantities.get(key, 0) + item["quantity"]
    return [Item(line, sku, quantity) for (line, sku), quantity in quantities.items()]


def outstanding(
    items: Iterable[Item], fulfilments: Iterable[Node], numbers: Iterable[str]
) -> tuple[list[Item], list[str]]:
    """What of ``items`` no fulfilment with one of the ``numbers`` holds yet, and the ids of those that do.

    Without ``numbers`` it is the fulfilments without a number that count.
    """
    wanted = set(numbers)
    ours = [
        fulfilment
        for fulfilment in fulfilments
        if fulfilment["status"] not in _VOID and _shares(wanted, fulfilment["trackingInfo"])
    ]
    told = [
        _Open(fulfilment, line, line["lineItem"], line["quantity"])
        for fulfilment in ours
        for line in fulfilment["fulfillmentLineItems"]["nodes"]
    ]
    left = [replace(item, quantity=item.quantity - sum(n for _, n in _take(item, told))) for item in items]
    return [item for item in left if item.quantity], [fulfilment["id"] for fulfilment in ours]


def _shares(wanted: set[str], tracking_info: Iterable[Node]) -> bool:
    standing = {tracking["number"] for tracking in tracking_info if tracking["number"]}
    return bool(wanted & standing) if wanted else not standing


def have_room(items: Iterable[Item], fulfilments: Iterable[Node]) -> bool:
    """Whether all ``items`` could be fulfilled once more, as far as order lines of ``fulfilments`` tell."""
    lines = [line["lineItem"] for each in fulfilments for line in each["fulfillmentLineItems"]["nodes"]]
    return all(
        item.quantity <= line["unfulfilledQuantity"] for item in items for line in lines if item.is_of(line)
    )


@dataclass(slots=True)
class _Open:
    """Units of an order line in a fulfilment (order), of which ``remaining`` are still to be taken."""

    parent: Node
    line: Node
    order_line: Node
    remaining: int


_Part: TypeAlias = tuple[_Open, int]
"""So many units of an open line."""


def _take(item: Item, lines: Iterable[_Open]) -> list[_Part]:
    """Take the item's units from ``lines`` in order; what they do not have is left untaken."""
    taken: list[_Part] = []
    missing = item.quantity
    for candidate in lines:
        quantity = min(missing, candidate.remaining) if item.is_of(candidate.order_line) else 0
        if quantity:
            candidate.remaining -= quantity
            missing -= quantity
            taken.append((candidate, quantity))
    return taken


def plan_fulfilments(
    items: Iterable[Item], fulfilment_orders: Sequence[Node], location: str | None
) -> list[list[Node]] | Rejected:
    """One ``lineItemsByFulfillmentOrder`` for each fulfilment to create.

    A fulfilment is of one order and one location (``FulfillmentInput``), so there is one for each location
    that Shopify has assigned. A line of several fulfilment orders is taken from ``location`` first.
    """
    by_location: dict[str | None, list[_Part]] = {}
    parts = _parts(items, fulfilment_orders, location)
    if isinstance(parts, Rejected):
        return parts
    for part in parts:
        by_location.setdefault(_location(part[0].parent), []).append(part)
    return [
        _by_fulfilment_order(parts[start : start + LINES_PER_FULFILMENT])
        for parts in by_location.values()
        for start in range(0, len(parts), LINES_PER_FULFILMENT)
    ]


def plan_moves(
    items: Iterable[Item], fulfilment_orders: Sequence[Node], location: str
) -> list[tuple[str, list[Node]]]:
    """The fulfilment orders of which units have to be moved to ``location`` to be fulfilled there, with the units.

    What is at ``location`` already stays, so that a repetition moves only what is missing. What Shopify does not
    offer to move, such as a fulfilment order in progress, is not moved.
    """
    parts = _parts(items, fulfilment_orders, location)
    if isinstance(parts, Rejected):
        return []
    away = [part for part in parts if _location(part[0].parent) != location and _can(part[0].parent, "MOVE")]
    return [
        (grouped["fulfillmentOrderId"], lines[start : start + LINES_PER_FULFILMENT])
        for grouped in _by_fulfilment_order(away)
        for lines in [grouped["fulfillmentOrderLineItems"]]
        for start in range(0, len(lines), LINES_PER_FULFILMENT)
    ]


def _parts(
    items: Iterable[Item], fulfilment_orders: Sequence[Node], location: str | None
) -> list[_Part] | Rejected:
    """The open lines that ``items`` are taken from, those at ``location`` first."""
    open_lines = [
        _Open(order, line, {"id": line["lineItem"]["id"], "sku": line["sku"]}, line["remainingQuantity"])
        for order in sorted(fulfilment_orders, key=lambda one: _location(one) != location)
        if _can(order, "CREATE_FULFILLMENT")
        for line in order["lineItems"]["nodes"]
    ]
    parts: list[_Part] = []
    for item in items:
        taken = _take(item, open_lines)
        missing = item.quantity - sum(quantity for _, quantity in taken)
        if missing:
            return _not_open(item, missing, fulfilment_orders)
        parts += taken
    return parts


def _can(fulfilment_order: Node, action: str) -> bool:
    return any(supported["action"] == action for supported in fulfilment_order["supportedActions"])


def _location(fulfilment_order: Node) -> str | None:
    location = fulfilment_order["assignedLocation"]["location"]
    return location["id"] if location else None


def _by_fulfilment_order(parts: Iterable[_Part]) -> list[Node]:
    grouped: dict[str, list[Node]] = {}
    for taken, quantity in parts:
        line = {"id": taken.line["id"], "quantity": quantity}
        grouped.setdefault(taken.parent["id"], []).append(line)
    return [
        {"fulfillmentOrderId": order_id, "fulfillmentOrderLineItems": lines}
        for order_id, lines in grouped.items()
    ]


def _not_open(item: Item, missing: int, fulfilment_orders: Iterable[Node]) -> Rejected:
    """Say how the fulfilment orders of the line stand: on hold, closed, another app's."""
    standing = sorted(
        f"{order['id']} is {order['status']}/{order['requestStatus']} with {line['remainingQuantity']} open"
        for order in fulfilment_orders
        for line in order["lineItems"]["nodes"]
        if item.is_of({"id": line["lineItem"]["id"], "sku": line["sku"]})
    )
    return Rejected(
        "shopify.not_fulfillable",
        f"{missing} of {item.sku} can't be fulfilled at the shop: "
        f"{'; '.join(standing) or 'no fulfilment order has it'}. "
        "Release the hold or correct the fulfilment there, then send it again",
        f"items[{item.sku}]",
    )


def index_of(error: Mapping[str, object]) -> int | None:
    """Which element of the input a user error is about: 3 of ``[input, quantities, 3, quantity]``."""
    steps = error.get("field")
    for step in steps if isinstance(steps, list) else []:
        if _INDEX.fullmatch(str(step)):
            return int(str(step))
    return None


def rejected(error: Mapping[str, object]) -> Rejected:
    """A user error as the reason of a rejection, in Shopify's words."""
    steps = error.get("field")
    path = ".".join(str(step) for step in steps) if isinstance(steps, list) else ""
    return Rejected(f"shopify.{str(error.get('code') or 'refused').lower()}", str(error["message"]), path)

"""The orders that buyers will place, all known from the seed before the first one is placed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from crossdock.demo.catalogue import Product
from crossdock.demo.dice import Dice
from crossdock.demo.places import cities

__all__ = ["Buyer", "Channel", "OrderLine", "PlannedOrder", "plan_orders"]

_FIRST = ("Ada", "Ben", "Chloe", "Diego", "Ella", "Femi", "Grace", "Hiro", "Ivy", "Jonah", "Kira", "Liam", "Maya",
          "Noah", "Olga", "Priya", "Quinn", "Rosa", "Sam", "Tara")  # fmt: skip
_LAST = ("Adams", "Brooks", "Castillo", "Dunn", "Ellis", "Foster", "García", "Hayes", "Ito", "Jensen", "Kaur", "López",
         "Müller", "Nguyen", "O'Brien", "Park", "Reyes", "Singh", "Turner", "Zhang")  # fmt: skip
_COMPANIES = (
    "Northside Outdoor Club",
    "Ridgeline Guides",
    "Camp Sequoia",
    "Tri-County Rescue",
    "Lakeview School",
)
_CITIES = 300
"""Where buyers live: the larger the city, the more of them."""
_LEAST_FOR_PICK_UP = 3
"""The shop offers what a store has at least so many of."""


class Channel(StrEnum):
    """Where an order is placed."""

    WEB = "web"
    MARKETPLACE = "marketplace"
    B2B = "b2b"


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who buys, and where the parcel goes."""

    first_name: str
    last_name: str
    company: str
    street: str
    city: str
    state: str
    post_code: str

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Units of one product; ``kit`` is the SKU of the kit that they are part of."""

    product: Product
    quantity: int
    kit: str = ""


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """An order that will be placed.

    Attributes:
        number: From 1, over all channels, in the order in which they are placed.
        express: The buyer pays for it.
        pick_up_at: Node of a store; empty: shipped.
        cancelled: The buyer changes their mind before it is shipped.
        unannounced: The webhook about it gets lost.
    """

    number: int
    channel: Channel
    buyer: Buyer
    lines: tuple[OrderLine, ...]
    express: bool = False
    pick_up_at: str = ""
    cancelled: bool = False
    unannounced: bool = False

    @property
    def total(self) -> Decimal:
        """What the goods cost."""
        return sum((line.product.price * line.quantity for line in self.lines), Decimal(0))


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What buyers choose from: everything, by SKU, and what lies in which store."""

    catalogue: Sequence[Product]
    by_sku: Mapping[str, Product]
    in_stores: Mapping[str, Sequence[str]]


def plan_orders(
    dice: Dice, count: int, catalogue: Sequence[Product], stock: Mapping[str, Mapping[str, int]]
) -> tuple[PlannedOrder, ...]:
    """All orders of the demo; ``stock`` is by node and SKU."""
    in_stores = {
        node: [sku for sku, units in skus.items() if units >= _LEAST_FOR_PICK_UP]
        for node, skus in stock.items()
        if node.startswith("S0")
    }
    shelf = _Shelf(catalogue, {product.sku: product for product in catalogue}, in_stores)
    return tuple(_order(dice, number, shelf) for number in range(1, count + 1))


def _order(dice: Dice, number: int, shelf: _Shelf) -> PlannedOrder:
    channel = _channel(dice, number)
    web = channel is Channel.WEB
    pick_up = (
        dice.pick(sorted(shelf.in_stores), "store", number)
        if web and dice.happens(0.04, "pick up", number)
        else ""
    )
    if pick_up:
        sku = dice.pick(shelf.in_stores[pick_up], "picked up", number)
        lines: tuple[OrderLine, ...] = (OrderLine(shelf.by_sku[sku], 1),)
    else:
        lines = _lines(dice, number, channel, shelf)
    restricted = any(line.product.restrictions for line in lines)
    return PlannedOrder(
        number=number,
        channel=channel,
        buyer=_buyer(dice, number, channel),
        lines=lines,
        express=web and not (pick_up or restricted) and dice.happens(0.1, "express", number),
        pick_up_at=pick_up,
        cancelled=web and dice.happens(0.02, "cancelled", number),
        unannounced=web and dice.happens(0.03, "unannounced", number),
    )


def _channel(dice: Dice, number: int) -> Channel:
    if number in (5, 15) or dice.happens(0.03, "b2b", number):
        return Channel.B2B
    return Channel.MARKETPLACE if dice.happens(0.25, "marketplace", number) else Channel.WEB


def _buyer(dice: Dice, number: int, channel: Channel) -> Buyer:
    home = dice.skewed(cities()[:_CITIES], 2.2, "city", number)
    return Buyer(
        dice.pick(_FIRST, "first", number),
        dice.pick(_LAST, "last", number),
        dice.pick(_COMPANIES, "company", number) if channel is Channel.B2B else "",
        f"{dice.between(1, 9900, 'house', number)} "
        f"{dice.pick(('Oak', 'Maple', 'Cedar', 'Elm', 'Birch', 'Willow'), 'street', number)} Ave",
        home.name,
        home.state,
        dice.pick(home.post_codes, "post code", number),
    )


def _lines(dice: Dice, number: int, channel: Channel, shelf: _Shelf) -> tuple[OrderLine, ...]:
    catalogue, by_sku = shelf.catalogue, shelf.by_sku
    b2b = channel is Channel.B2B
    count = (
        dice.between(3, 8, "lines", number)
        if b2b
        else dice.skewed((1, 1, 1, 2, 2, 3, 4, 5), 1.3, "lines", number)
    )
    if channel is Channel.MARKETPLACE:
        count = min(count, 2)
    lines: dict[str, OrderLine] = {}
    for place in range(count):
        product = dice.skewed(catalogue, 2.0, "product", number, place)
        if channel is Channel.WEB and place == 0 and dice.happens(0.05, "kit", number):
            product = dice.pick([each for each in catalogue if each.components], "which kit", number)
        if product.components and (channel is not Channel.WEB or lines):
            continue
        for sku, quantity in product.components:
            lines[sku] = OrderLine(by_sku[sku], quantity, product.sku)
        if not product.components and product.sku not in lines:
            units = (
                dice.between(4, 12, "units", number, place)
                if b2b
                else dice.skewed((1, 2, 3), 3, "units", number, place)
            )
            lines[product.sku] = OrderLine(product, units)
    if not lines:
        product = catalogue[dice.between(0, 200, "only product", number)]
        lines[product.sku] = OrderLine(product, 1)
    return tuple(lines.values())

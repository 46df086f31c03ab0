"""Everything that exists before the first order: places, products, what lies where, and what will be ordered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from crossdock.demo.catalogue import Product, make_catalogue
from crossdock.demo.dice import Dice
from crossdock.demo.network import Place, make_places
from crossdock.demo.orders import PlannedOrder, plan_orders

__all__ = ["PRODUCTS", "Stock", "World", "make_world"]

Stock = dict[str, dict[str, int]]
"""Units by SKU, by node."""

PRODUCTS = 2_000
_KITS = 20
_SCARCE_EVERY = 60
"""Of the best sellers each so manieth is nearly sold out everywhere: buyers compete for the last units."""
_BEST_SELLERS = 600


@dataclass(frozen=True, slots=True)
class World:
    """The retailer and what will happen to it."""

    dice: Dice
    catalogue: tuple[Product, ...]
    places: tuple[Place, ...]
    stock: Stock
    orders: tuple[PlannedOrder, ...]

    def place(self, node: str) -> Place:
        """The place of a node."""
        return next(place for place in self.places if place.id == node)

    def of_account(self, account: str) -> tuple[Place, ...]:
        """The places whose files an account exchanges."""
        return tuple(place for place in self.places if place.account.name == account)


def make_world(seed: int, orders: int, products: int = PRODUCTS) -> World:
    """The same seed and numbers make the same world."""
    dice = Dice(seed)
    catalogue = make_catalogue(dice, products, _KITS)
    places = make_places(dice)
    stock = _stock(dice, catalogue, places)
    return World(dice, catalogue, places, stock, plan_orders(dice, orders, catalogue, stock))


def _stock(dice: Dice, catalogue: Sequence[Product], places: Sequence[Place]) -> Stock:
    stock: Stock = {place.id: {} for place in places}
    for number, product in enumerate(catalogue):
        if product.components:
            continue
        scarce = number < _BEST_SELLERS and number % _SCARCE_EVERY == 7
        for place in places:
            units = _scarce_units(dice, place, product) if scarce else _units(dice, place, product, number)
            if units is not None:
                stock[place.id][product.sku] = units
    return stock


def _units(dice: Dice, place: Place, product: Product, number: int) -> int | None:
    """How many lie there; None where the place does not keep the product."""
    name = (place.id, product.sku)
    restricted = bool(product.restrictions)
    best = number < _BEST_SELLERS
    match place.kind:
        case "warehouse":
            if "oversize" in product.restrictions:
                return dice.between(1, 6, "stock", *name) if dice.happens(0.2, "kept", *name) else None
            kept = dice.happens(0.9 if best else 0.6, "kept", *name)
            return dice.between(6, 60 if best else 25, "stock", *name) if kept else None
        case "store":
            kept = not restricted and dice.happens(0.3 if best else 0.08, "kept", *name)
            return dice.between(1, 6, "stock", *name) if kept else None
        case "third_party":
            kept = "oversize" not in product.restrictions and dice.happens(0.2, "kept", *name)
            return dice.between(5, 30, "stock", *name) if kept else None
        case _:
            return dice.between(5, 30, "stock", *name) if "oversize" in product.restrictions else None


def _scarce_units(dice: Dice, place: Place, product: Product) -> int | None:
    kept = place.kind in ("warehouse", "store") and dice.happens(0.04, "kept", place.id, product.sku)
    return dice.between(1, 2, "stock", place.id, product.sku) if kept else None

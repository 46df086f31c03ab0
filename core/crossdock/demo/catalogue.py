"""The retailer's products: outdoor goods, made from words and the seed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from crossdock.demo.dice import Dice

__all__ = ["Product", "make_catalogue"]

_MAKES = (
    "Alpenrose",
    "Birch & Bay",
    "Cascade",
    "Driftless",
    "Eastfork",
    "Fjordling",
    "Granite State",
    "Hollow Pine",
)
_COLOURS = ("Moss", "Slate", "Ember", "Dusk", "Sand", "Lake", "Coal", "Snow")


@dataclass(frozen=True, slots=True)
class _Line:
    """A kind of product: its names, weights (g), size (mm), prices (USD), what its units vary by, restrictions."""

    kind: str
    names: tuple[str, ...]
    grams: tuple[int, int]
    millimetres: tuple[int, int, int]
    price: tuple[int, int]
    variants: tuple[str, ...]
    restrictions: tuple[str, ...] = ()


_LINES = (
    _Line("Apparel", ("Rain Jacket", "Fleece", "Base Layer", "Hiking Trousers", "Down Vest", "Merino Shirt"),
          (180, 900), (320, 240, 60), (29, 249), ("XS", "S", "M", "L", "XL")),
    _Line("Footwear", ("Trail Shoe", "Hiking Boot", "Approach Shoe", "Camp Sandal"),
          (500, 1400), (330, 220, 130), (59, 289), ("38", "39", "40", "41", "42", "43", "44", "45")),
    _Line("Packs", ("Day Pack", "Trekking Pack", "Duffel", "Hip Pack"),
          (300, 2200), (550, 330, 200), (39, 329), ("18 l", "28 l", "45 l", "65 l")),
    _Line("Camping", ("Sleeping Bag", "Sleeping Mat", "Headlamp", "Cook Set", "Water Filter", "Camp Chair"),
          (90, 1900), (400, 220, 180), (19, 349), ("Light", "Standard", "Expedition")),
    _Line("Climbing", ("Harness", "Helmet", "Rope 60 m", "Quickdraw Set", "Belay Device"),
          (60, 3900), (350, 250, 180), (24, 259), ("One", "Two", "Pro")),
    _Line("Cycling", ("Bike Helmet", "Pannier", "Floor Pump", "Multi-Tool", "Rain Cape"),
          (120, 1800), (380, 250, 180), (15, 199), ("City", "Gravel", "Trail")),
    _Line("Fuel", ("Gas Canister", "Stove Fuel", "Fire Starter"),
          (200, 900), (110, 110, 150), (7, 24), ("100 g", "230 g", "450 g"), ("hazmat",)),
    _Line("Power", ("Power Bank", "Camp Lantern Battery"),
          (180, 700), (160, 80, 30), (29, 149), ("5 Ah", "10 Ah", "20 Ah"), ("hazmat",)),
    _Line("Tents", ("Family Tent", "Tunnel Tent", "Shelter"),
          (4200, 14500), (720, 300, 300), (249, 899), ("2 P", "4 P", "6 P")),
    _Line("Boats", ("Touring Kayak", "Packraft", "Stand-Up Board"),
          (9000, 26000), (1800, 700, 380), (399, 1899), ("Solo", "Duo"), ("oversize",)),
)  # fmt: skip
_SHARES = (30, 14, 9, 16, 9, 9, 3, 3, 5, 2)
"""Per cent of the assortment that each line makes up."""


@dataclass(frozen=True, slots=True)
class Product:
    """A stock keeping unit.

    Attributes:
        size_mm: Length, width, height.
        components: Of a kit: SKUs and units; the kit itself is never stocked.
    """

    sku: str
    name: str
    kind: str
    vendor: str
    gtin: str
    grams: int
    size_mm: tuple[int, int, int]
    price: Decimal
    restrictions: tuple[str, ...] = ()
    components: tuple[tuple[str, int], ...] = ()

    @property
    def variant_id(self) -> int:
        """What the shop calls it."""
        return 40_000_000 + int(self.sku.rpartition("-")[2])


def make_catalogue(dice: Dice, count: int, kits: int) -> tuple[Product, ...]:
    """``count`` products, of which the last ``kits`` are kits of others; the best sellers come first."""
    single = [_product(dice, number) for number in range(count - kits)]
    return (*single, *(_kit(dice, number, single) for number in range(count - kits, count)))


def _product(dice: Dice, number: int) -> Product:
    line = _LINES[_line_of(dice.between(0, sum(_SHARES) - 1, "line", number))]
    share = dice.throw("size", number)
    low, high = line.price
    name = dice.pick(line.names, "name", number)
    make = dice.pick(_MAKES, "make", number)
    colour = dice.pick(_COLOURS, "colour", number)
    variant = dice.pick(line.variants, "variant", number)
    return Product(
        sku=f"{line.kind[:3].upper()}-{number:05}",
        name=f"{make} {name} {colour} {variant}",
        kind=line.kind,
        vendor=make,
        gtin=_gtin(number),
        grams=line.grams[0] + int(share * (line.grams[1] - line.grams[0])),
        size_mm=line.millimetres,
        price=Decimal(low + int(share * (high - low))) - Decimal("0.05"),
        restrictions=line.restrictions,
    )


def _kit(dice: Dice, number: int, single: list[Product]) -> Product:
    fitting = [each for each in single if not each.restrictions and each.grams < 3000]
    parts = {dice.pick(fitting, "kit", number, place).sku: 1 for place in range(3)}
    chosen = [each for each in fitting if each.sku in parts]
    price = sum((each.price for each in chosen), Decimal(0)) * Decimal("0.9")
    return Product(
        sku=f"KIT-{number:05}",
        name=f"Weekend Kit {number}: {', '.join(each.kind for each in chosen)}",
        kind="Kits",
        vendor="Meridian",
        gtin=_gtin(number),
        grams=sum(each.grams for each in chosen),
        size_mm=(600, 400, 300),
        price=price.quantize(Decimal("0.01")),
        components=tuple(parts.items()),
    )


def _line_of(percent: int) -> int:
    for index, share in enumerate(_SHARES):
        percent -= share
        if percent < 0:
            return index
    raise AssertionError(percent)


def _gtin(number: int) -> str:
    """A GTIN-13 in the range that GS1 leaves to companies' own use (prefix 20), with its check digit."""
    digits = f"20{number:010}"
    weighted = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return f"{digits}{-weighted % 10}"

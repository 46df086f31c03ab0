"""The retailer's places on the map of the USA, its carriers' tariffs and its routing policies."""

from __future__ import annotations

from dataclasses import dataclass

from crossdock.demo.dice import Dice
from crossdock.demo.places import City, city, metropolises

__all__ = ["Account", "Place", "configuration", "make_places"]

_CENTRES = (
    ("Reno", "NV"), ("Ontario", "CA"), ("Kent", "WA"), ("Dallas", "TX"), ("Memphis", "TN"),
    ("Joliet", "IL"), ("Columbus", "OH"), ("Allentown", "PA"), ("Atlanta", "GA"), ("Tampa", "FL"),
)  # fmt: skip
_STORES = 48
_STORES_APART_KM = 80


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the warehouses' SFTP server, and how it writes its files."""

    name: str
    password: str


DCS = Account("dcs", "dcs-files")
STORES = Account("stores", "stores-files")
THREE_PL = Account("louisville", "louisville-files")
SUPPLIER = Account("highpoint", "highpoint-files")


@dataclass(frozen=True, slots=True)
class Place:
    """A node: where it is, what it is called, and whose files it exchanges."""

    id: str
    name: str
    kind: str
    city: City
    street: str
    account: Account

    @property
    def post_code(self) -> str:
        """Of its address."""
        return self.city.post_codes[0]


def make_places(dice: Dice) -> tuple[Place, ...]:
    """60 nodes: ten distribution centres, 48 stores, a 3PL and a drop-ship supplier."""
    centres = [
        Place(
            f"DC-{name[:3].upper()}", f"{name} DC", "warehouse", city(name, state), _street(dice, name), DCS
        )
        for name, state in _CENTRES
    ]
    stores = [
        Place(f"S{number:03}", f"{where.name} Store", "store", where, _street(dice, where.name), STORES)
        for number, where in enumerate(metropolises(_STORES, _STORES_APART_KM), 1)
    ]
    others = [
        Place("3PL-LOU", "Louisville Logistics", "third_party", city("Louisville", "KY"),
              _street(dice, "3pl"), THREE_PL),
        Place("SUP-HIP", "High Point Boats", "supplier", city("High Point", "NC"),
              _street(dice, "supplier"), SUPPLIER),
    ]  # fmt: skip
    return (*centres, *stores, *others)


def _street(dice: Dice, *name: object) -> str:
    street = dice.pick(("Foundry", "Depot", "Market", "Union", "Harbor", "Canal", "Prairie"), "street", *name)
    return f"{dice.between(10, 9800, 'house', *name)} {street} St"


_SERVICES: dict[str, list[str]] = {
    "warehouse": ["ups_ground", "usps_ground", "ups_2day", "ups_next_day", "freight"],
    "store": ["usps_ground", "ups_ground", "ups_2day"],
    "third_party": ["ups_ground", "ups_2day", "usps_ground"],
    "supplier": ["freight", "ups_ground"],
}
_HANDLES: dict[str, list[str]] = {
    "warehouse": ["hazmat", "oversize"],
    "store": [],
    "third_party": ["hazmat"],
    "supplier": ["oversize"],
}
_HANDLING = {"warehouse": ("0.90", "0.25"), "store": ("2.60", "0.70"), "third_party": ("1.40", "0.40"),
             "supplier": ("3.00", "1.00")}  # fmt: skip
_EVERY_DAY = [{"weekday": day, "opens": "00:00", "closes": "23:59"} for day in range(7)]
_DAILY = [0, 1, 2, 3, 4, 5, 6]
_BREAKS = [250, 500, 1000, 2000, 5000, 10000, 20000, 30000]


def configuration(places: tuple[Place, ...]) -> dict[str, object]:
    """``nodes``, ``services``, ``rate_cards``, ``policies``, ``safety_stock`` as they stand in configuration files."""
    return {
        "nodes": [_node(place) for place in places],
        "services": _services(),
        "rate_cards": [
            _card("ups", [("8.10", "1.30"), ("9.20", "1.65"), ("10.60", "2.10"), ("12.40", "2.70"), ("14.90", "3.40")]),
            _card("usps", [("4.40", "1.90"), ("5.10", "2.40"), ("5.90", "3.00"), ("6.80", "3.70"), ("7.90", "4.40")]),
            _card("ups_2day", [("16.20", "3.10"), ("18.90", "3.90"), ("22.40", "4.80"), ("26.10", "5.60"),
                               ("29.80", "6.70")]),
            _card("ups_next_day", [("29.50", "5.20"), ("38.00", "6.10"), ("47.00", "7.40"), ("54.00", "8.80"),
                                   ("61.00", "9.90")]),
            _card("freight", [("49.00", "1.10"), ("58.00", "1.30"), ("71.00", "1.60"), ("88.00", "1.90"),
                              ("109.00", "2.20")]),
        ],
        "policies": _policies(),
        "safety_stock": [{"nodes": ["store"], "units": 1}],
    }  # fmt: skip


def _node(place: Place) -> dict[str, object]:
    per_shipment, per_line = _HANDLING[place.kind]
    return {
        "id": place.id,
        "name": place.name,
        "kind": place.kind,
        "address": {
            "company": f"Meridian Outfitters {place.name}",
            "lines": [place.street],
            "city": place.city.name,
            "region": place.city.state,
            "postal_code": place.post_code,
            "country": "US",
            "phone": "+1 800 555 0100",
            "latitude": round(place.city.latitude, 4),
            "longitude": round(place.city.longitude, 4),
        },
        "time_zone": place.city.time_zone,
        "tags": [place.kind],
        # Every place of the demo works around the clock, so that it ships whenever somebody starts it.
        "hours": _EVERY_DAY,
        "handling": {"per_shipment": per_shipment, "per_line": per_line},
        "services": _SERVICES[place.kind],
        "handles": _HANDLES[place.kind],
        "connection": place.account.name,
    }


def _services() -> list[dict[str, object]]:
    every_day = {"pick_up_days": _DAILY, "delivery_days": _DAILY}
    return [
        {"id": "ups_ground", "carrier": "UPS", "rate_card": "ups", "transit_days": [1, 2, 3, 4, 5],
         "refuses": ["oversize"], **every_day},
        {"id": "usps_ground", "carrier": "USPS", "rate_card": "usps", "transit_days": [2, 3, 4, 5, 5],
         "refuses": ["hazmat", "oversize"], **every_day},
        {"id": "ups_2day", "carrier": "UPS", "rate_card": "ups_2day", "transit_days": [2],
         "levels": ["standard", "Express"], "refuses": ["hazmat", "oversize"],
         **every_day},
        {"id": "ups_next_day", "carrier": "UPS", "rate_card": "ups_next_day", "transit_days": [1],
         "levels": ["standard", "Express"], "refuses": ["hazmat", "oversize"],
         **every_day},
        {"id": "freight", "carrier": "FedEx", "rate_card": "freight", "transit_days": [3, 4, 5, 6, 7],
         **every_day},
    ]  # fmt: skip


def _card(name: str, zones: list[tuple[str, str]]) -> dict[str, object]:
    """Five zones by distance; a first amount, and one more for each step of weight."""
    return {
        "id": name,
        "weight_breaks_grams": _BREAKS,
        "distance_bands_km": [400, 900, 1700, 2700],
        "rates": [
            [f"{float(first) + float(step) * index:.2f}" for index in range(len(_BREAKS))]
            for first, step in zones
        ],
        "dim_divisor_cm3_per_kg": 5000,
        "surcharges": [
            {"name": "fuel", "percent": "7.5"},
            {"name": "hazmat", "amount": "6.50", "restriction": "hazmat"},
            {"name": "oversize", "amount": "38.00", "restriction": "oversize"},
        ],
    }


def _policies() -> list[dict[str, object]]:
    return [
        {
            "policy": "marketplace",
            "version": 1,
            "when": 'order.channel_kind == "marketplace"',
            # stores pick at the pace of the day; a marketplace fines who is late
            "fences": ["serves_destination", {"require": 'node.kind != "store"'}],
            "objective": ["late_days", {"shipping_cost": 1, "handling_cost": 1}],
            "split": {"max_shipments": 3},
            "unfillable": {"retry": "never", "then": "worklist", "ship_rest": False},
        },
        {
            "policy": "standard",
            "version": 4,
            "fences": ["serves_destination"],
            "prefer": ['node.kind != "supplier" || order.restrictions.exists(each, each == "oversize")'],
            "objective": ["late_days", "shipments", {"shipping_cost": 1, "handling_cost": 1}],
            "split": {"max_shipments": 4, "keep_together": ["kit"]},
            "unfillable": {"retry": "never", "then": "cancel", "ship_rest": False},
        },
    ]

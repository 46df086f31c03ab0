"""What a parcel costs by a tariff sheet: zone, billed weight, surcharges. Counts as routing does. No I/O."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal

from babel.numbers import get_currency_precision

from crossdock.sdk.outcomes import Rejected
from crossdock.sdk.tariff_sheet import TariffSheet

__all__ = ["Parcel", "Place", "Quote", "price"]

_EARTH_RADIUS_KM = 6371.0088
"""Mean radius (IUGG), as in routing."""
_THOUSANDTH = Decimal("0.001")


@dataclass(frozen=True, slots=True)
class Place:
    """One end of the way; ``position`` is latitude and longitude in degrees, where known."""

    postal_code: str
    position: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is carried; a volume of 0 is an unknown one."""

    origin: Place
    destination: Place
    weight_grams: Decimal
    volume_cm3: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Quote:
    """A price in the sheet's currency, rounded to what can be paid; days under way where the sheet says them."""

    zone: int
    amount: Decimal
    currency: str
    transit_days: int | None


def price(sheet: TariffSheet, parcel: Parcel) -> Quote | Rejected:
    """The price of one parcel, with the surcharges that every parcel pays."""
    zone = _zone(sheet, parcel)
    if zone is None:
        return Rejected(
            "rate_card.no_zone",
            f"from post code {parcel.origin.postal_code!r} to {parcel.destination.postal_code!r} the tariff has no "
            "zone: add a row postal_zone, or have the positions of both ends sent where zones go by distance",
            "ship_to.postal_code",
        )
    billed = parcel.weight_grams
    if sheet.dim_divisor_cm3_per_kg:
        dimensional = parcel.volume_cm3 * 1000 / sheet.dim_divisor_cm3_per_kg
        billed = max(billed, dimensional.to_integral_value(ROUND_CEILING))
    step = bisect_left(sheet.weight_breaks_grams, billed)
    if step == len(sheet.weight_breaks_grams):
        return Rejected(
            "rate_card.too_heavy",
            f"the parcel is billed as {billed:f} g, the tariff ends at {sheet.weight_breaks_grams[-1]} g: "
            "pack it in several",
            "weight.grams",
        )
    amount = _with_surcharges(sheet, sheet.rates[zone][step])
    cents = Decimal(1).scaleb(-get_currency_precision(sheet.currency))
    days = sheet.transit_days[zone] if sheet.transit_days else None
    return Quote(zone, amount.quantize(cents, ROUND_HALF_UP), sheet.currency, days)


def _with_surcharges(sheet: TariffSheet, rate: Decimal) -> Decimal:
    always = [each for each in sheet.surcharges if not each.restriction]
    factor = 1 + sum((each.percent for each in always), Decimal(0)) / 100
    fixed = sum((each.amount for each in always), Decimal(0))
    return (rate * factor + fixed).quantize(_THOUSANDTH, ROUND_HALF_UP)


def _zone(sheet: TariffSheet, parcel: Parcel) -> int | None:
    """By post codes, the longest prefix first, that of the destination before that of the origin; else by distance."""
    declared: dict[str, Mapping[str, int]] = {}
    for each in sheet.postal_zones:
        declared[each.destination_prefix] = {
            **declared.get(each.destination_prefix, {}),
            each.origin_prefix: each.zone,
        }
    for to in _prefixes(parcel.destination.postal_code):
        for start in _prefixes(parcel.origin.postal_code):
            if (zone := declared.get(to, {}).get(start)) is not None:
                return zone
    if len(sheet.rates) == 1 and not sheet.distance_bands_km:
        return 0
    if not sheet.distance_bands_km or parcel.origin.position is None or parcel.destination.position is None:
        return None
    distance_km = _distance_km(parcel.origin.position, parcel.destination.position)
    zone = bisect_left(sheet.distance_bands_km, Decimal(distance_km))
    return zone if zone < len(sheet.rates) else None


def _prefixes(code: str) -> Iterator[str]:
    return (code[:length] for length in range(len(code), -1, -1))


def _distance_km(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Great-circle distance by the haversine formula."""
    latitude, longitude = math.radians(one[0]), math.radians(one[1])
    to_latitude, to_longitude = math.radians(other[0]), math.radians(other[1])
    half = (
        math.sin((to_latitude - latitude) / 2) ** 2
        + math.cos(latitude) * math.cos(to_latitude) * math.sin((to_longitude - longitude) / 2) ** 2
    )
    return 2 * _EARTH_RADIUS_KM * math.asin(min(1.0, math.sqrt(half)))

"""Rate cards compiled: the zone of a node, the freight of one shipment.

Money is kept as whole thousandths of the currency in float64: exact up to 2**53, and fast in BLAS.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from numpy.typing import NDArray

from crossdock.routing.model import Address, RateCard
from crossdock.routing.sphere import Floats, minus_cosine

__all__ = ["MONEY_SCALE", "Floats", "Tariff", "thousandths"]

MONEY_SCALE = 1000


def thousandths(amount: Decimal) -> int:
    """``amount`` in whole thousandths of its unit, half rounded up."""
    return int((amount * MONEY_SCALE).to_integral_value(ROUND_HALF_UP))


class Tariff:
    """One rate card in the currency of the network.

    Attributes:
        zones: Number of zones.
        chart: What the zones depend on; tariffs with equal charts have the same zones.
        breaks: Upper bounds of the weight steps in grams.
        divisor: Of the dimensional weight, in cm3 a kg; 0 bills the actual weight only.
        rates: Thousandths of the currency, one row a zone, one amount a weight step.
        dearest_parcel: The most that one parcel can cost, in thousandths.
        restricted: Restrictions that carry a surcharge, with its amount in thousandths for one parcel.
    """

    __slots__ = (
        "_bands",
        "_postal",
        "breaks",
        "chart",
        "dearest_parcel",
        "divisor",
        "rates",
        "restricted",
        "zones",
    )

    def __init__(self, card: RateCard, exchange_rate: Decimal) -> None:
        """Compile ``card``; ``exchange_rate`` is one unit of its currency in the currency of the network.

        Raises:
            ValueError: the table is ragged, empty or not ascending, with what to change.
        """
        _check(card)
        percent = sum((s.percent for s in card.surcharges if not s.restriction), Decimal(0))
        fixed = sum((s.amount for s in card.surcharges if not s.restriction), Decimal(0))
        factor = (1 + percent / 100) * exchange_rate
        self.rates = [
            [float(thousandths(rate * factor + fixed * exchange_rate)) for rate in row] for row in card.rates
        ]
        self.restricted = {
            s.restriction: thousandths(s.amount * exchange_rate) for s in card.surcharges if s.restriction
        }
        self.zones = len(card.rates)
        self.chart = (self.zones, card.distance_bands_km, card.postal_zones)
        self.breaks = card.weight_breaks_grams
        self.divisor = card.dim_divisor_cm3_per_kg
        self.dearest_parcel = max(map(max, self.rates)) + sum(self.restricted.values())
        self._bands = minus_cosine(card.distance_bands_km)
        self._postal: dict[str, dict[str, int]] = {}
        for entry in card.postal_zones:
            self._postal.setdefault(entry.destination_prefix, {})[entry.origin_prefix] = entry.zone

    def zone_of(
        self, minus_cosines: Floats, origins: Sequence[Address], destination: Address
    ) -> NDArray[np.intp]:
        """Zone of each node for ``destination``; ``zones``, one beyond the last, where the carrier has none.

        Args:
            minus_cosines: Of the angle between each node and the destination, see ``sphere``.
        """
        if self._bands.size or self.zones == 1:
            zone = self._bands.searchsorted(minus_cosines)
        else:
            zone = np.full(len(origins), self.zones, dtype=np.intp)
        if self._postal:
            declared = [self._postal[p] for p in _prefixes(destination.postal_code) if p in self._postal]
            for index, origin in enumerate(origins if declared else ()):
                found = next((t[p] for t in declared for p in _prefixes(origin.postal_code) if p in t), None)
                if found is not None:
                    zone[index] = found
        return zone

    def price(
        self, zone: int, weight_grams: int, volume_cm3: int, restrictions: Collection[str] = ()
    ) -> float:
        """Freight of one shipment from ``zone``, in thousandths, with the surcharges of ``restrictions``."""
        billed = weight_grams
        if self.divisor:
            billed = max(billed, math.ceil(volume_cm3 * (1000.0 / self.divisor)))
        full = max(-(-billed // self.breaks[-1]) - 1, 0)
        row = self.rates[zone]
        base = full * row[-1] + row[bisect_left(self.breaks, billed - full * self.breaks[-1])]
        return base + (full + 1) * self.surcharge(restrictions) if restrictions else base

    def steps(self, zone: int) -> list[tuple[int, float]]:
        """Upper bound in grams and rate in thousandths of each weight step of ``zone``."""
        return list(zip(self.breaks, self.rates[zone], strict=True))

    def dimensional_grams(self, volume_cm3: float) -> float:
        """Dimensional weight; 0 if the card bills the actual weight only."""
        return volume_cm3 * 1000.0 / self.divisor if self.divisor else 0.0

    def surcharge(self, restrictions: Iterable[str]) -> float:
        """Thousandths added to each parcel that holds products with ``restrictions``."""
        return float(sum(self.restricted.get(restriction, 0) for restriction in restrictions))


def _prefixes(code: str) -> list[str]:
    return [code[:length] for length in range(len(code), -1, -1)]


def _check(card: RateCard) -> None:
    where = f"rate card {card.id!r}"
    _check_rates(card, where)
    if list(card.distance_bands_km) != sorted(set(card.distance_bands_km)):
        raise ValueError(f"{where}: distance_bands_km must be strictly ascending")
    if len(card.distance_bands_km) > len(card.rates):
        raise ValueError(f"{where}: more distance bands than zones; add a row of rates for each band")
    for entry in card.postal_zones:
        if not 0 <= entry.zone < len(card.rates):
            raise ValueError(f"{where}: postal zone {entry.zone} has no row of rates")
    for surcharge in card.surcharges:
        if surcharge.restriction and surcharge.percent:
            raise ValueError(f"{where}: surcharge {surcharge.name!r} on a restriction must be an amount")


def _check_rates(card: RateCard, where: str) -> None:
    if not card.rates or not card.weight_breaks_grams:
        raise ValueError(f"{where} has no rates: give at least one zone and one weight step")
    if (
        list(card.weight_breaks_grams) != sorted(set(card.weight_breaks_grams))
        or card.weight_breaks_grams[0] <= 0
    ):
        raise ValueError(f"{where}: weight_breaks_grams must be positive and strictly ascending")
    for zone, row in enumerate(card.rates):
        if len(row) != len(card.weight_breaks_grams):
            raise ValueError(
                f"{where}, zone {zone}: {len(row)} rates for {len(card.weight_breaks_grams)} weight steps"
            )

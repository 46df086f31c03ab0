"""Rate cards compiled to arrays: the freight of every set of lines from every zone at once.

Money is kept as whole thousandths of the currency in float64 arrays: exact up to 2**53, and fast in BLAS.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
from numpy.typing import NDArray

from crossdock.routing.model import Address, RateCard

__all__ = ["MONEY_SCALE", "Tariff", "thousandths"]

MONEY_SCALE = 1000

Floats = NDArray[np.float64]


def thousandths(amount: Decimal) -> int:
    """``amount`` in whole thousandths of its unit, half rounded up."""
    return int((amount * MONEY_SCALE).to_integral_value(ROUND_HALF_UP))


class Tariff:
    """One rate card in the currency of the network.

    Attributes:
        zones: Number of zones.
        chart: What the zones depend on; tariffs with equal charts have the same zones.
        restricted: Restrictions that carry a surcharge, with its amount in thousandths for one parcel.
    """

    __slots__ = (
        "_bands",
        "_breaks",
        "_dearest_parcel",
        "_divisor",
        "_highest",
        "_postal",
        "_rates",
        "_rows",
        "_steps",
        "chart",
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
        self._rates: Floats = np.array(
            [[thousandths(rate * factor + fixed * exchange_rate) for rate in row] for row in card.rates],
            dtype=np.float64,
        )
        self.restricted: dict[str, int] = {
            s.restriction: thousandths(s.amount * exchange_rate) for s in card.surcharges if s.restriction
        }
        self.zones = len(card.rates)
        self.chart = (self.zones, card.distance_bands_km, card.postal_zones)
        self._dearest_parcel = float(self._rates.max()) + sum(self.restricted.values())
        self._breaks = np.array(card.weight_breaks_grams, dtype=np.float64)
        self._rows: list[list[float]] = self._rates.tolist()
        self._steps = card.weight_breaks_grams
        self._highest = float(card.weight_breaks_grams[-1])
        self._divisor = card.dim_divisor_cm3_per_kg
        self._bands = np.array(card.distance_bands_km, dtype=np.float64)
        self._postal: dict[str, dict[str, int]] = {}
        for entry in card.postal_zones:
            self._postal.setdefault(entry.destination_prefix, {})[entry.origin_prefix] = entry.zone

    def zone_of(self, distance_km: Floats, origins: list[Address], destination: Address) -> NDArray[np.intp]:
        """Zone of each node for ``destination``; -1 where the carrier has none."""
        zone = np.full(len(origins), -1, dtype=np.intp)
        if self._bands.size or self.zones == 1:
            zone = np.searchsorted(self._bands, distance_km, side="left")
            zone[zone >= self.zones] = -1
        if self._postal:
            declared = [self._postal[p] for p in _prefixes(destination.postal_code) if p in self._postal]
            for index, origin in enumerate(origins if declared else []):
                found = next((t[p] for t in declared for p in _prefixes(origin.postal_code) if p in t), None)
                if found is not None:
                    zone[index] = found
        return zone

    def freight(self, weight_grams: Floats, volume_cm3: Floats) -> Floats:
        """Freight of each parcel set from each zone.

        Args:
            weight_grams: Actual weight of each of S sets.
            volume_cm3: Volume of each of S sets.

        Returns:
            Thousandths of the currency, shape (S, zones + 1); the last column is infinite: it is zone -1.
        """
        billed = weight_grams
        if self._divisor:
            billed = np.maximum(billed, np.ceil(volume_cm3 * (1000.0 / self._divisor)))
        table = np.empty((len(billed), self.zones + 1))
        table[:, -1] = np.inf
        heaviest = billed.max()
        if heaviest <= self._highest:
            table[:, :-1] = self._rates.take(self._breaks.searchsorted(billed), axis=1).T
            return table
        full = np.maximum(np.ceil(billed / self._highest) - 1.0, 0.0)
        rest = self._breaks.searchsorted(billed - full * self._highest)
        table[:, :-1] = self._rates.take(rest, axis=1).T + full[:, None] * self._rates[:, -1]
        return table

    def price(self, zone: int, weight_grams: int, volume_cm3: int, restrictions: Iterable[str] = ()) -> float:
        """Freight of one shipment from ``zone``, in thousandths, with the surcharges of ``restrictions``."""
        billed = float(weight_grams)
        if self._divisor:
            billed = max(billed, math.ceil(volume_cm3 * (1000.0 / self._divisor)))
        full = max(math.ceil(billed / self._highest) - 1, 0)
        row = self._rows[zone]
        base = full * row[-1] + row[bisect_left(self._steps, billed - full * self._highest)]
        return base + (full + 1) * sum(self.restricted.get(restriction, 0) for restriction in restrictions)

    def parcels(self, weight_grams: Floats, volume_cm3: Floats) -> Floats:
        """Number of parcels of each set."""
        billed = weight_grams
        if self._divisor:
            billed = np.maximum(billed, np.ceil(volume_cm3 * (1000.0 / self._divisor)))
        return np.maximum(np.ceil(billed / self._highest), 1.0)

    def steps(self, zone: int) -> list[tuple[int, float]]:
        """Upper bound in grams and rate in thousandths of each weight step of ``zone``."""
        return list(zip(self._steps, self._rows[zone], strict=True))

    def dimensional_grams(self, volume_cm3: float) -> float:
        """Dimensional weight; 0 if the card bills the actual weight only."""
        return volume_cm3 * 1000.0 / self._divisor if self._divisor else 0.0

    def surcharge(self, restrictions: Iterable[str]) -> float:
        """Thousandths added to each parcel that holds products with ``restrictions``."""
        return float(sum(self.restricted.get(restriction, 0) for restriction in restrictions))

    def bound(self, weight_grams: float, volume_cm3: float, shipments: int) -> float:
        """More than the freight of so much in up to so many shipments can be, in thousandths."""
        billed = max(weight_grams, volume_cm3 * 1000.0 / self._divisor if self._divisor else 0.0)
        return (billed // self._highest + 1 + shipments) * self._dearest_parcel


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

"""The freight of every set of lines by every service in every zone at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from crossdock.routing.model import Service
from crossdock.routing.tariff import Floats, Tariff

__all__ = ["FreightTable"]

_NONE: Floats = np.zeros((1, 1))
"""Parcels of the highest weight before the last parcel, where no set needs any."""


class FreightTable:
    """The tariffs of several services side by side, over the weight steps of all of them.

    Attributes:
        zones: Number of zones of each service; where its tariff has fewer, the rest are infinite.
    """

    __slots__ = (
        "_base",
        "_grams_per_cm3",
        "_heaviest",
        "_last",
        "_least_heaviest",
        "_most_grams_per_cm3",
        "_rates",
        "_services",
        "_steps",
        "zones",
    )

    def __init__(self, services: Sequence[tuple[Service, Tariff]], zones: int) -> None:
        """Lay out the rates of ``services`` for so many ``zones``."""
        self.zones = zones
        self._services = tuple(services)
        tariffs = [tariff for _, tariff in services]
        self._steps = np.array(sorted({float(each) for tariff in tariffs for each in tariff.breaks}))
        rates = np.full((len(tariffs), zones, self._steps.size), np.inf)
        self._last = np.zeros((len(tariffs), zones))
        for row, tariff in enumerate(tariffs):
            step = np.minimum(np.searchsorted(tariff.breaks, self._steps), len(tariff.breaks) - 1)
            own = np.array(tariff.rates)
            rates[row, : tariff.zones] = own[:, step]
            self._last[row, : tariff.zones] = own[:, -1]
        self._rates = rates.ravel()
        self._base = np.arange(len(tariffs) * zones).reshape(self._last.shape) * self._steps.size
        self._heaviest = np.array([float(tariff.breaks[-1]) for tariff in tariffs])
        self._least_heaviest = float(self._heaviest.min(initial=np.inf))
        self._most_grams_per_cm3 = max((1000.0 / t.divisor for t in tariffs if t.divisor), default=0.0)
        self._grams_per_cm3 = np.array([1000.0 / t.divisor if t.divisor else 0.0 for t in tariffs])

    def of_sets(
        self, weight_grams: Floats, volume_cm3: Floats, restricted: Mapping[str, NDArray[np.bool_]]
    ) -> Floats:
        """Freight of each set as one shipment.

        Args:
            weight_grams: Actual weight of each set, shape (sets,).
            volume_cm3: Volume of each set, shape (sets,).
            restricted: For each restriction of the order, the sets that hold it: they pay its surcharge, and can't go
                by a service that refuses it.

        Returns:
            Thousandths of the currency, shape (sets, services * zones); infinite where a service does not go.
        """
        billed = np.maximum(weight_grams[:, None], np.ceil(volume_cm3[:, None] * self._grams_per_cm3))
        further = _NONE
        most = max(weight_grams.item(-1), volume_cm3.item(-1) * self._most_grams_per_cm3 + 1.0)
        if most > self._least_heaviest:
            further = np.maximum(np.ceil(billed / self._heaviest) - 1.0, 0.0)
            billed -= further * self._heaviest
        freight: Floats = self._rates.take(self._steps.searchsorted(billed)[:, :, None] + self._base)
        if further is not _NONE:
            freight += further[:, :, None] * self._last
        for restriction, holds in restricted.items():
            amount = np.array(
                [_surcharge(service, tariff, restriction) for service, tariff in self._services]
            )
            freight += np.where(holds[:, None], amount * (further + 1.0), 0.0)[:, :, None]
        return freight.reshape(len(freight), self._base.size)


def _surcharge(service: Service, tariff: Tariff, restriction: str) -> float:
    return np.inf if restriction in service.refuses else float(tariff.restricted.get(restriction, 0))

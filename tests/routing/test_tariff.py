"""A rate card as it is billed: zones, steps, parcels, surcharges, and bounds of what freight can be."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from crossdock.routing import Network, PostalZone, RateCard, Service, Surcharge
from crossdock.routing.model import Address, Position
from crossdock.routing.sphere import distance_km, minus_cosine, unit_vector
from crossdock.routing.tariff import Tariff, thousandths
from tests.routing.builders import node

CARD = RateCard(
    "ground", "EUR", (1000, 2000), ((Decimal(1), Decimal(2)), (Decimal(3), Decimal(5))), (100.0, 500.0),
    dim_divisor_cm3_per_kg=4000,
    surcharges=(
        Surcharge("fuel", percent=Decimal(10)),
        Surcharge("toll", amount=Decimal("0.05")),
        Surcharge("bulky", amount=Decimal("0.70"), restriction="oversize"),
        Surcharge("acid", amount=Decimal("0.20"), restriction="hazmat"),
    ),
)  # fmt: skip
TARIFF = Tariff(CARD, Decimal(2))


def test_amounts_are_thousandths_half_rounded_up() -> None:
    amounts = ("1.2344", "1.2345", "-1.2345", "0")
    assert [thousandths(Decimal(each)) for each in amounts] == [1234, 1235, -1235, 0]


def test_rates_are_with_every_surcharge_in_the_currency_of_the_network() -> None:
    assert TARIFF.rates == [[2300.0, 4500.0], [6700.0, 11100.0]]
    assert TARIFF.restricted == {"oversize": 1400, "hazmat": 400}
    assert (TARIFF.zones, TARIFF.breaks, TARIFF.divisor) == (2, (1000, 2000), 4000)
    assert TARIFF.dearest_parcel == 11100 + 1400 + 400
    assert TARIFF.chart == (2, (100.0, 500.0), ())
    assert TARIFF.steps(1) == [(1000, 6700.0), (2000, 11100.0)]
    assert (
        TARIFF.dimensional_grams(400),
        Tariff(replace(CARD, dim_divisor_cm3_per_kg=0), Decimal(2)).divisor,
    ) == (100, 0)
    assert Tariff(replace(CARD, dim_divisor_cm3_per_kg=0), Decimal(2)).dimensional_grams(400) == 0


@pytest.mark.parametrize(
    ("grams", "volume", "restrictions", "price"),
    [
        (0, 0, (), 2300),
        (1000, 0, (), 2300),
        (1001, 0, (), 4500),
        (2000, 0, (), 4500),
        (2001, 0, (), 4500 + 2300),
        (3001, 0, (), 4500 + 4500),
        (4000, 0, (), 4500 + 4500),
        (4001, 0, (), 4500 + 4500 + 2300),
        (1, 4000, (), 2300),
        (1, 4001, (), 4500),
        (1, 8001, (), 4500 + 2300),
        (1500, 4000, (), 4500),
        (1, 0, ("oversize",), 2300 + 1400),
        (1, 0, ("oversize", "hazmat", "cold"), 2300 + 1400 + 400),
        (2001, 0, ("hazmat",), 4500 + 2300 + 2 * 400),
    ],
)
def test_a_shipment_is_parcels_of_the_highest_step_and_one_for_the_rest(
    grams: int, volume: int, restrictions: tuple[str, ...], price: float
) -> None:
    assert TARIFF.price(0, grams, volume, restrictions) == price
    if restrictions:
        assert TARIFF.price(0, grams, volume, set(restrictions)) == price
    else:
        assert TARIFF.price(1, grams, volume) == sum(
            {2300: 6700, 4500: 11100}[part] for part in parcels(price)
        )


def parcels(price: float) -> list[int]:
    found = []
    while price >= 4500:
        found.append(4500)
        price -= 4500
    return found + ([2300] if price else [])


def zones(card: RateCard, to: Address, *origins: str, at_km: tuple[float, ...] = ()) -> list[int]:
    places = [Address("US", "", origin) for origin in origins]
    away = minus_cosine(at_km or (50.0,) * len(places))
    return [int(zone) for zone in Tariff(card, Decimal(1)).zone_of(away, places, to)]


def test_zones_are_by_distance_up_to_and_with_their_bound() -> None:
    to = Address("US", "", "1")
    assert zones(CARD, to, *"abcd", at_km=(0.0, 99.9, 100.1, 500.1)) == [0, 0, 1, 2]
    one = replace(CARD, rates=CARD.rates[:1], distance_bands_km=())
    assert zones(one, to, "a", at_km=(19_000.0,)) == [0], "one zone is everywhere"
    assert zones(replace(CARD, distance_bands_km=()), to, "a") == [2], "none of two is known"


def test_of_declared_zones_the_longest_destination_wins_then_the_longest_origin() -> None:
    table = (PostalZone("10", 0), PostalZone("100", 1), PostalZone("10", 1, "9"), PostalZone("100", 0, "90"))
    card = replace(CARD, distance_bands_km=(), postal_zones=table)
    assert zones(card, Address("US", "", "10099"), "1", "9", "90") == [1, 1, 0]
    assert zones(card, Address("US", "", "10199"), "1", "9", "90", "") == [0, 1, 1, 0]
    assert zones(card, Address("US", "", "20199"), "1", "9") == [2, 2]
    assert zones(card, Address("US", "", ""), "1") == [2]
    origins = replace(card, postal_zones=(PostalZone("10", 1, "9"),))
    assert zones(origins, Address("US", "", "10"), "8", "9") == [2, 1]


def test_freight_is_never_above_its_bound() -> None:
    service = Service("ground", "p", "ground", (1,))
    net = Network(
        [node("a", services=("ground",))],
        (service,),
        [CARD],
        currency="USD",
        exchange_rates={"EUR": Decimal(2)},
    )
    dearest = 12_900
    assert net.freight_bound(0, 0, 1) == (0 + 1 + 1) * dearest
    assert net.freight_bound(4100, 0, 3) == (2 + 1 + 3) * dearest
    assert net.freight_bound(10, 40_000, 1) == (5 + 1 + 1) * dearest
    light = replace(CARD, id="light", dim_divisor_cm3_per_kg=0, surcharges=(), weight_breaks_grams=(100, 500))
    both = Network(
        [node("a", services=("ground",))], (service, Service("light", "p", "light", (1,))),
        [CARD, light], currency="USD", exchange_rates={"EUR": Decimal(2)},
    )  # fmt: skip
    assert both.freight_bound(5000, 0, 1) == max((2 + 2) * dearest, (10 + 2) * 10_000)
    assert both.freight_bound(0, 80_000, 1) == max((10 + 2) * dearest, 2 * 10_000)
    none = Network([], (), [], currency="USD")
    assert none.freight_bound(1000, 1000, 2) == 0


def test_distances_are_those_of_great_circles() -> None:
    new_york, los_angeles = unit_vector(Position(40.7128, -74.006)), unit_vector(Position(34.0522, -118.2437))
    away = -np.array([np.dot(new_york, los_angeles), np.dot(new_york, new_york), -1.0000001, 1.0000001])
    km = distance_km(away)
    assert km[0] == pytest.approx(3935.75, abs=0.5)
    assert km[1] == pytest.approx(0.0, abs=1e-3)
    assert sorted(km[2:].tolist()) == pytest.approx([0.0, 20015.1], abs=0.1)
    assert distance_km(minus_cosine([1234.5]))[0] == pytest.approx(1234.5)
    assert minus_cosine([-1.0, 30_000.0]).tolist() == [-np.inf, np.inf]

"""The freight of every set by every service at once is what each tariff says of each set alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf
from random import Random

import numpy as np
import pytest

from crossdock.routing import Address, PostalZone, RateCard, Service, Surcharge
from crossdock.routing.freight import FreightTable
from crossdock.routing.sphere import distance_km, minus_cosine
from crossdock.routing.tariff import Tariff

RESTRICTIONS = ("cold", "hazmat", "oversize")
ZONES = 6


def random_card(random: Random, name: str) -> RateCard:
    steps = sorted(random.sample((250, 500, 1000, 2500, 5000, 10_000, 30_000), random.randint(1, 5)))
    zones = random.randint(1, ZONES - 1)
    rates = tuple(tuple(Decimal(random.randint(200, 9000)) / 100 for _ in steps) for _ in range(zones))
    surcharges = [Surcharge("fuel", percent=Decimal("7.5"), amount=Decimal("0.4"))]
    surcharges.extend(
        Surcharge(each, amount=Decimal(random.randint(1, 900)) / 100, restriction=each)
        for each in RESTRICTIONS
        if random.random() < 0.5
    )
    divisor = random.choice((0, 4000, 5000))
    return RateCard(
        name, "USD", tuple(steps), rates, dim_divisor_cm3_per_kg=divisor, surcharges=tuple(surcharges)
    )


@pytest.mark.parametrize("seed", range(60))
def test_every_set_costs_what_its_parcels_cost_by_the_tariff(seed: int) -> None:
    random = Random(seed)
    services = []
    for number in range(random.randint(1, 4)):
        refuses = tuple(each for each in RESTRICTIONS if random.random() < 0.2)
        service = Service(f"s{number}", "carrier", f"c{number}", (1,), refuses=refuses)
        services.append((service, Tariff(random_card(random, f"c{number}"), Decimal(1))))
    most = random.choice((900, 90_000))
    weight = sorted(random.randint(0, most) for _ in range(8))
    volume = sorted(random.choice((0, random.randint(0, 5 * most))) for _ in range(8))
    holds = {each: [random.random() < 0.5 for _ in range(8)] for each in RESTRICTIONS[: random.randint(0, 3)]}
    found = FreightTable(services, ZONES).of_sets(
        np.array(weight, dtype=np.float64),
        np.array(volume, dtype=np.float64),
        {each: np.array(sets) for each, sets in holds.items()},
    )
    expected = []
    for row in range(8):
        restrictions = [each for each, sets in holds.items() if sets[row]]
        for service, tariff in services:
            refused = set(service.refuses) & set(restrictions)
            for zone in range(ZONES):
                goes = zone < tariff.zones and not refused
                expected.append(tariff.price(zone, weight[row], volume[row], restrictions) if goes else inf)
    assert found.ravel().tolist() == expected


def test_a_table_without_services_is_empty() -> None:
    assert FreightTable([], ZONES).of_sets(np.ones(4), np.ones(4), {}).shape == (4, 0)


@pytest.mark.parametrize(
    ("kilometres", "zone"), [(0.0, 0), (99.9999, 0), (100.0001, 1), (900.0, 1), (900.1, 2), (20_015.0, 2)]
)
def test_the_zone_by_the_cosine_is_the_zone_by_the_distance(kilometres: float, zone: int) -> None:
    card = RateCard("c", "USD", (1000,), ((Decimal(1),),) * 3, (100.0, 900.0))
    tariff = Tariff(card, Decimal(1))
    away = minus_cosine([kilometres])
    assert distance_km(away)[0] == pytest.approx(kilometres, abs=1e-4)
    assert tariff.zone_of(away, [Address("US")], Address("US")).tolist() == [zone]


def test_bands_beyond_half_round_the_earth_take_in_everything() -> None:
    card = RateCard("c", "USD", (1000,), ((Decimal(1),),) * 2, (99_999.0,))
    assert Tariff(card, Decimal(1)).zone_of(np.array([-1.0, 1.0]), [], Address("US")).tolist() == [0, 0]


def test_a_place_out_of_every_band_is_one_zone_beyond_unless_its_code_is_declared() -> None:
    card = RateCard("c", "USD", (1000,), ((Decimal(1),),) * 2, (10.0, 20.0))
    origins, away = [Address("US", "", "10001"), Address("US", "", "90210")], minus_cosine([50.0, 50.0])
    assert Tariff(card, Decimal(1)).zone_of(away, origins, Address("US", "", "60601")).tolist() == [2, 2]
    declared = Tariff(replace(card, postal_zones=(PostalZone("606", 1, "9"),)), Decimal(1))
    assert declared.zone_of(away, origins, Address("US", "", "60601")).tolist() == [2, 1]

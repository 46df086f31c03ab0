"""A carrier that is paid by tariff: prices as routing counts them, numbers that stay."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crossdock.config.network import RateCardConfig, routing_rate_card, with_tariff
from crossdock.mapping.cases import run_cases
from crossdock.mapping.files import packaged_mappings
from crossdock.routing.model import Address as RoutingAddress
from crossdock.routing.sphere import minus_cosine
from crossdock.routing.tariff import Tariff
from crossdock.sdk.clock import ManualClock
from crossdock.sdk.connector import Command, Verdict
from crossdock.sdk.lint import lint
from crossdock.sdk.outcomes import Applied, NotApplied, Outcome, Rejected
from crossdock.sdk.tariff_sheet import read_tariff_sheet
from crossdock_connectors.rate_card import CONNECTOR
from crossdock_connectors.rate_card.config import RateCardCarrierConfig
from crossdock_connectors.rate_card.connector import RateCardCarrier
from crossdock_connectors.rate_card.numbering import tracking_number
from crossdock_connectors.rate_card.pricing import Parcel, Place, Quote, price
from crossdock_schemas.base import Address, Dimensions, Money, Weight
from crossdock_schemas.fulfilment import LabelRequest
from tests.connectors.easypost.builders import canonical, decode, library, run
from tests.connectors.hub import assembled

SHEET = """\
what,name,value,zone_0,zone_1,zone_2
currency,,USD,,,
dim_divisor_cm3_per_kg,,5000,,,
distance_km,,,250,800,
transit_days,,,1,2,3
up_to_grams,500,,4.20,4.90,6.10
up_to_kilograms,1,,4.80,5.70,7.40
up_to_kilograms,30,,9.80,12.40,19.90
postal_zone,606,0,,,
postal_zone,994>967,2,,,
surcharge_percent,fuel,12.5,,,
surcharge_amount,residential,0.33,,,
restriction_amount,oversize,18.00,,,
"""
CHICAGO = Address(country="US", postal_code="60601", latitude=Decimal("41.88"), longitude=Decimal("-87.63"))
SAN_FRANCISCO = Address(
    country="US", postal_code="94107", latitude=Decimal("37.77"), longitude=Decimal("-122.42")
)
NAMES = [entry.name for entry in library().entries() if entry.name.startswith("rate_card/")]


def connect(folder: Path, sheet: str = SHEET, **changes: Any) -> RateCardCarrier:
    (folder / "fleet.csv").write_text(sheet)
    given = {"carrier": "Acme Fleet", "services": {"next_day": folder / "fleet.csv"}, **changes}
    config = RateCardCarrierConfig.model_validate(given)
    assembly = assembled(CONNECTOR.manifest, config, ManualClock())
    return RateCardCarrier(config, assembly.services)


def execute(connector: RateCardCarrier, name: str, **changes: Any) -> Outcome:
    facts: dict[str, Any] = {
        "external_id": "S-1/1", "fulfilment_order": "FO-1", "order": "O-1", "ship_from": SAN_FRANCISCO,
        "ship_to": CHICAGO, "weight": Weight(grams=Decimal(900)),
    }  # fmt: skip
    request = LabelRequest(**facts | changes)
    mapped = (
        library().get("rate_card/parcel").map(decode(request.model_dump_json(exclude_none=True))).document
    )
    return run(connector.execute(Command(name, "key", (mapped,)), "key"))


def answer(outcome: Outcome, mapping: str) -> list[Any]:
    assert isinstance(outcome, Applied), outcome
    assert outcome.response is not None
    return canonical(mapping, decode(outcome.response.body))


def test_a_parcel_is_priced_and_numbered(tmp_path: Path) -> None:
    connector = connect(tmp_path, tracking_number="AF{code:12}", tracking_url="https://acme.example/{number}")
    (label,) = answer(execute(connector, "label.buy"), "rate_card/label")
    assert label.cost == Money(amount=Decimal("5.73"), currency="USD"), "4.80 and 12.5 per cent, and 0.33"
    assert (label.carrier, label.service) == ("Acme Fleet", "next_day")
    assert label.tracking_number == label.external_id
    assert label.tracking_number.startswith("AF")
    assert label.tracking_url == f"https://acme.example/{label.tracking_number}"
    (rate,) = answer(execute(connector, "rate.shop"), "rate_card/rates")
    assert (rate.cost, rate.delivery_days) == (label.cost, 1)


def test_the_same_parcel_has_the_same_number_and_no_other_has_it(tmp_path: Path) -> None:
    connector = connect(tmp_path)
    assert execute(connector, "label.buy") == execute(connect(tmp_path), "label.buy")
    numbers = {tracking_number("{code:12}", "Acme", f"S-{parcel}/1") for parcel in range(20_000)}
    assert len(numbers) == 20_000
    assert tracking_number("{code:12}", "Other", "S-1/1") not in numbers
    probed = run(connector.probe(Command("label.buy", "key", ({"id": "S-1/1"},)), "key"))
    assert probed == NotApplied()


def test_numbers_have_the_configured_pattern() -> None:
    number = tracking_number("OWN-{digits:18}-X", "Acme", "S-1/1")
    assert number.startswith("OWN-")
    assert number.endswith("-X")
    assert len(number) == 24
    assert number[4:22].isdigit()
    # computed with sha512sum: a change of this would number repeated labels anew
    assert tracking_number("{code:12}", "Acme", "S-1/1") == "4M9XG8SZVV89"


@pytest.mark.parametrize(
    "pattern", ["OWN", "{code:8}", "{digits:12}", "{code:12}{digits:16}", "{number}", "Ä{code:12}"]
)
def test_a_pattern_that_could_give_a_number_twice_is_refused(pattern: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"exactly one|no two labels"):
        connect(tmp_path, tracking_number=pattern)


@pytest.mark.parametrize(
    ("changes", "code", "path", "says"),
    [
        ({"service": "express"}, "rate_card.no_service", "service", "no service 'express'; there are: next_day"),
        ({"weight": Weight(grams=Decimal(30_001))}, "rate_card.too_heavy", "weight.grams", "billed as 30001 g"),
        ({"dimensions": Dimensions(length_mm=Decimal(900), width_mm=Decimal(900), height_mm=Decimal(900))},
         "rate_card.too_heavy", "weight.grams", "billed as 145800 g, the tariff ends at 30000 g"),
        ({"ship_to": Address(country="US", postal_code="10001")}, "rate_card.no_zone", "ship_to.postal_code",
         "from post code '94107' to '10001' the tariff has no zone: add a row postal_zone"),
    ],
)  # fmt: skip
def test_what_the_tariff_does_not_hold_is_refused_in_words(
    changes: dict[str, Any], code: str, path: str, says: str, tmp_path: Path
) -> None:
    for name in ("label.buy", "rate.shop"):
        outcome = execute(connect(tmp_path), name, **changes)
        assert isinstance(outcome, Rejected)
        assert (outcome.code, outcome.path) == (code, path)
        assert says in outcome.message


def test_the_cheapest_service_is_taken_where_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "slow.csv").write_text("what,name,value,zone_0\nup_to_kilograms,30,,3\n")
    services = {"next_day": tmp_path / "fleet.csv", "slow": tmp_path / "slow.csv"}
    connector = connect(tmp_path, services=services)
    assert answer(execute(connector, "label.buy"), "rate_card/label")[0].service == "slow"
    assert (
        answer(execute(connector, "label.buy", service="next_day"), "rate_card/label")[0].service
        == "next_day"
    )
    assert [rate.service for rate in answer(execute(connector, "rate.shop"), "rate_card/rates")] == [
        "next_day",
        "slow",
    ]
    far = Address(country="US", postal_code="10001")
    assert answer(execute(connector, "label.buy", ship_to=far), "rate_card/label")[0].service == "slow"
    (tmp_path / "slow.csv").write_text("what,name,value,zone_0\ncurrency,,EUR,\nup_to_kilograms,30,,3\n")
    outcome = execute(connector, "label.buy")
    assert isinstance(outcome, Rejected)
    assert outcome.code == "rate_card.currencies"


def test_a_new_price_list_counts_at_once(tmp_path: Path) -> None:
    connector = connect(tmp_path)
    (tmp_path / "fleet.csv").write_text(SHEET.replace("4.80", "14.80"))
    assert answer(execute(connector, "label.buy"), "rate_card/label")[0].cost.amount == Decimal("16.98")


def test_check_reads_every_sheet(tmp_path: Path) -> None:
    connector = connect(tmp_path)
    assert run(connector.check()).ok
    (tmp_path / "fleet.csv").write_text(SHEET.replace("5.70", "5,70"))
    (check,) = run(connector.check()).checks
    assert (check.capability, check.verdict) == ("next_day", Verdict.MISCONFIGURED)
    assert "fleet.csv: line 7, column" in check.message


def test_the_manifest_lints_and_the_cases_pass() -> None:
    assert lint(CONNECTOR.manifest, CONNECTOR.config, NAMES) == []
    for name in NAMES:
        results = run_cases(library(), name, packaged_mappings())
        assert [result for result in results if not result.passed] == []
        assert results or not library().get(name).target


# --- as routing counts --------------------------------------------------------------------------------------

TARIFF_SHEET = read_tariff_sheet(SHEET.encode(), "fleet.csv")
TARIFF = Tariff(
    routing_rate_card(with_tariff(RateCardConfig(id="fleet", file=Path("fleet.csv")), TARIFF_SHEET)),
    Decimal(1),
)
CODES = st.sampled_from(["60601", "60699", "94107", "96701", "99400", "10001", ""])


@given(
    origin=CODES,
    destination=CODES,
    latitude=st.floats(-80, 80),
    longitude=st.floats(-179, 179),
    north=st.floats(0, 12),
    weight=st.integers(1, 30_000),
    volume=st.integers(0, 150_000),
)
@example("94107", "60601", 0.0, 0.0, 1.0, 1, 2501)  # 500.2 g by volume: one gram is in the next step
def test_a_label_costs_what_routing_thought(
    origin: str, destination: str, latitude: float, longitude: float, north: float, weight: int, volume: int
) -> None:
    here, there = (latitude, longitude), (min(latitude + north, 90.0), longitude)
    parcel = Parcel(Place(origin, here), Place(destination, there), Decimal(weight), Decimal(volume))
    away = minus_cosine([(there[0] - here[0]) * np.pi / 180 * 6371.0088])
    zone = int(
        TARIFF.zone_of(away, [RoutingAddress("US", "", origin)], RoutingAddress("US", "", destination))[0]
    )
    quote = price(TARIFF_SHEET, parcel)
    if max(weight, -(-volume * 1000 // 5000)) > 30_000:
        assert isinstance(quote, Rejected)
        return
    assert isinstance(quote, Quote)
    assert quote.zone == zone
    thousandths = Decimal(TARIFF.price(zone, weight, volume)) / 1000
    assert quote.amount == thousandths.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_the_answer_is_plain_json(tmp_path: Path) -> None:
    outcome = execute(connect(tmp_path), "label.buy")
    assert isinstance(outcome, Applied)
    assert outcome.response is not None
    assert json.loads(outcome.response.body)["amount"] == "5.73"

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crossdock.config.load import load_config, resolve_secrets
from crossdock.config.model import Config
from crossdock.config.network import RateCardConfig
from crossdock.sdk.errors import MisconfiguredError

MINIMAL = """\
hub: {name: test, data_dir: data}
connections:
  shop: {connector: shopify, config: {shop: acme, token: "${env:TOKEN}"}}
channels:
  web: {connection: shop, ship_within: 3d}
include: [network.yaml]
"""
NETWORK = """\
nodes:
  - id: DC-1
    kind: warehouse
    address: {country: US, region: IL, postal_code: "60601"}
    services: [ground]
services:
  - {id: ground, carrier: ups, rate_card: ups, transit_days: [1, 2]}
rate_cards:
  - {id: ups, weight_breaks_grams: [1000], rates: [["5.00"], ["7.00"]], distance_bands_km: [500]}
"""


def written(tmp_path: Path, main: str = MINIMAL, network: str = NETWORK) -> Path:
    (tmp_path / "network.yaml").write_text(network)
    path = tmp_path / "crossdock.yaml"
    path.write_text(main)
    return path


def test_a_configuration_is_read_with_its_includes_and_paths_are_relative_to_it(tmp_path: Path) -> None:
    config = load_config(written(tmp_path))
    assert config.hub.data_dir == tmp_path / "data"
    assert config.nodes[0].id == "DC-1"
    assert config.channels["web"].ship_within == timedelta(days=3)
    assert config.connections["shop"].config["token"] == "${env:TOKEN}"


@pytest.mark.parametrize(
    ("main", "network", "says"),
    [
        (MINIMAL.replace("connector:", "conector:"), NETWORK, r"crossdock.yaml:3: .*conector: unknown key"),
        (
            MINIMAL.replace("{connection: shop", "{connection: shp"),
            NETWORK,
            "no connection 'shp'; there are: shop",
        ),
        (MINIMAL, NETWORK.replace("warehouse", "warehose"), r"network.yaml:3: nodes.0.kind"),
        (MINIMAL, NETWORK + "hub: {}\n", r"network.yaml:10: hub: also stands in crossdock.yaml"),
        (MINIMAL, NETWORK + "nods: []\n", r"network.yaml:10: nods: unknown key"),
        (MINIMAL + "hub: {}\n", NETWORK, "crossdock.yaml:7: hub: is there twice"),
        (MINIMAL + "  - [\n", NETWORK, "correct the YAML syntax"),
        (MINIMAL.replace("3d", "3 weeks"), NETWORK, r"crossdock.yaml:5: .*write a number and a unit"),
    ],
)
def test_a_mistake_is_told_with_file_line_and_what_to_write(
    tmp_path: Path, main: str, network: str, says: str
) -> None:
    with pytest.raises(MisconfiguredError, match=says):
        load_config(written(tmp_path, main, network))


def test_a_missing_file_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(MisconfiguredError, match="no such file; `crossdock init`"):
        load_config(tmp_path / "crossdock.yaml")


def test_secrets_are_filled_in_from_environment_and_files_and_never_told(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    value = {"token": "Bearer ${env:TOKEN}", "keys": ["${file:" + str(secret) + "}"], "port": 22}
    assert resolve_secrets(value, "config", {"TOKEN": "abc"}) == {
        "token": "Bearer abc",
        "keys": ["s3cret"],
        "port": 22,
    }
    with pytest.raises(MisconfiguredError, match=r"config.token: the environment variable TOKEN is not set"):
        resolve_secrets(value, "config", {})
    with pytest.raises(MisconfiguredError, match=r"config.0: the file /nowhere can't be read: No such file"):
        resolve_secrets(["${file:/nowhere}"], "config", {})


SHEET = """\
what;name;value;zone_0;zone_1
currency;;EUR;;
distance_km;;;500;
transit_days;;;1;3
up_to_grams;1000;;5,00;7,00
up_to_kilograms;30;;9,50;14,00
postal_zone;606>994;1;;
surcharge_percent;fuel;12,5;;
restriction_amount;oversize;18;;
"""
BY_FILE = NETWORK.replace(
    'weight_breaks_grams: [1000], rates: [["5.00"], ["7.00"]], distance_bands_km: [500]',
    'file: tariffs/ups.csv, dialect: {delimiter: ";", decimal_sign: ","}',
).replace(", transit_days: [1, 2]", "")


def with_sheet(tmp_path: Path, sheet: str = SHEET, network: str = BY_FILE) -> Path:
    (tmp_path / "tariffs").mkdir()
    (tmp_path / "tariffs/ups.csv").write_text(sheet)
    return written(tmp_path, network=network)


def test_a_rate_card_is_filled_in_from_its_file_and_its_services_with_it(tmp_path: Path) -> None:
    config = load_config(with_sheet(tmp_path))
    assert config.services[0].transit_days == (1, 3)
    by_hand = RateCardConfig.model_validate(
        {"id": "ups", "currency": "EUR", "weight_breaks_grams": [1000, 30000], "transit_days": [1, 3],
         "rates": [["5.00", "9.50"], ["7.00", "14.00"]], "distance_bands_km": [500],
         "postal_zones": [{"destination_prefix": "994", "origin_prefix": "606", "zone": 1}],
         "surcharges": [{"name": "fuel", "percent": "12.5"},
                        {"name": "oversize", "amount": "18", "restriction": "oversize"}]}
    )  # fmt: skip
    assert config.rate_cards == (by_hand,)
    assert Config.model_validate(config.model_dump(mode="json")).rate_cards == (by_hand,)


def test_a_service_that_says_its_own_transit_days_keeps_them(tmp_path: Path) -> None:
    network = BY_FILE.replace("rate_card: ups", "rate_card: ups, transit_days: [4]")
    assert load_config(with_sheet(tmp_path, network=network)).services[0].transit_days == (4,)


@pytest.mark.parametrize(
    ("sheet", "network", "says"),
    [
        (
            SHEET.replace("7,00", "7.00"),
            BY_FILE,
            r"tariffs/ups.csv: line 5, column zone_1: '7.00' is not a decimal",
        ),
        (SHEET, BY_FILE.replace("tariffs/", ""), r"ups.csv: the tariff can't be read: No such file"),
        (
            SHEET.replace("transit_days;;;1;3\n", ""),
            BY_FILE,
            r"services.ground.transit_days: say how long it takes",
        ),
        (SHEET, BY_FILE.replace("file:", "currency: EUR, file:"), "move currency into it"),
        (
            SHEET,
            BY_FILE.replace("file: tariffs/ups.csv, ", ""),
            "give weight_breaks_grams and rates, or a file",
        ),
    ],
)
def test_a_mistake_in_a_tariff_is_told_with_its_place(
    tmp_path: Path, sheet: str, network: str, says: str
) -> None:
    with pytest.raises(MisconfiguredError, match=says):
        load_config(with_sheet(tmp_path, sheet, network))

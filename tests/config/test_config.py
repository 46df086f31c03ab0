from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from crossdock.config.load import load_config, resolve_secrets
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

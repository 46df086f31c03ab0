"""The cases beside the mappings, and what leaves us."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossdock.mapping.cases import run_cases
from crossdock.mapping.files import packaged_mappings
from crossdock.sdk.lint import lint
from crossdock_connectors.easypost import CONNECTOR
from crossdock_schemas.base import Address, Weight
from tests.connectors.easypost.builders import command, library, request

NAMES = [entry.name for entry in library().entries() if entry.name.startswith("easypost/")]


@pytest.mark.parametrize("name", NAMES)
def test_the_cases_beside_the_mapping_pass(name: str) -> None:
    results = run_cases(library(), name, packaged_mappings())
    assert [result for result in results if not result.passed] == []
    if library().get(name).target and "/address" not in name:
        assert results, f"{name} needs cases in {name}.tests.yaml"


def test_the_manifest_lints() -> None:
    assert lint(CONNECTOR.manifest, CONNECTOR.config, NAMES) == []


@pytest.mark.parametrize(
    ("grams", "ounces"),
    [("1", "0.1"), ("28.349523125", "1.0"), ("28.35", "1.1"), ("453.59237", "16.0"), ("1000", "35.3")],
)
def test_postage_never_falls_short(grams: str, ounces: str) -> None:
    made = command("rate.shop", request(weight=Weight(grams=Decimal(grams)), dimensions=None)).document[
        "shipment"
    ]
    assert made["parcel"] == {"weight": Decimal(ounces)}  # type: ignore[index]


def test_all_street_lines_are_sent() -> None:
    long = Address(lines=("Dock 4", "Building C", "1 Main St"), country="US", residential=False)
    made = command("rate.shop", request(ship_to=long)).document["shipment"]
    assert made["to_address"] == {  # type: ignore[index]
        "street1": "Dock 4", "street2": "Building C, 1 Main St", "country": "US", "residential": False,
    }  # fmt: skip

"""Scenarios decide as they say, and what is wrong with them is told with file and line."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from crossdock.geography import locate
from crossdock.scenarios.model import Scenario
from crossdock.scenarios.reading import load_scenario
from crossdock.scenarios.running import ScenarioResult, run_scenario
from crossdock.sdk.errors import MisconfiguredError

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "docs/routing").glob("*.yaml"))
SELF_CONTAINED = (ROOT / "docs/routing/ship-from-warehouse.yaml").read_text()


def run(path: Path) -> ScenarioResult:
    return run_scenario(load_scenario(path, locate))


def changed(folder: Path, *changes: tuple[str, str]) -> Path:
    text = SELF_CONTAINED
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    path = folder / "scenario.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_of_the_documentation_is_as_it_says(path: Path) -> None:
    result = run(path)
    assert [difference for order in result.orders for difference in order.differences] == []
    assert all(order.expected for order in result.orders)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_fits_the_json_schema(path: Path) -> None:
    schema = json.loads((ROOT / "docs/reference/scenario.schema.json").read_text())
    # dates of YAML are texts of JSON
    document = json.loads(
        json.dumps(yaml.safe_load(path.read_text()), default=lambda value: value.isoformat())
    )
    jsonschema.validate(document, schema)


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ("policy: standard@1", "policy: standard@2", "policy", "expected standard@2, found standard@1"),
        ("service: ground\n", "service: air\n", "shipments.0.service", "expected 'air', found 'ground'"),
        ("lines: {MUG: 2}", "lines: {MUG: 1}", "shipments.0.lines", "expected 1 x MUG, found 2 x MUG"),
        ("ship_date: 2026-11-23", "ship_date: 2026-11-24", "shipments.0.ship_date", "found 2026-11-23"),
        ("delivery_date: 2026-11-24", "delivery_date: 2026-11-23", "delivery_date", "found 2026-11-24"),
        ('shipping_cost: "6.00"', 'shipping_cost: "6.01"', "costs.shipping_cost", "expected 6.01, found 6"),
        ('shipping_cost: "6.00"', 'distance: "6.00"', "costs.distance", "there is no term 'distance'"),
        ("node: CHI\n", "node: NYC\n", "shipments.0.node", "expected a shipment from NYC, found none"),
        ("node: CHI\n", "node: NYC\n", "shipments", "another shipment: 2 x MUG from CHI by ground"),
        ("CHI: {MUG: 10}\n  NYC: {MUG: 10}", "CHI: {MUG: 1}", "not_placed", "MUG has no place: no_stock"),
        ("policy: standard@1", "not_placed: {MUG: no_stock}", "not_placed.MUG", "that it has a place"),
        ("policy: standard@1", "out: {NYC: stock}", "out.NYC", "expected stock, found that it passes all"),
        ("policy: standard@1", "given_up: 1", "given_up", "expected 1, found 0"),
        ("policy: standard@1", "refused: why", "refused", "found 'that routing was asked'"),
    ],
)
def test_what_is_not_as_expected_is_told(tmp_path: Path, old: str, new: str, path: str, words: str) -> None:
    result = run(changed(tmp_path, (old, new)))
    (order,) = result.orders
    assert not result.good
    told = [each for each in order.differences if words in each]
    assert told, order.differences
    assert f"{path}: " in told[0]
    file, line, _ = told[0].split(":", 2)
    assert Path(file).name == "scenario.yaml"
    assert int(line) >= 40


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("scenario:", "scenari:", "scenario.yaml:1: scenari: unknown key"),
        ("quantity: 2", "quantity: 0", "orders.0.lines.0.quantity: Input should be greater"),
        ("  NYC: {MUG: 10}", "  NYX: {MUG: 10}", "stock.NYX: there is no node 'NYX'; there are: CHI, NYC"),
        (
            "objective: [late_days",
            "objective: [late",
            "scenario.yaml:31: policies.0.objective.0.late: unknown term",
        ),
        ("deliver_by: 2026-11-27", "channel: shop", "there is no channel 'shop'; there are: web"),
        ("rate_card: ground,", "rate_card: air,", "unknown rate card 'air'; known: ground"),
        ("lines: [{sku", "liness: [{sku", "liness: unknown key"),
        ("  - ship_to:", "  - document: {lines: [{}]}\n    ship_to:", "document holds the whole order"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    with pytest.raises(MisconfiguredError) as caught:
        run(changed(tmp_path, (old, new)))
    assert told in caught.value.message


def test_an_order_that_cannot_be_asked_for_is_said_to_be(tmp_path: Path) -> None:
    result = run(
        changed(tmp_path, ('ship_to: {country: US, region: WI, postal_code: "53202"}', "pick_up_at: MOON"))
    )
    assert "pick-up at location 'MOON'" in result.orders[0].refused["1"]
    assert "routing could not be asked" in result.orders[0].differences[0]


def test_a_document_that_is_no_order_is_told(tmp_path: Path) -> None:
    head, _, _ = SELF_CONTAINED.partition("  - ship_to:")
    path = tmp_path / "scenario.yaml"
    path.write_text(head + "  - document: {lines: [{external_id: '1', sku: MUG, quantity: 0}]}\n")
    with pytest.raises(MisconfiguredError, match=r"scenario.yaml:\d+: orders.0.document.lines.0.quantity: "):
        run(path)


def test_the_orders_of_a_scenario_take_from_each_other(tmp_path: Path) -> None:
    path = changed(tmp_path, ("CHI: {MUG: 10}\n  NYC: {MUG: 10}", "CHI: {MUG: 3}"))
    order = SELF_CONTAINED.partition("orders:\n")[2].partition("    expect:")[0]
    path.write_text(path.read_text().partition("orders:\n")[0] + "orders:\n" + order + order)
    first, second = run(path).orders
    assert first.decisions[0].assignments[0].node == "CHI"
    assert second.decisions[0].unfilled[0].reason == "no_stock"
    assert not first.expected
    assert (first.order, second.order) == ("1", "2")


def test_a_draft_decides_where_the_scenario_says_so(tmp_path: Path) -> None:
    draft = """    objective: [late_days, shipments, {shipping_cost: 1, handling_cost: 1}]
  - policy: standard
    version: 2
    state: draft
    fences: [{require: 'node.id == "NYC"'}]
    objective: [shipments]
"""
    active = "    objective: [late_days, shipments, {shipping_cost: 1, handling_cost: 1}]\n"
    path = changed(tmp_path, (active, draft))
    assert run(path).good
    path.write_text(path.read_text() + "drafts: [standard@2]\n")
    (order,) = run(path).orders
    assert order.decisions[0].policy == "standard@2"
    assert order.decisions[0].assignments[0].node == "NYC"
    path.write_text(path.read_text().replace("drafts: [standard@2]", "drafts: [standard@3]"))
    with pytest.raises(
        MisconfiguredError, match=r"drafts\.0: there is no policy standard@3; there are: standard@1, "
    ):
        run(path)


def test_a_policy_that_cannot_work_is_refused_with_its_line(tmp_path: Path) -> None:
    line = "    objective: [late_days"
    path = changed(tmp_path, (line, "    fences: [{require: 'node.kind == \"moon\"'}]\n" + line))
    with pytest.raises(
        MisconfiguredError, match=r"scenario.yaml:31: policies.0.fences.0.require: no node of the"
    ):
        run(path)


def test_the_model_knows_what_the_documentation_names() -> None:
    assert set(Scenario.model_fields) >= {"stock", "policies", "orders", "now", "config"}

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmarks.mapping import shop_order
from crossdock.cli.map import map_app
from tests.mapping.builders import FIXTURES

OWN = ["--mappings", str(FIXTURES)]


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(map_app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.output


@pytest.fixture
def order(tmp_path: Path) -> Path:
    path = tmp_path / "order.json"
    path.write_text(json.dumps(shop_order(), default=float))
    return path


@pytest.fixture
def bad_order(tmp_path: Path) -> Path:
    document: dict[str, Any] = shop_order()
    del document["line_items"][1]["sku"]
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(document, default=float))
    return path


def test_run_maps_a_document(order: Path) -> None:
    code, output = _run("run", str(order), "shop/order", *OWN, "--json")
    written = json.loads(output)
    assert (code, written["faults"]) == (0, [])
    assert written["documents"][0]["lines"][0]["sku"] == "SKU-00000"
    assert '"amount": 19.99' in output


def test_run_shows_every_fault_with_its_place(bad_order: Path) -> None:
    code, output = _run("run", str(bad_order), "shop/order", *OWN)
    assert code == 1
    assert "mapping.missing $.line_items[1].sku -> lines[1].sku in shop/order v3" in output


def test_run_takes_a_csv_file_as_one_list_where_the_mapping_wants_one() -> None:
    code, output = _run("run", str(FIXTURES / "warehouse" / "stock.csv"), "warehouse/stock", *OWN, "--json")
    assert code == 0
    assert json.loads(output)["omitted"] == {"nodes": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "/no/such.json", "shop/order"], "there is no file /no/such.json"),
        (["run", str(FIXTURES / "shop" / "services.csv"), "shop/nope"], "no file shop/nope.yaml"),
        (
            ["run", str(FIXTURES / "shop" / "order.yaml"), "/no/mapping.yaml"],
            "there is no file /no/mapping.yaml",
        ),
    ],
)
def test_what_is_not_there_is_named(arguments: list[str], message: str) -> None:
    code, output = _run(*arguments, *OWN)
    assert code == 2
    assert message in output


def test_test_runs_the_cases() -> None:
    code, output = _run("test", "shop/order", *OWN)
    assert code == 0
    assert "pass shop/order: a line that needs no shipping is left out and counted" in output


def test_coverage_lists_what_is_not_read_and_not_set(order: Path) -> None:
    code, output = _run("coverage", "shop/order", str(order), *OWN, "--json")
    assert code == 0
    assert json.loads(output)["unread"]["$.line_items[*].vendor"] == 5
    assert "unset" in json.loads(output)


def test_diff_shows_what_a_new_version_changes(order: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    for file in (FIXTURES / "shop").iterdir():
        (tmp_path / "shop" / file.name).write_text(file.read_text())
    new = tmp_path / "shop" / "order.yaml"
    new.write_text(new.read_text().replace("number: {path: name, as: str}", "number: {const: other}"))
    code, output = _run("diff", "shop/order", str(new), "--on", str(order), *OWN)
    assert code == 1
    assert "$.output.number: '#1001' -> 'other'" in output
    assert _run("diff", "shop/order", "shop/order", "--on", str(order), *OWN)[0] == 0

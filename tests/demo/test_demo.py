"""The demo, small and whole: a real hub, partners on the loopback, all books compared at the end."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
ORDERS = 30


def run_demo(folder: Path, seed: int, orders: int = ORDERS) -> tuple[int, dict[str, Any], str]:
    report = folder / "report.json"
    command = [
        sys.executable, "-c", "from crossdock.cli import main; main()", "demo",
        "--orders", str(orders), "--seed", str(seed), "--exit-when-done", "--speed", "3",
        "--json", str(report), "--keep", str(folder / "demo"), "--limit-seconds", "240",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=280, check=False)
    said = done.stdout[-4000:] + done.stderr[-4000:]
    assert report.exists(), said
    return done.returncode, json.loads(report.read_text()), said


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, Any], str]:
    return run_demo(tmp_path_factory.mktemp("first"), seed=7)


@pytest.mark.slow
def test_a_small_demo_ends_with_all_books_in_agreement(first: tuple[int, dict[str, Any], str]) -> None:
    code, report, said = first
    assert [each for each in report["reconciliation"] if not each["agrees"]] == [], said
    assert [each for each in report["doctor"] if not each["healthy"]] == [], said
    assert (code, report["good"]) == (0, True), said
    assert sum(report["totals"]["orders"].values()) == ORDERS
    assert len(report["decisions"]) == ORDERS
    # the order without a SKU is kept for a person, with its reason; nothing else was refused
    assert report["totals"]["dead_letters"] == {"normalise": 1}
    assert all(report["kpis"][name] is not None for name in ("routing_accuracy", "cost_to_serve"))
    assert 0 <= Decimal(report["kpis"]["cycle_time_hours"]["value"]) < Decimal("0.1")


@pytest.mark.slow
def test_the_same_seed_decides_the_same(first: tuple[int, dict[str, Any], str], tmp_path: Path) -> None:
    again = run_demo(tmp_path, seed=7)[1]
    assert again["decisions"] == first[1]["decisions"]


@pytest.mark.slow
def test_another_seed_decides_otherwise(first: tuple[int, dict[str, Any], str], tmp_path: Path) -> None:
    code, other, said = run_demo(tmp_path, seed=8, orders=10)
    assert code == 0, said
    assert other["decisions"] != {name: first[1]["decisions"].get(name) for name in other["decisions"]}

"""The demo, small and whole: a real hub, partners on the loopback, all books compared at the end."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import pytest

from tests.demo.forked import start_crossdock

ORDERS = 30
PRODUCTS = 250

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    # One worker runs the demos for both tests.
    pytest.mark.xdist_group("demo"),
]


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """A demo in a process of its own, and where its files are."""

    folder: Path
    process: ForkServerProcess

    def ended(self) -> tuple[int | None, dict[str, Any], str]:
        """Wait; returns the exit code, what it reports, and the end of what it printed."""
        self.process.join(280)
        self.process.kill()
        said = self.folder.joinpath("said").read_text()[-6000:]
        report = self.folder / "report.json"
        assert report.exists(), said
        return self.process.exitcode, json.loads(report.read_text()), said


def start_demo(folder: Path, seed: int) -> RunningDemo:
    command = [
        "demo", "--orders", str(ORDERS), "--products", str(PRODUCTS), "--seed", str(seed), "--exit-when-done",
        "--speed", "3", "--json", str(folder / "report.json"), "--keep", str(folder / "demo"),
        "--limit-seconds", "240",
    ]  # fmt: skip
    return RunningDemo(folder, start_crossdock(command, folder / "said"))


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int | None, dict[str, Any], str]]:
    """Two demos of the same seed, at the same time: each goes at a pace of its own."""
    running = [start_demo(tmp_path_factory.mktemp(name), seed=1) for name in ("one", "other")]
    return [each.ended() for each in running]


def test_a_small_demo_ends_with_all_books_in_agreement(
    demos: list[tuple[int | None, dict[str, Any], str]],
) -> None:
    code, report, said = demos[0]
    assert [each for each in report["reconciliation"] if not each["agrees"]] == [], said
    assert [each for each in report["doctor"] if not each["healthy"]] == [], said
    assert (code, report["good"]) == (0, True), said
    assert sum(report["totals"]["orders"].values()) == ORDERS
    assert len(report["decisions"]) == ORDERS
    # the order without a SKU is kept for a person, with its reason; nothing else was refused
    assert report["totals"]["dead_letters"] == {"normalise": 1}
    assert all(report["kpis"][name] is not None for name in ("routing_accuracy", "cost_to_serve"))
    assert 0 <= Decimal(report["kpis"]["cycle_time_hours"]["value"]) < Decimal("0.1")


def test_the_same_seed_decides_the_same(demos: list[tuple[int | None, dict[str, Any], str]]) -> None:
    one, other = (report for _, report, _ in demos)
    assert one["decisions"] == other["decisions"]
    for counted in ("orders", "fulfilment_orders", "shipments", "units", "work_items"):
        assert one["totals"][counted] == other["totals"][counted]
    # a buyer changed their mind when a warehouse had been asked
    assert one["totals"]["units"]["cancelled"] > 0

"""What the dashboard asks Prometheus for is what the hub tells it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from prometheus_client import REGISTRY

import crossdock.streams.edges.metrics
import crossdock.streams.metrics  # noqa: F401 - registers what is asked for

DASHBOARD = Path(__file__).parents[2] / "docker/grafana/dashboards/crossdock.json"
_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


NOT_SHOWN = {
    "crossdock_empty_files_total",
    "crossdock_items_omitted_total",
    "crossdock_activity_last_success_timestamp_seconds",
}
"""Of interest to an alert, or in `crossdock status`."""


def test_every_panel_asks_for_numbers_that_there_are() -> None:
    told = {
        family.name + suffix
        for family in REGISTRY.collect()
        if family.name.startswith("crossdock_")
        for suffix in _SUFFIXES[family.type]
    }
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"crossdock_\w+", target["expr"])
    }
    assert len(asked) > 10
    assert asked <= told, f"no such metric: {sorted(asked - told)}"
    unseen = {each for each in told if not each.endswith(("_sum", "_count"))} - asked
    assert unseen == NOT_SHOWN, "show it, or name it here"

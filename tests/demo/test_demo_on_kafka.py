"""The demo on Kafka ends as the embedded one does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.demo.forked import start_crossdock
from tests.servers.kafka import KAFKA, KafkaCluster

_COMMAND = [
    "demo", "--orders", "10", "--products", "250", "--seed", "8", "--exit-when-done", "--speed", "3",
    "--limit-seconds", "240",
]  # fmt: skip


@KAFKA
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_kafka_the_same_seed_ends_the_same(
    kafka_broker: KafkaCluster, empty_postgres_url: str, tmp_path: Path
) -> None:
    servers = ["--runtime", "kafka", "--database", empty_postgres_url, "--bootstrap", kafka_broker.bootstrap]
    demos = {
        name: start_crossdock([*_COMMAND, "--json", str(tmp_path / f"{name}.json"), *more], tmp_path / name)
        for name, more in (("embedded", []), ("kafka", servers))
    }
    reports: dict[str, dict[str, Any]] = {}
    for name, process in demos.items():
        process.join(280)
        process.kill()
        assert process.exitcode == 0, (tmp_path / name).read_text()[-6000:]
        reports[name] = json.loads((tmp_path / f"{name}.json").read_text())
    embedded, kafka = reports["embedded"], reports["kafka"]
    assert kafka["decisions"] == embedded["decisions"]
    assert len(kafka["decisions"]) == 10
    assert kafka["reconciliation"] == embedded["reconciliation"]
    for name in ("orders", "fulfilment_orders", "shipments", "units", "stock", "work_items", "dead_letters"):
        assert kafka["totals"][name] == embedded["totals"][name], name

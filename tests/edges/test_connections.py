"""Opening connections: every mistake is told by its place, and stops no other connection."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from crossdock.config.model import Config
from crossdock.opening import manifests_of
from crossdock.sdk.registry import Registry
from crossdock.store.engine import Database
from crossdock.streams.edges.connections import BrokenConnection, Connections, open_connections
from tests.edges.builders import SECRET, environment
from tests.edges.tiny import PLUGIN

GOOD = {"connector": "tiny", "config": {"url": "http://127.0.0.1:9", "secret": "${env:TINY_SECRET}"}}


def opened(database: Database, **changes: Any) -> Connections:
    config = Config.model_validate(
        {"connections": {"good": GOOD, "bad": {**GOOD, **changes}, "off": {**GOOD, "enabled": False}}}
    )
    return open_connections(config, environment(database))


@pytest.mark.parametrize(
    ("changes", "path", "said"),
    [
        ({"connector": "nobody"}, "connections.bad.connector", "installed are: tiny"),
        ({"config": {"url": "http://127.0.0.1:9"}}, "connections.bad.config.secret", "is missing; add it"),
        (
            {"config": {**GOOD["config"], "sercet": 1}},  # type: ignore[dict-item]
            "connections.bad.config.sercet",
            "unknown key",
        ),
        ({"config": {"url": "u", "secret": "${env:NOWHERE}"}}, "connections.bad.config.secret", "NOWHERE"),
        ({"streams": {"oders": {}}}, "connections.bad.streams.oders", "it has: advice"),
        ({"commands": {"x": "tiny/order"}}, "connections.bad.commands.x", "thing.request"),
        (
            {"streams": {"orders": {"mapping": "tiny/none"}}},
            "connections.bad.streams.orders.mapping",
            "tiny/none",
        ),
        (
            {"streams": {"orders": {"mapping": "tiny/stock"}}},
            "connections.bad.streams.orders.mapping",
            "stock_feed/1",
        ),
        (
            {"streams": {"stock": {"dialect": {"delimiter": "::"}}}},
            "connections.bad.streams.stock.dialect.delimiter",
            "csv",
        ),
    ],
)
def test_a_mistake_is_told_by_its_place_and_stops_no_other(
    database: Database, changes: dict[str, Any], path: str, said: str
) -> None:
    found = opened(database, **changes)
    assert list(found.open) == ["good"]
    (broken,) = found.broken
    assert isinstance(broken, BrokenConnection)
    assert broken.path == path
    assert said in broken.error
    assert SECRET not in broken.error


def test_a_stream_knows_what_the_connection_changes(database: Database, tmp_path: Path) -> None:
    found = opened(database, streams={"stock": {"defaults": {"node": "N"}, "interval_seconds": 5}})
    stream = found.open["bad"].streams["stock"]
    assert stream.interval_seconds == 5
    assert stream.by_rows
    assert stream.cut
    assert not found.open["bad"].streams["advice"].cut


@pytest.mark.parametrize("declared", ["off", False, {"enabled": False}])
def test_a_command_that_is_switched_off_is_not_there(database: Database, declared: object) -> None:
    found = opened(database, commands={"thing.request": declared})
    assert "thing.request" in found.open["good"].commands
    assert "thing.request" not in found.open["bad"].commands
    assert "thing.request" not in found.manifests["bad"].commands
    assert "thing.find" in found.manifests["bad"].commands


def test_the_hub_does_not_ask_for_what_is_switched_off() -> None:
    plugins = Registry({"tiny": PLUGIN})
    declared = {"connector": "tiny", "commands": {"thing.request": "off"}}
    config = Config.model_validate({"connections": {"shop": declared}})
    assert "thing.request" not in manifests_of(config, plugins)["shop"].commands
    assert "thing.once" in manifests_of(config, plugins)["shop"].commands

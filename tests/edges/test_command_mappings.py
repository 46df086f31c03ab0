"""What a connection changes about the mapping of a command."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crossdock.config.model import Config
from crossdock.store.commands import ClaimedCommand
from crossdock.store.engine import Database
from crossdock.streams.edges.connections import Connection, open_connections
from crossdock.streams.edges.sending import Prepared, prepare
from tests.edges.builders import environment

COMMAND = "thing.request"


def connected(database: Database, declared: object) -> Connection:
    config = {"url": "http://127.0.0.1:9", "secret": "${env:TINY_SECRET}"}
    shop = {"connector": "tiny", "config": config, "commands": {COMMAND: declared}}
    return open_connections(
        Config.model_validate({"connections": {"shop": shop}}), environment(database)
    ).open["shop"]


@pytest.mark.parametrize("declared", ["tiny/request", {"mapping": "tiny/request"}])
def test_a_mapping_of_ones_own(database: Database, declared: object) -> None:
    kind = connected(database, declared).commands[COMMAND]
    assert kind.mapping is not None
    assert kind.mapping.name == "tiny/request"


def test_the_mapping_sees_the_connections_defaults_below_what_the_hub_says(database: Database) -> None:
    connection = connected(database, {"defaults": {"site": "S-1", "number": "mine"}})
    claimed = ClaimedCommand(
        id=7, connection="shop", name=COMMAND, order_key="o", idempotency_key="k", coalesce_key="",
        payload=b'{"id": "n"}', refs={}, correlation_id="c", attempts=1, probe=False,
        created_at=datetime(2026, 11, 23, tzinfo=UTC),
    )  # fmt: skip
    prepared = prepare(connection, connection.commands[COMMAND], claimed, {})
    assert isinstance(prepared, Prepared)
    assert prepared.documents == ({"number": "n", "hub_number": "7", "site": "S-1"},)

"""A hub on SQLite becomes one on PostgreSQL."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import Connection, func, select

from crossdock.sdk.clock import SystemClock
from crossdock.store import activities
from crossdock.store.engine import Database, open_database
from crossdock.store.moving import rows_of
from crossdock.store.plumbing import leases
from crossdock.store.schema import metadata
from tests.cli.builders import Cli
from tests.processors.harness import Harness


@pytest.fixture
def new(folder: Path, empty_postgres_url: str) -> Iterator[Database]:
    """The other database, with a configuration that names it."""
    content = yaml.safe_load((folder / "crossdock.yaml").read_text())
    content["hub"] = {**content.get("hub", {}), "database": empty_postgres_url, "data_dir": "shared"}
    (folder / "new.yaml").write_text(yaml.safe_dump(content))
    database = open_database(empty_postgres_url)
    yield database
    database.close()


def everything(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {
        table.name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
        for table in metadata.sorted_tables
        if table is not leases
    }


def numbers_go_on(connection: Connection) -> None:
    """What comes now is numbered after everything that was there."""
    numbered = [(table, table.autoincrement_column) for table in metadata.sorted_tables]
    for table, column in numbered:
        if column is not None:
            following = select(func.nextval(func.pg_get_serial_sequence(table.name, column.name)))
            highest = connection.execute(select(func.max(column))).scalar_one()
            assert connection.execute(following).scalar_one() > (highest or 0), table.name
    assert sum(column is not None for _, column in numbered) >= 7


def test_everything_is_moved(folder: Path, hub: Harness, new: Database, cli: Cli) -> None:
    body = folder / "var/raw/ab/large"
    body.parent.mkdir(parents=True)
    body.write_bytes(b"large")
    ended = cli("import", "crossdock.yaml", "--config", "new.yaml")
    assert ended.code == 0, ended
    assert "imported: all is as it was" in ended.out
    there = hub.database.read_now(everything)
    assert new.read_now(everything) == there
    assert sum(map(len, there.values())) > 50
    assert (folder / "shared/raw/ab/large").read_bytes() == b"large"
    new.transact_now(numbers_go_on)
    again = cli("import", "crossdock.yaml", "--config", "new.yaml")
    assert again.code == 1
    assert "the database to import into is not empty" in again.err


def running(folder: Path, hub: Harness) -> None:
    now = SystemClock().now() + timedelta(hours=1)
    hub.database.transact_now(lambda connection: activities.sign_of_life(connection, "embedded", now, 60))


def waiting(folder: Path, hub: Harness) -> None:
    with closing(sqlite3.connect(folder / "var/arrivals.sqlite")) as connection, connection:
        connection.execute("CREATE TABLE entries (id INTEGER PRIMARY KEY, body BLOB)")
        connection.execute("INSERT INTO entries (body) VALUES (x'00')")


@pytest.mark.parametrize(
    ("state", "said"),
    [(running, "the hub to import runs"), (waiting, "1 webhooks are not in the database yet")],
)
def test_a_hub_that_is_not_at_rest_is_refused(
    folder: Path, hub: Harness, new: Database, cli: Cli, state: Callable[[Path, Harness], None], said: str
) -> None:
    state(folder, hub)
    ended = cli("import", "crossdock.yaml", "--config", "new.yaml")
    assert ended.code == 1
    assert said in ended.err
    if state is running:
        assert set(new.read_now(rows_of).values()) == {0}

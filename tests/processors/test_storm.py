"""Sixteen writers at once on the same twenty SKUs; and the proof that this test would see an oversell.

A longer storm: ``pytest tests/processors/test_storm.py --storm-seconds 60``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event

from crossdock.store.dead_letters import list_letters
from crossdock.store.engine import Database, create_store_engine, open_database
from crossdock.store.migrations import migrate
from tests.processors.harness import Harness
from tests.processors.storm import EVERYTHING, Storm, blow, breaches, states
from tests.processors.test_back_orders import WAITS

WRITERS = 16


@pytest.fixture
def seconds(request: pytest.FixtureRequest) -> float:
    return float(str(request.config.getoption("--storm-seconds")))


@contextmanager
def opened(*databases: Database) -> Iterator[list[Harness]]:
    try:
        yield [Harness(each, {"policies": WAITS}) for each in databases]
    finally:
        for each in databases:
            each.close()


def check(hub: Harness, storm: Storm) -> None:
    print(dict(storm.done), states(hub))
    assert storm.oversold == []
    hub.settle()
    assert breaches(hub) == []
    assert [(each.code, each.message) for each in hub.database.read_now(list_letters)] == []
    assert [each for each in EVERYTHING if not storm.done[each]] == []
    assert "expired" in states(hub)


def test_sixteen_writers_on_postgresql_oversell_nothing(postgres_url: str, seconds: float) -> None:
    with opened(open_database(postgres_url, threads=WRITERS + 2)) as hubs:
        check(hubs[0], blow(hubs, WRITERS, seconds, seed=1))


def test_four_processes_worth_of_writers_on_sqlite_oversell_nothing(tmp_path: Path, seconds: float) -> None:
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    engine = create_store_engine(url)
    migrate(engine)
    engine.dispose()
    with opened(*(open_database(url) for _ in range(4))) as hubs:
        check(hubs[0], blow(hubs, WRITERS, seconds, seed=2))


def test_without_the_check_postgresql_is_seen_to_oversell(postgres_url: str) -> None:
    with opened(open_database(postgres_url, threads=WRITERS + 2)) as hubs:
        hubs[0].database.transact_now(
            lambda c: c.exec_driver_sql("ALTER TABLE positions DROP CONSTRAINT ck_positions_never_oversold")
        )
        storm = blow(hubs, WRITERS, 4, seed=1)
        assert storm.oversold


def unlocked(url: str) -> Database:
    """A database whose transactions take no lock before they read, and whose CHECKs are not looked at."""
    engine = create_engine(url, pool_size=8, connect_args={"timeout": 30, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _set_up(connection: object, _: object) -> None:
        connection.isolation_level = None  # type: ignore[attr-defined]
        connection.execute("PRAGMA ignore_check_constraints = ON")  # type: ignore[attr-defined]

    return Database(engine, engine, threads=4)


def test_without_lock_and_check_sqlite_is_seen_to_oversell(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.sqlite'}"
    engine = create_store_engine(url)
    migrate(engine)
    engine.dispose()
    with opened(*(unlocked(url) for _ in range(4))) as hubs:
        storm = blow(hubs, WRITERS, 4, seed=2)
        assert storm.oversold

"""The ledger is read in order, and nothing that is committed late is missed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, insert, select, text

from crossdock.store.engine import Database, open_database
from crossdock.store.ledger_reader import LedgerReader
from crossdock.store.stock_tables import ledger

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    opened = open_database(postgres_url)
    yield opened
    opened.close()


def write(connection: Connection, *skus: str) -> None:
    units = dict.fromkeys(("on_hand", "reserved", "allocated", "quarantined"), 1)
    for sku in skus:
        row = {"sku": sku, "node": "DC", "kind": "counted", "as_of": NOW, "source": "s", "external_id": "e"}
        connection.execute(insert(ledger).values(**row, **units, recorded_at=NOW))


@contextmanager
def writing(database: Database) -> Iterator[Connection]:
    """A transaction that is under way until the block ends."""
    with database.engine.connect() as connection, connection.begin():
        yield connection


class Reading:
    """A reader with its position; what it has read, one list a turn."""

    def __init__(self, database: Database) -> None:
        self.database, self.reader, self.position = database, LedgerReader(), 0

    def turn(self, limit: int = 100) -> list[str]:
        skus, self.position = self.database.transact_now(
            lambda c: self.reader.skus_after(c, self.position, limit)
        )
        return skus


def test_rows_are_read_in_their_order_and_once(database: Database) -> None:
    reading = Reading(database)
    assert reading.turn() == []
    database.transact_now(lambda c: write(c, "B", "A", "B"))
    assert reading.turn(limit=2) == ["A", "B"]
    assert reading.turn() == ["B"]
    assert reading.turn() == []


def test_a_row_with_a_smaller_id_that_is_committed_later_is_not_missed(postgres: Database) -> None:
    reading = Reading(postgres)
    with writing(postgres) as slow:
        write(slow, "SLOW")
        postgres.transact_now(lambda c: write(c, "FAST"))
        ids = dict(postgres.read_now(lambda c: list(c.execute(select(ledger.c.sku, ledger.c.id)))))
        assert ids == {"FAST": 2}, "the slow one has id 1 and is not seen"
        assert reading.turn() == []
        assert reading.turn() == []
    assert reading.turn() == ["FAST", "SLOW"]


def test_a_transaction_id_that_is_older_than_its_row_is_waited_for_too(postgres: Database) -> None:
    """The order of transactions' ids is not that of rows' ids: the second to begin is the first to get a row."""
    reading = Reading(postgres)
    with writing(postgres) as first:
        first.execute(text("SELECT pg_current_xact_id()"))
        with writing(postgres) as second:
            write(second, "SECOND")
            write(first, "FIRST")
            first.commit()
            assert reading.turn() == []
    assert reading.turn() == ["FIRST", "SECOND"]


def test_writers_that_never_pause_hold_the_reader_up_by_one_turn_only(postgres: Database) -> None:
    reading = Reading(postgres)
    read: list[str] = []
    for number in range(5):
        with writing(postgres) as under_way:
            write(under_way, f"S{number}")
            read += reading.turn()
    assert read == ["S0", "S1", "S2"]
    assert reading.turn() == ["S3", "S4"]


def test_a_writer_that_gives_up_leaves_a_gap_and_nothing_else(postgres: Database) -> None:
    reading = Reading(postgres)
    with postgres.engine.connect() as connection:
        transaction = connection.begin()
        write(connection, "NEVER")
        postgres.transact_now(lambda c: write(c, "A"))
        assert reading.turn() == []
        transaction.rollback()
    assert reading.turn() == ["A"]

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    Column,
    Connection,
    Insert,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    exc,
    insert,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from crossdock.sdk.errors import MisconfiguredError, UnreachableError
from crossdock.store import leases
from crossdock.store.bulk import InsertMany, SelectMany, UpdateMany
from crossdock.store.engine import Database, open_database
from crossdock.store.metadata import Exact, Instant, Json

NOW = datetime(2026, 11, 23, 5, 10, 41, 7, tzinfo=UTC)
_metadata = MetaData()
things = Table(
    "test_things",
    _metadata,
    Column("name", Text, primary_key=True),
    Column("quantity", Integer, nullable=False),
    Column("price", Exact),
    Column("at", Instant),
    Column("document", Json),
)


@pytest.fixture
def tables(database: Database) -> Database:
    database.transact_now(lambda connection: _metadata.create_all(connection))
    return database


def put(name: str, quantity: int = 1) -> Insert:
    return insert(things).values(name=name, quantity=quantity)


def put_named(name: str, connection: Connection) -> str:
    connection.execute(put(name))
    return name


def names(database: Database) -> set[str]:
    return set(
        database.read_now(lambda connection: connection.execute(select(things.c.name)).scalars().all())
    )


def test_values_come_back_exactly(tables: Database) -> None:
    values = ("a", 3, Decimal("1234567890.123456789000"), NOW, {"b": Decimal("1.10"), "a": [None, True]})
    store = InsertMany(things, ("name", "quantity", "price", "at", "document"))
    tables.transact_now(lambda connection: store(connection, [values]))
    (row,) = tables.read_now(lambda connection: connection.execute(select(things)).all())
    assert tuple(row) == values
    assert str(row.price) == "1234567890.123456789000"
    assert row.at.tzinfo is UTC


def test_a_naive_instant_is_refused(tables: Database) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001
    store = InsertMany(things, ("name", "quantity", "at"))
    with pytest.raises(Exception, match="no time zone"):
        tables.transact_now(lambda connection: store(connection, [("a", 1, naive)]))


def test_many_rows_upsert_update_and_load_by_key(tables: Database) -> None:
    add = InsertMany(
        things,
        ("name", "quantity"),
        conflict=("name",),
        update=lambda new: {"quantity": things.c.quantity + new.quantity},
    )
    take = UpdateMany(
        things,
        ("name",),
        {"delta": Integer()},
        lambda new: {"quantity": things.c.quantity - new.delta},
        where=lambda new: things.c.quantity >= new.delta,
    )
    find = SelectMany(
        {"name": Text()},
        lambda wanted: (
            select(things.c.name, things.c.quantity)
            .join(wanted, wanted.c.name == things.c.name)
            .where(things.c.quantity <= bindparam("most"))
        ),
    )

    def work(connection: Connection) -> tuple[int, list[tuple[str, int]]]:
        add(connection, [("a", 1), ("b", 2)])
        add(connection, [("b", 3), ("c", 4)])
        taken = take(connection, [("a", 2), ("b", 5), ("c", 1), ("missing", 1)])
        rows = find(connection, [("b",), ("c",), ("x",)], most=3)
        return taken, sorted(tuple(row) for row in rows)

    assert tables.transact_now(work) == (2, [("b", 0), ("c", 3)])


def test_waiting_writes_share_a_commit_and_fail_alone(tables: Database) -> None:
    async def scenario() -> Sequence[object]:
        hold = threading.Event()
        blocker = asyncio.create_task(tables.write(lambda _: hold.wait(10)))
        await asyncio.sleep(0.05)
        writes = [
            asyncio.create_task(tables.write(partial(put_named, name))) for name in ("a", "b", "a", "c")
        ]
        await asyncio.sleep(0.05)
        hold.set()
        await blocker
        results: Sequence[object] = await asyncio.gather(*writes, return_exceptions=True)
        return results

    results = asyncio.run(scenario())
    assert [results[0], results[1], results[3]] == ["a", "b", "c"]
    assert "IntegrityError" in type(results[2]).__name__
    assert names(tables) == {"a", "b", "c"}


def test_when_the_shared_transaction_is_lost_nobody_is_told_it_was_stored(tables: Database) -> None:
    """A full disk makes SQLite roll everything back by itself."""

    def lose(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")
        raise OSError("disk full")

    async def scenario() -> Sequence[object]:
        hold = threading.Event()
        blocker = asyncio.create_task(tables.transact(lambda _: hold.wait(10)))
        first = asyncio.create_task(tables.write(lambda _: hold.wait(10)))
        await asyncio.sleep(0.05)
        writes = [asyncio.create_task(tables.write(work)) for work in (partial(put_named, "a"), lose)]
        await asyncio.sleep(0.05)
        hold.set()
        await asyncio.gather(blocker, first)
        results: Sequence[object] = await asyncio.gather(*writes, return_exceptions=True)
        return results

    told = asyncio.run(scenario())
    stored = names(tables)
    assert (told[0] == "a") == ("a" in stored)
    assert isinstance(told[1], Exception)


def test_what_raises_leaves_nothing_behind(tables: Database) -> None:
    def fail(connection: Connection) -> None:
        connection.execute(put("a"))
        raise LookupError("no")

    with pytest.raises(LookupError):
        tables.transact_now(fail)
    with pytest.raises(LookupError):
        asyncio.run(tables.write(fail))
    assert names(tables) == set()


def test_a_closed_database_says_so(database: Database) -> None:
    database.close()
    with pytest.raises(UnreachableError, match="closed"):
        asyncio.run(database.write(lambda _: None))


@pytest.mark.parametrize("url", ["", "user:hunter2@host/name"])
def test_what_is_no_url_is_refused_with_words_and_without_its_password(url: str) -> None:
    with pytest.raises(MisconfiguredError, match="write sqlite:///path/to/file") as refused:
        open_database(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["sqlite://", "mysql://host/name"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(MisconfiguredError):
        open_database(url)


def test_one_owner_holds_a_lease_until_it_runs_out(database: Database) -> None:
    def take(owner: str, at: datetime) -> bool:
        return database.transact_now(lambda connection: leases.take(connection, "work", owner, at, 10))

    assert take("a", NOW)
    assert take("a", NOW + timedelta(seconds=5))
    assert not take("b", NOW + timedelta(seconds=14))
    assert take("b", NOW + timedelta(seconds=15))
    database.transact_now(lambda connection: leases.release(connection, "work", "a"))
    assert not take("a", NOW + timedelta(seconds=16))


def test_a_turn_comes_once_an_interval(database: Database) -> None:
    def turn(at: datetime) -> float:
        return database.transact_now(lambda connection: leases.wait_for_turn(connection, "t", "me", at, 60))

    assert turn(NOW) == 0
    assert turn(NOW + timedelta(seconds=20)) == 40
    assert turn(NOW + timedelta(seconds=60)) == 0


def test_nobody_waits_for_whoever_has_the_turn(postgres_url: str) -> None:
    first, second = open_database(postgres_url), open_database(postgres_url)

    def turn(connection: Connection, at: datetime) -> float:
        return leases.wait_for_turn(connection, "t", "me", at, 60)

    assert first.transact_now(lambda connection: turn(connection, NOW)) == 0
    later = NOW + timedelta(seconds=60)

    def overlapping(connection: Connection) -> float:
        assert turn(connection, later) == 0
        return second.transact_now(lambda other: turn(other, later))

    assert first.transact_now(overlapping) == 60
    first.close()
    second.close()


def test_a_connection_that_the_server_has_ended_is_not_used(postgres_url: str) -> None:
    database, other = open_database(postgres_url), open_database(postgres_url)
    own = database.transact_now(
        lambda connection: connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    )
    end = text("SELECT pg_terminate_backend(:pid, 10000)")
    assert other.transact_now(lambda connection: connection.execute(end, {"pid": own}).scalar_one())
    assert database.transact_now(lambda connection: connection.execute(text("SELECT 1")).scalar_one()) == 1
    database.close()
    other.close()


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))


@given(
    texts=st.lists(st.none() | _TEXTS, min_size=1),
    bodies=st.lists(st.binary(), min_size=1),
    numbers=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1),
    instants=st.lists(st.datetimes(timezones=st.just(UTC)), min_size=1),
)
@example(
    texts=['"', "\\", ",", "{}", "", "NULL", "null", " "], bodies=[b"", b"\\"], numbers=[0], instants=[NOW]
)
@example(texts=[None, None], bodies=[b"\0"], numbers=[-1], instants=[NOW, NOW])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
def test_arrays_arrive_as_they_were_sent(
    postgres: Database,
    texts: list[str | None],
    bodies: list[bytes],
    numbers: list[int],
    instants: list[datetime],
) -> None:
    sent = {"texts": texts, "bodies": bodies, "numbers": numbers, "instants": instants}
    kinds: dict[str, Any] = {
        "texts": Text(),
        "bodies": LargeBinary(),
        "numbers": Integer(),
        "instants": Instant(),
    }
    casts: Any = select(*(bindparam(name, type_=ARRAY(kind)) for name, kind in kinds.items()))
    found = postgres.read_now(lambda connection: connection.execute(casts, sent).one())
    assert found == (texts, bodies, numbers, instants)


def test_a_text_that_postgresql_does_not_take_is_refused(postgres: Database) -> None:
    query = select(bindparam("texts", type_=ARRAY(Text())))
    with pytest.raises(exc.DataError, match="NUL"):
        postgres.read_now(lambda connection: connection.execute(query, {"texts": ["a", "b\0c"]}).one())


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Database]:
    database = open_database(postgres_url)
    yield database
    database.close()


def test_tokens_are_compared_before_they_are_set(database: Database) -> None:
    async def scenario() -> None:
        store = leases.SqlTokenStore(database, lambda: NOW)
        assert await store.load("t") is None
        assert await store.save("t", b"1", 0)
        assert not await store.save("t", b"x", 0)
        assert await store.save("t", b"2", 1)
        assert not await store.save("t", b"x", 1)
        assert await store.load("t") == (b"2", 2)
        assert await store.lease("t", "a", 10)
        assert not await store.lease("t", "b", 10)
        await store.release("t", "a")
        assert await store.lease("t", "b", 10)

    asyncio.run(scenario())

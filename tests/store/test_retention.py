"""What is done with goes after its time, what somebody still needs stays; the same on both databases."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Table, select

from crossdock.orders.worklist import Cause, open_item
from crossdock.sdk.clock import ManualClock
from crossdock.store import log, raw
from crossdock.store.api_requests import ApiRequest, remember
from crossdock.store.commands import CommandRow, CommandState, Result, claim, enqueue, record
from crossdock.store.engine import Database
from crossdock.store.ingest import FileRow, mark_disposed, record_file
from crossdock.store.order_tables import work_items
from crossdock.store.plumbing import (
    api_requests,
    commands,
    dead_letters,
    file_ledger,
    messages,
    raw_records,
)
from crossdock.store.raw import BodyStore, StoredBody
from crossdock.store.retention import Retention
from crossdock.store.stock_tables import reservations
from crossdock.store.worklist import raise_items, settle
from crossdock.streams.processor import DeadLetter
from crossdock.streams.pruning import Pruner, pruning_service
from crossdock.streams.transaction import Transactions

NOW = datetime(2026, 11, 23, tzinfo=UTC)
AGES = Retention()


@pytest.fixture
def bodies(tmp_path: Path) -> BodyStore:
    return BodyStore(tmp_path / "raw")


def pruned(database: Database, bodies: BodyStore, now: datetime = NOW) -> dict[str, int]:
    return asyncio.run(Pruner(Transactions(database, ManualClock(now)), bodies, AGES).prune())


def left(database: Database, table: Table, column: str) -> list[Any]:
    return database.read_now(
        lambda c: list(c.execute(select(table.c[column]).order_by(*table.primary_key)).scalars())
    )


def keep_raw(
    connection: Connection, keys: Sequence[str], at: datetime, body: bytes | StoredBody = b"{}"
) -> list[str]:
    rows = [raw.raw_row("shop", "orders", key, key, body, received_at=at) for key in keys]
    raw.store(connection, rows)
    return [row.id for row in rows]


def age(folder: Path, path: str, days: float) -> None:
    file = folder / "raw" / path
    at = file.stat().st_mtime - days * 86400
    os.utime(file, (at, at))


def test_only_old_and_handled_messages_are_deleted_and_ids_never_come_again(
    database: Database, bodies: BodyStore
) -> None:
    def work(connection: Connection) -> None:
        old = NOW - timedelta(days=30)
        log.append(connection, [log.LogRow("orders", f"m{n}", "k", "{}", b"", old) for n in range(4)])
        log.append(connection, [log.LogRow("events", "nobody reads", "k", "{}", b"", old)])
        log.append(connection, [log.LogRow("events", "new", "k", "{}", b"", NOW)])
        log.create_cursor(connection, "route", "orders", NOW)
        log.move_cursor(connection, "route", 2, NOW)

    database.transact_now(work)
    assert pruned(database, bodies)["messages"] == 3
    assert left(database, messages, "message_id") == ["m2", "m3", "new"]


def test_what_api_callers_asked_for_is_forgotten_after_its_time(
    database: Database, bodies: BodyStore
) -> None:
    def work(connection: Connection) -> None:
        for key, days in (("old", 31), ("young", 29)):
            remember(connection, ApiRequest(key, "portal", "x", "order", NOW - timedelta(days=days)))

    database.transact_now(work)
    assert pruned(database, bodies)["api_requests"] == 1
    assert left(database, api_requests, "idempotency_key") == ["young"]


def test_done_work_items_go_after_their_time_and_open_ones_stay(
    database: Database, bodies: BodyStore
) -> None:
    old = NOW - timedelta(days=401)

    def work(connection: Connection) -> None:
        items = [open_item(Cause.UPSTREAM_LAG, f"connection:{n}", "late", old) for n in ("a", "b")]
        raise_items(connection, [(item, None) for item in items], old)
        young = open_item(Cause.UPSTREAM_LAG, "connection:c", "late", old)
        raise_items(connection, [(young, None)], NOW - timedelta(days=399))
        settle(connection, ["connection:a"], "works again", old)
        settle(connection, ["connection:c"], "works again", NOW - timedelta(days=399))

    database.transact_now(work)
    assert pruned(database, bodies)["work_items"] == 1
    assert left(database, work_items, "subject") == ["connection:b", "connection:c"]


def test_files_are_forgotten_but_those_that_stay_at_the_partner(
    database: Database, bodies: BodyStore
) -> None:
    old = NOW - timedelta(days=181)

    def work(connection: Connection) -> None:
        for stream, name in (("orders", "gone"), ("orders", "stored"), ("kept", "there")):
            record_file(connection, FileRow("wms", stream, name, "abc", 1, None, "raw", "stored", old))
            if name != "stored":
                mark_disposed(connection, "wms", stream, name, "abc", None, old)

    database.transact_now(work)
    ages = replace(AGES, kept_streams=frozenset({("wms", "kept"), ("shop", "orders")}))
    transactions = Transactions(database, ManualClock(NOW))
    assert asyncio.run(Pruner(transactions, bodies, ages).prune())["file_ledger"] == 1
    assert left(database, file_ledger, "name") == ["there", "stored"]
    assert pruned(database, bodies)["file_ledger"] == 1
    assert left(database, file_ledger, "name") == ["stored"]


def test_reservations_that_count_stay(database: Database, bodies: BodyStore) -> None:
    states = ("active", "confirmed", "released", "expired")

    def work(connection: Connection) -> None:
        old = NOW - timedelta(days=31)
        rows = [
            {"key": state, "sku": "A", "node": "N", "quantity": 1, "expires_at": old, "state": state,
             "updated_at": old}
            for state in states
        ]  # fmt: skip
        connection.execute(reservations.insert(), rows)

    database.transact_now(work)
    assert pruned(database, bodies)["reservations"] == 2
    assert left(database, reservations, "key") == ["active", "confirmed"]


def test_a_command_that_somebody_has_to_decide_stays(database: Database, bodies: BodyStore) -> None:
    old = NOW - timedelta(days=200)

    def work(connection: Connection) -> None:
        rows = [CommandRow("shop", "do", f"k{n}", f"i{n}", b"{}", {}, "c", old) for n in range(3)]
        enqueue(connection, rows)
        ids = list(connection.execute(select(commands.c.id).order_by(commands.c.id)).scalars())
        states = (CommandState.APPLIED, CommandState.PARKED)
        claim(connection, "shop", "me", old, lease_seconds=60, limit=2)
        record(connection, [Result(n, s, {}, None) for n, s in zip(ids, states, strict=False)], "me", old)

    database.transact_now(work)
    assert pruned(database, bodies)["commands"] == 1
    assert left(database, commands, "order_key") == ["k1", "k2"]


def test_the_bytes_of_an_open_dead_letter_stay(database: Database, bodies: BodyStore) -> None:
    transactions = Transactions(database, ManualClock(NOW - timedelta(days=200)))
    database.transact_now(lambda c: keep_raw(c, ["gone", "wanted"], NOW - timedelta(days=200)))
    wanted = raw.raw_id("shop", "orders", "wanted")
    letters = [DeadLetter("s", "c", "m", "", b"", raw_id=each) for each in (wanted, None)]
    transactions.transact_now(lambda tx: tx.dead_letter(*letters))
    assert pruned(database, bodies)["raw_records"] == 1
    assert left(database, raw_records, "key") == ["wanted"]
    database.transact_now(lambda c: c.execute(dead_letters.update().values(state="discarded")))
    again = pruned(database, bodies)
    assert (again["raw_records"], again["dead_letters"]) == (1, 2)


def test_a_large_body_goes_with_the_last_record_that_names_it(
    database: Database, bodies: BodyStore, tmp_path: Path
) -> None:
    body = bodies.put([b"a" * 300_000])
    age(tmp_path, body.path, 100)

    def work(connection: Connection) -> None:
        keep_raw(connection, ["old"], NOW - timedelta(days=100), body)
        keep_raw(connection, ["young"], NOW - timedelta(days=89), body)

    database.transact_now(work)
    first = pruned(database, bodies)
    assert (first["raw_records"], first["bodies"]) == (1, 0)
    assert bodies.chunk(body.path, 0, 3) == b"aaa"
    second = pruned(database, bodies, NOW + timedelta(days=2))
    assert (second["raw_records"], second["bodies"]) == (1, 1)
    assert not (tmp_path / "raw" / body.path).exists()


def test_what_a_crash_left_goes_and_what_is_about_to_be_stored_stays(
    database: Database, bodies: BodyStore, tmp_path: Path
) -> None:
    young, orphan = bodies.put([b"young"]), bodies.put([b"orphan"])
    half = tmp_path / "raw/incoming-x"
    half.write_bytes(b"half")
    for path in (orphan.path, half.name):
        age(tmp_path, path, 2)
    assert pruned(database, bodies)["bodies"] == 2
    assert bodies.chunk(young.path, 0, 9) == b"young"
    # The same content comes again while its old file is being given up: it is young from then on.
    bodies.put([b"young"])
    age(tmp_path, young.path, 2)
    listed = bodies.older_than(timedelta(days=1))
    bodies.put([b"young"])
    assert listed == [young.path]
    assert bodies.delete_old(listed, timedelta(days=1)) == 0


def test_the_service_prunes_and_stops(database: Database, bodies: BodyStore, tmp_path: Path) -> None:
    database.transact_now(lambda c: keep_raw(c, [f"k{n}" for n in range(1_200)], NOW - timedelta(days=100)))
    service = pruning_service(Transactions(database, ManualClock(NOW)), bodies, AGES, "worker")

    async def story() -> None:
        stop = asyncio.Event()
        running = asyncio.ensure_future(service.run(stop))
        while left(database, raw_records, "key"):  # noqa: ASYNC110 - it rings no bell
            await asyncio.sleep(0.01)
        stop.set()
        await running

    asyncio.run(story())


def test_an_inbox_that_forgets_before_the_log_is_refused() -> None:
    with pytest.raises(ValueError, match="inbox_days"):
        Retention(inbox_days=1)

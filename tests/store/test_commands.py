from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from crossdock.store import commands
from crossdock.store.commands import ClaimedCommand, CommandRow, CommandState, Result
from crossdock.store.engine import Database

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def row(key: str, order: str = "order-1", *, coalesce: str = "", payload: bytes = b"{}") -> CommandRow:
    return CommandRow("shop", "shipment.confirm", order, key, payload, {"order": "7"}, "story", NOW, coalesce)


def enqueue(database: Database, *rows: CommandRow) -> None:
    database.transact_now(lambda connection: commands.enqueue(connection, rows))


def claim(
    database: Database, *, at: datetime = NOW, owner: str = "me", limit: int = 10
) -> list[ClaimedCommand]:
    def work(connection: Connection) -> list[ClaimedCommand]:
        return commands.claim(connection, "shop", owner, at, lease_seconds=60, limit=limit)

    return database.transact_now(work)


def record(database: Database, *results: Result, owner: str = "me") -> int:
    return database.transact_now(lambda connection: commands.record(connection, results, owner, NOW))


def keys(claimed: list[ClaimedCommand]) -> list[str]:
    return [command.idempotency_key for command in claimed]


def test_the_same_idempotency_key_is_enqueued_once(database: Database) -> None:
    enqueue(database, row("a"), row("a"))
    enqueue(database, row("a"))
    assert keys(claim(database)) == ["a"]
    assert claim(database) == []


def test_one_order_key_has_one_command_in_flight_in_order(database: Database) -> None:
    enqueue(database, row("a1"), row("b1", "order-2"), row("a2"), row("b2", "order-2"))
    first = claim(database)
    assert keys(first) == ["a1", "b1"]
    assert claim(database) == []
    record(database, Result(first[0].id, CommandState.APPLIED, {"ref": "9"}))
    assert keys(claim(database)) == ["a2"]


def test_a_throttled_command_waits_and_holds_its_key_back(database: Database) -> None:
    enqueue(database, row("a1"), row("a2"))
    (command,) = claim(database)
    later = NOW + timedelta(minutes=5)
    record(database, Result(command.id, CommandState.PENDING, None, later))
    assert claim(database) == []
    assert database.read_now(lambda connection: commands.next_due(connection, "shop")) is not None
    again = claim(database, at=later)
    assert (keys(again), again[0].attempts, again[0].probe) == (["a1"], 2, False)


def test_a_command_cut_off_while_sending_is_probed(database: Database) -> None:
    enqueue(database, row("a1"), row("a2"))
    claim(database, owner="died")
    assert claim(database, at=NOW + timedelta(seconds=59)) == []
    (command,) = claim(database, at=NOW + timedelta(seconds=60))
    assert (command.idempotency_key, command.probe, command.attempts) == ("a1", True, 1)


def test_a_worker_that_starts_again_recovers_its_own_at_once(database: Database) -> None:
    enqueue(database, row("a1"))
    claim(database, owner="me")
    assert database.transact_now(lambda connection: commands.recover(connection, "me", NOW)) == 1
    assert [command.probe for command in claim(database)] == [True]


def test_what_another_has_taken_over_is_not_recorded(database: Database) -> None:
    enqueue(database, row("a1"))
    (command,) = claim(database)
    applied = Result(command.id, CommandState.APPLIED)
    (again,) = claim(database, at=NOW + timedelta(seconds=61), owner="other")
    assert again.probe
    assert record(database, applied) == 0
    assert record(database, applied, owner="other") == 1
    assert record(database, Result(command.id, CommandState.REJECTED), owner="other") == 0


def test_a_parked_command_holds_nobody_up(database: Database) -> None:
    enqueue(database, row("a1"), row("a2"))
    (command,) = claim(database)
    record(database, Result(command.id, CommandState.PARKED, {"why": "unknown"}))
    assert keys(claim(database)) == ["a2"]


def test_a_newer_value_takes_the_place_of_the_pending_one(database: Database) -> None:
    enqueue(database, row("s1", "sku", coalesce="sku", payload=b"1"), row("x", "other"))
    enqueue(database, row("s2", "sku", coalesce="sku", payload=b"2"))
    claimed = claim(database)
    assert [(each.idempotency_key, each.payload) for each in claimed] == [("s2", b"2"), ("x", b"{}")]
    enqueue(database, row("s3", "sku", coalesce="sku", payload=b"3"))
    enqueue(database, row("s4", "sku", coalesce="sku"), row("s5", "sku", coalesce="sku", payload=b"5"))
    assert claim(database) == []
    record(database, Result(claimed[0].id, CommandState.APPLIED))
    assert [each.payload for each in claim(database)] == [b"5"]

"""What the processes of a hub share by the database: budgets, bells, leases that are taken away, the relay's cursor."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from crossdock.sdk.budgets import BudgetState
from crossdock.store import leases, log, relaying
from crossdock.store.budgets import SqlBudgetStore
from crossdock.store.engine import Database
from crossdock.store.log import LogRow

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def test_budgets_are_kept_by_compare_and_set(database: Database) -> None:
    state = BudgetState(3.0, 40.0, NOW, 2.0, blocked_until=NOW + timedelta(seconds=5))

    async def scenario() -> None:
        one, other = SqlBudgetStore(database, lambda: NOW), SqlBudgetStore(database, lambda: NOW)
        assert await one.load("shop|0|* *") is None
        assert await one.save("shop|0|* *", state, 0)
        assert not await other.save("shop|0|* *", state, 0)
        assert await other.load("shop|0|* *") == (state, 1)
        assert await other.save("shop|0|* *", state, 1)
        assert not await one.save("shop|0|* *", state, 1)

    asyncio.run(scenario())


def test_a_bell_is_heard_with_the_instant_of_its_last_ring(database: Database) -> None:
    later = NOW + timedelta(seconds=1)
    database.transact_now(lambda connection: leases.ring(connection, "shop/orders", NOW))
    database.transact_now(lambda connection: leases.ring(connection, "shop/orders", later))
    assert database.read_now(leases.rung) == {"shop/orders": later}
    assert database.read_now(leases.list_leases) == []


def test_a_lease_can_be_taken_from_its_owner(database: Database) -> None:
    database.transact_now(lambda connection: leases.take(connection, "relay", "one", NOW, 60))
    database.transact_now(lambda connection: leases.seize(connection, "relay", "other", NOW, 60))
    assert not database.transact_now(lambda connection: leases.take(connection, "relay", "one", NOW, 60))


def append(database: Database, *ids: str) -> None:
    rows = [LogRow("orders", each, "key", "{}", b"", NOW) for each in ids]
    database.transact_now(lambda connection: log.append(connection, rows))


def position(database: Database, processor: str) -> int:
    return database.read_now(lambda connection: log.load_cursor(connection, processor))


def test_a_cursor_goes_up_to_the_first_message_that_is_not_handled(database: Database) -> None:
    append(database, "a", "b", "c", "d")
    database.transact_now(lambda connection: log.create_cursor(connection, "route", "orders", NOW))

    def handle(*ids: str) -> None:
        database.transact_now(lambda connection: log.claim(connection, "route", ids, NOW))
        database.transact_now(lambda connection: relaying.settle_cursor(connection, "route", "orders", NOW))

    handle("a", "c")
    assert position(database, "route") == 1
    assert database.read_now(lambda connection: log.behind(connection, ["orders"], 2)) == ["route"]
    handle("b")
    assert position(database, "route") == 3
    assert database.read_now(lambda connection: log.behind(connection, ["orders"], 3)) == []
    handle("d")
    assert position(database, "route") == 4


def begin(database: Database, processor: str, handled: int) -> None:
    database.transact_now(lambda connection: log.create_cursor(connection, processor, "orders", NOW))
    database.transact_now(lambda connection: log.move_cursor(connection, processor, handled, NOW))


def test_the_relay_begins_with_what_some_processor_has_not_handled(database: Database) -> None:
    append(database, "a", "b", "c")
    begin(database, "route", 2)
    begin(database, "audit", 1)
    database.transact_now(lambda connection: relaying.create_relay_cursor(connection, NOW))
    assert position(database, relaying.RELAY) == 1
    database.transact_now(lambda connection: log.move_cursor(connection, relaying.RELAY, 3, NOW))
    assert database.transact_now(lambda connection: relaying.rewind_relay(connection, NOW)) == 2

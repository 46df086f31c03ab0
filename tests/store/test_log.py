"""What waits for each processor, counted in one statement; the same on both databases."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from crossdock.store import log
from crossdock.store.engine import Database

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_the_backlog_is_what_lies_after_each_cursor_counted_up_to_the_limit(database: Database) -> None:
    def count(connection: Connection) -> dict[str, int]:
        rows = [("orders", f"o{number}") for number in range(5)] + [("stock", "s0")]
        log.append(connection, [log.LogRow(topic, name, name, "{}", b"", NOW) for topic, name in rows])
        for name, topic in (("route", "orders"), ("stock", "stock")):
            log.create_cursor(connection, name, topic, NOW)
        third = log.read_after(connection, "orders", 0, 3)[-1]
        log.move_cursor(connection, "route", third.id, NOW)
        wanted = [("route", "orders"), ("not begun", "orders"), ("stock", "stock"), ("idle", "nothing")]
        return log.backlog(connection, wanted, 4)

    counted = database.transact_now(count)
    assert counted == {"route": 2, "not begun": 4, "stock": 1, "idle": 0}


def test_nobody_has_no_backlog(database: Database) -> None:
    assert database.read_now(lambda connection: log.backlog(connection, [], 4)) == {}

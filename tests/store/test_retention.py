from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, select

from crossdock.store import log
from crossdock.store.engine import Database
from crossdock.store.plumbing import messages
from crossdock.store.retention import Retention, prune

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_only_old_and_handled_messages_are_deleted_and_ids_never_come_again(database: Database) -> None:
    def work(connection: Connection) -> tuple[dict[str, int], list[str]]:
        old = NOW - timedelta(days=30)
        log.append(connection, [log.LogRow("orders", f"m{n}", "k", "{}", b"", old) for n in range(4)])
        log.append(connection, [log.LogRow("events", "nobody reads", "k", "{}", b"", old)])
        log.append(connection, [log.LogRow("events", "new", "k", "{}", b"", NOW)])
        log.create_cursor(connection, "route", "orders", NOW)
        log.move_cursor(connection, "route", 2, NOW)
        deleted = prune(connection, Retention(), NOW)
        return deleted, list(
            connection.execute(select(messages.c.message_id).order_by(messages.c.id)).scalars()
        )

    deleted, left = database.transact_now(work)
    assert deleted["messages"] == 3
    assert left == ["m2", "m3", "new"]


def test_an_inbox_that_forgets_before_the_log_is_refused() -> None:
    with pytest.raises(ValueError, match="inbox_days"):
        Retention(inbox_days=1)

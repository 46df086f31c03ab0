"""Two writers at once, which only PostgreSQL has: the second waits for the first, and looks again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from crossdock.store.engine import Database
from crossdock.streams.processor import Transaction
from crossdock.streams.processors import fencing
from crossdock.streams.processors.documents import encode
from crossdock.streams.transaction import SqlTransaction
from crossdock_schemas.registry import ENTITIES
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_order

_WAIT_SECONDS = 30.0


@pytest.fixture
def hub(database: Database, make: Callable[..., Harness]) -> Harness:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    return make(channels={"web": {"connection": "shop"}, "b2b": {}})


def an_order_for(name: str, units: int) -> dict[str, Any]:
    return an_order(external_id=name, lines=(a_line(sku="A", quantity=units),))


def while_it_waits(hub: Harness, first: Callable[[Transaction], object], order: dict[str, Any]) -> None:
    """Let ``first`` change stock and not commit before ``order`` has been decided and waits for the same rows."""
    sent = threading.Thread(target=hub.send, args=("order/1", order))
    with hub.database.engine.begin() as connection:
        tx = SqlTransaction(connection, hub.clock.now())
        first(tx)
        tx.flush()
        sent.start()
        deadline = time.monotonic() + _WAIT_SECONDS
        while not _somebody_waits(hub):
            assert time.monotonic() < deadline, "the order does not wait"
            assert sent.is_alive(), "the order did not wait"
            time.sleep(0.01)
    sent.join()


def _somebody_waits(hub: Harness) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    with hub.database.engine.connect() as connection:
        return bool(connection.execute(waiting).scalar_one())


def placed(hub: Harness, name: str) -> list[tuple[str | None, int]]:
    return [(line.lot, line.quantity) for each in hub.fulfilments(name) for line in each.fulfilment.lines]


def test_units_that_are_fenced_while_an_order_is_decided_are_not_promised_to_it(hub: Harness) -> None:
    hub.stock("CHI", {"A": 3})
    while_it_waits(
        hub,
        lambda tx: fencing.set_quantity(hub.hub, tx, "b2b", "A", "CHI", 2),
        an_order_for("late", 2),
    )
    assert placed(hub, "late") == []
    hub.send("order/1", an_order_for("small", 1))
    assert placed(hub, "small") == [(None, 1)]


def test_a_lot_that_another_order_is_given_meanwhile_is_not_named_twice(hub: Harness) -> None:
    lots = [
        {"sku": "A", "quantity": 1, "lot": "soon", "expires_on": "2027-01-31"},
        {"sku": "A", "quantity": 1, "lot": "late", "expires_on": "2027-02-28"},
    ]
    hub.stock("CHI", {}, lines=lots)
    body = ENTITIES["order/1"].model_validate_json(encode(an_order_for("first", 1)))
    message = hub.message(
        "order/1",
        body.model_dump_json(exclude_defaults=True).encode(),
        connection="shop",
        key="shop:first",
    )
    while_it_waits(hub, lambda tx: hub.processor("route").handler(tx, [message]), an_order_for("second", 1))
    assert (placed(hub, "first"), placed(hub, "second")) == ([("soon", 1)], [("late", 1)])

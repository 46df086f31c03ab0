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
from tests.processors.test_back_orders import WAITS, due, order, position, sound, waiting
from tests.schemas.builders import a_line, an_order

_WAIT_SECONDS = 30.0


@pytest.fixture
def hub(database: Database, make: Callable[..., Harness]) -> Harness:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    return make(channels={"web": {"connection": "shop"}, "b2b": {}})


def an_order_for(name: str, units: int) -> dict[str, Any]:
    return an_order(external_id=name, lines=(a_line(sku="A", quantity=units),))


def handled(hub: Harness, tx: Transaction, processor: str, schema: str, document: dict[str, Any]) -> None:
    """Handle a document in ``tx``, which is not committed yet."""
    body = ENTITIES[schema].model_validate_json(encode(document)).model_dump_json(exclude_defaults=True)
    message = hub.message(schema, body.encode(), connection="shop", key=f"shop:{document['external_id']}")
    hub.processor(processor).handler(tx, [message])


def while_it_waits(
    hub: Harness,
    first: Callable[[Transaction], object],
    document: dict[str, Any],
    schema: str = "order/1",
) -> None:
    """Let ``first`` change stock and not commit before ``document`` has been read, and waits for the same rows."""
    sent = threading.Thread(target=hub.send, args=(schema, document))
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
    first = an_order_for("first", 1)
    while_it_waits(hub, lambda tx: handled(hub, tx, "route", "order/1", first), an_order_for("second", 1))
    assert (placed(hub, "first"), placed(hub, "second")) == ([("soon", 1)], [("late", 1)])


def test_what_comes_while_a_back_order_is_cancelled_is_not_given_back_once_more(
    database: Database, make: Callable[..., Harness]
) -> None:
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer")
    hub = make(policies=WAITS)
    due(hub, 2)
    order(hub, "patient", 2)
    lines = [{"sku": "A", "quantity": 1, "reason": "received"}]
    came = {"external_id": "R", "node": "CHI", "occurred_at": hub.clock.now(), "lines": lines}
    while_it_waits(
        hub,
        lambda tx: handled(hub, tx, "stock", "stock_movement/1", came),
        {"external_id": "patient", "version": "1", "requested_at": hub.clock.now()},
        "cancellation/1",
    )
    assert waiting(hub) == {}
    assert position(hub) == (1, 0, 0, 0)
    sound(hub)

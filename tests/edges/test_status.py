"""How connections stand, as another process reads it: what an operator needs to know at 2 a.m."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import event

from crossdock.config.model import Config
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.errors import MisconfiguredError, ThrottledError, UnauthorisedError, UnreachableError
from crossdock.sdk.retry import CircuitOpenError
from crossdock.store.engine import Database
from crossdock.streams.edges.connections import open_connections
from crossdock.streams.edges.health import Activity
from crossdock.streams.edges.reporting import reporting_service
from crossdock.streams.edges.running import edge_services
from crossdock.streams.edges.status import ActivityStatus, HubStatus, hub_status
from crossdock.streams.services import Service
from tests.edges.builders import Hub, configuration, environment, hub, order
from tests.edges.partner import Partner

POLL = Activity("shop", "poll", "orders")
UNTIL = datetime(2126, 1, 1, tzinfo=UTC)


def seen(database: Database) -> HubStatus:
    return database.read_now(lambda c: hub_status(c, SystemClock().now()))


def polled(database: Database) -> ActivityStatus | None:
    found = [each for one in seen(database).connections for each in one.activities]
    return next((each for each in found if (each.kind, each.stream) == ("poll", "orders")), None)


def reporting(it: Hub) -> Service:
    return reporting_service(it.connections, it.around)


def test_another_process_sees_what_goes_well_and_that_the_hub_was_stopped(
    database: Database, tmp_path: Path, partner: Partner
) -> None:
    partner.records = [json.loads(order(1))]
    it = hub(database, tmp_path, partner.url)
    assert seen(database) == HubStatus(False, None, ())
    running: list[HubStatus] = []

    def is_polled() -> bool:
        row = polled(database)
        if row is not None and row.state == "ok":
            running.append(seen(database))
        return bool(running)

    asyncio.run(it.run(edge_services(it.connections, it.around), is_polled))
    assert running[0].running
    (connection,) = running[0].connections
    assert (connection.name, connection.connector, connection.healthy) == ("shop", "tiny", True)
    kinds = [(each.kind, each.stream) for each in connection.activities]
    assert ("deliver", "") in kinds
    assert ("drop", "stock") in kinds
    stopped = polled(database)
    assert stopped is not None
    assert stopped.state == "stopped"
    assert stopped.last_success_at is not None
    assert stopped.last_progress_at is not None
    assert not seen(database).running


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (UnreachableError("sftp.example:22: no answer"), "retrying", "no answer"),
        (CircuitOpenError("api.example is left alone", until=UNTIL), "circuit_open", "left alone"),
        (ThrottledError("too many requests (429)", until=UNTIL), "throttled", "429"),
        (UnauthorisedError("the token was refused"), "unauthorised", "token"),
        (MisconfiguredError("the server's certificate can't be verified"), "misconfigured", "certificate"),
        (MisconfiguredError("shows host key SHA256:x"), "misconfigured", "host key"),
        (RuntimeError("a fault"), "failed", "a fault"),
    ],
)
def test_trouble_is_written_down_in_the_operators_words(
    database: Database, tmp_path: Path, error: Exception, state: str, said: str
) -> None:
    it = hub(database, tmp_path)
    asyncio.run(it.around.board.failed(POLL, error))
    asyncio.run(it.run([reporting(it)], lambda: polled(database) is not None))
    row = polled(database)
    assert row is not None
    assert said in (row.error or "")
    assert row.next_attempt_at is not None
    if state in ("circuit_open", "throttled"):
        assert abs(row.next_attempt_at - UNTIL) < timedelta(seconds=1)
    labels = {"connection": "shop", "activity": "poll", "stream": "orders"}
    assert REGISTRY.get_sample_value("crossdock_activity_healthy", labels) == 0
    assert it.around.board.health(POLL).state == state
    asyncio.run(it.around.board.succeeded(POLL))
    assert REGISTRY.get_sample_value("crossdock_activity_healthy", labels) == 1


def test_only_what_changed_is_written(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    asyncio.run(it.around.board.succeeded(POLL))
    written: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *a: written.append(str(a[2])))

    async def story() -> None:
        service = asyncio.ensure_future(it.run([reporting(it)], lambda: len(ticks) > 3))
        ticks: list[int] = []
        while len(ticks) <= 3:
            await asyncio.sleep(0.8)
            await it.around.board.succeeded(POLL, records=1)
            ticks.append(1)
        await service

    asyncio.run(story())
    saved = [statement for statement in written if "INSERT INTO activities" in statement]
    assert len(saved) == 2, "once at the start, once at the stop"


def test_a_connection_that_cant_be_opened_is_listed_with_the_reason(
    database: Database, tmp_path: Path
) -> None:
    it = hub(database, tmp_path)
    declared = configuration(tmp_path, "http://127.0.0.1:9").model_dump()
    declared["connections"]["other"] = {"connector": "nobody"}
    connections = open_connections(Config.model_validate(declared), environment(database))
    service = reporting_service(connections, it.around)
    asyncio.run(it.run([service], lambda: len(seen(database).connections) == 2))
    other, shop = seen(database).connections
    assert (other.name, other.healthy, shop.healthy) == ("other", False, True)
    assert (other.activities[0].kind, other.activities[0].state) == ("open", "misconfigured")
    assert "connections.other.connector" in (other.activities[0].error or "")
    # Taken out of the configuration, it is forgotten.
    asyncio.run(it.run([reporting(it)], lambda: len(seen(database).connections) == 1))


def test_the_last_success_outlives_a_restart(database: Database, tmp_path: Path) -> None:
    first = hub(database, tmp_path)
    asyncio.run(first.around.board.succeeded(POLL))
    asyncio.run(first.run([reporting(first)], lambda: polled(database) is not None))
    again = hub(database, tmp_path)
    asyncio.run(again.around.board.failed(POLL, UnreachableError("gone")))
    asyncio.run(again.run([reporting(again)], lambda: getattr(polled(database), "error", None) == "gone"))
    row = polled(database)
    assert row is not None
    assert row.last_success_at is not None

"""Where polls stand, shown and set."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from crossdock.store import ingest, leases, poll_cursors
from tests.cli.builders import Cli
from tests.processors.harness import Harness

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
SINCE = {"since": "2026-11-23T09:00:00+00:00"}
EARLIER = '{"since": "2026-11-20T00:00:00+00:00"}'


@pytest.fixture(autouse=True)
def _polled(hub: Harness, folder: Path) -> None:
    text = (folder / "crossdock.yaml").read_text()
    store = "  store: {connector: shopify, config: {shop: acme, client_secret: x, access_token: y}}\n"
    (folder / "crossdock.yaml").write_text(text.replace("connections:\n", "connections:\n" + store))
    with hub.database.engine.begin() as connection:
        ingest.save_poll_cursor(connection, "store", "orders", SINCE, NOW, NOW)


def test_cursors_are_shown(cli: Cli) -> None:
    shown = cli("cursor", "show")
    assert '{"since": "2026-11-23T09:00:00+00:00"}' in shown.out
    (row,) = cli("cursor", "show", "store", "orders", "--json").json
    assert row["cursor"] == SINCE
    assert cli("cursor", "show", "store", "products", "--json").json == []


def test_a_cursor_is_set_and_recorded(cli: Cli) -> None:
    done = cli("cursor", "set", "store", "orders", EARLIER, "--yes")
    assert (done.code, "2026-11-20" in done.out) == (0, True)
    (row,) = cli("cursor", "show", "store", "--json").json
    assert row["cursor"] == {"since": "2026-11-20T00:00:00+00:00"}
    assert row["watermark"] is None, "what was complete then need not be now"
    assert cli("cursor", "set", "store", "orders", "--beginning", "--yes", "--json").json["after"] is None
    assert cli("cursor", "show", "store", "--json").json == []
    second, first = cli("cursor", "show", "--changes", "--json").json
    assert (first["before"], second["after"]) == (SINCE, None)
    assert first["changed_by"]
    assert "(the beginning)" in cli("cursor", "show", "--changes").out


def test_nothing_is_set_unasked(cli: Cli) -> None:
    refused = cli("cursor", "set", "store", "orders", EARLIER)
    assert refused.code == 1
    assert "now:" in refused.err
    assert cli("cursor", "show", "--json").json[0]["cursor"] == SINCE


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nowhere", "orders", EARLIER), 1, "there is no connection 'nowhere'; there are: carrier"),
        (("store", "orders_hook", EARLIER), 1, "store polls no stream 'orders_hook'; it polls: orders"),
        (("store", "orders", "{since"), 2, "the cursor is no JSON"),
        (("store", "orders", '{"page": 1.5}'), 2, "a cursor is a JSON object of texts"),
        (("store", "orders"), 2, "give either a cursor or --beginning"),
        (("store", "orders", EARLIER, "--beginning"), 2, "give either a cursor or --beginning"),
    ],
)
def test_mistakes_are_told(arguments: tuple[str, ...], code: int, says: str, cli: Cli) -> None:
    refused = cli("cursor", "set", *arguments, "--yes")
    assert (refused.code, says in refused.err) == (code, True), refused.err


def test_a_stream_that_is_polled_is_left_alone(
    cli: Cli, hub: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crossdock.cli.cursors.SystemClock", lambda: hub.clock)
    with hub.database.engine.begin() as connection:
        leases.take(connection, poll_cursors.poll_lease("store", "orders"), "embedded", hub.clock.now(), 120)
    refused = cli("cursor", "set", "store", "orders", EARLIER, "--yes")
    assert (refused.code, "stop the hub" in refused.err) == (1, True)
    hub.clock.move(121)
    assert cli("cursor", "set", "store", "orders", EARLIER, "--yes").code == 0

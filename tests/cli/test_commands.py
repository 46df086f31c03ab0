from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from crossdock.store import activities, api_tokens, raw
from crossdock.store.activities import ActivityRow
from crossdock.streams.processor import DeadLetter, Transaction
from tests.cli.builders import Cli
from tests.processors.harness import Harness

_SHOP = "connections:\n  a:\n    connector: shopify\n    config: {shop: acme, client_secret: x, access_token: y}\n"
_SERVICE = """
services: [{id: g, carrier: u, rate_card: r, transit_days: [1, 2, 3]}]
rate_cards: [{id: r, weight_breaks_grams: [1000], rates: [["5"], ["7"]], distance_bands_km: [500]}]
"""


@pytest.mark.usefixtures("hub")
def test_orders_are_listed(cli: Cli) -> None:
    assert "shop:1004" in cli("order", "list").out
    (shipped,) = cli("order", "list", "--state", "shipped", "--json").json
    assert shipped["id"] == "shop:1001"
    assert "There are more" in cli("order", "list", "--limit", "2").out


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("reference", ["shop:1001", "1001", "#1001"])
def test_an_orders_story_is_found_by_any_of_its_names(cli: Cli, reference: str) -> None:
    shown = cli("order", "show", reference)
    assert shown.code == 0
    for part in ("Order shop:1001", "decision 1 (new): CHI", "it has 0 of 1 SKU-1", "tracking 1Z1001", "✖"):
        assert part in shown.out
    assert '"postal_code": "60601"' in cli("order", "show", reference, "--full").out
    assert "postal_code" not in cli("order", "show", reference, "--brief").out
    assert cli("order", "show", reference, "--json").json["order"]["id"] == "shop:1001"


@pytest.mark.usefixtures("hub")
def test_what_is_not_there_is_said_in_words(cli: Cli) -> None:
    missing = cli("order", "show", "nowhere")
    assert (missing.code, missing.err) == (
        1,
        "error: order.missing: no order has 'nowhere' as id, external id or number\n",
    )
    assert cli("decision", "show", "x").code == 1
    assert cli("stock", "show", "x").code == 1
    assert cli("dead-letter", "show", "7").code == 1
    assert cli("nonsense").code == 2


def test_an_order_number_that_two_channels_use_is_ambiguous(cli: Cli, hub: Harness) -> None:
    with hub.database.engine.begin() as connection:
        connection.execute(text("UPDATE orders SET number = '#1001' WHERE id = 'shop:1002'"))
    refused = cli("order", "show", "#1001")
    assert refused.code == 1
    assert "shop:1001" in refused.err
    assert "shop:1002" in refused.err


@pytest.mark.usefixtures("hub")
def test_decision_and_stock(cli: Cli) -> None:
    assert "Chosen: CHI sends 1 x SKU-1 by ground" in cli("decision", "show", "shop:1001#1").out
    assert cli("decision", "show", "shop:1001#1", "--json").json["candidates"][0]["node"] == "CHI"
    assert "may sell" in cli("stock", "show", "SKU-1").out
    assert cli("stock", "show", "SKU-1", "--json").json["available_to_promise"] == {"web": 2}
    assert cli("stock", "show", "SKU-1", "--at", "2020-01-01T00:00:00Z").code == 1
    past = cli("stock", "show", "SKU-1", "--at", "2026-11-23T10:00:00Z", "--json").json
    assert past["stock"]["nodes"][0]["on_hand"] == 5
    assert "has no offset" in cli("stock", "show", "SKU-1", "--at", "2026-11-23T10:00:00").err
    assert cli("stock", "fence", "SKU-1", "CHI", "web", "1", "--json").json["ring_fences"][0]["quantity"] == 1
    assert "fenced for" in cli("stock", "show", "SKU-1").out


@pytest.mark.usefixtures("hub")
def test_status_counts(cli: Cli) -> None:
    assert "routing accuracy" in cli("status").out
    assert cli("status", "--json").json["totals"]["orders"]["shipped"] == 1


def test_status_says_how_connections_stand(cli: Cli, hub: Harness) -> None:
    assert "the hub is not running: crossdock run" in cli("status").out
    row = ActivityRow(
        *("erp", "poll", "items", "soap_erp", "misconfigured", 3, "[can't] verify the certificate"),
        *(None, hub.clock.now(), hub.clock.now(), hub.clock.now()),
    )

    def store(tx: Transaction) -> None:
        activities.save(tx.connection, [row])
        activities.sign_of_life(tx.connection, "embedded", hub.clock.now() - timedelta(days=2), 60)

    hub.transactions.transact_now(store)
    shown = cli("status").out
    for part in ("erp", "poll items", "misconfigured", "[can't] verify the certificate", "last seen running"):
        assert part in shown
    (connection,) = cli("status", "--json").json["hub"]["connections"]
    assert (connection["name"], connection["healthy"]) == ("erp", False)
    assert connection["activities"][0]["failures"] == 3


@pytest.mark.usefixtures("hub")
def test_status_says_when_the_next_run_is(cli: Cli, folder: Path) -> None:
    config = folder / "crossdock.yaml"
    config.write_text(config.read_text().replace("ship_within: 5d", "ship_within: 5d, runs: {every: 1h}"))
    (run,) = cli("status", "--json").json["runs"]
    assert (run["channel"], run["orders"]) == ("web", 1)
    assert ":00:00" in run["next_run"]
    assert "next run" in cli("status").out


def test_doctor_ends_with_0_or_1(cli: Cli, hub: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crossdock.cli.doctor.SystemClock", lambda: hub.clock)
    healthy = cli("doctor")
    assert (healthy.code, healthy.out.splitlines()[-1]) == (0, "all is well")
    with hub.database.engine.begin() as connection:
        connection.execute(text("UPDATE ledger SET on_hand = on_hand + 1 WHERE sku = 'SKU-2'"))
    broken = cli("doctor")
    assert broken.code == 1
    assert "ledger_equals_balances: 1 found" in broken.out
    report = cli("doctor", "--json").json
    assert [check["name"] for check in report["checks"] if check["count"]] == ["ledger_equals_balances"]
    assert not report["healthy"]


def test_dead_letters_are_mended_and_replayed(cli: Cli, hub: Harness, folder: Path) -> None:
    original = hub.message("order/1", b"{broken", connection="shop", key="shop:2001")
    letter = DeadLetter(
        "route", "bug", "[can't] be read", "$", b"{broken", original=original, connection="shop"
    )
    hub.transactions.transact_now(lambda tx: tx.dead_letter(letter, letter))
    assert "[can't] be read" in cli("dead-letter", "list").out
    (folder / "mended.json").write_text('{"mended": true}')
    assert cli("dead-letter", "edit", "1", "--file", "mended.json").code == 0
    assert '{"mended": true}' in cli("dead-letter", "show", "1").out
    assert cli("dead-letter", "replay", "1").out == "dead letter 1 is replayed\n"
    assert cli("dead-letter", "discard", "2").code == 0
    again = cli("dead-letter", "replay", "1")
    assert (again.code, "replayed already" in again.err) == (1, True)
    assert cli("dead-letter", "list", "--json").json == []
    assert len(cli("dead-letter", "list", "--all", "--json").json) == 2


def test_a_dead_letter_names_the_file_it_came_in(cli: Cli, hub: Harness) -> None:
    row = raw.raw_row("wms", "stock", "in/stock-0412.csv", "1", b"sku;units", received_at=hub.clock.now())
    letter = DeadLetter("stock", "x", "m", "", b"", raw_id=row.id)
    hub.transactions.transact_now(lambda tx: raw.store(tx.connection, [row]))
    hub.transactions.transact_now(lambda tx: tx.dead_letter(letter))
    assert "stock in/stock-0412.csv, received 2026-" in cli("dead-letter", "show", "1").out
    assert "in/stock-0412.csv" in cli("dead-letter", "show", "1", "--json").json["source"]


def test_an_editor_mends_a_dead_letter(
    cli: Cli, hub: Harness, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = hub.message("order/1", b"{broken", connection="shop", key="shop:2001")
    hub.transactions.transact_now(lambda tx: tx.dead_letter(DeadLetter("route", "x", "m", "", b"", original)))
    monkeypatch.setenv("EDITOR", "true")
    assert cli("dead-letter", "edit", "1").out == "nothing changed\n"
    editor = folder / "editor"
    editor.write_text("#!/bin/sh\necho '{}' > \"$1\"\n")
    editor.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(editor))
    assert "is mended" in cli("dead-letter", "edit", "1").out
    assert "{}" in cli("dead-letter", "show", "1").out


def test_tokens_are_shown_once(cli: Cli, hub: Harness) -> None:
    made = cli("token", "create", "portal", "--scope", "write")
    token = made.out.strip()
    found = hub.database.read_now(lambda connection: api_tokens.find(connection, token))
    assert found is not None
    assert found.scopes == ("write",)
    assert token not in cli("token", "list").out
    assert cli("token", "create", "portal").code == 1
    assert cli("token", "revoke", "portal").code == 0
    assert hub.database.read_now(lambda connection: api_tokens.find(connection, token)) is None
    assert cli("token", "revoke", "portal").code == 1


def test_a_first_configuration_is_good(cli: Cli, folder: Path) -> None:
    refused = cli("init")
    assert (refused.code, "is there already" in refused.err) == (2, True)
    assert cli("init", "first.yaml").code == 0
    checked = cli("config", "check", "--config", "first.yaml")
    assert (checked.code, checked.err) == (0, "")
    assert "2 nodes" in checked.out
    assert "time_zone: America/Chicago" in cli("config", "show", "-c", "first.yaml").out
    assert cli("config", "show", "-c", "first.yaml", "--json").json["hub"]["name"] == "my-hub"
    assert "there is no database yet" in cli("order", "list", "-c", "first.yaml").err


def test_everything_wrong_in_a_configuration_is_said_at_once(cli: Cli, folder: Path) -> None:
    (folder / "bad.yaml").write_text(
        "connections:\n  a: {connector: nothing}\n"
        "  b: {connector: shopify, config: {shop: '${env:NOT_SET_ANYWHERE}'}}\n"
        "policies:\n  - {policy: x, version: 1, objective: [nonsense]}\n"
    )
    checked = cli("config", "check", "-c", "bad.yaml")
    assert checked.code == 2
    for part in ("connections.a", "connections.b", "NOT_SET_ANYWHERE", "policies.0"):
        assert part in checked.err
    assert not cli("config", "check", "-c", "bad.yaml", "--json").json["good"]
    missing = cli("config", "show", "-c", "none.yaml")
    assert (missing.code, "crossdock init" in missing.err) == (2, True)


def test_help_imports_nothing_heavy() -> None:
    heavy = ("sqlalchemy", "numpy", "pydantic", "fastapi", "zeep", "paramiko")
    program = (
        "import sys\nsys.argv = ['crossdock', '--help']\nfrom crossdock.cli import main\n"
        f"try:\n    main()\nexcept SystemExit:\n    print([name for name in {heavy} if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"
    assert "dead-letter" in shown.stdout


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("hub: [\n", "bad.yaml:2: did not find expected node content"),
        ("hub: {nme: x}\n", "bad.yaml:1: hub.nme: unknown key"),
        ("- a\n", "must be a mapping of keys to values"),
        ("hub: {database: 'mysql://user:word@host/x'}\n", "hub.database: the store runs on sqlite"),
        ("hub: {database: 'nonsense'}\n", "hub.database is no database URL"),
        ("connections: {a: {connector: rate_card}}\n", "connections.a.config"),
        (_SHOP + "    streams: {odrs: {}}\n", "connections.a.streams.odrs: connector shopify has no stream"),
        (_SHOP + "    commands: {order.cancl: off}\n", "connections.a.commands.order.cancl"),
        (_SHOP + "    streams: {orders: {mapping: my/order}}\n", "connections.a.streams.orders.mapping"),
        (_SERVICE, "services.g.transit_days: transit_days has 3 values"),
    ],
)
def test_a_wrong_configuration_is_told_by_its_place(cli: Cli, folder: Path, text: str, words: str) -> None:
    (folder / "bad.yaml").write_text(text)
    checked = cli("config", "check", "-c", "bad.yaml")
    assert checked.code == 2
    assert words in checked.err
    assert "Traceback" not in checked.err
    assert ":word@" not in checked.err


_EVERY = (
    *(
        "status",
        "doctor",
        "order list",
        "order show 1",
        "decision show 1",
        "stock show A",
        "dead-letter list",
    ),
    *("dead-letter show 1", "dead-letter edit 1 --file x", "dead-letter replay 1", "dead-letter discard 1"),
    *(
        "worklist list",
        "worklist resolve 1 -r x --by ada",
        "worklist apply 1 --by ada",
        "token list",
        "token create a",
        "token revoke a",
    ),
)


@pytest.mark.parametrize("command", _EVERY)
@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("none.yaml", "crossdock init"),
        ("empty.yaml", "there is no database yet"),
        ("away.yaml", "the database does not answer"),
        ("broken.yaml", "the database does not answer as it should"),
    ],
)
def test_every_command_says_in_words_what_is_missing(
    cli: Cli, folder: Path, command: str, config: str, words: str
) -> None:
    (folder / "x").write_text("{}")
    (folder / "empty.yaml").write_text("hub: {data_dir: elsewhere}\n")
    (folder / "away.yaml").write_text("hub: {database: 'postgresql://nobody@127.0.0.1:1/x'}\n")
    (folder / "broken.yaml").write_text("hub: {data_dir: broken}\n")
    (folder / "broken").mkdir()
    (folder / "broken/crossdock.sqlite").mkdir()
    ended = cli(*command.split(), "-c", config)
    assert ended.code in (1, 2)
    assert words in ended.err
    assert ended.err.startswith("error: ")
    assert ended.out == ""


@pytest.mark.parametrize("config", ["away.yaml", "broken.yaml"])
def test_a_hub_that_cannot_start_says_why(cli: Cli, folder: Path, config: str) -> None:
    (folder / "away.yaml").write_text("hub: {database: 'postgresql://nobody@127.0.0.1:1/x'}\n")
    (folder / "broken.yaml").write_text("hub: {data_dir: broken}\n")
    (folder / "broken").mkdir()
    (folder / "broken/crossdock.sqlite").mkdir()
    ended = cli("run", "-c", config)
    assert (ended.code, "the database does not answer as it should" in ended.err) == (1, True)


def test_connections_are_asked_whether_they_would_work(cli: Cli, folder: Path) -> None:
    text = (folder / "crossdock.yaml").read_text()
    (folder / "own.yaml").write_text(text.replace("{name: test}", "{name: test, data_dir: own}"))
    checked = cli("check", "-c", "own.yaml")
    assert checked.code == 1
    assert "misconfigured" in checked.out
    unknown = cli("check", "-c", "own.yaml", "nobody")
    assert (unknown.code, "there is no connection nobody; there are: " in unknown.err) == (2, True)


def test_scenarios_end_with_0_or_1_or_2(cli: Cli, folder: Path) -> None:
    example = Path(__file__).parents[2] / "docs/routing/ship-from-warehouse.yaml"
    good = cli("route", str(example))
    assert (good.code, good.out.splitlines()[-1]) == (0, "as expected")
    assert "CHI" in good.out
    assert (
        cli("route", str(example), "--json").json["scenarios"][0]["orders"][0]["decisions"][0]["order_id"]
        == "1"
    )
    assert "NYC would have won" in cli("route", str(example), "--explain").out
    wrong = folder / "wrong.yaml"
    wrong.write_text(example.read_text().replace("node: CHI", "node: NYC"))
    assert (
        "wrong.yaml:45: orders.0.expect.shipments.0.node: expected" in (bad := cli("route", str(wrong))).out
    )
    assert bad.code == 1
    assert not cli("route", str(wrong), "--json").json["good"]
    wrong.write_text("scenario: x\n")
    assert cli("route", str(wrong)).code == 2
    (folder / "none").mkdir()
    assert "there is no scenario" in cli("route", "none").err

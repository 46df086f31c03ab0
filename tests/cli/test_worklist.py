from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from crossdock.sdk.clock import SystemClock
from crossdock.store.order_tables import work_items
from crossdock.store.plumbing import commands
from tests.cli.builders import Cli
from tests.processors.harness import Harness


@pytest.mark.usefixtures("hub")
def test_work_is_listed_assigned_and_resolved(cli: Cli) -> None:
    items = {item["cause"]: item for item in cli("worklist", "list", "--json").json}
    item = items.pop("partner_refused")
    assert item["actions"] == ["send_again", "mark_applied"]
    assert "partner_refused" in cli("worklist", "list").out
    assert (
        cli("worklist", "assign", str(item["id"]), "--to", "ada").out
        == f"{item['id']}: done: assigned to ada\n"
    )
    assert [each["id"] for each in cli("worklist", "list", "--assigned-to", "ada", "--json").json] == [
        item["id"]
    ]
    assert "integration: ada" not in cli("worklist", "list", "--assigned-to", "").out
    assert cli("worklist", "resolve", str(item["id"]), "-r", "told by hand", "--by", "ada").code == 0
    assert [each["cause"] for each in cli("worklist", "list", "--json").json] == list(items)
    assert "told by hand (ada)" in " ".join(cli("worklist", "list", "--done").out.split())
    again = cli("worklist", "resolve", str(item["id"]), "-r", "again")
    assert (again.code, "no open work item" in again.err) == (1, True)


def test_the_hubs_proposals_are_applied_with_a_result_for_each(cli: Cli, hub: Harness) -> None:
    (item,) = hub.rows(work_items, state="open")
    results = cli("worklist", "apply", str(item["id"]), "99", "--json")
    assert results.code == 1, "there is no item 99"
    sent, missing = results.json
    assert (sent["id"], sent["done"], sent["said"]) == (
        item["id"],
        True,
        "shop is asked once more for shipment.confirm",
    )
    assert (missing["id"], missing["done"]) == (99, False)
    states = hub.database.read_now(
        lambda c: list(
            c.execute(select(commands.c.state).where(commands.c.name == "shipment.confirm")).scalars()
        )
    )
    assert states == ["pending"]
    assert "there is no open work item 99" in cli("worklist", "apply", "99").err
    assert cli("worklist", "apply", "--all").code == 0, "nothing is left"
    assert "give the ids" in cli("worklist", "apply").err
    assert "give the ids" in cli("worklist", "apply", "1", "--all").err


def test_what_is_overdue_is_shown(cli: Cli, hub: Harness) -> None:
    """Commands read the clock on the wall, not the hub's."""
    now = SystemClock().now()

    def due(at: datetime) -> None:
        hub.database.transact_now(lambda c: c.execute(work_items.update().values(due_at=at)))

    due(now + timedelta(days=1))
    assert "overdue" not in cli("worklist", "list").out
    due(now - timedelta(days=1))
    assert "overdue" in cli("worklist", "list", "--overdue").out
    assert "of them overdue" in cli("status").out

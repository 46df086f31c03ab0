"""A dead letter is a work item until it is replayed or discarded, wherever that is done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crossdock.errors import RecordRejectedError
from crossdock.orders.worklist import Action, Cause
from crossdock.store import dead_letters
from crossdock.store.order_tables import work_items
from crossdock.store.plumbing import dead_letters as letters
from crossdock.store.return_tables import returns
from crossdock.store.worklist import WorkFilter, find_ids
from crossdock.streams.processor import DeadLetter
from crossdock.streams.processors.fixing import apply
from crossdock.streams.transaction import Transactions
from tests.processors.harness import START, Harness
from tests.processors.test_fixing import do, fix


def lost(hub: Harness, name: str = "RR-1") -> dict[str, Any]:
    """A receipt of a node that nobody has configured."""
    line = {"sku": "A", "quantity": 1, "condition": "new"}
    receipt = {"external_id": name, "node": "LAX", "received_at": START, "lines": [line]}
    hub.send("return_receipt/1", receipt, connection="wms")
    return hub.rows(letters, state="open")[-1]


def mended(hub: Harness, letter: dict[str, Any]) -> None:
    body = letter["original_body"].replace(b"LAX", b"CHI")
    hub.transactions.transact_now(lambda tx: dead_letters.edit(tx.connection, letter["id"], body, tx.now))


def test_a_letter_is_an_item_that_says_what_was_given_up(hub: Harness) -> None:
    letter = lost(hub)
    (item,) = hub.rows(work_items)
    assert (item["cause"], item["subject"], item["owner"]) == (
        "data_invalid", f"dead_letter:{letter['id']}", "integration",
    )  # fmt: skip
    assert item["due_at"] == letter["created_at"] + timedelta(hours=4)
    assert item["message"].startswith("wms: returns gave up: returns.unknown_node at $.node: node 'LAX'")


def test_a_letter_is_replayed_from_the_worklist(hub: Harness) -> None:
    letter = lost(hub)
    mended(hub, letter)
    result = fix(hub)
    assert (result.done, result.said) == (True, "it is on the topic returns again")
    assert len(hub.rows(returns)) == 1
    (item,) = hub.rows(work_items)
    assert (item["state"], item["settled_by"]) == ("done", "ada")
    assert hub.rows(letters)[0]["state"] == "replayed"


def test_a_letter_that_fails_again_is_a_new_item(hub: Harness) -> None:
    lost(hub)
    assert fix(hub).done
    assert [row["state"] for row in hub.rows(work_items)] == ["done", "open"]


@pytest.mark.parametrize("what", ["replay", "discard"])
def test_what_is_done_to_a_letter_elsewhere_closes_its_item(hub: Harness, what: str) -> None:
    letter = lost(hub)
    deed = getattr(dead_letters, what)
    hub.transactions.transact_now(lambda tx: deed(tx.connection, letter["id"], tx.now))
    (item,) = hub.rows(work_items)
    assert (item["state"], item["settled_by"]) == ("done", "hub")


def test_many_are_replayed_at_once_and_each_has_its_result(hub: Harness) -> None:
    first, _ = lost(hub), lost(hub, "RR-2")
    mended(hub, first)
    hub.transactions.transact_now(lambda tx: dead_letters.discard(tx.connection, first["id"], tx.now))
    wanted = WorkFilter(cause=Cause.DATA_INVALID)
    ids = hub.database.read_now(lambda db: find_ids(db, wanted, 10))
    assert len(ids) == 1
    results = [do(hub, apply(hub.hub, Action.DISCARD, "test data", "ada"), item) for item in ids]
    assert [(each.done, each.said) for each in results] == [(True, "test data")]
    with pytest.raises(RecordRejectedError, match="no open work item"):
        do(hub, apply(hub.hub, None, "", "ada"), ids[0])


def test_letters_of_one_transaction_have_an_item_each_and_configured_times(hub: Harness) -> None:
    due = {Cause.DATA_INVALID: timedelta(minutes=5)}
    transactions = Transactions(hub.database, hub.clock, due=due)
    given_up = [DeadLetter("normalise", "mapping.missing", f"row {n}", "$.a", b"x") for n in range(3)]
    transactions.transact_now(lambda tx: tx.dead_letter(*given_up))
    rows = hub.rows(work_items)
    assert [row["subject"] for row in rows] == [f"dead_letter:{row['id']}" for row in hub.rows(letters)]
    assert [row["message"] for row in rows] == [f"normalise gave up at $.a: row {n}" for n in range(3)]
    assert {row["due_at"] - hub.clock.now() for row in rows} == {timedelta(minutes=5)}

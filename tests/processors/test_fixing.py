"""What a person does about work items: each item on its own, and what the hub then does is what it said it would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY

from crossdock.errors import CrossdockError, RecordRejectedError
from crossdock.orders.holds import Blocks, Hold
from crossdock.orders.life_cycles import FulfilmentState, OrderState
from crossdock.orders.worklist import Action, Cause
from crossdock.store.order_tables import work_items
from crossdock.store.plumbing import commands
from crossdock.store.stock_tables import feeds, positions
from crossdock.store.worklist import WorkFilter, count_open, find_ids
from crossdock.streams.processors.fixing import Deed, DeedResult, apply, assign, resolve
from crossdock.streams.processors.interventions import hold_order
from tests.processors.harness import Harness
from tests.processors.test_settling import given_up, items
from tests.schemas.builders import a_line, an_order


def do(hub: Harness, deed: Deed, item: int | None = None) -> DeedResult:
    name = item or hub.rows(work_items, state="open")[0]["id"]
    result = hub.transactions.transact_now(lambda tx: deed(tx, name))
    hub.settle()
    return result


def fix(hub: Harness, action: Action | None = None, reason: str = "") -> DeedResult:
    return do(hub, apply(hub.hub, action, reason, "ada"))


def shown(what: str, cause: str, owner: str) -> float | None:
    return REGISTRY.get_sample_value(f"crossdock_work_items_{what}", {"cause": cause, "owner": owner})


def settled(hub: Harness) -> dict[str, Any]:
    (row,) = hub.rows(work_items, state="done")
    return row


def test_an_order_is_routed_again_and_only_then_is_its_item_closed(hub: Harness) -> None:
    given_up(hub)
    still = fix(hub)
    assert (still.done, still.state) == (False, "open")
    assert "can't place 2 of SKU-1" in still.said
    assert items(hub) == [("constraint_unmet", "order:shop:1001")]
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-1": 5})
    placed = fix(hub)
    assert (placed.done, placed.state, placed.said) == (True, "done", "it goes to CHI")
    assert hub.order().state is OrderState.ROUTED
    row = settled(hub)
    assert (row["settled_by"], row["resolution"]) == ("ada", "route_again: it goes to CHI")


def test_units_that_nobody_can_ship_are_cancelled_with_a_reason_and_the_channel_is_told_once(
    hub: Harness,
) -> None:
    given_up(hub)
    with pytest.raises(RecordRejectedError, match="say why"):
        fix(hub, Action.CANCEL)
    assert fix(hub, Action.CANCEL, "discontinued").said.startswith(
        "2 units are cancelled and the channel told"
    )
    order = hub.order()
    assert (order.state, order.reason) == (OrderState.CANCELLED, "discontinued")
    assert len(hub.commands("order.cancel")) == 1
    with pytest.raises(RecordRejectedError, match="no open work item"):
        do(hub, apply(hub.hub, None, "", "ada"), settled(hub)["id"])
    assert len(hub.commands("order.cancel")) == 1


def test_an_order_on_hold_is_not_routed_by_hand(hub: Harness) -> None:
    given_up(hub)
    hub.clock.move(60)
    held = Hold("fraud_review", "risk", hub.clock.now(), blocks=Blocks.ROUTING)
    hub.transactions.transact_now(lambda tx: hold_order(hub.hub, tx, "shop:1001", held))
    hub.stock("CHI", {"SKU-1": 5})
    with pytest.raises(RecordRejectedError, match="on hold"):
        fix(hub)
    assert hub.fulfilments() == []
    assert items(hub) == [("constraint_unmet", "order:shop:1001")]


def silent(hub: Harness) -> str:
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("NYC", {"SKU-1": 5})
    hub.send("order/1", an_order())
    hub.clock.move(25 * 3600)
    hub.tick("silent_nodes")
    return str(hub.fulfilments()[0].id)


def test_a_silent_node_is_left_out_and_told_and_another_one_is_asked(hub: Harness) -> None:
    name = silent(hub)
    assert fix(hub).said == f"{name} is taken from CHI and routed to others"
    first, second = hub.fulfilments()
    assert (first.fulfilment.node, first.fulfilment.state) == ("CHI", FulfilmentState.REJECTED)
    assert (second.fulfilment.node, second.fulfilment.state) == ("NYC", FulfilmentState.REQUESTED)
    (told,) = hub.commands("fulfilment.cancel")
    assert told["refs"] == {"fulfilment_order": name}
    assert {row["node"]: row["allocated"] for row in hub.rows(positions)} == {"CHI": 0, "NYC": 1}
    # it ships all the same: that is work again
    hub.ship(name, {"SKU-1": 1})
    assert ("called_off_but_done", f"fulfilment_order:{name}") in items(hub)


@pytest.fixture
def unknown(hub: Harness) -> dict[str, Any]:
    """A report to the channel of which nobody knows whether it arrived."""
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order())
    hub.ship(hub.fulfilments()[0].id, {"SKU-1": 1})
    for posted in (*hub.commands("sales_order.post"), *hub.commands("invoice.post")):
        hub.outcome(posted)
    (command,) = hub.commands("shipment.confirm")
    hub.outcome(command, "parked", code="outcome.unknown", message="timed out")
    assert items(hub) == [("outcome_unknown", f"command:{command['id']}")]
    return command


@pytest.mark.parametrize(
    ("action", "state"), [(None, "unknown"), (Action.PROBE_AGAIN, "unknown"), (Action.SEND_AGAIN, "pending")]
)
def test_a_command_is_probed_or_sent_again_and_what_becomes_of_it_counts(
    hub: Harness, unknown: dict[str, Any], action: Action | None, state: str
) -> None:
    assert fix(hub, action).done
    (again,) = hub.rows(commands, id=unknown["id"])
    assert (again["state"], again["not_before"]) == (state, hub.clock.now())
    assert items(hub) == []
    with pytest.raises(RecordRejectedError, match="no open work item"):
        do(hub, apply(hub.hub, None, "", "ada"), settled(hub)["id"])
    hub.outcome(again, "parked", message="again")
    assert items(hub) == [("outcome_unknown", f"command:{unknown['id']}")], "it is work again"


def test_a_command_that_a_person_found_done_at_the_partner_counts_as_applied(
    hub: Harness, unknown: dict[str, Any]
) -> None:
    fix(hub, Action.MARK_APPLIED)
    (row,) = hub.rows(commands, id=unknown["id"])
    assert row["state"] == "applied"
    assert hub.order().state is OrderState.CLOSED
    assert items(hub) == []


def test_a_feed_that_looks_cut_off_is_believed(hub: Harness) -> None:
    hub.stock("CHI", {f"SKU-{n}": 10 for n in range(9)})
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-0": 7}, zero_omitted=True)
    said = fix(hub).said
    assert said.endswith("8 SKUs of node CHI are zero now")
    assert {row["sku"]: row["on_hand"] for row in hub.rows(positions) if row["on_hand"]} == {"SKU-0": 7}
    assert [row["state"] for row in hub.rows(feeds)] == ["closed", "closed"]
    assert items(hub) == []
    with pytest.raises(RecordRejectedError, match="no open work item"):
        do(hub, apply(hub.hub, None, "", "ada"), settled(hub)["id"])


def test_a_feed_is_not_believed_once_a_newer_one_was_applied(hub: Harness) -> None:
    hub.stock("CHI", {f"SKU-{n}": 10 for n in range(9)})
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-0": 7}, zero_omitted=True)
    (item,) = hub.rows(work_items)
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-1": 5})
    hub.database.transact_now(lambda c: c.execute(work_items.update().values(state="open")))
    with pytest.raises(RecordRejectedError, match="a newer one was applied"):
        do(hub, apply(hub.hub, None, "", "ada"), item["id"])
    assert {row["sku"]: row["on_hand"] for row in hub.rows(positions)}["SKU-8"] == 10


def test_what_does_not_go_is_refused_in_words_and_changes_nothing(hub: Harness) -> None:
    given_up(hub)
    with pytest.raises(RecordRejectedError, match="there is route_again, cancel"):
        fix(hub, Action.PROBE_AGAIN)
    with pytest.raises(RecordRejectedError, match="no open work item 99"):
        do(hub, resolve("x", "ada"), 99)
    hub.database.transact_now(lambda c: c.execute(work_items.update().values(subject="shipment:1")))
    with pytest.raises(CrossdockError, match="but by hand"):
        fix(hub)
    assert hub.order().state is OrderState.RECEIVED


def test_items_are_assigned_found_and_counted(make: Callable[..., Harness]) -> None:
    hub = make(worklist={"due": {"constraint_unmet": "10m"}})
    given_up(hub)
    hub.send("order/1", an_order(external_id="1002", lines=(a_line("1", "SKU-77", 1),)))
    first, second = (row["id"] for row in hub.rows(work_items))
    assert do(hub, assign("ada"), first).said == "assigned to ada"

    def found(**wanted: Any) -> list[int]:
        return hub.database.read_now(lambda c: find_ids(c, WorkFilter(**wanted), 10))

    assert (found(assigned_to="ada"), found(unassigned=True)) == ([first], [second])
    assert found(cause=Cause.DATA_INVALID) == [second]
    assert found(order_id="shop:1001") == [first]
    assert found(state="done") == []
    (row, _) = hub.rows(work_items)
    assert row["due_at"] == row["created_at"] + timedelta(minutes=10), "as configured, not after eight hours"
    hub.clock.move(11 * 60)
    now = hub.clock.now()
    assert found(overdue_at=now) == [first]
    assert [tuple(each) for each in hub.database.read_now(lambda c: count_open(c, now))] == [
        ("constraint_unmet", "operations", 1, 1), ("data_invalid", "integration", 1, 0),
    ]  # fmt: skip
    hub.tick("worklist")
    assert shown("overdue", "constraint_unmet", "operations") == 1
    assert shown("open", "data_invalid", "integration") == 1
    do(hub, resolve("the buyer waits", "ada"), first)
    hub.tick("worklist")
    assert shown("open", "constraint_unmet", "operations") == 0
    assert do(hub, assign(None), second).said == "assigned to nobody"


def test_the_same_item_applied_twice_at_once_is_done_once(hub: Harness) -> None:
    given_up(hub)
    (item,) = hub.rows(work_items)
    deed = apply(hub.hub, Action.CANCEL, "discontinued", "ada")

    async def both() -> list[Any]:
        calls = [hub.transactions.transact(lambda tx: deed(tx, item["id"])) for _ in range(4)]
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(both())
    assert all(isinstance(each, DeedResult | RecordRejectedError) for each in results), results
    assert len(hub.commands("order.cancel")) == 1
    (line,) = hub.order().lines
    assert line.quantities.cancelled == 2

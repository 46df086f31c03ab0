"""Holds and cancellations by people, on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from crossdock.errors import RecordRejectedError
from crossdock.orders.effects import LineUnits
from crossdock.orders.holds import Blocks, Hold
from crossdock.orders.life_cycles import FulfilmentState, OrderState
from crossdock.store.order_tables import work_items
from crossdock.store.stock_tables import capacity_used, positions
from crossdock.streams.processors.interventions import CancelledLines, cancel_order, hold_order, lift_hold
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_order

ORDER = "shop:1001"


def hold(hub: Harness, name: str = "fraud_review", **changes: Any) -> None:
    def work(tx: Any) -> None:
        hold_order(hub.hub, tx, ORDER, Hold(name, "risk", tx.now, **changes))

    hub.transactions.transact_now(work)
    hub.settle()


def lift(hub: Harness, name: str = "fraud_review") -> None:
    hub.transactions.transact_now(lambda tx: lift_hold(hub.hub, tx, ORDER, name, "ada"))
    hub.settle()


def cancel(hub: Harness, cause: str = "1", **lines: int) -> CancelledLines:
    units = {name.removeprefix("line_"): number for name, number in lines.items()}
    done = hub.transactions.transact_now(
        lambda tx: cancel_order(hub.hub, tx, ORDER, units, "customer", cause)
    )
    hub.settle()
    return done


def capacity(hub: Harness) -> list[tuple[int, int, int]]:
    return [(row["orders"], row["lines"], row["units"]) for row in hub.rows(capacity_used)]


@pytest.fixture
def waiting(hub: Harness) -> Harness:
    """Payment is outstanding; the stock is kept in Chicago."""
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order(status="pending"))
    return hub


@pytest.fixture
def limited(make: Callable[..., Harness]) -> Harness:
    """Two lines at Chicago, which takes ten orders a day."""
    chicago = {
        "id": "CHI",
        "kind": "warehouse",
        "address": {"country": "US", "latitude": 41.88, "longitude": -87.62},
        "services": ["ground"],
        "connection": "wms",
        "capacity": {"orders": 10},
    }
    hub = make(nodes=[chicago])
    hub.stock("CHI", {"SKU-1": 5, "SKU-2": 5})
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", 2), a_line("2", "SKU-2", 1))))
    return hub


def test_an_order_goes_on_when_the_last_of_its_holds_has_ended(waiting: Harness) -> None:
    hold(waiting)
    waiting.send("order/1", an_order(version="2026-11-23T11:00:00Z"))
    assert waiting.order().hold == "fraud_review"
    assert waiting.order().state is OrderState.ON_HOLD
    assert waiting.commands("fulfilment.request") == []
    lift(waiting)
    assert waiting.order().state is OrderState.ROUTED
    assert len(waiting.commands("fulfilment.request")) == 1
    lift(waiting)
    assert len(waiting.commands("fulfilment.request")) == 1


def test_a_channel_that_repeats_pending_does_not_bring_back_what_people_have_lifted(waiting: Harness) -> None:
    lift(waiting, "pending")
    assert waiting.order().state is OrderState.ROUTED
    waiting.send("order/1", an_order(version="2026-11-23T11:00:00Z", status="pending"))
    assert waiting.order().hold is None


def test_a_hold_ends_by_itself_at_its_expiry(waiting: Harness) -> None:
    hold(waiting, expires_at=waiting.clock.now() + timedelta(hours=1))
    lift(waiting, "pending")
    waiting.clock.move(3599)
    waiting.tick("end_holds")
    assert waiting.commands("fulfilment.request") == []
    waiting.clock.move(1)
    waiting.tick("end_holds")
    assert waiting.order().state is OrderState.ROUTED
    assert waiting.order().hold is None
    assert len(waiting.commands("fulfilment.request")) == 1


def test_an_expired_hold_does_not_hold_although_nobody_has_swept(waiting: Harness) -> None:
    hold(waiting, expires_at=waiting.clock.now() + timedelta(hours=1))
    waiting.clock.move(3601)
    waiting.send("order/1", an_order(version="2026-11-23T11:00:00Z"))
    assert len(waiting.commands("fulfilment.request")) == 1


def test_a_hold_on_routing_takes_no_stock_until_it_is_lifted(hub: Harness) -> None:
    hub.send("order/1", an_order())
    hold(hub, blocks=Blocks.ROUTING)
    hub.stock("CHI", {"SKU-1": 5})
    hub.clock.move(61)
    hub.tick("retry_waiting")
    assert hub.fulfilments() == []
    assert hub.order().route_at is None
    lift(hub)
    assert hub.order().state is OrderState.ROUTED


def test_what_is_over_cannot_be_held_and_a_hold_cannot_begin_expired(waiting: Harness) -> None:
    with pytest.raises(RecordRejectedError, match="would have ended"):
        hold(waiting, expires_at=waiting.clock.now())
    cancel(waiting)
    with pytest.raises(RecordRejectedError, match="nothing of it can be held"):
        hold(waiting)


def test_what_no_node_was_asked_for_is_cancelled_at_once_and_the_channel_told(waiting: Harness) -> None:
    done = cancel(waiting)
    assert done == CancelledLines((LineUnits("1", 1),), (), ())
    assert waiting.order().state is OrderState.CANCELLED
    (told,) = waiting.commands("order.cancel")
    assert told["document"].get("lines", []) == []
    assert told["document"]["reason"] == "customer"
    assert [row["allocated"] for row in waiting.rows(positions)] == [0]


def test_a_node_that_agrees_has_the_channel_told_of_the_line_and_keeps_the_rest(limited: Harness) -> None:
    done = cancel(limited, line_1=1)
    assert done == CancelledLines((), (LineUnits("1", 1),), ())
    assert limited.commands("order.cancel") == []
    (asked,) = limited.fulfilments()
    assert asked.fulfilment.state is FulfilmentState.CANCEL_REQUESTED
    limited.answer(asked.id, "cancelled", lines=[{"sku": "SKU-1", "quantity": 1}])
    (told,) = limited.commands("order.cancel")
    assert told["document"]["lines"] == [{"external_id": "1", "quantity": 1}]
    assert [line.quantities.cancelled for line in limited.order().lines] == [1, 0]
    (kept,) = limited.fulfilments()
    assert [line.open for line in kept.fulfilment.lines] == [1, 1]
    assert capacity(limited) == [(1, 2, 2)]


def test_a_node_that_refuses_keeps_it_and_may_be_asked_again(limited: Harness) -> None:
    name = limited.fulfilments()[0].id
    cancel(limited)
    limited.answer(name, "cancel_refused", reason="picked")
    assert limited.order().state is OrderState.ROUTED
    (item,) = limited.rows(work_items)
    assert "node CHI did not cancel 3 units the buyer does not want any more: picked" in item["message"]
    assert cancel(limited, "2").asked == (LineUnits("1", 2), LineUnits("2", 1))
    assert len(limited.commands("fulfilment.cancel")) == 2


def test_what_is_being_cancelled_is_not_cancelled_twice(limited: Harness) -> None:
    cancel(limited)
    assert cancel(limited, "2") == CancelledLines((), (), ())
    assert cancel(limited, "3", line_1=1).too_late == (LineUnits("1", 1),)
    limited.send("order/1", an_order(version="2026-11-23T11:00:00Z", status="cancelled"))
    assert limited.rows(work_items) == []


def test_what_has_left_is_too_late(limited: Harness) -> None:
    limited.ship(limited.fulfilments()[0].id, {"SKU-1": 2, "SKU-2": 1})
    assert cancel(limited, line_1=1) == CancelledLines((), (), (LineUnits("1", 1),))
    assert limited.commands("order.cancel") == []


def test_a_line_that_is_not_there_is_refused(limited: Harness) -> None:
    with pytest.raises(RecordRejectedError, match="has no line '7'; it has 1, 2"):
        cancel(limited, line_7=1)


@pytest.mark.parametrize(
    ("kind", "used"), [("cancelled", (0, 0, 0)), ("rejected", (0, 0, 0)), ("short", (1, 2, 3))]
)
def test_capacity_is_given_back_on_cancel_and_reject(
    limited: Harness, kind: str, used: tuple[int, int, int]
) -> None:
    assert capacity(limited) == [(1, 2, 3)]
    cancel(limited)
    limited.answer(limited.fulfilments()[0].id, kind)
    assert capacity(limited) == [used]


def test_capacity_counts_on_the_day_that_it_is_at_the_node(make: Callable[..., Harness]) -> None:
    """Auckland takes two units a day; at 10 o'clock UTC an hour of its Monday is left."""
    auckland = {
        "id": "AKL",
        "kind": "warehouse",
        "address": {"country": "US", "latitude": 41.88, "longitude": -87.62},
        "time_zone": "Pacific/Auckland",
        "services": ["ground"],
        "connection": "wms",
        "capacity": {"units": 2},
    }
    hub = make(nodes=[auckland])
    hub.stock("AKL", {"SKU-1": 9})

    def send(number: str) -> OrderState:
        hub.send("order/1", an_order(external_id=number, lines=(a_line("1", "SKU-1", 2),)))
        state: OrderState = hub.order(number).state
        return state

    assert send("1001") is OrderState.ROUTED
    assert send("1002") is OrderState.RECEIVED
    hub.clock.move(3599)
    assert send("1003") is OrderState.RECEIVED
    hub.clock.move(1)
    assert send("1004") is OrderState.ROUTED
    cancel(hub)
    hub.answer(hub.fulfilments()[0].id, "cancelled")
    rows = hub.rows(capacity_used)
    assert {row["day"]: row["units"] for row in rows} == {"2026-11-23": 0, "2026-11-24": 2}

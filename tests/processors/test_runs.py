from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crossdock.orders.life_cycles import OrderState
from crossdock.store.order_tables import decisions, work_items
from crossdock.store.waiting import waiting_by_channel
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_order


@pytest.fixture
def hub(make: Callable[..., Harness]) -> Harness:
    """It is 10:00; runs are at 12:00 and 16:00."""
    web: dict[str, Any] = {"connection": "shop", "runs": {"at": ["12:00", "16:00"]}}
    return make(channels={"web": web})


def _run(hub: Harness, hours: float) -> None:
    hub.clock.move(hours * 3600)
    hub.tick("retry_waiting")


def test_orders_wait_for_their_run_and_the_most_urgent_goes_first(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 3})
    promises = {
        "late": {"deliver_by": "2026-11-30T00:00:00Z"},
        "ship": {"ship_by": "2026-11-24T00:00:00Z", "deliver_by": "2026-12-20T00:00:00Z"},
        "none": None,
        "soon": {"deliver_by": "2026-11-25T00:00:00Z"},
    }
    for name, promise in promises.items():
        hub.send("order/1", an_order(external_id=name, promise=promise))
    assert hub.order("soon").state is OrderState.RECEIVED
    assert hub.rows(decisions) == []
    assert hub.database.read_now(waiting_by_channel) == {"web": 4}
    _run(hub, 1.9)
    assert hub.rows(decisions) == []
    _run(hub, 0.1)
    placed = [name for name in promises if hub.order(name).state is OrderState.ROUTED]
    assert placed == ["late", "ship", "soon"]
    decided = sorted(hub.rows(decisions), key=lambda row: str(row["decided_at"]))
    assert {row["why"] for row in decided} == {"run"}
    # What could not be placed waits for the next run, not for a minute.
    hub.stock("NYC", {"SKU-1": 1})
    _run(hub, 3.9)
    assert hub.order("none").state is OrderState.RECEIVED
    _run(hub, 0.2)
    assert hub.order("none").state is OrderState.ROUTED
    assert hub.database.read_now(waiting_by_channel) == {}


def test_what_a_run_gives_up_is_given_up_in_a_run(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 0})
    hub.send("order/1", an_order())
    _run(hub, 2)  # from now on it is tried for an hour
    _run(hub, 3)
    assert hub.rows(work_items) == []
    _run(hub, 1)
    assert [row["cause"] for row in hub.rows(work_items)] == ["constraint_unmet"]


def test_a_refusal_is_routed_at_once(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 1})
    hub.stock("NYC", {"SKU-1": 1})
    hub.send("order/1", an_order())
    _run(hub, 2)
    hub.answer(hub.fulfilments()[0].id, "rejected")
    assert [each.fulfilment.node for each in hub.fulfilments()] == ["CHI", "NYC"]


def test_a_newer_version_waits_for_the_run_too_and_a_cancelled_one_for_nothing(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 9})
    hub.send("order/1", an_order())
    _run(hub, 2)
    hub.send("order/1", an_order(version="2026-11-23T13:00:00Z", lines=(a_line("1", "SKU-1", 3),)))
    assert hub.order().state is OrderState.PARTLY_ROUTED
    assert hub.order().route_at == hub.clock.now().replace(hour=16)
    hub.send("order/1", an_order(external_id="2"))
    hub.send("order/1", an_order(external_id="2", version="2026-11-23T13:00:00Z", status="cancelled"))
    assert hub.order("2").route_at is None
    _run(hub, 4)
    assert hub.order().state is OrderState.ROUTED
    assert hub.order("2").state is OrderState.CANCELLED


def test_a_held_order_misses_the_run_and_goes_with_the_next(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 9})
    hub.send("order/1", an_order(status="pending"))
    _run(hub, 2)
    assert hub.commands("fulfilment.request") == []
    hub.send("order/1", an_order(version="2026-11-23T13:00:00Z"))
    assert len(hub.commands("fulfilment.request")) == 1

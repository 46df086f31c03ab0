from __future__ import annotations

from collections.abc import Callable
from typing import Any

from crossdock.orders.life_cycles import FulfilmentState, OrderState
from crossdock.store.order_tables import decisions
from crossdock.store.stock_tables import capacity_used, positions
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_order

_POLICY: dict[str, Any] = {
    "policy": "patient",
    "version": 1,
    "objective": ["late_days", "shipments", {"shipping_cost": 1}],
    "unfillable": {"stop_after": "1h", "then": "worklist"},
    "release_after": "2h",
    "reevaluate": {"every": "15m", "min_saving": "1.00 USD"},
}


def _hub(make: Callable[..., Harness], **policy: Any) -> Harness:
    return make(policies=[_POLICY | policy])


def _pass(hub: Harness, minutes: int) -> None:
    hub.clock.move(minutes * 60)
    for timer in ("reevaluate", "release"):
        hub.tick(timer)


def _where(hub: Harness, external_id: str = "1001") -> list[tuple[str, str]]:
    return [(each.fulfilment.node, each.fulfilment.state.value) for each in hub.fulfilments(external_id)]


def _allocated(hub: Harness) -> dict[str, int]:
    return {row["node"]: row["allocated"] for row in hub.rows(positions)}


def test_a_node_is_asked_when_the_time_of_the_policy_is_over(make: Callable[..., Harness]) -> None:
    hub = _hub(make, reevaluate=None)
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order())
    assert _where(hub) == [("CHI", "scheduled")]
    assert hub.order().state is OrderState.ROUTED
    assert hub.commands("fulfilment.request") == []
    _pass(hub, 119)
    assert _where(hub) == [("CHI", "scheduled")]
    _pass(hub, 1)
    assert _where(hub) == [("CHI", "requested")]
    assert len(hub.commands("fulfilment.request")) == 1
    assert hub.fulfilments()[0].release_at is None


def test_it_is_asked_earlier_where_the_goods_would_leave_a_day_later(make: Callable[..., Harness]) -> None:
    hub = _hub(make, release_after="12h")  # CHI works from 8 to 18 UTC, and it is 10
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order())
    assert f"{hub.fulfilments()[0].release_at:%H:%M}" == "18:00"


def test_what_is_kept_back_moves_to_a_node_that_is_cheaper_now_and_says_why(
    make: Callable[..., Harness],
) -> None:
    hub = _hub(make)
    hub.stock("NYC", {"SKU-1": 5})
    hub.send("order/1", an_order())
    release_at = hub.fulfilments()[0].release_at
    _pass(hub, 15)
    assert _where(hub) == [("NYC", "scheduled")]
    hub.stock("CHI", {"SKU-1": 5})
    _pass(hub, 15)
    assert _where(hub) == [("NYC", "cancelled"), ("CHI", "scheduled")]
    assert _allocated(hub) == {"NYC": 0, "CHI": 1}
    assert hub.fulfilments()[1].release_at == release_at
    why = [row["why"] for row in hub.rows(decisions)]
    assert why == ["new", "re-evaluated: shipping_cost 5.000 instead of 7.000"]
    assert hub.commands("fulfilment.cancel") == []
    _pass(hub, 120)
    assert _where(hub) == [("NYC", "cancelled"), ("CHI", "requested")]
    (asked,) = hub.commands("fulfilment.request")
    assert asked["document"]["node"] == "CHI"


def test_too_small_a_saving_moves_nothing(make: Callable[..., Harness]) -> None:
    hub = _hub(make, reevaluate={"every": "15m", "min_saving": "2.01 USD"})
    hub.stock("NYC", {"SKU-1": 5})
    hub.send("order/1", an_order())
    hub.stock("CHI", {"SKU-1": 5})
    _pass(hub, 15)
    assert _where(hub) == [("NYC", "scheduled")]
    assert len(hub.rows(decisions)) == 1


def test_fewer_shipments_win_whatever_they_save(make: Callable[..., Harness]) -> None:
    hub = _hub(make, reevaluate={"every": "15m", "min_saving": "999 USD"})
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("NYC", {"SKU-2": 5})
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", 1), a_line("2", "SKU-2", 1))))
    hub.stock("NYC", {"SKU-1": 5}, mode="delta")
    _pass(hub, 15)
    # The shipment of NYC has other lines now: both are made anew.
    assert _where(hub)[2:] == [("NYC", "scheduled")]
    assert "shipments 1 instead of 2" in hub.rows(decisions)[-1]["why"]


def test_only_the_shipment_that_changes_is_made_anew(make: Callable[..., Harness]) -> None:
    hub = _hub(make)
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("SFO", {"SKU-2": 5})
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", 1), a_line("2", "SKU-2", 1))))
    hub.stock("NYC", {"SKU-2": 5})
    _pass(hub, 15)
    assert _where(hub) == [("CHI", "scheduled"), ("SFO", "cancelled"), ("NYC", "scheduled")]


def test_an_order_never_goes_back_to_a_node_it_has_left(make: Callable[..., Harness]) -> None:
    hub = _hub(
        make,
        reevaluate={"every": "1m", "min_saving": "0 USD"},
        objective=["zero_stock", {"shipping_cost": 1}],
    )
    hub.stock("CHI", {"SKU-1": 2})
    hub.send("order/1", an_order())
    assert _where(hub) == [("CHI", "scheduled")]
    for round_ in range(6):  # the last unit is here, then there
        hub.stock("CHI", {"SKU-1": 1 if round_ % 2 == 0 else 9})
        hub.stock("NYC", {"SKU-1": 9 if round_ % 2 == 0 else 1})
        _pass(hub, 1)
    assert [node for node, _ in _where(hub)] == ["CHI", "NYC"]


def test_a_node_that_is_out_is_left_even_for_one_that_costs_more(make: Callable[..., Harness]) -> None:
    fenced = {"fences": ["fresh"], "release_after": "6h"}
    hub = _hub(make, **fenced)
    nodes = [dict(node) for node in _nodes(hub)]
    nodes[0]["feed"] = {"max_age": "1h"}
    hub = make(policies=[_POLICY | fenced], nodes=nodes)
    hub.stock("CHI", {"SKU-1": 5})
    hub.stock("NYC", {"SKU-1": 5})
    hub.send("order/1", an_order())
    assert _where(hub) == [("CHI", "scheduled")]
    _pass(hub, 90)
    assert _where(hub) == [("CHI", "cancelled"), ("NYC", "scheduled")]
    assert hub.rows(decisions)[-1]["why"] == "re-evaluated: CHI can't ship it any more: its feed is stale"


def test_the_last_unit_stays_where_it_is_and_capacity_is_booked_once(make: Callable[..., Harness]) -> None:
    hub = _hub(make)
    nodes = [dict(node) for node in _nodes(hub)]
    nodes[0]["capacity"] = nodes[1]["capacity"] = {"orders": 1}
    hub = make(policies=[_POLICY], nodes=nodes)
    hub.stock("CHI", {"SKU-1": 1})
    hub.send("order/1", an_order())
    _pass(hub, 15)
    assert _where(hub) == [("CHI", "scheduled")]
    assert [row["orders"] for row in hub.rows(capacity_used)] == [1]


def test_capacity_moves_with_the_order(make: Callable[..., Harness]) -> None:
    hub = _hub(make)
    nodes = [dict(node) for node in _nodes(hub)]
    nodes[0]["capacity"] = nodes[1]["capacity"] = {"orders": 1}
    hub = make(policies=[_POLICY], nodes=nodes)
    hub.stock("NYC", {"SKU-1": 1})
    hub.send("order/1", an_order())
    hub.stock("CHI", {"SKU-1": 1})
    _pass(hub, 15)
    used = {row["node"]: (row["orders"], row["lines"], row["units"]) for row in hub.rows(capacity_used)}
    assert used == {"CHI": (1, 1, 1), "NYC": (0, 0, 0)}


def test_a_held_order_moves_too_and_stays_held(make: Callable[..., Harness]) -> None:
    hub = _hub(make, release_after="0m")
    hub.stock("NYC", {"SKU-1": 5})
    hub.send("order/1", an_order(status="pending"))
    assert _where(hub) == [("NYC", "on_hold")]
    hub.stock("CHI", {"SKU-1": 5})
    _pass(hub, 15)
    assert _where(hub) == [("NYC", "cancelled"), ("CHI", "on_hold")]
    hub.send("order/1", an_order(version="2026-11-23T11:00:00Z"))
    assert hub.fulfilments()[1].fulfilment.state is FulfilmentState.REQUESTED
    assert hub.order().state is OrderState.ROUTED


def test_a_hold_that_ends_before_its_time_lets_it_wait_on(make: Callable[..., Harness]) -> None:
    hub = _hub(make)
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order(status="pending"))
    hub.send("order/1", an_order(version="2026-11-23T11:00:00Z"))
    assert _where(hub) == [("CHI", "scheduled")]
    _pass(hub, 121)
    assert _where(hub) == [("CHI", "requested")]


def test_what_a_node_was_asked_for_is_never_moved(make: Callable[..., Harness]) -> None:
    hub = _hub(make, release_after="0m")
    hub.stock("NYC", {"SKU-1": 5})
    hub.send("order/1", an_order())
    hub.stock("CHI", {"SKU-1": 5})
    _pass(hub, 60)
    assert _where(hub) == [("NYC", "requested")]


def _nodes(hub: Harness) -> list[dict[str, Any]]:
    return [node.model_dump(mode="json", exclude_defaults=True) for node in hub.hub.config.nodes]


def test_lots_are_given_back_and_picked_anew(make: Callable[..., Harness]) -> None:
    hub = _hub(make)
    rows = [{"sku": "SKU-1", "quantity": 1, "lot": lot, "expires_on": "2027-01-31"} for lot in ("L-1", "L-2")]
    hub.stock("NYC", {}, lines=rows)
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", 2),)))
    _pass(hub, 15)
    assert _where(hub) == [("NYC", "scheduled")]
    hub.stock("CHI", {}, lines=rows)
    _pass(hub, 15)
    assert _where(hub) == [("NYC", "cancelled"), ("CHI", "scheduled")]
    assert [(line.lot, line.open) for line in hub.fulfilments()[1].fulfilment.lines] == [
        ("L-1", 1),
        ("L-2", 1),
    ]

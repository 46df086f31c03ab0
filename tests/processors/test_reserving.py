from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from crossdock.doctor.model import Situation
from crossdock.doctor.stock import STOCK_CHECKS
from crossdock.errors import RecordRejectedError
from crossdock.inventory.promises import Reservation, ReservationState
from crossdock.inventory.ring_fences import RingFence
from crossdock.store import reservations, ring_fences
from crossdock.store.order_tables import fulfilment_orders
from crossdock.store.stock_tables import ledger, positions
from crossdock.store.stock_tables import reservations as reservation_rows
from crossdock.streams.processors import fencing, reserving
from crossdock.streams.processors.reserving import Wanted
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order

HOUR = timedelta(hours=1)


def reserve(
    hub: Harness,
    key: str = "cart",
    units: int = 2,
    node: str = "CHI",
    until: datetime = START + HOUR,
    **more: Any,
) -> tuple[Reservation, ...]:
    lines = [Wanted("A", node, units)]
    channel = more.pop("channel", "web")
    return hub.transactions.transact_now(
        lambda tx: reserving.reserve(hub.hub, tx, key, channel, more.get("lines", lines), until)
    )


def run(hub: Harness, step: Callable[..., Any], *arguments: Any) -> Any:
    return hub.transactions.transact_now(lambda tx: step(tx, *arguments))


def move(hub: Harness, key: str, node: str) -> Any:
    return hub.transactions.transact_now(lambda tx: reserving.move(hub.hub, tx, key, node))


def balances(hub: Harness) -> dict[str, tuple[int, int, int]]:
    """On hand, reserved, allocated by node."""
    return {row["node"]: (row["on_hand"], row["reserved"], row["allocated"]) for row in hub.rows(positions)}


def fence(hub: Harness, node: str, units: int) -> None:
    """Keep units of A for the web shop."""
    hub.transactions.transact_now(lambda tx: fencing.set_quantity(hub.hub, tx, "web", "A", node, units))


def fenced(hub: Harness) -> list[int]:
    """What is left of the fences of A."""
    return hub.database.read_now(lambda c: [each.quantity for each in ring_fences.of_sku(c, "A")])


def sound(hub: Harness) -> None:
    now = Situation(hub.clock.now())
    found = hub.database.read_now(lambda c: [row for check in STOCK_CHECKS for row in check.find(c, now)])
    assert found == []


def test_a_unit_is_held_once_however_often_it_is_asked_for(hub: Harness) -> None:
    hub.stock("CHI", {"A": 3})
    first = reserve(hub)
    assert reserve(hub) == first
    assert balances(hub)["CHI"] == (3, 2, 0)
    with pytest.raises(RecordRejectedError, match="2 units of SKU A wanted from node CHI, 1 can be promised"):
        reserve(hub, "other")
    with pytest.raises(RecordRejectedError, match="already stands for 2 of A"):
        reserve(hub, units=1)


def test_all_lines_are_held_or_none(hub: Harness) -> None:
    hub.stock("CHI", {"A": 3, "B": 0})
    with pytest.raises(RecordRejectedError, match="SKU B"):
        reserve(hub, lines=[Wanted("A", "CHI", 1), Wanted("B", "CHI", 1)])
    assert balances(hub)["CHI"][1] == 0
    assert hub.rows(reservation_rows) == []


def test_expiry_holds_when_read_though_no_job_has_run(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    reserve(hub)
    hub.clock.move(3600)
    reserve(hub, "next", until=START + 2 * HOUR)
    with pytest.raises(RecordRejectedError, match="expired"):
        run(hub, reserving.extend, "cart", START + 3 * HOUR)
    states = {row["key"]: row["state"] for row in hub.rows(reservation_rows)}
    assert states == {"cart": "expired", "next": "active"}
    assert balances(hub)["CHI"] == (2, 2, 0)
    assert len(hub.rows(ledger, kind="expired")) == 1


def test_an_order_gets_units_whose_reservation_has_lapsed(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    reserve(hub)
    hub.clock.move(3599)
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=1),)))
    assert hub.fulfilments() == []
    hub.clock.move(1)
    hub.send("order/1", an_order(external_id="1002", lines=(a_line(sku="A", quantity=2),)))
    assert [each.fulfilment.node for each in hub.fulfilments("1002")] == ["CHI"]
    assert balances(hub)["CHI"] == (2, 0, 2)


def test_extending_holds_on_and_never_shortens(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    reserve(hub)
    run(hub, reserving.extend, "cart", START + 2 * HOUR)
    run(hub, reserving.extend, "cart", START + HOUR)
    hub.clock.move(5400)
    hub.tick("expire")
    assert balances(hub)["CHI"] == (2, 2, 0)
    hub.clock.move(1800)
    hub.tick("expire")
    assert balances(hub)["CHI"] == (2, 0, 0)


def test_releasing_twice_gives_back_once(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    reserve(hub)
    for _ in range(2):
        (released,) = run(hub, reserving.release, "cart")
        assert released.state is ReservationState.RELEASED
    assert balances(hub)["CHI"] == (2, 0, 0)
    with pytest.raises(RecordRejectedError, match="there is no reservation"):
        run(hub, reserving.release, "nobody's")


def test_moving_checks_the_destination_in_the_same_step(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    hub.stock("NYC", {"A": 1})
    reserve(hub)
    with pytest.raises(RecordRejectedError, match="from node NYC, 1 can be promised"):
        move(hub, "cart", "NYC")
    assert balances(hub) == {"CHI": (2, 2, 0), "NYC": (1, 0, 0)}
    hub.stock("SFO", {"A": 2})
    for _ in range(2):
        move(hub, "cart", "SFO")
    assert balances(hub) == {"CHI": (2, 0, 0), "NYC": (1, 0, 0), "SFO": (2, 2, 0)}
    with pytest.raises(RecordRejectedError, match="known: CHI, NYC, SFO"):
        move(hub, "cart", "LAX")


def test_an_order_that_names_its_reservation_gets_its_units_where_they_are_held(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    hub.stock("SFO", {"A": 3})
    reserve(hub, node="SFO", units=3)
    named = ({"kind": "reservation", "value": "cart"},)
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=4),), references=named))
    placed = [(each.fulfilment.node, each.fulfilment.lines[0].quantity) for each in hub.fulfilments()]
    assert placed == [("SFO", 3), ("CHI", 1)]
    assert balances(hub) == {"CHI": (5, 0, 1), "SFO": (3, 0, 3)}
    (row,) = hub.rows(reservation_rows)
    assert (row["state"], row["order_id"]) == ("confirmed", "shop:1001")
    sound(hub)


def test_what_an_order_does_not_want_of_its_reservation_is_free_again(hub: Harness) -> None:
    hub.stock("SFO", {"A": 3})
    reserve(hub, node="SFO", units=3)
    named = ({"kind": "reservation", "value": "cart"},)
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=1),), references=named))
    assert balances(hub) == {"SFO": (3, 0, 1)}
    sound(hub)


def test_an_order_whose_reservation_has_lapsed_is_routed_like_all_others(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    hub.stock("SFO", {"A": 1})
    reserve(hub, node="SFO", units=1)
    hub.clock.move(3600)
    named = ({"kind": "reservation", "value": "cart"}, {"kind": "reservation", "value": "unheard-of"})
    hub.send("order/1", an_order(lines=(a_line(sku="A"),), references=named))
    assert [each.fulfilment.node for each in hub.fulfilments()] == ["CHI"]
    assert balances(hub) == {"CHI": (5, 0, 1), "SFO": (1, 0, 0)}


def test_safety_stock_is_kept_from_carts_too(make: Callable[..., Harness]) -> None:
    hub = make(safety_stock=[{"units": 2, "channels": ["web"]}])
    hub.stock("CHI", {"A": 3})
    with pytest.raises(RecordRejectedError, match="1 can be promised"):
        reserve(hub, units=2)
    reserve(hub, units=2, channel="b2b")


def test_a_fence_keeps_stock_for_its_channel_and_is_consumed(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    fence = [RingFence("b2b", "A", "CHI", 4)]
    hub.database.transact_now(lambda c: ring_fences.add(c, fence, START))
    with pytest.raises(RecordRejectedError, match="1 can be promised"):
        reserve(hub, units=2)
    reserve(hub, "theirs", units=3, channel="b2b")
    assert fenced(hub) == [1]
    reserve(hub, "ours", units=1)
    run(hub, reserving.release, "theirs")
    assert fenced(hub) == [4]
    hub.clock.move(3600)
    reserve(hub, "again", units=5, channel="b2b", until=START + 2 * HOUR)
    hub.clock.move(3600)
    hub.tick("expire")
    assert fenced(hub) == [4]
    assert {row["fenced"] for row in hub.rows(positions)} == {4}


TWO = [Wanted("A", "NYC", 2), Wanted("A", "CHI", 1)]


def held(found: tuple[Reservation, ...]) -> list[tuple[str, int, str]]:
    return [(each.node, each.quantity, each.state.value) for each in found]


def test_one_line_is_held_at_several_nodes_or_at_none(hub: Harness) -> None:
    hub.stock("CHI", {"A": 1})
    hub.stock("NYC", {"A": 2})
    first = reserve(hub, lines=TWO)
    assert held(first) == [("CHI", 1, "active"), ("NYC", 2, "active")]
    assert reserve(hub, lines=TWO) == first
    assert balances(hub) == {"CHI": (1, 1, 0), "NYC": (2, 2, 0)}
    with pytest.raises(RecordRejectedError, match="already stands for 3 of A"):
        reserve(hub, lines=TWO[:1])
    with pytest.raises(RecordRejectedError, match="0 can be promised"):
        reserve(hub, "other", lines=[Wanted("A", "SFO", 1), Wanted("A", "CHI", 1)])
    sound(hub)
    assert held(run(hub, reserving.extend, "cart", START + 2 * HOUR)) == held(first)
    assert {state for _, _, state in held(run(hub, reserving.release, "cart"))} == {"released"}
    assert balances(hub) == {"CHI": (1, 0, 0), "NYC": (2, 0, 0)}


def test_parts_that_are_moved_to_one_node_become_one(hub: Harness) -> None:
    for node, units in (("CHI", 4), ("NYC", 2), ("SFO", 1)):
        hub.stock(node, {"A": units})
    first = reserve(hub, lines=[*TWO, Wanted("A", "SFO", 1)])
    assert len(first) == 3
    assert held(move(hub, "cart", "CHI")) == [("CHI", 4, "active")]
    assert balances(hub) == {"CHI": (4, 4, 0), "NYC": (2, 0, 0), "SFO": (1, 0, 0)}
    assert held(reserve(hub, lines=[*TWO, Wanted("A", "SFO", 1)])) == [("CHI", 4, "active")]
    sound(hub)


def test_a_part_that_is_moved_where_another_was_taken_back_is_held_there(hub: Harness) -> None:
    for node, units in (("CHI", 1), ("NYC", 2)):
        hub.stock(node, {"A": units})
    reserve(hub, lines=TWO)
    for counted in (0, 3):
        hub.clock.move(60)
        hub.stock("CHI", {"A": counted})
    loaded = hub.database.read_now(lambda c: reserving.load(c, "cart"))
    assert held(loaded) == [("CHI", 1, "released"), ("NYC", 2, "active")]
    assert held(move(hub, "cart", "CHI")) == [("CHI", 2, "active")]
    assert balances(hub) == {"CHI": (3, 2, 0), "NYC": (2, 0, 0)}
    sound(hub)


def test_parts_are_moved_together_or_not_at_all(hub: Harness) -> None:
    for node, units in (("CHI", 3), ("NYC", 2), ("SFO", 2)):
        hub.stock(node, {"A": units})
    reserve(hub, lines=[Wanted("A", "NYC", 2), Wanted("A", "SFO", 2)])
    with pytest.raises(RecordRejectedError, match="2 units of SKU A wanted from node CHI, 1 can be promised"):
        move(hub, "cart", "CHI")
    assert balances(hub) == {"CHI": (3, 0, 0), "NYC": (2, 2, 0), "SFO": (2, 2, 0)}


def test_an_order_gets_the_units_of_one_line_from_both_nodes(hub: Harness) -> None:
    hub.stock("CHI", {"A": 1})
    hub.stock("NYC", {"A": 2})
    reserve(hub, lines=TWO)
    order = an_order(
        lines=(a_line(sku="A", quantity=3),), references=({"kind": "reservation", "value": "cart"},)
    )
    hub.send("order/1", order)
    shipped = [(each.fulfilment.node, each.fulfilment.lines[0].quantity) for each in hub.fulfilments()]
    assert sorted(shipped) == [("CHI", 1), ("NYC", 2)]
    assert balances(hub) == {"CHI": (1, 0, 1), "NYC": (2, 0, 2)}
    sound(hub)


def test_a_part_that_expires_or_moves_gives_back_the_fence_of_its_own_node(
    make: Callable[..., Harness],
) -> None:
    hub = make(channels={"web": {"connection": "shop"}, "b2b": {}})
    for node in ("CHI", "NYC", "SFO"):
        hub.stock(node, {"A": 3})
    for node in ("CHI", "NYC"):
        fence(hub, node, 2)
    reserve(hub, lines=[Wanted("A", "CHI", 1), Wanted("A", "NYC", 2)])
    assert fenced(hub) == [1]
    hub.transactions.transact_now(lambda tx: reserving.move(hub.hub, tx, "cart", "SFO"))
    assert fenced(hub) == [2, 2]
    sound(hub)


def test_a_reservation_is_found_by_its_key(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    held = reserve(hub)
    assert hub.database.read_now(lambda c: reservations.load(c, ["cart"])) == {"cart": list(held)}


def test_routing_keeps_off_fences_of_others_and_consumes_its_own(make: Callable[..., Harness]) -> None:
    hub = make(channels={"web": {"connection": "shop"}, "b2b": {"kind": "b2b"}})
    hub.stock("CHI", {"A": 5})
    hub.database.transact_now(lambda c: ring_fences.add(c, [RingFence("b2b", "A", "CHI", 4)], START))
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=2),)))
    assert hub.fulfilments() == []
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=3),)), connection="b2b")
    assert fenced(hub) == [1]
    (placed,) = hub.rows(fulfilment_orders)
    hub.answer(placed["id"], "rejected", lines=[{"sku": "A", "quantity": 3}])
    assert fenced(hub) == [4]
    sound(hub)

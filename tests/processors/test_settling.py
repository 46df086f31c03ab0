"""Work items close by themselves when what they waited for happens, in the transaction in which it happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crossdock.orders.life_cycles import OrderState
from crossdock.store.order_tables import work_items
from tests.processors.harness import Harness
from tests.schemas.builders import a_line, an_address, an_order

LATER = "2026-11-23T11:00:00Z"
LATER_STILL = "2026-11-23T12:00:00Z"


def items(hub: Harness, state: str = "open") -> list[tuple[str, str]]:
    return [(row["cause"], row["subject"]) for row in hub.rows(work_items, state=state)]


def given_up(hub: Harness) -> None:
    """An order of which nothing could be placed for so long that people have to decide."""
    hub.stock("CHI", {"SKU-1": 0})
    hub.send("order/1", an_order(lines=(a_line("1", "SKU-1", 2),)))
    for _ in range(62):
        hub.clock.move(61)
        hub.tick("retry_waiting")
    assert items(hub) == [("constraint_unmet", "order:shop:1001")]


def test_an_order_that_is_placed_after_all(hub: Harness) -> None:
    given_up(hub)
    hub.stock("CHI", {"SKU-1": 1})
    hub.send("order/1", an_order(version=LATER, lines=(a_line("1", "SKU-1", 3),)))
    assert items(hub) == [("constraint_unmet", "order:shop:1001")], "a part of it is not enough"
    hub.clock.move(60)
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order(version=LATER_STILL, lines=(a_line("1", "SKU-1", 4),)))
    assert hub.order().state is OrderState.ROUTED
    assert items(hub) == []
    (row,) = hub.rows(work_items)
    assert row["resolution"] == "every unit is placed or cancelled"


def test_an_unknown_sku_that_becomes_known(hub: Harness) -> None:
    hub.send("order/1", an_order())
    assert items(hub) == [("data_invalid", "order:shop:1001")]
    hub.stock("CHI", {"SKU-1": 5})
    hub.clock.move(61)
    hub.tick("retry_waiting")
    assert hub.order().state is OrderState.ROUTED
    assert items(hub) == []


def test_an_order_that_is_cancelled_meanwhile(hub: Harness) -> None:
    given_up(hub)
    hub.send("order/1", an_order(version=LATER, status="cancelled", lines=(a_line("1", "SKU-1", 2),)))
    assert hub.order().state is OrderState.CANCELLED
    assert items(hub) == []


def test_an_address_that_is_corrected(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    nowhere = ({"id": "1", "address": an_address(postal_code="00000", city="Atlantis")},)
    hub.send("order/1", an_order(destinations=nowhere))
    assert items(hub) == [("data_invalid", "order:shop:1001")]
    hub.send("order/1", an_order(version=LATER))
    assert hub.order().state is OrderState.ROUTED
    assert items(hub) == []


@pytest.mark.parametrize("kind", ["accepted", "picking", "rejected"])
def test_a_silent_node_that_answers_after_all(hub: Harness, kind: str) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order())
    hub.clock.move(25 * 3600)
    hub.tick("silent_nodes")
    (fulfilment,) = hub.fulfilments()
    assert items(hub) == [("upstream_lag", f"fulfilment_order:{fulfilment.id}")]
    hub.answer(fulfilment.id, kind)
    assert ("upstream_lag", f"fulfilment_order:{fulfilment.id}") in items(hub, "done")


def test_a_node_that_is_asked_by_telephone_and_ships(make: Callable[..., Harness]) -> None:
    nodes = [
        {"id": "CHI", "kind": "store", "address": {"country": "US", "latitude": 41.88, "longitude": -87.62}}
    ]
    hub = make(nodes=[{**nodes[0], "services": ["ground"]}])
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order())
    (fulfilment,) = hub.fulfilments()
    assert items(hub) == [("constraint_unmet", f"fulfilment_order:{fulfilment.id}")]
    hub.ship(fulfilment.id, {"SKU-1": 1})
    assert items(hub) == []


def test_a_parcel_that_arrives_after_all(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order())
    hub.ship(hub.fulfilments()[0].id, {"SKU-1": 1}, "1Z1")
    for number, status in enumerate(("exception", "delivered")):
        hub.clock.move(3600)
        event = {"external_id": str(number), "tracking_number": "1Z1", "status": status}
        hub.send("tracking_event/1", event | {"occurred_at": hub.clock.now()}, connection="carrier")
        assert len(items(hub)) == 1 - number


def test_what_people_have_to_decide_stays_open(hub: Harness) -> None:
    hub.stock("CHI", {"SKU-1": 5})
    hub.send("order/1", an_order(lines=(a_line(quantity=2),)))
    hub.ship(hub.fulfilments()[0].id, {"SKU-1": 3})
    assert [cause for cause, _ in items(hub)] == ["over_shipped"]
    hub.send("order/1", an_order(version=LATER, status="cancelled", lines=(a_line(quantity=2),)))
    assert {cause for cause, _ in items(hub)} == {"over_shipped", "partner_refused"}


def test_a_feed_that_looked_cut_off_and_a_whole_one_after_it(hub: Harness) -> None:
    hub.stock("CHI", dict.fromkeys("ABCDEF", 5))
    hub.clock.move(60)
    hub.stock("CHI", {"A": 4}, zero_omitted=True)
    assert items(hub) == [("inventory_conflict", "feed:CHI")]
    hub.clock.move(60)
    hub.stock("CHI", dict.fromkeys("ABCDE", 5), zero_omitted=True)
    assert items(hub) == []

"""The books of any instant, from the ledger alone."""

from __future__ import annotations

from datetime import datetime, timedelta

from crossdock.store.queries.stock import SkuStock, load_stock
from crossdock.store.queries.stock_at import load_stock_at
from crossdock.streams.processors import reserving
from crossdock.streams.processors.reserving import Wanted
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order


def at(hub: Harness, minutes: float) -> SkuStock:
    instant = START + timedelta(minutes=minutes)
    return hub.database.read_now(lambda c: load_stock_at(c, "A", instant))


def now(hub: Harness) -> SkuStock:
    return hub.database.read_now(lambda c: load_stock(c, "A", hub.clock.now()))


def units(stock: SkuStock) -> dict[str, tuple[int, int, int, int]]:
    return {each.node: (each.on_hand, each.reserved, each.allocated, each.available) for each in stock.nodes}


def holders(stock: SkuStock) -> set[tuple[str, str, str, int, str | None]]:
    return {(each.kind, each.key, each.node, each.quantity, each.order_id) for each in stock.promised}


def reserve(hub: Harness, key: str, node: str, quantity: int, until: datetime) -> None:
    hub.transactions.transact_now(
        lambda tx: reserving.reserve(hub.hub, tx, key, "web", [Wanted("A", node, quantity)], until)
    )


def test_any_past_instant_can_be_rebuilt_with_who_was_promised_what(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})  # minute 0
    hub.stock("NYC", {"A": 3})
    hub.clock.move(60)
    reserve(hub, "cart", "NYC", 2, START + timedelta(minutes=10))  # minute 1
    hub.clock.move(60)
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=2),)))  # minute 2
    (placed,) = hub.fulfilments()
    line = placed.fulfilment.lines[0].id
    hub.clock.move(60)
    hub.transactions.transact_now(lambda tx: reserving.move(hub.hub, tx, "cart", "CHI"))  # minute 3
    hub.ship(placed.id, {"A": 2})  # minute 4
    hub.clock.move(3600)
    hub.tick("expire")  # booked long after, true from minute 10
    assert units(at(hub, -1)) == {}
    assert units(at(hub, 0)) == {"CHI": (5, 0, 0, 5), "NYC": (3, 0, 0, 3)}
    assert units(at(hub, 1)) == {"CHI": (5, 0, 0, 5), "NYC": (3, 2, 0, 1)}
    assert holders(at(hub, 1)) == {("reservation", "cart", "NYC", 2, None)}
    assert units(at(hub, 2)) == {"CHI": (5, 0, 2, 3), "NYC": (3, 2, 0, 1)}
    assert ("allocation", line, "CHI", 2, "shop:1001") in holders(at(hub, 2))
    assert holders(at(hub, 3)) == {
        ("reservation", "cart", "CHI", 2, None),
        ("allocation", line, "CHI", 2, "shop:1001"),
    }
    assert units(at(hub, 4)) == {"CHI": (3, 2, 0, 1), "NYC": (3, 0, 0, 3)}
    assert units(at(hub, 10)) == {"CHI": (3, 0, 0, 3), "NYC": (3, 0, 0, 3)}
    assert holders(at(hub, 10)) == set()
    assert units(now(hub)) == units(at(hub, 999))


def test_now_and_the_ledger_agree_on_who_holds_what(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    reserve(hub, "cart", "CHI", 1, START + timedelta(hours=1))
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=2),)))
    hub.clock.move(60)
    assert holders(now(hub)) == holders(at(hub, 1))
    assert len(holders(now(hub))) == 2
    assert units(now(hub)) == units(at(hub, 1)) == {"CHI": (5, 1, 2, 2)}


def test_a_lapsed_reservation_holds_nothing_when_read(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    reserve(hub, "cart", "CHI", 2, START + timedelta(hours=1))
    assert units(now(hub))["CHI"] == (5, 2, 0, 3)
    hub.clock.move(3600)
    assert units(now(hub))["CHI"] == (5, 2, 0, 5)
    assert holders(now(hub)) == set()

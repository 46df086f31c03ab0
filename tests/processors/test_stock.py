from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial

import pytest

from crossdock.errors import PromiseRefusedError
from crossdock.inventory.position import Movement, MovementKind
from crossdock.store import stock
from crossdock.store.dead_letters import edit, list_letters, replay
from crossdock.store.order_tables import fulfilment_orders, work_items
from crossdock.store.plumbing import dead_letters
from crossdock.store.stock_tables import feeds, ledger, positions, products, published_stock, reservations
from crossdock.streams.processor import Transaction
from crossdock.streams.processors import reserving
from crossdock.streams.processors.reserving import Wanted
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order


def on_hand(hub: Harness) -> dict[str, int]:
    return {row["sku"]: row["on_hand"] for row in hub.rows(positions)}


def test_older_news_never_overwrites_newer(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    hub.stock("CHI", {"A": 9}, as_of=START - timedelta(hours=1))
    assert on_hand(hub) == {"A": 5}


def test_a_full_feed_in_parts_zeroes_what_it_leaves_out_where_it_says_so(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5, "B": 5, "C": 5})
    hub.clock.move(60)
    full = {"feed_id": "F", "zero_omitted": True, "as_of": hub.clock.now()}
    hub.stock("CHI", {"A": 4}, **full, part=1, last=False)
    assert on_hand(hub) == {"A": 4, "B": 5, "C": 5}
    hub.stock("CHI", {"B": 3}, **full, part=2, last=True)
    assert on_hand(hub) == {"A": 4, "B": 3, "C": 0}
    assert hub.rows(feeds, feed_id="F")[0]["state"] == "closed"


def test_a_mended_row_is_not_one_more_part_of_its_feed(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5, "B": 5, "C": 5, "D": 5})
    hub.clock.move(60)
    full = {"feed_id": "F", "zero_omitted": True, "as_of": hub.clock.now()}
    hub.stock("CHI", {"A": -1, "B": 4}, **full, part=1, last=False)
    (letter,) = hub.database.read_now(list_letters)
    mended = letter.body.replace(b":-1", b":3")
    hub.database.transact_now(lambda c: edit(c, letter.id, mended, START))
    hub.database.transact_now(lambda c: replay(c, letter.id, START))
    hub.settle()
    assert on_hand(hub) == {"A": 3, "B": 4, "C": 5, "D": 5}
    assert [(row["parts"], row["state"]) for row in hub.rows(feeds, feed_id="F")] == [(1, "open")]
    hub.stock("CHI", {"C": 2}, **full, part=2, last=True)
    assert on_hand(hub) == {"A": 3, "B": 4, "C": 2, "D": 0}


def test_a_full_feed_that_looks_cut_off_zeroes_nothing_and_asks_a_person(hub: Harness) -> None:
    hub.stock("CHI", dict.fromkeys("ABCDEF", 5))
    hub.clock.move(60)
    hub.stock("CHI", {"A": 4}, zero_omitted=True)
    assert on_hand(hub)["F"] == 5
    (item,) = hub.rows(work_items)
    assert "looks cut off" in item["message"]


def test_rows_of_one_sku_are_summed(hub: Harness) -> None:
    lines = [{"sku": "A", "quantity": 2, "lot": "1"}, {"sku": "A", "quantity": 3, "lot": "2"}]
    hub.stock("CHI", {}, lines=lines)
    assert on_hand(hub) == {"A": 5}


def test_a_negative_line_is_refused_and_the_others_are_booked(hub: Harness) -> None:
    hub.stock("CHI", {"A": -1, "B": 2})
    assert on_hand(hub) == {"B": 2}
    (letter,) = hub.rows(dead_letters)
    assert letter["code"] == "stock.negative_quantity"
    assert b'"sku":"A"' in letter["body"]
    assert b'"sku":"B"' not in letter["body"]


def test_a_feed_of_an_unknown_node_says_which_are_known(hub: Harness) -> None:
    hub.stock("LAX", {"A": 1})
    (letter,) = hub.rows(dead_letters)
    assert letter["code"] == "stock.unknown_node"
    assert "known: CHI, NYC, SFO" in letter["message"]


def test_a_movement_is_booked_once_however_often_it_comes(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    hub.clock.move(60)
    lines = [
        {"sku": "A", "quantity": 3, "reason": "received"},
        {"sku": "A", "quantity": 1, "reason": "damaged"},
    ]
    movement = {"external_id": "M-1", "node": "CHI", "occurred_at": hub.clock.now(), "lines": lines}
    for _ in range(2):
        hub.send("stock_movement/1", movement, connection="wms")
    assert on_hand(hub) == {"A": 7}


def test_a_count_below_what_is_promised_is_a_shortfall_and_the_unasked_is_taken_back(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    hub.stock("NYC", {"A": 2})
    hub.send("order/1", an_order(status="pending", lines=(a_line(sku="A", quantity=2),)))
    hub.clock.move(60)
    hub.stock("CHI", {"A": 0})
    assert [f.fulfilment.node for f in hub.fulfilments()] == ["CHI", "NYC"]
    rows = {row["node"]: row for row in hub.rows(positions)}
    assert (rows["CHI"]["allocated"], rows["CHI"]["shortfall"], rows["NYC"]["allocated"]) == (0, 0, 2)


def test_what_a_node_was_asked_for_stays_promised_and_its_shortfall_on_record(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=2),)))
    hub.clock.move(60)
    hub.stock("CHI", {"A": 1})
    (row,) = hub.rows(positions)
    assert (row["on_hand"], row["allocated"], row["shortfall"]) == (1, 2, 1)
    hub.answer(hub.fulfilments()[0].id, "short", lines=[{"sku": "A", "quantity": 1}])
    (row,) = hub.rows(positions)
    assert (row["allocated"], row["shortfall"]) == (1, 1)


def test_carts_go_before_orders_when_a_count_falls_short(hub: Harness) -> None:
    hub.stock("CHI", {"A": 4})
    hub.send("order/1", an_order(status="pending", lines=(a_line(sku="A", quantity=2),)))
    for key in ("early", "late"):
        hub.clock.move(1)
        lines = [Wanted("A", "CHI", 1)]
        hub.transactions.transact_now(partial(_reserve, hub, key, lines))
    hub.clock.move(60)
    hub.stock("CHI", {"A": 3})
    assert {row["key"]: row["state"] for row in hub.rows(reservations)} == {
        "early": "active",
        "late": "released",
    }
    (row,) = hub.rows(positions)
    assert (row["reserved"], row["allocated"], row["shortfall"]) == (1, 2, 0)
    hub.clock.move(7200)
    hub.stock("CHI", {"A": 2})
    (row,) = hub.rows(positions)
    assert (row["reserved"], row["allocated"], row["shortfall"]) == (0, 2, 0)
    assert [each.fulfilment.node for each in hub.fulfilments()] == ["CHI"]


def _reserve(hub: Harness, key: str, lines: list[Wanted], tx: Transaction) -> None:
    reserving.reserve(hub.hub, tx, key, "web", lines, START + timedelta(hours=1))


@pytest.mark.parametrize(("victims", "kept"), [("latest_promise", "b2b"), ("lowest_priority", "shop")])
def test_the_configuration_says_who_goes_without(
    make: Callable[..., Harness], victims: str, kept: str
) -> None:
    channels = {"web": {"connection": "shop", "priority": 9}, "b2b": {"kind": "b2b"}}
    hub = make(channels=channels, shortfall={"victims": victims})
    hub.stock("CHI", {"A": 2})
    for connection in ("b2b", "shop"):
        hub.clock.move(1)
        lines = (a_line(sku="A", quantity=1),)
        hub.send("order/1", an_order(status="pending", lines=lines), connection=connection)
    hub.clock.move(60)
    hub.stock("CHI", {"A": 1})
    held = {row["order_id"]: row["state"] for row in hub.rows(fulfilment_orders)}
    assert [order for order, state in held.items() if state == "on_hold"] == [f"{kept}:1001"]


def test_the_database_itself_refuses_a_promise_of_what_is_not_there(hub: Harness) -> None:
    hub.stock("CHI", {"A": 2})
    promise = Movement("A", "CHI", MovementKind.ALLOCATED, 0, 0, 3, 0, START, "test", "x")
    with pytest.raises(PromiseRefusedError) as refused:
        hub.database.transact_now(lambda connection: stock.book_promises(connection, [promise], START))
    assert "never_oversold" in refused.value.detail


def test_available_numbers_count_orders_the_node_knows_of_once(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=2),)))
    hub.clock.move(60)
    hub.answer(hub.fulfilments()[0].id, "accepted")
    hub.clock.move(60)
    hub.stock("CHI", {"A": 3}, meaning="available")
    (row,) = hub.rows(positions)
    assert (row["on_hand"], row["allocated"]) == (5, 2)
    hub.clock.move(60)
    hub.ship(hub.fulfilments()[0].id, {"A": 2})
    (row,) = hub.rows(positions)
    assert (row["on_hand"], row["allocated"]) == (3, 0)


def published(hub: Harness) -> dict[str, int]:
    hub.tick("publish")
    return {row["sku"]: row["quantity"] for row in hub.rows(published_stock)}


def a_set(hub: Harness, version: str, **parts: int) -> None:
    components = [{"sku": sku, "quantity": units} for sku, units in parts.items()]
    hub.send("product/1", {"sku": "SET", "version": version, "components": components}, connection="shop")


def test_a_channel_is_told_of_kits_when_a_component_or_what_they_are_made_of_changes(
    make: Callable[..., Harness],
) -> None:
    hub = make(channels={"web": {"connection": "shop", "publish_kits": True}})
    a_set(hub, "1", POT=1, MUG=2)
    hub.stock("CHI", {"POT": 4, "MUG": 1})
    hub.stock("NYC", {"MUG": 6})
    assert published(hub) == {"POT": 4, "MUG": 7, "SET": 3}
    hub.stock("NYC", {"MUG": 4})
    assert published(hub)["SET"] == 2
    a_set(hub, "2", POT=1, MUG=5)
    assert published(hub)["SET"] == 1
    a_set(hub, "1", POT=1)
    assert published(hub)["SET"] == 1
    a_set(hub, "3")
    assert published(hub)["SET"] == 0


def test_a_channel_that_counts_kits_itself_is_told_of_components_only(hub: Harness) -> None:
    a_set(hub, "1", POT=1)
    hub.stock("CHI", {"POT": 4})
    assert published(hub) == {"POT": 4}


def test_channels_are_told_what_changed_the_scarcest_first(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5, "B": 1})
    hub.stock("NYC", {"A": 2})
    hub.tick("publish")
    told = [(row["document"]["sku"], row["document"]["quantity"]) for row in hub.commands("stock.publish")]
    assert told == [("B", 1), ("A", 7)]
    hub.tick("publish")
    assert len(hub.commands("stock.publish")) == 2
    hub.send("order/1", an_order(lines=(a_line(sku="A"),)))
    hub.tick("publish")
    (again,) = [row for row in hub.commands("stock.publish") if row["document"]["sku"] == "A"]
    assert (again["document"]["quantity"], again["document"]["previous"]) == (6, 7)
    assert {row["sku"]: row["quantity"] for row in hub.rows(published_stock)} == {"A": 6, "B": 1}


def test_an_older_version_of_a_product_changes_nothing(hub: Harness) -> None:
    for version, grams in (("2", "200.5"), ("1", "100")):
        hub.send("product/1", {"sku": "A", "version": version, "weight": {"grams": Decimal(grams)}}, key="A")
    (row,) = hub.rows(products)
    assert (row["version"], row["weight_grams"]) == ("2", 201)


def test_the_ledger_adds_up_to_the_balances_after_everything(hub: Harness) -> None:
    hub.stock("CHI", {"A": 5})
    hub.send("order/1", an_order(lines=(a_line(sku="A", quantity=3),)))
    hub.answer(hub.fulfilments()[0].id, "short", lines=[{"sku": "A", "quantity": 1}])
    hub.ship(hub.fulfilments()[0].id, {"A": 2})
    (row,) = hub.rows(positions)
    for bucket in ("on_hand", "reserved", "allocated", "quarantined"):
        assert sum(each[bucket] for each in hub.rows(ledger)) == row[bucket]

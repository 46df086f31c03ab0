from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from crossdock.doctor.model import Situation
from crossdock.doctor.stock import STOCK_CHECKS
from crossdock.errors import RecordRejectedError
from crossdock.store.queries.stock import load_stock
from crossdock.store.queries.stock_at import load_stock_at
from crossdock.store.stock_tables import lot_movements, lots, positions, published_stock
from crossdock.streams.processors import reserving
from crossdock.streams.processors.reserving import Wanted
from tests.processors.harness import START, Harness
from tests.schemas.builders import a_line, an_order

DAY = timedelta(days=1)
SOON, LATER = "2026-11-29", "2027-01-31"


def row(units: int, lot: str | None = None, expires_on: str | None = None, **more: Any) -> dict[str, Any]:
    named = {"lot": lot, "expires_on": expires_on}
    return {"sku": "A", "quantity": units, **{k: v for k, v in named.items() if v}, **more}


def count(hub: Harness, *rows: dict[str, Any], **changes: Any) -> None:
    hub.clock.move(60)
    hub.stock("CHI", {}, lines=list(rows), **changes)


def move(hub: Harness, *rows: dict[str, Any], name: str = "M-1", **changes: Any) -> None:
    hub.clock.move(60)
    moved = {"external_id": name, "node": "CHI", "occurred_at": hub.clock.now(), "lines": list(rows)}
    hub.send("stock_movement/1", moved | changes, connection="wms")


def order(hub: Harness, name: str, units: int, **changes: Any) -> None:
    hub.clock.move(1)
    hub.send("order/1", an_order(external_id=name, lines=(a_line(sku="A", quantity=units),), **changes))


def held(hub: Harness) -> dict[str, tuple[int, int]]:
    """On hand and quarantined by lot."""
    return {each["lot"]: (each["on_hand"], each["quarantined"]) for each in hub.rows(lots)}


def picked(hub: Harness, name: str) -> list[tuple[str | None, int]]:
    return [(line.lot, line.quantity) for each in hub.fulfilments(name) for line in each.fulfilment.lines]


def available(hub: Harness) -> int:
    stock = hub.database.read_now(lambda c: load_stock(c, "A", hub.clock.now()))
    return sum(node.available for node in stock.nodes)


def sound(hub: Harness) -> None:
    now = Situation(hub.clock.now())
    assert (
        hub.database.read_now(lambda c: [row for check in STOCK_CHECKS for row in check.find(c, now)]) == []
    )


def test_the_first_to_expire_is_shipped_first_and_the_node_is_told_which(hub: Harness) -> None:
    count(hub, row(4, "late", LATER), row(2, "soon", SOON), row(1))
    assert held(hub) == {"late": (4, 0), "soon": (2, 0)}
    order(hub, "1", 3)
    order(hub, "2", 1)
    assert picked(hub, "1") == [("soon", 2), ("late", 1)]
    assert picked(hub, "2") == [("late", 1)]
    told = [command["document"]["lines"] for command in hub.commands("fulfilment.request")]
    assert [[(line["lot"], line["quantity"]) for line in lines] for lines in told] == [
        [("soon", 2), ("late", 1)],
        [("late", 1)],
    ]
    sound(hub)
    (made,) = hub.fulfilments("1")
    hub.ship(made.id, {"A": 3})
    assert held(hub) == {"late": (3, 0), "soon": (0, 0)}
    assert [line.quantities.shipped for line in hub.order("1").lines] == [3]
    sound(hub)


def test_what_is_called_off_may_be_picked_by_others(hub: Harness) -> None:
    count(hub, row(2, "soon", SOON), row(4, "late", LATER))
    order(hub, "1", 2)
    (made,) = hub.fulfilments("1")
    hub.answer(made.id, "rejected", lines=[{"sku": "A", "quantity": 2}])
    order(hub, "2", 1)
    assert picked(hub, "2") == [("soon", 1)]
    sound(hub)


def test_a_node_that_names_the_lot_and_not_the_line_has_shipped_that_lot(hub: Harness) -> None:
    count(hub, row(2, "soon", SOON), row(4, "late", LATER))
    order(hub, "1", 3)
    (made,) = hub.fulfilments("1")
    parcel = {"tracking_number": "1Z", "lines": [{"sku": "A", "quantity": 1, "lot": "late"}]}
    hub.ship(made.id, {}, parcels=[parcel], final=False)
    assert held(hub) == {"late": (3, 0), "soon": (2, 0)}
    (told,) = hub.commands("shipment.confirm")
    late = next(line for line in made.fulfilment.lines if line.lot == "late")
    assert [line["line"] for line in told["document"]["parcels"][0]["lines"]] == [late.id]
    parcel = {"tracking_number": "2Z", "lines": [{"sku": "A", "quantity": 2, "lot": "unheard-of"}]}
    hub.ship(made.id, {}, parcels=[parcel])
    assert held(hub) == {"late": (3, 0), "soon": (0, 0)}
    sound(hub)


def test_a_lot_that_was_not_found_is_written_off(hub: Harness) -> None:
    count(hub, row(2, "soon", SOON), row(4, "late", LATER))
    order(hub, "1", 2)
    (made,) = hub.fulfilments("1")
    hub.answer(made.id, "short", lines=[{"sku": "A", "quantity": 2}])
    assert held(hub) == {"late": (4, 0), "soon": (0, 0)}
    sound(hub)


def test_a_lot_that_expires_before_the_promised_day_is_no_stock(hub: Harness) -> None:
    count(hub, row(5, "soon", SOON), row(1, "late", LATER))
    order(hub, "far", 2, promise={"deliver_by": "2026-12-04T12:00:00Z"})
    assert picked(hub, "far") == []
    order(hub, "near", 2, promise={"deliver_by": "2026-11-27T12:00:00Z"})
    assert picked(hub, "near") == [("soon", 2)]
    order(hub, "one", 1, promise={"deliver_by": "2026-12-04T12:00:00Z"})
    assert picked(hub, "one") == [("late", 1)]
    sound(hub)


def test_a_lot_that_expires_on_the_way_is_no_stock(make: Callable[..., Harness]) -> None:
    hub = make(channels={"web": {"connection": "shop"}})
    count(hub, row(5, "gone", "2026-11-23"))
    order(hub, "1", 1)
    assert picked(hub, "1") == []
    count(hub, row(5, "gone", "2026-11-23"), row(1, "late", LATER))
    hub.tick("retry_waiting")
    assert picked(hub, "1") == [("late", 1)]


def test_expired_units_are_not_sold_reserved_or_published(hub: Harness) -> None:
    count(hub, row(5, "soon", SOON), row(1, "late", LATER))
    hub.tick("publish")
    assert [each["quantity"] for each in hub.rows(published_stock)] == [6]
    hub.clock.move(7 * 86400)
    assert available(hub) == 1
    for _ in range(2):
        hub.tick("expired_lots")
        hub.tick("publish")
    assert [each["quantity"] for each in hub.rows(published_stock)] == [1]
    with pytest.raises(RecordRejectedError, match="1 can be promised"):
        hub.transactions.transact_now(
            lambda tx: reserving.reserve(
                hub.hub, tx, "cart", "web", [Wanted("A", "CHI", 2)], hub.clock.now() + DAY
            )
        )
    sound(hub)


def test_a_cart_gets_the_units_it_holds_whatever_expires_beside_them(hub: Harness) -> None:
    count(hub, row(5, "soon", SOON), row(2, "late", LATER))
    hub.transactions.transact_now(
        lambda tx: reserving.reserve(hub.hub, tx, "cart", "web", [Wanted("A", "CHI", 2)], START + 30 * DAY)
    )
    hub.clock.move(8 * 86400)
    order(hub, "1", 2, references=({"kind": "reservation", "value": "cart"},))
    assert picked(hub, "1") == [("late", 2)]
    sound(hub)


def test_movements_name_their_lots(hub: Harness) -> None:
    count(hub, row(2, "old", SOON))
    for _ in range(2):
        move(hub, row(5, "new", LATER, reason="received"), row(3, None, SOON, reason="received"))
    move(hub, row(2, "new", reason="quarantined"), row(1, "old", reason="damaged"), name="M-2")
    assert held(hub) == {"2026-11-29": (3, 0), "new": (5, 2), "old": (1, 0)}
    assert hub.rows(positions)[0]["on_hand"] == 9
    order(hub, "1", 7)
    assert picked(hub, "1") == [("2026-11-29", 3), ("old", 1), ("new", 3)]
    sound(hub)


def test_a_movement_that_a_count_has_seen_changes_no_lot(hub: Harness) -> None:
    early = hub.clock.now()
    count(hub, row(5, "new", LATER))
    move(hub, row(5, "new", LATER, reason="received"), occurred_at=early)
    assert held(hub) == {"new": (5, 0)}


def test_the_next_count_settles_the_lots_with_what_moved_after_it(hub: Harness) -> None:
    count(hub, row(5, "a", SOON), row(3, "b", LATER))
    counted_at = hub.clock.now() + timedelta(seconds=30)
    move(hub, row(1, "b", reason="damaged"))
    count(hub, row(4, "b", "2027-02-28"), as_of=counted_at)
    assert held(hub) == {"a": (0, 0), "b": (3, 0)}
    assert [each["expires_on"] for each in hub.rows(lots)] == [SOON, "2027-02-28"]
    count(hub, row(9, "b"), as_of=START)
    assert held(hub) == {"a": (0, 0), "b": (3, 0)}
    sound(hub)


def test_an_available_number_leaves_out_the_units_to_be_picked(hub: Harness) -> None:
    count(hub, row(5, "a", SOON))
    order(hub, "1", 2)
    (made,) = hub.fulfilments("1")
    hub.answer(made.id, "accepted")
    count(hub, row(3, "a", SOON), meaning="available")
    assert held(hub) == {"a": (5, 0)}
    hub.ship(made.id, {"A": 2})
    assert held(hub) == {"a": (3, 0)}
    sound(hub)


def test_a_delta_adds_to_its_lots_once(hub: Harness) -> None:
    count(hub, row(5, "a", SOON))
    delta = {"mode": "delta", "feed_id": "D", "as_of": START + timedelta(hours=1)}
    for _ in range(2):
        count(hub, row(-2, "a"), row(4, "b", LATER), **delta)
    assert held(hub) == {"a": (3, 0), "b": (4, 0)}
    assert hub.rows(positions)[0]["on_hand"] == 7
    sound(hub)


def test_a_full_feed_that_leaves_out_a_sku_empties_its_lots(hub: Harness) -> None:
    count(hub, row(5, "a", SOON), {"sku": "B", "quantity": 1}, {"sku": "C", "quantity": 1})
    others: Sequence[dict[str, Any]] = ({"sku": "B", "quantity": 1}, {"sku": "C", "quantity": 1})
    count(hub, *others, zero_omitted=True)
    assert held(hub) == {"a": (0, 0)}
    sound(hub)


def test_lots_are_shown_also_of_the_past(hub: Harness) -> None:
    count(hub, row(5, "a", SOON))
    then = hub.clock.now()
    order(hub, "1", 2)
    (made,) = hub.fulfilments("1")
    now = hub.database.read_now(lambda c: load_stock(c, "A", hub.clock.now()))
    assert [(each.lot, each.on_hand, each.allocated, each.expired) for each in now.lots] == [
        ("a", 5, 2, False)
    ]
    hub.ship(made.id, {"A": 2})
    late = hub.database.read_now(lambda c: load_stock_at(c, "A", hub.clock.now() + 30 * DAY))
    assert [(each.lot, each.on_hand, each.expired) for each in late.lots] == [("a", 3, True)]
    past = hub.database.read_now(lambda c: load_stock_at(c, "A", then))
    assert [(each.lot, each.on_hand) for each in past.lots] == [("a", 5)]


def test_a_sku_without_lots_has_no_rows_of_them(hub: Harness) -> None:
    count(hub, row(5))
    move(hub, row(2, reason="received"))
    order(hub, "1", 1)
    assert (hub.rows(lots), hub.rows(lot_movements), picked(hub, "1")) == ([], [], [(None, 1)])
    assert hub.rows(positions)[0]["by_lot"] == 0

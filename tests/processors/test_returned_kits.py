"""Kits that come back, in parts and in whatever order; ``docs/models/kit.md`` has the usual course."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crossdock.orders.worklist import Cause
from crossdock.store.order_tables import work_items
from crossdock.store.stock_tables import positions
from tests.processors.harness import Harness
from tests.processors.test_returning import healthy, receipt, request, send, units
from tests.schemas.builders import a_line, an_order

SET = {"sku": "SET", "quantity": 1}


@pytest.fixture
def sold(make: Callable[..., Harness]) -> Harness:
    """A set of a pot and two mugs has left Chicago."""
    hub = make(returns={"no_refund": ["damaged"]})
    parts = [{"sku": "POT", "quantity": 1}, {"sku": "MUG", "quantity": 2}]
    hub.send("product/1", {"sku": "SET", "version": "1", "components": parts})
    hub.stock("CHI", {"POT": 1, "MUG": 2})
    hub.clock.move(1)
    hub.send("order/1", an_order(lines=(a_line(sku="SET"),)))
    hub.ship(hub.fulfilments()[0].id, {"POT": 1, "MUG": 2})
    hub.clock.move(60)
    return hub


def refunded(hub: Harness) -> list[dict[str, Any]]:
    lines = [line for row in hub.commands("return.refund") for line in row["document"]["lines"]]
    return [{name: line[name] for name in ("order_line", "sku", "quantity")} for line in lines]


def on_hand(hub: Harness) -> dict[str, int]:
    return {row["sku"]: row["on_hand"] for row in hub.rows(positions)}


def test_a_set_with_a_damaged_mug_is_not_paid_for_as_a_set(sold: Harness) -> None:
    send(sold, request("R-1", SET))
    came = receipt("B-1", units("POT"), units("MUG"), units("MUG", condition="damaged"), request="shop:R-1")
    send(sold, came)
    assert refunded(sold) == []
    (item,) = sold.rows(work_items)
    assert item["cause"] == Cause.TELL_BY_HAND
    assert "1 of MUG (line 1/MUG), 1 of POT (line 1/POT) came back" in item["message"]
    assert on_hand(sold) == {"POT": 1, "MUG": 1}
    healthy(sold)


@pytest.mark.parametrize("requested_first", [True, False])
def test_a_set_is_paid_for_once_in_whatever_order_it_is_heard_of(
    sold: Harness, requested_first: bool
) -> None:
    asked = request("R-1", SET)
    parts = [
        receipt("B-1", units("MUG", 2), request="shop:R-1"),
        receipt("B-2", units("POT"), request="shop:R-1"),
    ]
    for document in [asked, *parts] if requested_first else [*parts, asked]:
        for _ in range(2):
            send(sold, document)
    assert refunded(sold) == [{"order_line": "1", "sku": "SET", "quantity": 1}]
    assert on_hand(sold) == {"POT": 1, "MUG": 2}
    assert not sold.rows(work_items)
    healthy(sold)


def test_a_set_of_an_unknown_order_is_put_away_as_its_product_says(sold: Harness) -> None:
    for _ in range(2):
        send(sold, receipt("B-1", units("SET", 2)))
    assert on_hand(sold) == {"POT": 2, "MUG": 4}
    assert refunded(sold) == []
    healthy(sold)

"""An order made of the facts that conditions name, and how it is told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crossdock.routing.example_order import demand_of, described
from crossdock.routing.formulas import Value
from crossdock.routing.model import Demand

CHANNELS = {"amazon": "marketplace", "shop": "web"}


def order(**case: Value) -> Demand | None:
    return demand_of(case, CHANNELS, ("CA", "US"), ("CAD", "USD"))


def test_an_order_of_which_nothing_is_said_is_the_simplest() -> None:
    made = order()
    assert made is not None
    assert described(made) == "an order of channel amazon (marketplace), to CA, 1 line with 1 units, in CAD"
    assert (made.priority, made.service_level, made.tags, made.pick_up) == (0, "", (), False)
    bare = demand_of({}, {}, (), ())
    assert bare is not None
    assert described(bare) == "an order of channel shop (web), to US, 1 line with 1 units, in USD"


def test_every_fact_that_is_said_is_in_the_order_and_told() -> None:
    facts: dict[str, Value] = {
        "channel": "shop",
        "country": "US",
        "currency": "USD",
        "region": "US-CA",
        "postal_code": "90001",
        "line_count": 2.0,
        "units": 5.0,
        "value": 60.5,
        "weight_kg": 2.0,
        "priority": 3.0,
        "service_level": "express",
        '"gift" in order.tags': True,
        '"vip" in order.tags': True,
        '"plain" in order.tags': False,
        '"hazmat" in order.restrictions': True,
        "order.pick_up": True,
    }
    made = order(**facts)
    assert made is not None
    assert made.order_id == "example"
    assert [(line.line_id, line.sku, line.quantity) for line in made.lines] == [
        ("1", "SKU-1", 4),
        ("2", "SKU-2", 1),
    ]
    assert made.destination.address.country == "US"
    assert described(made) == (
        "an order of channel shop (web), to US-CA 90001, 2 lines with 5 units, worth 60.5 USD, of 2000 g, "
        "priority 3, service level express, tags gift, vip, restrictions hazmat, picked up"
    )


def test_a_channel_that_nobody_knows_is_of_the_kind_that_is_asked_for_else_a_shop() -> None:
    unknown, asked = order(channel="erp"), order(channel="erp", channel_kind="b2b")
    assert unknown is not None
    assert asked is not None
    assert (unknown.channel, unknown.channel_kind, asked.channel_kind) == ("erp", "web", "b2b")


@pytest.mark.parametrize(
    "case",
    [
        {"line_count": 0.0},
        {"line_count": 3.0, "units": 2.0},
        {"line_count": 1001.0},
        {"value": -0.5},
        {"weight_kg": -0.5},
    ],
)
def test_what_no_order_is_like_is_not_made(case: dict[str, Value]) -> None:
    assert order(**case) is None


def test_the_limits_of_what_an_order_is_like_are_in_it() -> None:
    largest = order(line_count=1000.0, units=1000.0)
    assert largest is not None
    assert len(largest.lines) == 1000
    free = order(value=0.0, weight_kg=0.0, units=3.0)
    assert free is not None
    assert (free.lines[0].quantity, free.lines[0].unit_value) == (3, Decimal(0))

"""What is left out means the usual: nothing costs more, nothing is kept back, nobody is turned away."""

from __future__ import annotations

from datetime import date, time, timedelta
from decimal import Decimal

from crossdock.routing.model import (
    Address,
    Calendar,
    Capacity,
    Demand,
    DemandLine,
    Destination,
    HandlingCost,
    Node,
    NodeKind,
    NodeStatus,
    OpeningHours,
    Position,
    PostalZone,
    RateCard,
    Service,
    Surcharge,
)
from crossdock.routing.policy import PolicyDefinition

HERE, ADDRESS = Position(0.0, 0.0), Address("US", "", "")
WEEK = tuple(OpeningHours(day, time(8), time(18)) for day in (0, 1, 2, 3, 4))


def test_a_node_works_on_weekdays_at_once_and_without_limits() -> None:
    assert Node("n", "N", NodeKind.STORE, HERE, Address("US")) == Node(
        id="n",
        name="N",
        kind=NodeKind.STORE,
        position=HERE,
        address=ADDRESS,
        tags=(),
        time_zone="UTC",
        calendar=Calendar(WEEK, ()),
        cut_off=None,
        processing_time=timedelta(0),
        capacity=Capacity(None, None, None),
        handling_cost=HandlingCost(Decimal(0), Decimal(0), Decimal(0)),
        services=(),
        handles=(),
        serves=(),
        priority=0,
        status=NodeStatus.ACTIVE,
    )


def test_a_carrier_works_on_weekdays_and_takes_everything_everywhere() -> None:
    weekdays = (0, 1, 2, 3, 4)
    plain = Service("s", "c", "r", (1,))
    assert plain == Service("s", "c", "r", (1,), weekdays, weekdays, ("standard",), (), (), ())
    rates = ((Decimal(1),),)
    assert RateCard("r", "USD", (500,), rates) == RateCard("r", "USD", (500,), rates, (), (), 0, ())
    assert Surcharge("fuel") == Surcharge("fuel", Decimal(0), Decimal(0), "")
    assert PostalZone("1", 0) == PostalZone("1", 0, "")


def test_an_order_may_go_at_any_time_by_any_service_from_any_node() -> None:
    line = DemandLine("1", "A", 2)
    assert line == DemandLine("1", "A", 2, Decimal(0), 0, 0, (), "", "")
    to = Destination(ADDRESS, HERE)
    assert Demand("o", "shop", "web", "USD", (line,), to) == Demand(
        "o", "shop", "web", "USD", (line,), to, None, "", 0, (), (), "", False, None, None
    )


def test_a_policy_says_little_and_does_the_usual() -> None:
    definition = PolicyDefinition.model_validate(
        {
            "policy": "p",
            "version": 1,
            "objective": ["shipments"],
            "fences": ["stock", {"require": "true"}],
            "reevaluate": {"every": "1h", "min_saving": "1 USD"},
        }
    )
    assert definition.model_dump(mode="json") == {
        "policy": "p",
        "version": 1,
        "state": "active",
        "when": "",
        "fences": ["stock", {"require": "true", "when": ""}],
        "prefer": [],
        "objective": ["shipments"],
        "split": {
            "max_shipments": None,
            "min_value": None,
            "keep_together": [],
            "only_if_saves": None,
            "quantity": True,
        },
        "consolidate": [],
        "unfillable": {
            "retry": "on_stock",
            "stop_after": "8h",
            "then": "worklist",
            "cancel_after": None,
            "ship_rest": True,
        },
        "release_after": "0m",
        "reevaluate": {"every": "1h", "min_saving": "1 USD"},
        "time_budget_seconds": 2.0,
    }
    least = {"policy": "p", "version": 1, "objective": ["shipments"]}
    assert PolicyDefinition.model_validate(least).fences == ("stock", "serves_destination", "capacity")
    assert PolicyDefinition.model_validate(least).reevaluate is None


def test_a_day_of_rest_is_none_unless_it_is_named() -> None:
    assert Calendar() == Calendar(WEEK, ())
    assert Calendar(holidays=(date(2026, 12, 25),)).opening_hours == WEEK

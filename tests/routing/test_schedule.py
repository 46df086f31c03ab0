"""How long goods may wait at a node and still leave on the same day."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from crossdock.routing import Calendar, OpeningHours, Service
from crossdock.routing.schedule import NEVER, NodeClock, delivery_ordinal
from tests.routing.builders import node

GROUND = Service("ground", "parcel", "ground", (1,))
HOURS = Calendar(tuple(OpeningHours(day, time(9), time(17)) for day in range(5)))
CLOCK = NodeClock(
    node("n", time_zone="UTC", cut_off=time(14), calendar=HOURS, processing_time=timedelta(hours=1))
)
ROUND_THE_CLOCK = Calendar(tuple(OpeningHours(day, time(0), time(23, 59)) for day in range(7)))


def at(day: int, hour: float) -> datetime:
    """An hour of a day of November 2026, of which the 23rd is a Monday."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=day - 1, hours=hour)


def local(day: int, hour: float) -> datetime:
    return at(day, hour).replace(tzinfo=None)


@pytest.mark.parametrize(
    ("now", "until", "latest"),
    [
        (at(23, 10), at(23, 12), at(23, 12)),
        (at(23, 10), at(23, 14), at(23, 14)),
        (at(23, 10), at(23, 18), at(23, 14)),
        (at(23, 10), at(25, 10), at(23, 14)),
        (at(23, 15), at(24, 10), at(24, 10)),
        (at(23, 15), at(24, 15), at(24, 14)),
        (at(27, 15), at(30, 20), at(30, 14)),
        (at(28, 0), at(29, 0), at(29, 0)),
    ],
)
def test_goods_may_wait_until_the_last_cut_off_of_the_day_they_leave(
    now: datetime, until: datetime, latest: datetime
) -> None:
    assert CLOCK.latest_start(now, until, GROUND) == latest


def test_goods_may_wait_for_the_day_on_which_the_carrier_comes() -> None:
    weekly = Service("weekly", "parcel", "ground", (1,), pick_up_days=(3,))
    assert CLOCK.latest_start(at(23, 10), at(30, 10), weekly) == at(26, 14)
    clock = NodeClock(node("n", time_zone="UTC", cut_off=None, calendar=ROUND_THE_CLOCK))
    assert clock.latest_start(at(23, 10), at(24, 10), GROUND) < at(24, 0)


def test_a_node_that_does_not_open_again_is_never_ready() -> None:
    once = Calendar(
        (OpeningHours(0, time(9), time(10)),),
        holidays=tuple(at(23, 0).date() + timedelta(days=d) for d in range(1, 400)),
    )
    clock = NodeClock(node("n", time_zone="UTC", calendar=once, processing_time=timedelta(hours=2)))
    readiness = clock.readiness(at(23, 9))
    assert readiness.ready_at is None
    assert clock.collection_ordinal(None, GROUND) == NEVER
    assert clock.readiness(at(24, 9)).ready_at is None
    assert clock.readiness(at(24, 9)).valid_until == at(25, 9)


def test_a_carrier_that_never_comes_where_the_node_is_open_collects_never() -> None:
    sundays = Service("sundays", "parcel", "ground", (1,), pick_up_days=(6,))
    assert CLOCK.collection_ordinal(local(23, 12), sundays) == NEVER
    assert delivery_ordinal(NEVER, 1, GROUND) == NEVER
    assert delivery_ordinal(NEVER - 7, 0, GROUND) == NEVER - 7
    assert delivery_ordinal(1, 1, Service("none", "p", "ground", (1,), delivery_days=())) == NEVER


@pytest.mark.parametrize(
    ("now", "ready", "until"),
    [
        (at(23, 8), local(23, 10), at(23, 14)),
        (at(23, 10), local(23, 11), at(23, 14)),
        (at(23, 14), local(23, 15), at(23, 14)),
        (at(23, 14.5), local(24, 10), at(24, 9) - timedelta(microseconds=1)),
        (at(27, 16), local(30, 10), at(30, 9) - timedelta(microseconds=1)),
    ],
)
def test_when_an_order_is_ready_and_how_long_that_day_holds(
    now: datetime, ready: datetime, until: datetime
) -> None:
    readiness = CLOCK.readiness(now)
    assert (readiness.ready_at, readiness.valid_until) == (ready, until)


def test_the_day_of_the_answer_ends_when_work_would_run_over() -> None:
    slow = NodeClock(
        node("n", time_zone="UTC", cut_off=None, calendar=HOURS, processing_time=timedelta(hours=6))
    )
    readiness = slow.readiness(at(23, 10))
    assert (readiness.ready_at, readiness.valid_until) == (local(23, 16), at(23, 11))
    over = slow.readiness(at(23, 12))
    assert (over.ready_at, over.valid_until) == (local(24, 10), at(23, 17))
    days = NodeClock(node("n", time_zone="UTC", calendar=HOURS, processing_time=timedelta(hours=17)))
    assert days.readiness(at(27, 9)).ready_at == local(31, 10)

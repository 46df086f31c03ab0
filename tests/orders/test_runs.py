from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from crossdock.config.runs import RunsConfig
from crossdock.orders.runs import RunSchedule, next_run

_CHICAGO = RunSchedule((time(6), time(14, 30)), time_zone="America/Chicago")


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "after", "run"),
    [
        (_CHICAGO, "2026-11-23T11:59", "2026-11-23T12:00"),
        (_CHICAGO, "2026-11-23T12:00", "2026-11-23T20:30"),
        (_CHICAGO, "2026-11-23T20:30", "2026-11-24T12:00"),
        # Sunday is no day of runs.
        (RunSchedule((time(6),), weekdays=(0, 5)), "2026-11-28T06:00", "2026-11-30T06:00"),
        # The clock goes from 2 to 3: what was to run at 2:30 runs at 3:30 of the new time.
        (RunSchedule((time(2, 30),), time_zone="America/Chicago"), "2026-03-08T06:00", "2026-03-08T08:30"),
        # It goes from 2 back to 1: 1:30 comes twice, and is run once.
        (RunSchedule((time(1, 30),), time_zone="America/Chicago"), "2026-11-01T06:30", "2026-11-02T07:30"),
        (RunSchedule(every=timedelta(minutes=30)), "2026-11-23T10:29:59", "2026-11-23T10:30"),
        (RunSchedule(every=timedelta(minutes=30)), "2026-11-23T10:30", "2026-11-23T11:00"),
        (RunSchedule(every=timedelta(hours=6), weekdays=(0,)), "2026-11-23T23:30", "2026-11-30T00:00"),
    ],
)
def test_the_next_run(schedule: RunSchedule, after: str, run: str) -> None:
    assert next_run(schedule, _at(after)) == _at(run)


@given(
    st.integers(0, 3 * 365 * 24 * 60).map(lambda minutes: _at("2025-01-01") + timedelta(minutes=minutes)),
    st.lists(st.times(), min_size=1, max_size=3),
    st.sampled_from(["America/Chicago", "Asia/Kathmandu", "Pacific/Apia", "UTC"]),
)
def test_a_run_is_always_ahead_and_none_is_left_out(after: datetime, at: list[time], zone: str) -> None:
    schedule = RunSchedule(tuple(at), time_zone=zone)
    run = next_run(schedule, after)
    assert after < run <= after + timedelta(hours=50)
    halfway = after + (run - after) / 2
    assert next_run(schedule, halfway) == run


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "either `at`"),
        ({"at": ["06:00"], "every": "1h"}, "either `at`"),
        ({"every": "10s"}, "greater than or equal"),
        ({"every": "5h"}, "divides a day"),
        ({"every": "1h", "time_zone": "Chicago"}, "no IANA time zone"),
        ({"every": "1h", "weekdays": []}, "at least 1"),
    ],
)
def test_runs_that_cannot_be_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        RunsConfig.model_validate(wrong)


def test_a_schedule_of_which_nothing_is_said_is_of_every_day_by_greenwich() -> None:
    assert RunSchedule() == RunSchedule((), timedelta(0), (0, 1, 2, 3, 4, 5, 6), "UTC")

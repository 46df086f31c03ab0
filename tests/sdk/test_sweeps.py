"""Sweeps and their cursors: what is stored is read again, what is another's is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crossdock.sdk.connector import Cursor
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.sweeps import Sweep, aware_instant

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
BEGIN = NOW - timedelta(days=1)


def resumed(cursor: Cursor | None) -> Sweep:
    return Sweep.resume(cursor, NOW, BEGIN, place=("page", "token"), remedy="begin at `start`")


def test_without_a_cursor_it_begins_at_the_beginning() -> None:
    assert resumed(None) == Sweep(BEGIN, NOW)


def test_a_sweep_in_the_middle_goes_on_where_it_was() -> None:
    sweep = Sweep(BEGIN, NOW - timedelta(hours=1)).onward(page=2, token="t")
    assert sweep.cursor == {
        "since": BEGIN.isoformat(), "started": "2026-11-23T09:00:00+00:00", "page": 2, "token": "t",
    }  # fmt: skip
    assert resumed(sweep.cursor) == sweep


def test_after_the_last_page_the_next_sweep_begins_where_this_one_reached() -> None:
    done = Sweep(BEGIN, NOW - timedelta(hours=1)).onward(page=2, token="t").over(NOW - timedelta(hours=2))
    assert done.cursor == {"since": "2026-11-23T08:00:00+00:00"}
    assert resumed(done.cursor) == Sweep(NOW - timedelta(hours=2), NOW)


@pytest.mark.parametrize(
    "cursor",
    [
        {"after": "x"},
        {"since": "yesterday"},
        {"since": "2026-11-23T08:00:00"},
        {"since": BEGIN.isoformat(), "page": 2, "token": "t"},
        {"since": BEGIN.isoformat(), "started": NOW.isoformat(), "page": 2},
        {"since": BEGIN.isoformat(), "started": NOW.isoformat(), "page": None, "token": "t"},
    ],
)
def test_a_cursor_of_another_is_told_with_the_remedy(cursor: Cursor) -> None:
    with pytest.raises(
        MisconfiguredError, match=r"is no cursor of this connector .* delete it to begin at `start`"
    ):
        resumed(cursor)


def test_an_instant_has_a_zone() -> None:
    assert aware_instant("2026-11-23T11:00:00+01:00") == NOW
    with pytest.raises(ValueError, match="has no zone"):
        aware_instant("2026-11-23T11:00:00")

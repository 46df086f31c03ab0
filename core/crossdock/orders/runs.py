"""Runs: instants at which the waiting orders of a channel are routed together, instead of each when it comes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["RunSchedule", "next_run"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK = 7


@dataclass(frozen=True, slots=True)
class RunSchedule:
    """When runs are: at local times, or at every multiple of an interval since midnight UTC.

    Attributes:
        at: Local times; one that the clock skips in spring is run an hour later, one that comes twice in autumn once.
        every: The interval, where ``at`` is empty; it divides a day.
        weekdays: Local days of runs, 0 is Monday; at least one.
        time_zone: IANA name.
    """

    at: tuple[time, ...] = ()
    every: timedelta = timedelta(0)
    weekdays: tuple[int, ...] = tuple(range(_WEEK))
    time_zone: str = "UTC"


def next_run(schedule: RunSchedule, after: datetime) -> datetime:
    """The first run after an instant (aware), in UTC."""
    zone = ZoneInfo(schedule.time_zone)
    since = after + timedelta(microseconds=1)
    while True:
        today = since.astimezone(zone).date()
        tomorrow = datetime.combine(today + timedelta(days=1), time(), zone).astimezone(UTC)
        if today.weekday() in schedule.weekdays:
            found = _from(schedule, since, zone)
            if found is not None and found < tomorrow:
                return found
        since = tomorrow


def _from(schedule: RunSchedule, since: datetime, zone: ZoneInfo) -> datetime | None:
    """The first run from an instant on; of local times only on the local day of the instant."""
    if not schedule.at:
        return _EPOCH - (_EPOCH - since) // schedule.every * schedule.every
    today = since.astimezone(zone).date()
    runs = (datetime.combine(today, at, zone).astimezone(UTC) for at in schedule.at)
    return min((run for run in runs if run >= since), default=None)

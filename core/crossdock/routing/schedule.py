"""When a node can hand goods to a carrier: opening hours, holidays, cut-off, processing time, pick-up days.

The rule: an order that arrives on an opening day up to the cut-off is started that day, otherwise at the next opening.
Processing counts in opening hours. The goods leave on the first opening day from then on on which the carrier
collects. A transit of n days arrives on the n-th delivery day after the day of collection. On its holidays a carrier
neither collects nor delivers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from crossdock.routing.model import Node, Service

__all__ = ["NEVER", "NodeClock", "Readiness", "delivery_ordinal"]

NEVER = 10_000_000
"""Ordinal of a day that does not come: the node does not open within a year, or the carrier does not collect."""

_HORIZON_DAYS = 366


@dataclass(frozen=True, slots=True)
class Readiness:
    """When an order that arrives now is ready, and until when (inclusive) the day of that answer stays true."""

    ready_at: datetime | None
    valid_until: datetime


class NodeClock:
    """The calendar of one node, prepared for questions."""

    __slots__ = ("_cut_off", "_holidays", "_hours", "_processing", "_zone")

    def __init__(self, node: Node) -> None:
        """Read the calendar of ``node``.

        Raises:
            zoneinfo.ZoneInfoNotFoundError: the time zone is unknown.
        """
        self._zone = ZoneInfo(node.time_zone)
        self._hours = {hours.weekday: (hours.opens, hours.closes) for hours in node.calendar.opening_hours}
        self._holidays = frozenset(node.calendar.holidays)
        self._cut_off = node.cut_off
        self._processing = node.processing_time

    def day(self, instant: datetime) -> date:
        """The day that it is here at ``instant`` (aware)."""
        return instant.astimezone(self._zone).date()

    def opening(self, day: date) -> tuple[datetime, datetime] | None:
        """Local opening and closing on ``day``, or ``None`` if the node is closed."""
        hours = self._hours.get(day.weekday())
        if hours is None or day in self._holidays:
            return None
        return datetime.combine(day, hours[0]), datetime.combine(day, hours[1])

    def _next_opening(self, after: date) -> tuple[datetime, datetime] | None:
        for offset in range(1, _HORIZON_DAYS + 1):
            found = self.opening(after + timedelta(days=offset))
            if found is not None:
                return found
        return None

    def readiness(self, now: datetime) -> Readiness:
        """When an order arriving at ``now`` (aware) is ready for the carrier, in local wall-clock time."""
        local = now.astimezone(self._zone).replace(tzinfo=None)
        window = self.opening(local.date())
        limit = None
        if window is not None:
            cut_off = window[1] if self._cut_off is None else datetime.combine(local.date(), self._cut_off)
            limit = min(cut_off, window[1])
        if window is None or limit is None or local > limit:
            window = self._next_opening(local.date())
            if window is None:
                return Readiness(None, now + timedelta(days=1))
            ready, _ = self._work(window)
            return Readiness(ready, self._utc(window[0]) - timedelta(microseconds=1))
        start = max(local, window[0])
        ready, slack = self._work((start, window[1]))
        return Readiness(ready, self._utc(min(start + slack, limit)))

    def ready_after(self, day: date) -> datetime | None:
        """When what comes in the course of ``day`` is ready for the carrier: work on it begins at the next opening.

        None where there is none within a year.
        """
        window = self._next_opening(day)
        return None if window is None else self._work(window)[0]

    def _work(self, window: tuple[datetime, datetime]) -> tuple[datetime | None, timedelta]:
        """Let the processing time pass in opening hours: when it is done, and the opening time left that day."""
        start, closes = window
        left = self._processing
        while start + left > closes:
            left -= closes - start
            following = self._next_opening(closes.date())
            if following is None:
                return None, timedelta(days=1)
            start, closes = following
        return start + left, closes - start - left

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self._zone).astimezone(UTC)

    def collection_ordinal(self, ready_at: datetime | None, service: Service) -> int:
        """Proleptic ordinal of the first opening day from ``ready_at`` on with a collection, or ``NEVER``."""
        if ready_at is None:
            return NEVER
        for offset in range(_HORIZON_DAYS):
            day = ready_at.date() + timedelta(days=offset)
            collects = day.weekday() in service.pick_up_days and day not in service.holidays
            if collects and self.opening(day) is not None:
                return day.toordinal()
        return NEVER

    def latest_start(self, now: datetime, until: datetime, service: Service) -> datetime:
        """The last instant, from ``now`` up to ``until``, at which goods may be started and still leave as early."""
        day = self.collection_ordinal(self.readiness(now).ready_at, service)
        if self.collection_ordinal(self.readiness(until).ready_at, service) == day:
            return until
        latest = now
        while True:
            readiness = self.readiness(latest)
            following = readiness.valid_until + timedelta(microseconds=1)
            if self.collection_ordinal(self.readiness(following).ready_at, service) != day:
                return min(max(readiness.valid_until, now), until)
            latest = following


def delivery_ordinal(ship_ordinal: int, transit_days: int, service: Service) -> int:
    """The ordinal of the ``transit_days``-th delivery day after the day of collection; 0 days is the same day."""
    if ship_ordinal >= NEVER or not service.delivery_days:
        return NEVER
    holidays = {holiday.toordinal() for holiday in service.holidays}
    day = ship_ordinal
    while transit_days:
        day += 1
        if (day + 6) % 7 in service.delivery_days and day not in holidays:
            transit_days -= 1
    return day

"""Sweeps: how a poll stream passes over what changed, page by page, and what it leaves in the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from crossdock.sdk.connector import Cursor
from crossdock.sdk.errors import MisconfiguredError

__all__ = ["Place", "Sweep", "aware_instant"]

Place = Mapping[str, str | int]
"""Where the next page begins, in the partner's words: a token, a number, the last id seen."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """One pass over what changed; it may take many pages and several runs of the hub.

    Attributes:
        since: Changes before this instant were seen by an earlier sweep.
        started: When it began, by our clock.
        place: Of the next page; empty before the first.
    """

    since: datetime
    started: datetime
    place: Place = field(default_factory=dict)

    @classmethod
    def resume(
        cls, cursor: Cursor | None, now: datetime, begin: datetime, *, place: Sequence[str], remedy: str
    ) -> Sweep:
        """Read a cursor; without one begin at ``begin``.

        Args:
            cursor: As the hub stored it.
            now: When a sweep that begins now does so.
            begin: The instant from which on the first sweep wants changes.
            place: The names of what says where a page begins.
            remedy: What happens to the stream when its cursor is deleted, for the message.

        Raises:
            MisconfiguredError: The cursor is none of this connector.
        """
        if cursor is None:
            return cls(begin, now)
        try:
            since = aware_instant(cursor["since"])
            if place[0] not in cursor:
                return cls(since, now)
            return cls(
                since, aware_instant(cursor["started"]), {name: _stated(cursor[name]) for name in place}
            )
        except (KeyError, ValueError) as error:
            raise MisconfiguredError(
                f"{dict(cursor)} is no cursor of this connector ({error}): rewind it, or delete it to {remedy}",
                path="cursor",
            ) from error

    def onward(self, **place: str | int) -> Sweep:
        """The same sweep at its next page."""
        return Sweep(self.since, self.started, place)

    def over(self, reached: datetime) -> Sweep:
        """The sweep that follows when this one is over, having seen all changes before ``reached``."""
        return Sweep(reached, self.started)

    @property
    def cursor(self) -> Cursor:
        """As the hub stores it."""
        if not self.place:
            return {"since": self.since.isoformat()}
        return {"since": self.since.isoformat(), "started": self.started.isoformat(), **self.place}


def _stated(value: str | int | None) -> str | int:
    if value is None:
        raise ValueError("a place is null")
    return value


def aware_instant(value: object) -> datetime:
    """An instant in a partner's answer or in a cursor.

    Raises:
        ValueError: It is none, or has no zone.
    """
    instant = datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return instant

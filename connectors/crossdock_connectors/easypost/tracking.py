"""The poll stream: trackers that changed.

EasyPost lists trackers by when they were made and has no filter for when they changed. So a sweep walks all trackers
of the last ``track_days`` and keeps those that changed since the one before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from crossdock.sdk.connector import Cursor, Limits, Page, RawRecord
from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.easypost.client import EasyPostClient, Node
from crossdock_connectors.easypost.manifest import MANIFEST

__all__ = ["Sweep", "poll"]

_encode = msgspec.json.Encoder(decimal_format="number").encode
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class Sweep:
    """One pass over the trackers; it may take several runs of the hub.

    Attributes:
        since: Changes before this instant were seen by an earlier sweep.
        started: When it began, by our clock.
        before_id: The last tracker seen; ``None`` before the first page.
    """

    since: datetime
    started: datetime
    before_id: str | None = None

    @classmethod
    def resume(cls, cursor: Cursor | None, now: datetime, backfill: timedelta) -> Sweep:
        """Read a cursor; without one take all changes.

        Raises:
            MisconfiguredError: The cursor is none of ours.
        """
        if cursor is None:
            return cls(now - backfill, now)
        try:
            since = _instant(cursor["since"])
            if "before_id" not in cursor:
                return cls(since, now)
            return cls(since, _instant(cursor["started"]), str(cursor["before_id"]))
        except (KeyError, ValueError) as error:
            raise MisconfiguredError(
                f"{dict(cursor)} is no cursor of this connector ({error}): rewind it, or delete it to read the "
                "trackers of `track_days` again",
                path="cursor",
            ) from error

    @property
    def cursor(self) -> Cursor:
        """As the hub stores it."""
        if self.before_id is None:
            return {"since": self.since.isoformat()}
        return {
            "since": self.since.isoformat(),
            "started": self.started.isoformat(),
            "before_id": self.before_id,
        }


async def poll(
    client: EasyPostClient, stream: str, cursor: Cursor | None, limits: Limits
) -> AsyncIterator[Page]:
    """Yield the trackers that changed since ``cursor``; see ``Polls.poll``."""
    window = timedelta(days=client.config.track_days)
    sweep = Sweep.resume(cursor, client.clock.now(), window)
    spec = MANIFEST.stream(stream).cursor
    changed_from = sweep.since - (spec.overlap if spec else timedelta(0))
    oldest = sweep.started - window
    count = 0
    async for trackers, further in client.pages(
        "trackers", min(_PAGE_SIZE, limits.page_size), sweep.before_id
    ):
        count += 1
        more = further and _instant(trackers[-1]["created_at"]) >= oldest
        records = tuple(
            _record(stream, tracker)
            for tracker in trackers
            if _instant(tracker["updated_at"]) >= changed_from and _instant(tracker["created_at"]) >= oldest
        )
        started = sweep.started
        sweep = Sweep(sweep.since, started, str(trackers[-1]["id"])) if more else Sweep(started, started)
        yield Page(records, sweep.cursor, more, watermark=None if more else started)
        if not more or count == limits.pages:
            return


def _instant(value: object) -> datetime:
    instant = datetime.fromisoformat(str(value))
    if instant.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return instant


def _record(stream: str, tracker: Node) -> RawRecord:
    return RawRecord(
        stream=stream,
        key=tracker["id"],
        dedupe=f"{tracker['id']}@{tracker['updated_at']}",
        payload=_encode(tracker),
        occurred_at=_instant(tracker["updated_at"]),
    )

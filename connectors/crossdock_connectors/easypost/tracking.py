"""The poll stream: trackers that changed.

EasyPost lists trackers by when they were made and has no filter for when they changed. So a sweep walks all trackers
of the last ``track_days`` and keeps those that changed since the one before.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import msgspec

from crossdock.sdk.connector import Cursor, Limits, Page, RawRecord
from crossdock.sdk.sweeps import Sweep, aware_instant
from crossdock_connectors.easypost.client import EasyPostClient, Node
from crossdock_connectors.easypost.manifest import MANIFEST

__all__ = ["poll"]

_encode = msgspec.json.Encoder(decimal_format="number").encode
_PAGE_SIZE = 100


async def poll(
    client: EasyPostClient, stream: str, cursor: Cursor | None, limits: Limits
) -> AsyncIterator[Page]:
    """Yield the trackers that changed since ``cursor``; see ``Polls.poll``."""
    window = timedelta(days=client.config.track_days)
    now = client.clock.now()
    remedy = "read the trackers of `track_days` again"
    sweep = Sweep.resume(cursor, now, now - window, place=("before_id",), remedy=remedy)
    spec = MANIFEST.stream(stream).cursor
    changed_from = sweep.since - (spec.overlap if spec else timedelta(0))
    oldest = sweep.started - window
    count = 0
    last_seen = str(sweep.place["before_id"]) if sweep.place else None
    async for trackers, further in client.pages("trackers", min(_PAGE_SIZE, limits.page_size), last_seen):
        count += 1
        more = further and aware_instant(trackers[-1]["created_at"]) >= oldest
        records = tuple(
            _record(stream, tracker)
            for tracker in trackers
            if aware_instant(tracker["updated_at"]) >= changed_from
            and aware_instant(tracker["created_at"]) >= oldest
        )
        started = sweep.started
        sweep = sweep.onward(before_id=str(trackers[-1]["id"])) if more else sweep.over(started)
        yield Page(records, sweep.cursor, more, watermark=None if more else started)
        if not more or count == limits.pages:
            return


def _record(stream: str, tracker: Node) -> RawRecord:
    return RawRecord(
        stream=stream,
        key=tracker["id"],
        dedupe=f"{tracker['id']}@{tracker['updated_at']}",
        payload=_encode(tracker),
        occurred_at=aware_instant(tracker["updated_at"]),
    )

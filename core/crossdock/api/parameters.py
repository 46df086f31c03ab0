"""Parameters that several operations take, and the cursors of pages."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated

from fastapi import Path, Query

from crossdock.api.problems import ProblemError, ProblemPart
from crossdock.store.queries.orders import Place

__all__ = ["Identifier", "Instant", "Limit", "Number", "Wanted", "cursor_of", "place_of", "utc"]

# No database keeps a NUL in a text.
_TEXT = r"^[^\x00]+$"

Identifier = Annotated[str, Path(min_length=1, max_length=512, pattern=_TEXT)]
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=500, description="The most to answer.")]
Wanted = Annotated[str | None, Query(min_length=1, max_length=512, pattern=_TEXT)]
Instant = Annotated[
    datetime | None, Query(description="An instant with its offset, such as 2026-11-23T10:00:00Z.")
]


def cursor_of(place: Place | None) -> str | None:
    """A page's end as callers hand it back; None on the last page."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(f"{place.created_at.isoformat()}|{place.id}".encode()).decode()


def place_of(cursor: str | None) -> Place | None:
    """The end of the page before.

    Raises:
        ProblemError: 422, it is no cursor of ours.
    """
    if cursor is None:
        return None
    try:
        instant, found, order_id = (
            base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition("|")
        )
        at = datetime.fromisoformat(instant)
        if found and at.tzinfo is not None and "\x00" not in order_id:
            return Place(at.astimezone(UTC), order_id)
    except (binascii.Error, ValueError, OverflowError):
        pass
    part = ProblemPart(
        pointer="cursor", where="query", detail="hand back `next` of the page before, unchanged"
    )
    raise ProblemError(422, "invalid", "the cursor is none of ours", [part])


def utc(name: str, instant: datetime | None) -> datetime | None:
    """``instant`` in UTC.

    Raises:
        ProblemError: 422, it has no offset, or lies beyond the calendar.
    """
    if instant is None:
        return None
    try:
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except OverflowError:
        pass
    part = ProblemPart(
        pointer=name, where="query", detail="write an instant with its offset: 2026-11-23T10:00:00Z"
    )
    raise ProblemError(422, "invalid", "an instant needs an offset", [part])

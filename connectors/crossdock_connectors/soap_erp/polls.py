"""The poll streams: what changed since a cursor, page by page."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from crossdock.sdk.connector import Cursor, Limits, Page, RawRecord
from crossdock.sdk.errors import MisconfiguredError
from crossdock_connectors.soap_erp.client import SoapErpClient
from crossdock_connectors.soap_erp.manifest import MANIFEST
from crossdock_connectors.soap_erp.profile import Question, StreamProfile
from crossdock_connectors.soap_erp.reading import RefusedError, encode, find, find_all, instant, text

__all__ = ["Sweep", "first_page", "poll"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """One pass over what changed; it may take many pages and several runs of the hub.

    Attributes:
        since: Changes before this instant were seen by an earlier sweep.
        started: When it began, by our clock; the next one begins there, less the overlap.
        page: The page to be asked for next, from 1 on.
        token: What the ERP wants to hear for it.
    """

    since: datetime
    started: datetime
    page: int = 1
    token: str = ""

    @classmethod
    def resume(cls, cursor: Cursor | None, now: datetime, start: datetime) -> Sweep:
        """Read a cursor; without one begin at ``start``.

        Raises:
            MisconfiguredError: The cursor is none of ours.
        """
        if cursor is None:
            return cls(start, now)
        try:
            since = _aware(cursor["since"])
            if "page" not in cursor:
                return cls(since, now)
            return cls(since, _aware(cursor["started"]), int(str(cursor["page"])), str(cursor["token"]))
        except (KeyError, ValueError) as error:
            raise MisconfiguredError(
                f"{dict(cursor)} is no cursor of this connector ({error}): rewind it, or delete it to begin at `start`",
                path="cursor",
            ) from error

    @property
    def cursor(self) -> Cursor:
        """As the hub stores it."""
        if self.page == 1:
            return {"since": self.since.isoformat()}
        return {
            "since": self.since.isoformat(),
            "started": self.started.isoformat(),
            "page": self.page,
            "token": self.token,
        }


def _aware(value: object) -> datetime:
    read = datetime.fromisoformat(str(value))
    if read.tzinfo is None:
        raise ValueError(f"{value!r} has no zone")
    return read


async def poll(
    client: SoapErpClient, stream: str, cursor: Cursor | None, limits: Limits
) -> AsyncIterator[Page]:
    """See ``Polls.poll``. A stream that the profile does not have brings nothing."""
    profile = client.profile.streams.get(stream)
    if profile is None:
        return
    sweep = Sweep.resume(cursor, client.clock.now(), client.config.start)
    for _ in range(limits.pages):
        sweep, page = await _page(client, stream, profile, sweep)
        yield page
        if not page.more:
            return


async def first_page(client: SoapErpClient, stream: str) -> None:
    """Ask for the first page of what changed just now, to see whether it may be asked for."""
    now = client.clock.now()
    await _page(client, stream, client.profile.streams[stream], Sweep(now, now))


async def _page(
    client: SoapErpClient, stream: str, profile: StreamProfile, sweep: Sweep
) -> tuple[Sweep, Page]:
    asked_at = client.clock.now()
    try:
        answer = await client.read(_question(profile, sweep.page), _scope(client, stream, sweep))
    except RefusedError:
        if sweep.page == 1:
            raise
        # the ERP has forgotten the search that the token or the page is of
        client.log.info("soap_erp.search_expired", stream=stream, page=sweep.page)
        sweep = Sweep(sweep.since, asked_at)
        answer = await client.read(profile, _scope(client, stream, sweep))
    rows = [row for row in find_all(answer, profile.records) if isinstance(row, Mapping)]
    if (
        not rows
        and profile.paging
        and profile.paging.total_pages
        and find(answer, profile.paging.total_pages) is None
    ):
        raise MisconfiguredError(
            f"{stream}: {profile.operation} answered with neither {profile.records} nor {profile.paging.total_pages}; "
            "correct these paths in the profile, or the operation",
            path=f"config.profile: streams.{stream}",
            detail=str(answer)[:500],
        )
    as_of = instant(find(answer, profile.as_of)) if profile.as_of else None
    if profile.details is not None and rows:
        answer_of_details = await client.read(
            profile.details, {**_scope(client, stream, sweep), "records": rows}
        )
        rows = [
            row for row in find_all(answer_of_details, profile.details.records) if isinstance(row, Mapping)
        ]
    records = tuple(_records(client, stream, profile, rows, as_of or asked_at))
    following = _following(profile, sweep, answer)
    if following is None:
        done = Sweep(sweep.started, sweep.started)
        return done, Page(records, done.cursor, more=False, watermark=sweep.started)
    return following, Page(records, following.cursor, more=True)


def _question(profile: StreamProfile, page: int) -> Question:
    paging = profile.paging
    if page == 1 or paging is None:
        return profile
    return Question(
        operation=paging.operation or profile.operation,
        arguments=profile.arguments if paging.arguments is None else paging.arguments,
        headers=profile.headers,
    )


def _scope(client: SoapErpClient, stream: str, sweep: Sweep) -> Mapping[str, object]:
    cursor = MANIFEST.stream(stream).cursor
    return {
        "since": sweep.since - cursor.overlap if cursor else sweep.since,
        "until": sweep.started,
        "page": sweep.page,
        "page_size": client.config.page_size,
        "token": sweep.token,
    }


def _following(profile: StreamProfile, sweep: Sweep, answer: Mapping[str, object]) -> Sweep | None:
    paging = profile.paging
    if paging is None:
        return None
    token = text(find(answer, paging.token)) if paging.token else ""
    if paging.total_pages:
        total = text(find(answer, paging.total_pages))
        further = total.isdigit() and sweep.page < int(total)
    elif paging.more:
        further = text(find(answer, paging.more)) == "true"
    else:
        further = bool(token)
    return replace(sweep, page=sweep.page + 1, token=token or sweep.token) if further else None


def _records(
    client: SoapErpClient,
    stream: str,
    profile: StreamProfile,
    rows: Sequence[Mapping[str, object]],
    as_of: datetime,
) -> Iterator[RawRecord]:
    if profile.group_by is None:
        for row in rows:
            payload = encode(row)
            key = text(find(row, profile.key)) or hashlib.sha256(payload).hexdigest()
            yield RawRecord(stream, key, f"{key}@{hashlib.sha256(payload).hexdigest()[:32]}", payload)
        return
    groups: dict[str, list[Mapping[str, object]]] = {}
    for row in rows:
        groups.setdefault(text(find(row, profile.group_by)), []).append(row)
    nodes = client.config.nodes
    for group, members in groups.items():
        if nodes and group not in nodes:
            client.log.info("soap_erp.location_left_out", stream=stream, location=group, rows=len(members))
            continue
        digest = hashlib.sha256(encode([as_of, members])).hexdigest()[:32]
        document = {
            "feedId": f"{group}@{as_of.isoformat()}#{digest[:12]}",
            "location": group,
            "node": nodes.get(group, group),
            "asOf": as_of,
            "rows": members,
        }
        yield RawRecord(stream, group, f"{group}@{digest}", encode(document), occurred_at=as_of)

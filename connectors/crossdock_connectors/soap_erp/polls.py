"""The poll streams: what changed since a cursor, page by page."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime

from crossdock.sdk.connector import Cursor, Limits, Page, RawRecord
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.sweeps import Sweep
from crossdock_connectors.soap_erp.client import SoapErpClient
from crossdock_connectors.soap_erp.manifest import MANIFEST
from crossdock_connectors.soap_erp.profile import Question, StreamProfile
from crossdock_connectors.soap_erp.reading import RefusedError, encode, find, find_all, instant, text

__all__ = ["first_page", "poll"]


async def poll(
    client: SoapErpClient, stream: str, cursor: Cursor | None, limits: Limits
) -> AsyncIterator[Page]:
    """See ``Polls.poll``. A stream that the profile does not have brings nothing."""
    profile = client.profile.streams.get(stream)
    if profile is None:
        return
    start = client.config.start
    sweep = Sweep.resume(
        cursor, client.clock.now(), start, place=("page", "token"), remedy="begin at `start`"
    )
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
        answer = await client.read(_question(profile, _number(sweep)), _scope(client, stream, sweep))
    except RefusedError:
        if _number(sweep) == 1:
            raise
        # the ERP has forgotten the search that the token or the page is of
        client.log.info("soap_erp.search_expired", stream=stream, page=_number(sweep))
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
        done = sweep.over(sweep.started)
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
        "page": _number(sweep),
        "page_size": client.config.page_size,
        "token": sweep.place.get("token", ""),
    }


def _following(profile: StreamProfile, sweep: Sweep, answer: Mapping[str, object]) -> Sweep | None:
    paging = profile.paging
    if paging is None:
        return None
    token = text(find(answer, paging.token)) if paging.token else ""
    if paging.total_pages:
        total = text(find(answer, paging.total_pages))
        further = total.isdigit() and _number(sweep) < int(total)
    elif paging.more:
        further = text(find(answer, paging.more)) == "true"
    else:
        further = bool(token)
    if not further:
        return None
    return sweep.onward(page=_number(sweep) + 1, token=token or sweep.place.get("token", ""))


def _number(sweep: Sweep) -> int:
    """The page that is asked for next, from 1 on."""
    return int(sweep.place.get("page", 1))


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

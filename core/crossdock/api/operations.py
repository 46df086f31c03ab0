"""What operators do: dead letters, how things stand."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from crossdock.api.parameters import Instant, Limit, Number, Wanted, utc
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import Scope, Services, allowed
from crossdock.store import dead_letters
from crossdock.store.dead_letters import DeadLetterState, StoredDeadLetter
from crossdock.store.queries.kpi_report import Dimension, KpiReport
from crossdock.store.queries.kpis import load_kpis
from crossdock.store.queries.totals import Totals, load_totals
from crossdock.streams.edges.status import HubStatus, hub_status
from crossdock.streams.transaction import SqlTransaction

__all__ = ["DeadLetter", "router"]

router = APIRouter(prefix="/v1", responses=responses(401, 403, 422))

_read = [Depends(allowed(Scope.READ))]
_admin = [Depends(allowed(Scope.ADMIN))]

_GROUPS_AT_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes, as text where they are UTF-8, else as base 64."""

    text: str | None
    base64: str | None

    @classmethod
    def of(cls, data: bytes | None) -> Bytes | None:
        """None stays None."""
        if data is None:
            return None
        try:
            return cls(data.decode(), None)
        except UnicodeDecodeError:
            return cls(None, base64.b64encode(data).decode())


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something that could not be handled.

    Attributes:
        body: What was given up.
        replay_body: What a replay sends; null where there is nothing to send again.
    """

    id: int
    state: str
    stage: str
    code: str
    message: str
    path: str
    connection: str | None
    mapping: str | None
    raw_id: str | None
    topic: str | None
    key: str | None
    replays: int
    created_at: datetime
    updated_at: datetime
    body: Bytes | None
    replay_body: Bytes | None

    @classmethod
    def of(cls, letter: StoredDeadLetter) -> DeadLetter:
        """As it is shown."""
        return cls(
            id=letter.id,
            state=letter.state.value,
            stage=letter.stage,
            code=letter.code,
            message=letter.message,
            path=letter.path,
            connection=letter.connection,
            mapping=letter.mapping,
            raw_id=letter.raw_id,
            topic=letter.original_topic,
            key=letter.original_key,
            replays=letter.replays,
            created_at=letter.created_at,
            updated_at=letter.updated_at,
            body=Bytes.of(letter.body),
            replay_body=Bytes.of(letter.original_body),
        )


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """A page, oldest first; ``next`` is the ``after`` of the next page, null on the last one."""

    dead_letters: tuple[DeadLetter, ...]
    next: int | None


class Replay(BaseModel):
    """How to replay."""

    model_config = ConfigDict(extra="forbid")

    body: Annotated[str, Field(description="Sent instead of what was given up.")] | None = None


@router.get("/dead-letters", tags=["dead letters"], dependencies=_read)
async def list_dead_letters(
    hub: Services,
    state: DeadLetterState = DeadLetterState.OPEN,
    stage: Wanted = None,
    connection: Wanted = None,
    after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Limit = 50,
) -> DeadLetters:
    """List what could not be handled."""
    found = await hub.transactions.database.read(
        lambda database: dead_letters.list_letters(
            database, state=state, stage=stage, partner=connection, after=after, limit=limit + 1
        )
    )
    page = tuple(DeadLetter.of(letter) for letter in found[:limit])
    return DeadLetters(page, page[-1].id if len(found) > limit else None)


@router.get("/dead-letters/{letter_id}", tags=["dead letters"], dependencies=_read, responses=responses(404))
async def show_dead_letter(hub: Services, letter_id: Number) -> DeadLetter:
    """Show a dead letter with the bytes that were given up."""
    return await hub.transactions.database.read(lambda database: _letter(database, letter_id))


@router.post(
    "/dead-letters/{letter_id}:replay",
    tags=["dead letters"],
    dependencies=_admin,
    responses=responses(400, 404, 409, 413),
)
async def replay_dead_letter(hub: Services, letter_id: Number, replay: Replay | None = None) -> DeadLetter:
    """Send it through the hub again, mended if a body is given."""

    def work(tx: SqlTransaction) -> DeadLetter:
        if replay is not None and replay.body is not None:
            dead_letters.edit(tx.connection, letter_id, replay.body.encode(), tx.now)
        dead_letters.replay(tx.connection, letter_id, tx.now)
        return _letter(tx.connection, letter_id)

    return await hub.transactions.transact(work)


@router.post(
    "/dead-letters/{letter_id}:discard",
    tags=["dead letters"],
    dependencies=_admin,
    responses=responses(404, 409),
)
async def discard_dead_letter(hub: Services, letter_id: Number) -> DeadLetter:
    """Give it up for good; it can still be read until it is pruned."""

    def work(tx: SqlTransaction) -> DeadLetter:
        dead_letters.discard(tx.connection, letter_id, tx.now)
        return _letter(tx.connection, letter_id)

    return await hub.transactions.transact(work)


@router.get("/connections", tags=["status"], dependencies=_read)
async def connections(hub: Services) -> HubStatus:
    """Say how each connection stands: what goes well since when, what does not, why, and when it is tried again."""
    now = hub.transactions.clock.now()
    return await hub.transactions.database.read(lambda database: hub_status(database, now))


@router.get("/totals", tags=["status"], dependencies=_read)
async def totals(hub: Services) -> Totals:
    """Count everything by its state."""
    return await hub.transactions.database.read(load_totals)


@router.get("/kpis", tags=["status"], dependencies=_read)
async def kpis(
    hub: Services,
    since: Instant = None,
    until: Instant = None,
    days: Annotated[int, Query(ge=1, le=366, description="Before `until`, where `since` is not given.")] = 30,
    by: Annotated[list[Dimension] | None, Query(description="Give it once for each dimension.")] = None,
) -> KpiReport:
    """The five KPIs of the orders placed in a span of time: over the whole, and by dimension."""
    ends = utc("until", until) or hub.transactions.clock.now()
    begins = utc("since", since) or ends - timedelta(days=days)
    currency = hub.hub.config.hub.currency
    found = await hub.transactions.database.read(
        lambda database: load_kpis(database, begins, ends, currency=currency, by=by or ())
    )
    if len(found.groups) > _GROUPS_AT_MOST:
        raise ProblemError(
            422,
            "invalid",
            f"these are {len(found.groups)} groups, more than {_GROUPS_AT_MOST}: ask by fewer dimensions, or for a "
            "shorter time; `crossdock report` has no such limit",
        )
    return found


def _letter(connection: Connection, letter_id: int) -> DeadLetter:
    found = dead_letters.load(connection, letter_id)
    if found is None:
        raise ProblemError(404, "dead_letter.missing", f"there is no dead letter {letter_id}")
    return DeadLetter.of(found)

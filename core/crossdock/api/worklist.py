"""The worklist: what people have to decide, and what they do about it, for one item or many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from crossdock.api.contended import transact
from crossdock.api.parameters import Limit, Number, Wanted
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import Caller, Scope, Services, allowed
from crossdock.errors import CrossdockError
from crossdock.orders.worklist import Action, Cause, Role
from crossdock.store import worklist
from crossdock.store.worklist import ItemRow, WorkFilter
from crossdock.streams.processors import fixing
from crossdock.streams.processors.fixing import Deed, DeedResult
from crossdock.streams.transaction import SqlTransaction

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["worklist"], responses=responses(401, 403, 422))

_read = [Depends(allowed(Scope.READ))]
Writer = Annotated[Caller, Depends(allowed(Scope.WRITE))]
Words = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[^\x00]+$")]
Person = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class WorkItem:
    """Something for a person to decide.

    Attributes:
        actions: What `apply` can do about it, the proposed one first; empty where only a person can act.
        settled_by: Who closed it; `hub` where it closed by itself.
    """

    id: int
    cause: str
    subject: str
    order_id: str | None
    message: str
    owner: str
    fix: str
    due_at: datetime
    state: str
    resolution: str | None
    created_at: datetime
    assigned_to: str | None
    settled_by: str | None
    overdue: bool
    actions: tuple[Action, ...]

    @classmethod
    def of(cls, row: ItemRow, now: datetime) -> WorkItem:
        """As it is shown."""
        return cls(*row, overdue=row.overdue(now), actions=row.actions)


@dataclass(frozen=True, slots=True)
class WorkItems:
    """The most urgent first; `more` where there are more than were asked for."""

    work_items: tuple[WorkItem, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What became of one item.

    Attributes:
        done: Whether what was asked for was done.
        state: Whether the item is open still.
        said: What was done, or why it was not.
    """

    id: int
    done: bool
    state: str
    said: str


@dataclass(frozen=True, slots=True)
class ItemResults:
    """One result for each item; `more` where the filter found more than are done at once: ask again."""

    results: tuple[ItemResult, ...]
    more: bool


class Where(BaseModel):
    """Which open items; what is left out does not restrict."""

    model_config = ConfigDict(extra="forbid")

    cause: Cause | None = None
    owner: Role | None = None
    assigned_to: Person | None = None
    unassigned: bool = False
    order_id: Words | None = None
    overdue: bool = False


class Selection(BaseModel):
    """Items by their ids, or by a filter: at most 500 at once, each done or refused on its own."""

    model_config = ConfigDict(extra="forbid")

    ids: Annotated[list[Annotated[int, Field(ge=1, le=2**63 - 1)]], Field(max_length=_AT_ONCE)] | None = None
    where: Where | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Selection:
        if (self.ids is None) == (self.where is None):
            raise ValueError("give either ids or where")
        return self


class Resolution(BaseModel):
    """What was decided."""

    model_config = ConfigDict(extra="forbid")

    resolution: Words


class Assignment(BaseModel):
    """Who has taken it on; null: nobody."""

    model_config = ConfigDict(extra="forbid")

    assigned_to: Person | None


class Application(BaseModel):
    """What to do: left out, what each item proposes first. A reason is needed where something is cancelled."""

    model_config = ConfigDict(extra="forbid")

    action: Action | None = None
    reason: Words | None = None


class ManyResolutions(Selection, Resolution):
    """What was decided, of which items."""


class ManyAssignments(Selection, Assignment):
    """Who has taken which items on."""


class ManyApplications(Selection, Application):
    """What to do about which items."""


@router.get("/work-items", dependencies=_read)
async def list_work_items(
    hub: Services,
    state: Literal["open", "done"] = "open",
    cause: Cause | None = None,
    owner: Role | None = None,
    assigned_to: Wanted = None,
    unassigned: bool = False,
    order_id: Wanted = None,
    overdue: Annotated[bool, Query(description="Only what is past its time.")] = False,
    limit: Limit = 50,
) -> WorkItems:
    """List what a person has to decide, the most urgent first."""
    now = hub.transactions.clock.now()
    late = now if overdue else None
    wanted = WorkFilter(state, cause, owner, assigned_to, unassigned, order_id, late)
    found = await hub.transactions.database.read(
        lambda database: worklist.list_items(database, wanted, limit=limit + 1)
    )
    return WorkItems(tuple(WorkItem.of(row, now) for row in found[:limit]), len(found) > limit)


@router.post("/work-items/{item_id}:resolve", status_code=204, responses=responses(400, 409, 413))
async def resolve_work_item(hub: Services, item_id: Number, decided: Resolution, who: Writer) -> None:
    """Close a work item with what was decided."""
    await _one(hub, item_id, fixing.resolve(decided.resolution, who.name))


@router.post("/work-items/{item_id}:assign", status_code=204, responses=responses(400, 409, 413))
async def assign_work_item(hub: Services, item_id: Number, to: Assignment, who: Writer) -> None:
    """Say who has taken a work item on."""
    await _one(hub, item_id, fixing.assign(to.assigned_to))


@router.post("/work-items/{item_id}:apply", responses=responses(400, 409, 413))
async def apply_work_item(
    hub: Services, item_id: Number, who: Writer, wanted: Application | None = None
) -> ItemResult:
    """Do what the hub proposes about a work item, or another of its `actions`."""
    deed = _application(hub, wanted or Application(), who)
    return ItemResult(*await _one(hub, item_id, deed))


@router.post("/work-items:resolve", responses=responses(400, 413))
async def resolve_work_items(hub: Services, wanted: ManyResolutions, who: Writer) -> ItemResults:
    """Close many work items with what was decided."""
    return await _many(hub, wanted, fixing.resolve(wanted.resolution, who.name))


@router.post("/work-items:assign", responses=responses(400, 413))
async def assign_work_items(hub: Services, wanted: ManyAssignments, who: Writer) -> ItemResults:
    """Say who has taken many work items on."""
    return await _many(hub, wanted, fixing.assign(wanted.assigned_to))


@router.post("/work-items:apply", responses=responses(400, 413))
async def apply_work_items(hub: Services, wanted: ManyApplications, who: Writer) -> ItemResults:
    """Do what the hub proposes about many work items, or one action about all of them."""
    return await _many(hub, wanted, _application(hub, wanted, who))


def _application(hub: Services, wanted: Application, who: Caller) -> Deed:
    return fixing.apply(hub.hub, wanted.action, wanted.reason or "", who.name)


async def _one(hub: Services, item: int, deed: Deed) -> DeedResult:
    return await transact(hub, partial(_run, deed, item))


async def _many(hub: Services, wanted: Selection, deed: Deed) -> ItemResults:
    """Each in a transaction of its own, so that one that fails undoes no other."""
    ids, more = list(dict.fromkeys(wanted.ids or ())), False
    if wanted.where is not None:
        where = wanted.where
        late = hub.transactions.clock.now() if where.overdue else None
        wish = WorkFilter(
            "open", where.cause, where.owner, where.assigned_to, where.unassigned, where.order_id, late
        )
        ids = await hub.transactions.database.read(lambda c: worklist.find_ids(c, wish, _AT_ONCE + 1))
        ids, more = ids[:_AT_ONCE], len(ids) > _AT_ONCE
    results = []
    for item in ids:
        try:
            result = await transact(hub, partial(_run, deed, item))
        except CrossdockError as error:
            result = fixing.failed(item, error.message)
        except ProblemError as problem:
            result = fixing.failed(item, str(problem))
        results.append(ItemResult(*result))
    return ItemResults(tuple(results), more)


def _run(deed: Deed, item: int, tx: SqlTransaction) -> DeedResult:
    return deed(tx, item)

"""Supply that is due, and what can be promised of a SKU by when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from crossdock.api.contended import transact
from crossdock.api.parameters import Identifier
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import Scope, Services, allowed
from crossdock.inventory.back_orders import free_supply
from crossdock.inventory.inbound import Inbound
from crossdock.sellable import sellable_by_channel
from crossdock.store import inbound
from crossdock.store.queries.stock import load_stock
from crossdock.streams.processors import back_ordering
from crossdock.streams.processors.staleness import stale_nodes

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["stock"], responses=responses(401, 403, 422))

_read = [Depends(allowed(Scope.READ))]
_write = [Depends(allowed(Scope.WRITE))]
_TEXT = r"^[^\x00]+$"


class SupplyWanted(BaseModel):
    """What is due: a line of a purchase order, a ship notice or a transfer."""

    model_config = ConfigDict(extra="forbid")

    sku: Annotated[str, Field(min_length=1, max_length=128, pattern=_TEXT)]
    node: Annotated[str, Field(min_length=1, max_length=64, pattern=_TEXT)]
    quantity: Annotated[int, Field(ge=0, le=1_000_000_000, description="Still to arrive; 0 cancels it.")]
    due: Annotated[AwareDatetime, Field(description="When it can be shipped on.")]


@dataclass(frozen=True, slots=True)
class Supply:
    """Units on their way to a node."""

    id: str
    sku: str
    node: str
    quantity: int
    due: datetime


@dataclass(frozen=True, slots=True)
class Step:
    """From an instant on, so many units can be promised."""

    since: datetime
    units: int


@dataclass(frozen=True, slots=True)
class Availability:
    """What every channel can be promised of a SKU, over time; each step holds until the next."""

    sku: str
    channels: Mapping[str, tuple[Step, ...]]
    inbound: tuple[Supply, ...]


@router.put("/inbound/{inbound_id:path}", dependencies=_write, responses=responses(400, 409, 413, 503))
async def set_supply(hub: Services, inbound_id: Identifier, wanted: SupplyWanted) -> Supply:
    """Say what is due. Orders whose policy back-orders are promised out of it, each unit once.

    A receipt at the node takes off what came, the soonest rows first. Where less is due than is promised, the newest
    back-orders wait for other stock.
    """
    try:
        due = wanted.due.astimezone(UTC)
    except OverflowError as error:
        raise ProblemError(422, "invalid", "due lies beyond the calendar") from error
    row = Inbound(inbound_id, wanted.sku, wanted.node, wanted.quantity, due)
    return _supply(await transact(hub, lambda tx: back_ordering.set_supply(hub.hub, tx, row)))


@router.get("/inbound/{inbound_id:path}", dependencies=_read, responses=responses(404))
async def show_supply(hub: Services, inbound_id: Identifier) -> Supply:
    """Show what is still due of it."""
    found = await hub.transactions.database.read(lambda database: inbound.load(database, inbound_id))
    if found is None:
        raise ProblemError(404, "inbound.missing", f"nothing of id {inbound_id!r} was ever due")
    return _supply(found)


@router.get("/availability/{sku:path}", dependencies=_read)
async def availability(hub: Services, sku: Identifier) -> Availability:
    """Show what can be promised now and later: stock, and what is due that nobody waits for."""
    now = hub.transactions.clock.now()

    def work(database: Connection) -> tuple[Mapping[str, int], list[Inbound], list[Step]]:
        stock = load_stock(database, sku, now)
        rows = [row for row in stock.inbound if row.node in hub.hub.nodes]
        keys = {(row.sku, row.node) for row in rows}
        waiting = inbound.waiting_at(database, keys)
        free: list[Step] = []
        for key in keys:
            at_node = [row for row in rows if (row.sku, row.node) == key]
            free += [Step(max(due, now), units) for due, units in free_supply(at_node, waiting.get(key, ()))]
        sellable = sellable_by_channel(hub.hub, stock, stale_nodes(hub.hub, database, now))
        return sellable, rows, sorted(free, key=lambda step: step.since)

    sellable, rows, free = await hub.transactions.database.read(work)
    return Availability(
        sku,
        {channel: _steps(now, units, free) for channel, units in sellable.items()},
        tuple(map(_supply, rows)),
    )


def _steps(now: datetime, units: int, free: list[Step]) -> tuple[Step, ...]:
    """Units that can be promised since each instant, all that came before included."""
    steps = {now: units}
    for step in free:
        units += step.units
        steps[step.since] = units
    return tuple(Step(since, units) for since, units in steps.items())


def _supply(row: Inbound) -> Supply:
    return Supply(row.id, row.sku, row.node, row.quantity, row.due)

"""Ring-fences: stock that is kept for one channel."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, Field

from crossdock.api.contended import transact
from crossdock.api.parameters import Identifier
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import Caller, Scope, Services, allowed
from crossdock.inventory.ring_fences import RingFence
from crossdock.store import ring_fences
from crossdock.store.api_requests import ApiRequest, remember
from crossdock.streams.processors import fencing
from crossdock.streams.transaction import SqlTransaction

__all__ = ["router"]

router = APIRouter(prefix="/v1/ring-fences", tags=["stock"], responses=responses(401, 403, 422))

_TEXT = r"^[^\x00]+$"
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=_TEXT)]
Sku = Annotated[str, Field(min_length=1, max_length=128, pattern=_TEXT)]
Units = Annotated[int, Field(ge=0, le=1_000_000_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FenceWanted(_Body):
    """How many units to keep."""

    channel: Name
    node: Name
    quantity: Units


class FenceMove(_Body):
    """How many units another channel gets."""

    node: Name
    from_channel: Name
    to_channel: Name
    units: Annotated[int, Field(ge=1, le=1_000_000_000)]


@dataclass(frozen=True, slots=True)
class Fence:
    """What is left of a ring-fence: what its channel is promised comes out of it."""

    channel: str
    sku: str
    node: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Fences:
    """Ring-fences with something left."""

    ring_fences: tuple[Fence, ...]


@router.get("/{sku:path}", dependencies=[Depends(allowed(Scope.READ))])
async def show_fences(hub: Services, sku: Identifier) -> Fences:
    """Show what is kept of a SKU, for whom and where."""
    found = await hub.transactions.database.read(lambda database: ring_fences.of_sku(database, sku))
    return _fences(found)


@router.put(
    "/{sku:path}",
    dependencies=[Depends(allowed(Scope.WRITE))],
    responses=responses(400, 409, 413, 503),
)
async def set_fence(hub: Services, sku: Identifier, wanted: FenceWanted) -> Fences:
    """Keep so many units for a channel from now on. The same again changes nothing; 0 gives all free."""
    return _fences(
        await transact(
            hub,
            lambda tx: fencing.set_quantity(hub.hub, tx, wanted.channel, sku, wanted.node, wanted.quantity),
        )
    )


@router.post("/{sku:path}:move", responses=responses(400, 409, 413, 503))
async def move_fence(
    hub: Services,
    who: Annotated[Caller, Depends(allowed(Scope.WRITE))],
    sku: Identifier,
    move: FenceMove,
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$", description="A new one for each move."
        ),
    ],
) -> Fences:
    """Give units of one channel's ring-fence to another channel, once for each `Idempotency-Key`."""
    digest = hashlib.sha256(f"{sku}\n{move.model_dump_json()}".encode()).hexdigest()
    asked = ApiRequest(
        idempotency_key,
        who.name,
        digest,
        f"ring fence of {sku}",
        hub.transactions.clock.now(),
    )
    return _fences(await transact(hub, partial(_move, hub, asked, sku, move)))


def _move(hub: Services, asked: ApiRequest, sku: str, move: FenceMove, tx: SqlTransaction) -> list[RingFence]:
    earlier = remember(tx.connection, asked)
    if earlier is None:
        return fencing.move(hub.hub, tx, sku, move.node, move.from_channel, move.to_channel, move.units)
    if earlier.sha256 != asked.sha256:
        raise ProblemError(
            422,
            "idempotency_key.reused",
            f"Idempotency-Key {asked.idempotency_key} was used for another request: take a new key for a new move",
        )
    return ring_fences.of_sku(tx.connection, sku)


def _fences(found: list[RingFence]) -> Fences:
    return Fences(
        tuple(Fence(each.channel, each.sku, each.node, each.quantity) for each in found if each.quantity)
    )

"""Returns: what buyers want to send back, and what came."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Depends

from crossdock.api.contended import transact
from crossdock.api.parameters import Identifier, Limit, Wanted
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import Scope, Services, allowed
from crossdock.orders.life_cycles import ReturnState
from crossdock.store.queries import returns
from crossdock.streams.processors.return_standing import close_return
from crossdock.streams.transaction import SqlTransaction
from crossdock_schemas.returns import Condition, Disposition

__all__ = ["router"]

router = APIRouter(prefix="/v1/returns", tags=["returns"], responses=responses(401, 403, 422))

_read = [Depends(allowed(Scope.READ))]
_write = [Depends(allowed(Scope.WRITE))]


@dataclass(frozen=True, slots=True)
class ReturnSummary:
    """A return in a list; units are sums over its lines."""

    id: str
    order_id: str | None
    node: str | None
    state: ReturnState
    created_at: datetime
    refunded_at: datetime | None
    units_requested: int
    units_received: int


@dataclass(frozen=True, slots=True)
class Returns:
    """The newest first; `more` where there are more than were asked for."""

    returns: tuple[ReturnSummary, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class ReturnedLine:
    """What was asked for and what came of it; condition and disposition where all units have the same."""

    number: int
    order_line: str | None
    sku: str
    requested: int
    received: int
    condition: Condition | None
    disposition: Disposition | None


@dataclass(frozen=True, slots=True)
class ReceivedLine:
    """A line of what a node received, and what became of it."""

    source: str
    node: str
    external_id: str
    number: int
    order_line: str | None
    sku: str
    quantity: int
    condition: Condition
    disposition: Disposition
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Return:
    """A return; a blind one has no order the hub knows of.

    Attributes:
        node: Which takes it, or has taken it.
        awaits: The request that a receipt named and that has not come yet.
    """

    id: str
    order_id: str | None
    connection: str
    external_id: str
    node: str | None
    state: ReturnState
    awaits: str | None
    created_at: datetime
    refunded_at: datetime | None
    lines: tuple[ReturnedLine, ...]
    received: tuple[ReceivedLine, ...]


@router.get("", dependencies=_read)
async def list_returns(
    hub: Services,
    state: ReturnState | None = None,
    node: Wanted = None,
    order_id: Wanted = None,
    limit: Limit = 50,
) -> Returns:
    """List returns, the newest first."""
    found = await hub.transactions.database.read(
        lambda c: returns.list_returns(c, state=state, node=node, order_id=order_id, limit=limit + 1)
    )
    shown = tuple(_summary(row) for row in found[:limit])
    return Returns(shown, len(found) > limit)


@router.get("/{return_id:path}", dependencies=_read, responses=responses(404))
async def show_return(hub: Services, return_id: Identifier) -> Return:
    """Show a return with everything that came of it."""
    found = await hub.transactions.database.read(lambda c: returns.load_detail(c, return_id))
    if found is None:
        raise ProblemError(404, "return.missing", f"there is no return {return_id}")
    return _shown(found)


@router.post("/{return_id:path}:close", dependencies=_write, responses=responses(404, 409, 503))
async def close(hub: Services, return_id: Identifier) -> Return:
    """Expect nothing more of a return. It is closed once what has come is graded and refunded; the channel is told."""

    def work(tx: SqlTransaction) -> returns.ReturnDetail | None:
        if returns.load_detail(tx.connection, return_id) is None:
            return None
        close_return(hub.hub, tx, return_id)
        return returns.load_detail(tx.connection, return_id)

    found = await transact(hub, work)
    if found is None:
        raise ProblemError(404, "return.missing", f"there is no return {return_id}")
    return _shown(found)


def _shown(found: returns.ReturnDetail) -> Return:
    lines = tuple(
        ReturnedLine(*(getattr(line, name) for name in line.__struct_fields__)) for line in found.lines
    )
    received = tuple(
        ReceivedLine(
            line.source,
            line.node,
            line.external_id,
            line.number,
            line.order_line,
            line.sku,
            line.quantity,
            Condition(line.condition),
            Disposition(line.disposition),
            line.received_at,
        )
        for line in found.received
    )
    rest: dict[str, Any] = {
        name: getattr(found, name)
        for name in Return.__dataclass_fields__
        if name not in ("lines", "received")
    }
    return Return(**rest, lines=lines, received=received)


def _summary(row: returns.ReturnSummary) -> ReturnSummary:
    return ReturnSummary(
        row.id,
        row.order_id,
        row.node,
        ReturnState(row.state),
        row.created_at,
        row.refunded_at,
        row.units_requested,
        row.units_received,
    )

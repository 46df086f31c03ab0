"""Orders, their stories, and the decisions behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from sqlalchemy import Connection

from crossdock.api.parameters import Identifier, Instant, Limit, Wanted, cursor_of, place_of, utc
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import Scope, Services, allowed
from crossdock.explaining import ShownDecision
from crossdock.orders.life_cycles import OrderState
from crossdock.store import decision_log
from crossdock.store.queries.detail import OrderDetail, describe
from crossdock.store.queries.orders import OrderFilter, OrderSummary, list_orders
from crossdock.story import Story, tell

__all__ = ["router"]

router = APIRouter(
    prefix="/v1", dependencies=[Depends(allowed(Scope.READ))], responses=responses(401, 403, 422)
)


@dataclass(frozen=True, slots=True)
class Orders:
    """A page of orders, the newest first; ``next`` is the cursor of the next page, null on the last one."""

    orders: tuple[OrderSummary, ...]
    next: str | None


@router.get("/orders", tags=["orders"])
async def orders(
    hub: Services,
    state: Annotated[OrderState | None, Query()] = None,
    channel: Wanted = None,
    connection: Wanted = None,
    external_id: Wanted = None,
    sku: Wanted = None,
    created_from: Instant = None,
    created_before: Instant = None,
    cursor: Wanted = None,
    limit: Limit = 50,
) -> Orders:
    """List orders, the newest first."""
    wanted = OrderFilter(
        state=state.value if state else None,
        connection=connection,
        channel=channel,
        external_id=external_id,
        sku=sku,
        created_from=utc("created_from", created_from),
        created_before=utc("created_before", created_before),
    )
    place = place_of(cursor)
    page = await hub.transactions.database.read(
        lambda database: list_orders(database, wanted, after=place, limit=limit)
    )
    return Orders(page.orders, cursor_of(page.next))


# The story comes first: an order's id may hold slashes.
@router.get("/orders/{order_id:path}/story", tags=["orders"], responses=responses(404))
async def story(hub: Services, order_id: Identifier) -> Story:
    """Tell an order's whole story: bytes received, mapping, decisions with candidates, commands, answers, tracking."""
    found = await hub.transactions.database.read(lambda database: tell(database, order_id, hub.explainer))
    if found is None:
        raise _no_order(order_id)
    return found


@router.get("/orders/{order_id:path}", tags=["orders"], responses=responses(404))
async def order(hub: Services, order_id: Identifier) -> OrderDetail:
    """Show an order as it stands."""
    found = await hub.transactions.database.read(lambda database: describe(database, order_id))
    if found is None:
        raise _no_order(order_id)
    return found


@router.get("/decisions/{decision_id:path}", tags=["orders"], responses=responses(404))
async def decision(hub: Services, decision_id: Identifier) -> ShownDecision:
    """Show a decision with every candidate, why it was not chosen, and what would have changed it."""

    def load(database: Connection) -> ShownDecision | None:
        row = decision_log.load(database, decision_id)
        return None if row is None else hub.explainer.explain(database, row).shown()

    found = await hub.transactions.database.read(load)
    if found is None:
        raise ProblemError(404, "decision.missing", f"there is no decision {decision_id!r}")
    return found


def _no_order(order_id: str) -> ProblemError:
    return ProblemError(
        404, "order.missing", f"there is no order {order_id!r}; its id is `<connection>:<external id>`"
    )

"""Testing a route: where an order would go now, and why. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Depends
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import Connection

from crossdock.api.problems import responses
from crossdock.api.services import Scope, Services, allowed
from crossdock.api.tried_orders import connection_for, order_for, wrong
from crossdock.errors import MisconfiguredError
from crossdock.explaining import ShownDecision
from crossdock.streams.processors.hub import Hub
from crossdock.trying.deciding import TriedDestination
from crossdock.trying.live import try_on_hub, with_draft
from crossdock.trying.order import OrderToTry

__all__ = ["router"]

router = APIRouter(
    prefix="/v1", dependencies=[Depends(allowed(Scope.READ))], responses=responses(400, 401, 403, 413, 422)
)


class RouteTest(BaseModel):
    """What to test."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    order: OrderToTry
    policy: str | None = None
    """A draft as it would stand in its file (YAML): decides as if it were active in place of the policy of its name;
    asked first where there is none."""
    at: AwareDatetime | None = None
    """When the order arrives; by default now. Stock and capacity are those of now."""


@dataclass(frozen=True, slots=True)
class TestedRoute:
    """What was decided for one destination, or why routing could not even be asked."""

    destination: str
    decision: ShownDecision | None
    refused: str | None


@dataclass(frozen=True, slots=True)
class TestedOrder:
    """What would be decided, for each destination."""

    routes: tuple[TestedRoute, ...]


@router.post("/routes:test", tags=["orders"])
async def test_route(hub: Services, test: RouteTest) -> TestedOrder:
    """Decide an order as it would be decided now, and explain it like a decision. Nothing is reserved or written."""
    asked = _with_policy(hub.hub, test.policy)
    connection = connection_for(asked, test.order)
    now = test.at or hub.transactions.clock.now()
    order = order_for(test.order, asked, now)

    def work(database: Connection) -> list[TriedDestination]:
        return try_on_hub(asked, database, connection, order, now, frozenset(test.order.exclude_nodes))

    try:
        found = await hub.transactions.database.read(work)
    except MisconfiguredError as error:
        raise wrong("policy.fails", error.located, "#/policy") from error
    except OverflowError as error:
        raise wrong("invalid", "an instant lies beyond the calendar", "#/order") from error
    return TestedOrder(
        tuple(
            TestedRoute(each.destination, each.shown(test.order.id, number), each.refused or None)
            for number, each in enumerate(found, start=1)
        )
    )


def _with_policy(hub: Hub, text: str | None) -> Hub:
    try:
        return hub if text is None else with_draft(hub, text)
    except MisconfiguredError as error:
        raise wrong("policy.invalid", error.located, "#/policy") from error

"""The stock of a SKU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Depends

from crossdock.api.parameters import Identifier
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import Scope, Services, allowed
from crossdock.sellable import sellable_by_channel
from crossdock.store.queries.stock import HeldStock, NodeStock, PublishedStock, load_stock

__all__ = ["router"]

router = APIRouter(
    prefix="/v1", dependencies=[Depends(allowed(Scope.READ))], responses=responses(401, 403, 422)
)


@dataclass(frozen=True, slots=True)
class StockAnswer:
    """The stock of a SKU.

    Attributes:
        available_to_promise: By channel: what it may sell now, safety stock taken off.
        published: What channels were last told.
    """

    sku: str
    available_to_promise: Mapping[str, int]
    nodes: tuple[NodeStock, ...]
    reservations: tuple[HeldStock, ...]
    published: tuple[PublishedStock, ...]


@router.get("/stock/{sku:path}", tags=["stock"], responses=responses(404))
async def stock(hub: Services, sku: Identifier) -> StockAnswer:
    """Show what every node has of a SKU, and what every channel may sell."""
    found = await hub.transactions.database.read(lambda database: load_stock(database, sku))
    if not found.known:
        raise ProblemError(404, "sku.missing", f"no node has ever counted SKU {sku!r}, and no product has it")
    return StockAnswer(
        sku, sellable_by_channel(hub.hub, found), found.nodes, found.reservations, found.published
    )

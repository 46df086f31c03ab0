"""The stock of a SKU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import APIRouter, Depends
from sqlalchemy import Connection

from crossdock.api.parameters import Identifier, Instant, utc
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import Scope, Services, allowed
from crossdock.sellable import sellable_by_channel
from crossdock.store.queries.stock import (
    FencedStock,
    LotOfStock,
    NodeStock,
    PromisedStock,
    PublishedStock,
    SkuStock,
    load_stock,
)
from crossdock.store.queries.stock_at import load_stock_at
from crossdock.streams.processors.staleness import stale_nodes

__all__ = ["router"]

router = APIRouter(
    prefix="/v1", dependencies=[Depends(allowed(Scope.READ))], responses=responses(401, 403, 422)
)


@dataclass(frozen=True, slots=True)
class StockAnswer:
    """The stock of a SKU.

    Attributes:
        at: The instant it is the stock of.
        available_to_promise: By channel: what it may sell, safety stock and what is fenced for others taken off.
        stale_nodes: Those whose last count is older than ``feed.max_age``, where rules may keep more safety stock; not
            of a past instant.
        lots: Of the units on hand, those that came together and expire together.
        promised: Whom units are promised to.
        ring_fences: What is left of them; not of a past instant.
        published: What channels were last told; not of a past instant.
    """

    sku: str
    at: datetime
    available_to_promise: Mapping[str, int]
    nodes: tuple[NodeStock, ...]
    stale_nodes: tuple[str, ...]
    lots: tuple[LotOfStock, ...]
    promised: tuple[PromisedStock, ...]
    ring_fences: tuple[FencedStock, ...]
    published: tuple[PublishedStock, ...]


@router.get("/stock/{sku:path}", tags=["stock"], responses=responses(404))
async def stock(hub: Services, sku: Identifier, at: Instant = None) -> StockAnswer:
    """Show what every node has of a SKU, whom it is promised to, and what every channel may sell; also of the past.

    With `at` the books of that instant are rebuilt from the ledger, with all that has been heard of it since. Safety
    stock is that of today's configuration.
    """
    instant = utc("at", at)
    now = hub.transactions.clock.now()

    def look(database: Connection) -> tuple[SkuStock, dict[str, timedelta]]:
        if instant is not None:
            return load_stock_at(database, sku, instant), {}
        return load_stock(database, sku, now), stale_nodes(hub.hub, database, now)

    found, stale = await hub.transactions.database.read(look)
    if not found.known:
        when = "ever" if instant is None else f"by {instant.isoformat()}"
        raise ProblemError(
            404, "sku.missing", f"no node has {when} counted SKU {sku!r}, and no product has it"
        )
    return StockAnswer(
        sku,
        found.at,
        sellable_by_channel(hub.hub, found, stale),
        found.nodes,
        tuple(each.node for each in found.nodes if each.node in stale),
        found.lots,
        found.promised,
        found.ring_fences,
        found.published,
    )

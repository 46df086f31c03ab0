"""What positions keep back from a channel: safety stock, and what is ring-fenced for others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import Connection

from crossdock.inventory.availability import Limits
from crossdock.inventory.lots import LotStock
from crossdock.inventory.position import Movement, Position
from crossdock.inventory.ring_fences import RingFence, consume, fenced_for_others
from crossdock.inventory.safety_stock import product_tags
from crossdock.store import lots, ring_fences, stock
from crossdock.store.ring_fences import FenceUse
from crossdock.store.supply import StockRow
from crossdock.streams.processors.demand import load_products
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.staleness import stale_nodes

__all__ = ["Fences", "consume_fences", "consumed", "limits_of", "unexpired", "unfenced"]

Key = tuple[str, str]
Fences = dict[Key, list[RingFence]]


def unfenced(rows: Iterable[StockRow], fences: Fences, channel: str) -> Iterable[StockRow]:
    """``rows`` less what is ring-fenced for other channels."""
    if not fences:
        return rows
    return [
        (sku, node, units - fenced_for_others(fences.get((sku, node), ()), channel), sellable, held)
        for sku, node, units, sellable, held in rows
    ]


def unexpired(rows: Iterable[StockRow], by_lot: LotStock, today: date) -> Iterable[StockRow]:
    """``rows`` less what lies in lots that may not be used any more."""
    expired = by_lot.expired(today)
    if not expired:
        return rows
    return [
        (sku, node, units - expired.get((sku, node), 0), sellable, held)
        for sku, node, units, sellable, held in rows
    ]


def consumed(fences: Iterable[RingFence], channel: str, units: int) -> list[RingFence]:
    """The fences of a position after ``channel`` was promised ``units``."""
    return [consume(fence, units)[0] if fence.channel == channel else fence for fence in fences]


def consume_fences(connection: Connection, allocated: Iterable[tuple[Movement, str]], now: datetime) -> None:
    """Take what channels were allocated, each a movement and its channel, out of their fences first.

    The positions must be locked: book the movements before.
    """
    promised = [(movement, channel) for movement, channel in allocated if movement.allocated > 0]
    fences = ring_fences.load(connection, {(movement.sku, movement.node) for movement, _ in promised})
    uses: list[FenceUse] = []
    for movement, channel in promised:
        key = (movement.sku, movement.node)
        left = []
        for fence in fences.get(key, ()):
            taken = 0
            if fence.channel == channel:
                fence, taken = consume(fence, movement.allocated)
            if taken:
                uses.append(FenceUse(movement.external_id, *key, channel, taken))
            left.append(fence)
        fences[key] = left
    ring_fences.use(connection, uses, now)


def limits_of(
    hub: Hub, connection: Connection, positions: Mapping[Key, Position], channel: str, now: datetime
) -> tuple[dict[Key, Limits], Fences]:
    """The limits of ``channel`` by ``(sku, node)``, and the fences they come from."""
    expired = lots.load(connection, positions).expired(now.date())
    fences = ring_fences.load(connection, positions)
    covers = stock.covers(connection, positions)
    facts = load_products(connection, {sku for sku, _ in positions}) if hub.safety.rules else {}
    stale = stale_nodes(hub, connection, now) if hub.safety.stages else {}
    found: dict[Key, Limits] = {}
    for (sku, node), position in positions.items():
        kept = 0
        if hub.safety.rules:
            product = facts.get(sku)
            tags = product_tags(sku, product.restrictions if product else ())
            kept = hub.safety.kept(
                position, tags, hub.node_groups.get(node, frozenset()), channel, stale.get(node)
            )
        found[sku, node] = Limits(
            safety_stock=kept + expired.get((sku, node), 0),
            ring_fenced=fenced_for_others(fences.get((sku, node), ()), channel),
            inbound_promised=covers.get((sku, node), 0),
        )
    return found, fences

"""What each channel may sell of a SKU now: what nodes have, less what is promised and what is kept from the channel."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from crossdock.inventory.safety_stock import product_tags
from crossdock.store.queries.stock import SkuStock
from crossdock.streams.processors.hub import Hub

__all__ = ["sellable_by_channel"]


def sellable_by_channel(hub: Hub, stock: SkuStock, stale: Mapping[str, timedelta]) -> Mapping[str, int]:
    """Units by channel, over all nodes of the configuration; ``stale`` says for how long feeds of nodes are."""
    tags = product_tags(stock.sku, stock.restrictions)
    found: dict[str, int] = {}
    for channel in hub.channels.values():
        units = 0
        for held in stock.nodes:
            groups = hub.node_groups.get(held.node)
            if groups is None:
                continue
            kept = hub.safety.kept(held.position(stock.sku), tags, groups, channel.id, stale.get(held.node))
            kept += sum(
                fence.quantity
                for fence in stock.ring_fences
                if fence.node == held.node and fence.channel != channel.id
            )
            units += max(0, held.available - kept)
        found[channel.id] = units
    return found

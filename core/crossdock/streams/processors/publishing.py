"""The ``publish`` timer: tells channels what they may sell, when it has changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from sys import maxsize

from sqlalchemy import Connection

from crossdock.inventory.publishing import Publication, kits_available, levels_to_publish
from crossdock.inventory.safety_stock import SafetyRule, product_tags
from crossdock.store import commands, publications
from crossdock.store.catalogue import Component
from crossdock.store.commands import CommandRow
from crossdock.store.kits import kits_with
from crossdock.store.ledger_reader import LedgerReader
from crossdock.store.supply import StockRow, available_to_route
from crossdock.streams.processor import Timer, Transaction
from crossdock.streams.processors.demand import ProductFacts, load_products
from crossdock.streams.processors.documents import encode
from crossdock.streams.processors.hub import Channel, Hub
from crossdock.streams.processors.limits import unexpired, unfenced
from crossdock.streams.processors.staleness import stale_nodes

__all__ = ["publish_timer"]

_MARKED_ROWS = 2_000
_LEDGER_ROWS = 20_000
"""How much of the ledger is looked at in one turn."""


def publish_timer(hub: Hub) -> Timer:
    """Publishes stock once a second."""
    return Timer("publish", 1.0, partial(publish, hub, LedgerReader()))


def publish(hub: Hub, reader: LedgerReader, tx: Transaction) -> None:
    """Compare what channels were told with what they may sell now, for every SKU that moved or was marked since."""
    channels = [channel for channel in hub.channels.values() if _wants_stock(hub, channel)]
    since = publications.load_position(tx.connection)
    skus, reached = reader.skus_after(tx.connection, since, _LEDGER_ROWS)
    skus = sorted({*skus, *publications.take_marked(tx.connection, _MARKED_ROWS)})
    if reached == since and not skus:
        return
    if channels and skus:
        _compare(hub, tx, channels, skus)
    publications.save_position(tx.connection, reached, tx.now)


def _wants_stock(hub: Hub, channel: Channel) -> bool:
    return channel.config.publish_stock and hub.does(channel.config.connection, "stock.publish")


def _compare(hub: Hub, tx: Transaction, channels: Sequence[Channel], changed: Sequence[str]) -> None:
    kits = kits_with(tx.connection, changed)
    skus = sorted({*changed, *(part.sku for parts in kits.values() for part in parts)})
    found, _, fences, lots = available_to_route(tx.connection, skus, tx.now)
    rows = unexpired(found, lots, tx.now.date())
    facts = load_products(tx.connection, skus)
    stale = stale_nodes(hub, tx.connection, tx.now) if hub.safety.stages else {}
    stocked = {row[0] for row in rows}
    for channel in channels:
        units = _sellable(hub, channel, unfenced(rows, fences, channel.id), facts, stale)
        # A kit is not stocked itself. One that is all the same is told of as it lies there, unless kits are told of.
        told = [sku for sku in changed if sku not in kits or sku in stocked]
        available = {sku: sum(units.get(sku, {}).values()) for sku in told}
        if channel.config.publish_kits:
            available |= _kits(hub, kits, units)
        _publish_to(tx, channel, available)


def _sellable(
    hub: Hub,
    channel: Channel,
    rows: Iterable[StockRow],
    facts: Mapping[str, ProductFacts],
    stale: Mapping[str, timedelta],
) -> Mapping[str, Mapping[str, int]]:
    """What a channel may sell, by SKU and node."""
    found: dict[str, dict[str, int]] = {}
    for sku, node, units, sellable, _ in rows:
        rule = _rule(hub, channel.id, sku, node, facts.get(sku), stale.get(node))
        kept = maxsize if rule is None else rule.kept_of(max(0, sellable))
        found.setdefault(sku, {})[node] = max(0, units - kept)
    return found


def _kits(
    hub: Hub, kits: Mapping[str, Sequence[Component]], units: Mapping[str, Mapping[str, int]]
) -> dict[str, int]:
    """How many of each kit a channel may sell. Which policy will decide is not known before there is an order: where
    one keeps kits together, less is told rather than too much.
    """
    together = any("kit" in policy.definition.split.keep_together for policy in hub.policies.active)
    return {kit: kits_available(dict(parts), units, together=together) for kit, parts in kits.items()}


def _publish_to(tx: Transaction, channel: Channel, available: Mapping[str, int]) -> None:
    told = publications.load_published(tx.connection, channel.id, sorted(available))
    levels = levels_to_publish(told, available)
    _enqueue(tx.connection, tx, channel, levels)
    publications.save_published(
        tx.connection, channel.id, [(each.sku, each.quantity) for each in levels], tx.now
    )


def _rule(
    hub: Hub, channel: str, sku: str, node: str, facts: ProductFacts | None, stale_for: timedelta | None
) -> SafetyRule | None:
    """What ``channel`` may not sell; None, which is all of it, where the node is not configured any more."""
    groups = hub.node_groups.get(node)
    if groups is None:
        return None
    tags = product_tags(sku, facts.restrictions if facts else ())
    return hub.safety.rule(tags, groups, channel, stale_for)


def _enqueue(connection: Connection, tx: Transaction, channel: Channel, levels: list[Publication]) -> None:
    partner = channel.config.connection
    assert partner is not None
    rows = []
    for level in levels:
        document: dict[str, object] = {
            "sku": level.sku,
            "channel": channel.id,
            "quantity": level.quantity,
            "as_of": tx.now,
        }
        if channel.config.location is not None:
            document["location"] = channel.config.location
        if level.previous is not None:
            document["previous"] = level.previous
        rows.append(
            CommandRow(
                connection=partner,
                name="stock.publish",
                order_key=f"stock:{level.sku}",
                idempotency_key=f"stock.publish:{level.sku}:{tx.now.isoformat()}",
                payload=encode(document),
                refs={},
                correlation_id=f"stock:{level.sku}",
                created_at=tx.now,
                coalesce_key=level.sku,
            )
        )
    commands.enqueue(connection, rows)

"""Decides an order that is tried, on a snapshot of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from crossdock.explaining import ExplainedDecision, ShownDecision
from crossdock.inventory.safety_stock import product_tags
from crossdock.routing import Decision, Demand, Explanation, SupplyView, explain, route
from crossdock.store import decision_log
from crossdock.streams.processors.demand import ProductFacts, Unroutable, demands_of
from crossdock.streams.processors.documents import OrderDocument, read
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.order_versions import received_order
from crossdock_schemas.order import Order

__all__ = ["StockRow", "TriedDestination", "channel_supply", "connection_of", "demands_to_try", "try_order"]

StockRow = tuple[str, str, int, int]
"""SKU, node, units that may be promised before safety stock, units on hand."""


@dataclass(frozen=True, slots=True)
class TriedDestination:
    """What was decided for the lines of one destination.

    Attributes:
        refused: Why routing could not even be asked; empty where it was.
    """

    destination: str
    decision: Decision | None
    explanation: Explanation | None
    refused: str

    def shown(self, order_id: str, number: int) -> ShownDecision | None:
        """The decision as people and programs see it, as the ``number``-th of its order."""
        if self.decision is None:
            return None
        row = decision_log.row(order_id, number, "test", self.decision)
        return ExplainedDecision(row, self.decision, self.explanation, "").shown()


def connection_of(hub: Hub, channel: str | None) -> str | None:
    """The connection whose orders belong to ``channel`` (by default the only one); None if there is no such channel."""
    names = [connection for connection, known in hub.channels.items() if channel in (None, known.id)]
    return names[0] if len(names) == 1 else None


def channel_supply(
    hub: Hub,
    channel: str,
    rows: Iterable[StockRow],
    facts: Mapping[str, ProductFacts],
    *,
    skus: Sequence[str],
    used: Mapping[str, tuple[int, int, int]],
    stale: Mapping[str, timedelta],
) -> SupplyView:
    """What ``channel`` may be promised of ``rows``: less its safety stock; ``stale`` says for how long nodes are."""

    def kept(sku: str, node: str, on_hand: int) -> int:
        groups = hub.node_groups.get(node)
        if groups is None:
            return 0
        tags = product_tags(sku, facts[sku].restrictions if sku in facts else ())
        return hub.safety.rule(tags, groups, channel, stale.get(node)).kept_of(on_hand)

    if not hub.safety.rules:
        left = [(sku, node, units) for sku, node, units, _ in rows]
    else:
        left = [(sku, node, units - kept(sku, node, on_hand)) for sku, node, units, on_hand in rows]
    return SupplyView(hub.network, left, used=used, stale_nodes=stale, skus=skus)


def try_order(
    hub: Hub,
    connection: str,
    order: Order,
    facts: Mapping[str, ProductFacts],
    supply: SupplyView,
    now: datetime,
    *,
    excluded_nodes: Iterable[str] = (),
) -> list[TriedDestination]:
    """Decide ``order`` as the hub would; ``supply`` is left with what is not taken.

    Raises:
        MisconfiguredError: A condition of a policy fails for this order.
    """
    demands, refused = demands_to_try(hub, connection, order, facts, now, excluded_nodes)
    found = []
    for destination, demand in demands:
        decision = route(demand, supply, hub.network, hub.policies, now)
        supply.take(decision.assignments)
        explanation = explain(decision, hub.network, hub.policies)
        found.append(TriedDestination(destination, decision, explanation, ""))
    return found + [TriedDestination(each.destination, None, None, each.reason) for each in refused]


def demands_to_try(
    hub: Hub,
    connection: str,
    order: Order,
    facts: Mapping[str, ProductFacts],
    now: datetime,
    excluded_nodes: Iterable[str] = (),
) -> tuple[list[tuple[str, Demand]], list[Unroutable]]:
    """What routing is asked for ``order``, by destination."""
    body = order.model_dump_json(exclude_defaults=True).encode()
    document = read(body, OrderDocument)
    stored = received_order(hub, connection, document, body, now)
    return demands_of(hub, stored, document, facts, frozenset(excluded_nodes), now)

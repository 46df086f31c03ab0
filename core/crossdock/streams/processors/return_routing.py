"""Which node takes a return: by the first rule that fits, the node that shipped it or the nearest."""

from __future__ import annotations

from collections.abc import Iterable

from crossdock.config.network import NodeConfig
from crossdock.config.returns import ReturnRuleConfig
from crossdock.routing import Position
from crossdock.routing.model import NodeKind, NodeStatus
from crossdock.routing.sphere import unit_vector
from crossdock.streams.processors.documents import AddressDocument
from crossdock.streams.processors.hub import Hub

__all__ = ["return_node", "return_rule"]

_NEAREST = ReturnRuleConfig()


def return_rule(hub: Hub, channel: str, sent_from: AddressDocument | None) -> ReturnRuleConfig:
    """The first rule that fits; without one, the nearest node takes it."""
    return next((rule for rule in hub.config.returns.rules if _fits(rule, channel, sent_from)), _NEAREST)


def return_node(
    hub: Hub, rule: ReturnRuleConfig, sent_from: AddressDocument | None, shipped_by: Iterable[str]
) -> str | None:
    """The node that is to take a return; None where none accepts it.

    Args:
        hub: Its nodes.
        rule: That fits the return.
        sent_from: The buyer's address, where it is known.
        shipped_by: Nodes that have shipped the order, the last one first.
    """
    able = [node for node in hub.nodes.values() if _accepts(node) and _named(hub, rule, node.id)]
    if rule.prefer == "shipped_from":
        ids = {node.id for node in able}
        for node in shipped_by:
            if node in ids:
                return node
    place = _position(hub, sent_from)
    if place is None:
        return min((node.id for node in able), default=None)
    return min(((-_cosine(hub, node.id, place), node.id) for node in able), default=(0.0, None))[1]


def _fits(rule: ReturnRuleConfig, channel: str, sent_from: AddressDocument | None) -> bool:
    country = sent_from.country if sent_from else None
    return (not rule.channels or channel in rule.channels) and (
        not rule.countries or country in rule.countries
    )


def _accepts(node: NodeConfig) -> bool:
    wanted = node.kind is NodeKind.WAREHOUSE if node.accepts_returns is None else node.accepts_returns
    return wanted and node.status is NodeStatus.ACTIVE


def _named(hub: Hub, rule: ReturnRuleConfig, node: str) -> bool:
    return not rule.nodes or not hub.node_groups[node].isdisjoint(rule.nodes)


def _position(hub: Hub, sent_from: AddressDocument | None) -> Position | None:
    if sent_from is None:
        return None
    if sent_from.latitude is not None and sent_from.longitude is not None:
        return Position(float(sent_from.latitude), float(sent_from.longitude))
    return hub.locate(
        sent_from.country, sent_from.region or "", sent_from.postal_code or "", sent_from.city or ""
    )


def _cosine(hub: Hub, node: str, place: Position) -> float:
    """Of the angle between a node and a place, seen from the centre of the earth: the larger, the nearer."""
    here = unit_vector(hub.network.nodes[hub.network.index[node]].position)
    return sum(a * b for a, b in zip(here, unit_vector(place), strict=True))

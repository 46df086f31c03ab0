"""Compiles the configuration into what processors read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from crossdock.config.model import Config
from crossdock.config.network import (
    NodeConfig,
    routing_node,
    routing_rate_card,
    routing_service,
)
from crossdock.errors import MisconfiguredError
from crossdock.inventory.safety_stock import SafetyRule, SafetyStock
from crossdock.routing import Network, PolicySet, Position, compile_policy
from crossdock.sdk.manifest import Manifest
from crossdock.streams.processors.hub import Channel, Hub, Locate

__all__ = ["compile_hub", "compile_network", "compile_policies", "network_document"]


def compile_hub(config: Config, manifests: Mapping[str, Manifest], locate: Locate) -> Hub:
    """Compile a configuration.

    Raises:
        MisconfiguredError: A node that lies nowhere, a policy that can't work, a tariff that is not well formed.
    """
    # Orders of a channel without a connection come through the API, under the channel's own name.
    channels = {
        channel.connection or name: Channel(name, channel) for name, channel in config.channels.items()
    }
    return Hub(
        config=config,
        network=_network(config, locate),
        policies=compile_policies(config.policies),
        safety=SafetyStock(
            SafetyRule(
                rule.units,
                rule.percent,
                frozenset(rule.product_tags),
                frozenset(rule.nodes),
                frozenset(rule.channels),
            )
            for rule in config.safety_stock
        ),
        locate=locate,
        channels=channels,
        nodes={node.id: node for node in config.nodes},
        node_groups={node.id: frozenset((node.id, *node.tags)) for node in config.nodes},
        manifests=manifests,
    )


def network_document(config: Config) -> bytes:
    """What decisions of this network's version need to be explained later, as JSON."""
    parts = {
        "nodes": [node.model_dump(mode="json") for node in config.nodes],
        "services": [service.model_dump(mode="json") for service in config.services],
        "rate_cards": [card.model_dump(mode="json") for card in config.rate_cards],
        "policies": config.policies,
        "currency": config.hub.currency,
        "exchange_rates": config.hub.exchange_rates,
        "cut_off": config.cut_off,
    }
    return msgspec.json.encode(parts, order="sorted")


def compile_network(document: bytes, locate: Locate) -> tuple[Network, PolicySet]:
    """The network and policies of what ``network_document`` gave; connections play no part in routing.

    Raises:
        MisconfiguredError: A policy that this version of the program can't read any more.
    """
    parts = msgspec.json.decode(document)
    hub = {"currency": parts.pop("currency"), "exchange_rates": parts.pop("exchange_rates")}
    for node in parts["nodes"]:
        node["connection"] = None
    config = Config.model_validate({**parts, "hub": hub})
    return _network(config, locate), compile_policies(config.policies)


def _network(config: Config, locate: Locate) -> Network:
    return Network(
        [routing_node(node, _position(node, locate), config.cut_off) for node in config.nodes],
        [routing_service(service) for service in config.services],
        [routing_rate_card(card) for card in config.rate_cards],
        currency=config.hub.currency,
        exchange_rates=config.hub.exchange_rates,
    )


def compile_policies(definitions: Sequence[Mapping[str, object]]) -> PolicySet:
    """The policies of a configuration, in the order in which they are asked.

    Raises:
        MisconfiguredError: One can't work; its path begins with ``policies.`` and its number.
    """
    compiled = []
    for index, definition in enumerate(definitions):
        try:
            compiled.append(compile_policy(definition))
        except MisconfiguredError as error:
            where = f"policies.{index}" + (f".{error.path}" if error.path else "")
            raise MisconfiguredError(f"{where}: {error.message}", path=where, detail=error.detail) from error
    return PolicySet(compiled)


def _position(node: NodeConfig, locate: Locate) -> Position:
    address = node.address
    if address.latitude is not None and address.longitude is not None:
        return Position(address.latitude, address.longitude)
    found = locate(address.country, address.region, address.postal_code, address.city or "")
    if found is None:
        path = f"nodes.{node.id}.address"
        raise MisconfiguredError(
            f"{path}: nobody knows where {address.postal_code or 'no post code'} {address.city or ''} in "
            f"{address.country} lies: give latitude and longitude",
            path=path,
        )
    return found

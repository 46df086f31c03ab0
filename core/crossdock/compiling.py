"""Compiles the configuration into what processors read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from crossdock.config.model import ChannelKind, Config
from crossdock.config.network import (
    NodeConfig,
    routing_node,
    routing_rate_card,
    routing_service,
)
from crossdock.errors import MisconfiguredError
from crossdock.inventory.safety_stock import SafetyRule, SafetyStock
from crossdock.routing import CompiledPolicy, Network, PolicySet, Position, compile_policy
from crossdock.routing.policy import PolicyState
from crossdock.routing.policy_checks import Finding, FindingKind, World, check_policies
from crossdock.sdk.manifest import Manifest
from crossdock.streams.processors.hub import Channel, Hub, Locate

__all__ = [
    "compile_hub",
    "compile_network",
    "compile_policies",
    "network_document",
    "policy_faults",
    "policy_findings",
    "refuse_policies",
    "with_earlier_policies",
]

_COUNTRY_LETTERS = 2
"""A node serves countries (``US``) and regions (``US-CA``)."""


def compile_hub(config: Config, manifests: Mapping[str, Manifest], locate: Locate) -> Hub:
    """Compile a configuration.

    Raises:
        MisconfiguredError: A node that lies nowhere, a policy that can't work, a tariff that is not well formed,
            purchase orders or credit notes for a connection that takes none.
    """
    _refuse_postings(config, manifests)
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
                rule.stale_for,
            )
            for rule in config.safety_stock
        ),
        locate=locate,
        channels=channels,
        nodes={node.id: node for node in config.nodes},
        feed_limits={node.id: node.feed.max_age for node in config.nodes if node.feed.max_age is not None},
        node_groups={node.id: frozenset((node.id, *node.tags)) for node in config.nodes},
        manifests=manifests,
    )


def _refuse_postings(config: Config, manifests: Mapping[str, Manifest]) -> None:
    commands = {"purchase_order": "purchase_order.create", "credit_note": "credit_note.post"}
    for index, posting in enumerate(config.postings):
        manifest = manifests.get(posting.connection)
        for wanted, command in commands.items():
            if getattr(posting, wanted) and manifest and command not in manifest.commands:
                raise MisconfiguredError(
                    f"postings.{index}.{wanted}: connection {posting.connection} does no {command}; "
                    "post to one that does, or leave it out",
                    path=f"postings.{index}.{wanted}",
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


def with_earlier_policies(document: bytes, earlier: bytes) -> bytes:
    """``document`` with the policies that decided on this network before: archived, for what they decided.

    Args:
        document: What ``network_document`` gave.
        earlier: What was kept for the same network.

    Raises:
        MisconfiguredError: A version of a policy that may have decided has another content now.
    """
    parts, before = msgspec.json.decode(document), msgspec.json.decode(earlier)
    known = {_version(policy): place for place, policy in enumerate(parts["policies"])}
    for policy in before["policies"]:
        if policy.get("state") == PolicyState.DRAFT:
            continue  # it has never decided
        place = known.get(_version(policy))
        if place is None:
            parts["policies"].append({**policy, "state": PolicyState.ARCHIVED})
        elif _content(policy) != _content(parts["policies"][place]):
            name, version = _version(policy)
            raise MisconfiguredError(
                f"policies.{place}.version: version {version} of policy {name!r} has been active with another content, "
                f"and decisions name it: give what has changed the version {int(str(version)) + 1}",
                path=f"policies.{place}.version",
            )
    return msgspec.json.encode(parts, order="sorted")


def _version(policy: Mapping[str, object]) -> tuple[object, object]:
    return policy["policy"], policy["version"]


def _content(policy: Mapping[str, object]) -> Mapping[str, object]:
    return {name: value for name, value in policy.items() if name != "state"}


def compile_network(document: bytes, locate: Locate, version: str = "") -> tuple[Network, PolicySet]:
    """The network and policies of what ``network_document`` gave; connections play no part in routing.

    ``version`` is what it was kept under: decisions name it.

    Raises:
        MisconfiguredError: A policy that this version of the program can't read any more.
    """
    parts = msgspec.json.decode(document)
    hub = {"currency": parts.pop("currency"), "exchange_rates": parts.pop("exchange_rates")}
    for node in parts["nodes"]:
        node["connection"] = None
    config = Config.model_validate({**parts, "hub": hub})
    return _network(config, locate, version), compile_policies(config.policies)


def _network(config: Config, locate: Locate, version: str = "") -> Network:
    return Network(
        [routing_node(node, _position(node, locate), config.cut_off) for node in config.nodes],
        [routing_service(service) for service in config.services],
        [routing_rate_card(card) for card in config.rate_cards],
        currency=config.hub.currency,
        exchange_rates=config.hub.exchange_rates,
        version=version,
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
        _refuse_twice(compiled)
    return PolicySet(compiled)


def _refuse_twice(compiled: Sequence[CompiledPolicy]) -> None:
    """The last of ``compiled`` must be a new version, and the only active one of its name."""
    *earlier, last = compiled
    where = f"policies.{len(earlier)}"
    for policy in earlier:
        if policy.id != last.id:
            continue
        if policy.version == last.version:
            raise MisconfiguredError(
                f"{where}.version: version {last.version} of policy {last.id!r} is there twice: give each its own",
                path=f"{where}.version",
            )
        if policy.state is last.state is PolicyState.ACTIVE:
            raise MisconfiguredError(
                f"{where}.state: version {policy.version} of policy {last.id!r} is active too: write `state: archived` "
                "in one of them, or `state: draft`",
                path=f"{where}.state",
            )


def policy_findings(hub: Hub) -> list[Finding]:
    """What is wrong with the policies of ``hub``; paths begin with ``policies.``"""
    config, network = hub.config, hub.network
    named = {channel.config.connection for channel in hub.channels.values()}
    others = {name: ChannelKind.WEB.value for name in config.connections if name not in named}
    countries = [place for node in network.nodes for place in (node.address.country, *node.serves)]
    countries += [country for service in network.services for country in service.countries]
    world = World(
        nodes=network.nodes,
        channels={channel.id: channel.config.kind.value for channel in hub.channels.values()},
        other_channels=others,
        channel_kinds=tuple(kind.value for kind in ChannelKind),
        countries=tuple(sorted({country for country in countries if len(country) == _COUNTRY_LETTERS})),
        currencies=(network.currency, *sorted(set(network.exchange_rates) - {network.currency})),
        service_levels=tuple(sorted({level for service in network.services for level in service.levels})),
    )
    found = check_policies(hub.policies.policies, world)
    return [replace(each, path=f"policies.{each.path}") for each in found]


def policy_faults(hub: Hub) -> list[Finding]:
    """What is wrong with policies that decide: reasons not to run. A draft may still be at fault."""
    return [finding for finding in _of_active(hub, policy_findings(hub)) if finding.refused]


def _of_active(hub: Hub, found: Iterable[Finding]) -> list[Finding]:
    policies = hub.policies.policies
    return [each for each in found if policies[int(each.path.split(".")[1])].state is PolicyState.ACTIVE]


def refuse_policies(hub: Hub, *, gaps: bool = True) -> list[Finding]:
    """Refuse policies that can't work as they are written.

    Args:
        gaps: Whether orders that no policy covers are a reason.

    Returns:
        Notes: what changes nothing here, of policies that decide.

    Raises:
        MisconfiguredError: With the first reason; ``path`` says where.
    """
    found = _of_active(hub, policy_findings(hub))
    for finding in found:
        if finding.refused and (gaps or finding.kind is not FindingKind.GAP):
            raise MisconfiguredError(f"{finding.path}: {finding.message}", path=finding.path)
    return [finding for finding in found if not finding.refused]


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

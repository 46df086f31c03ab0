"""Reads scenario files; what is wrong is told with file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from crossdock.compiling import compile_hub, refuse_policies
from crossdock.config.load import load_config, with_tariffs
from crossdock.config.model import ChannelConfig, Config, HubConfig
from crossdock.errors import MisconfiguredError
from crossdock.routing.policy import PolicyState
from crossdock.scenarios.model import Scenario
from crossdock.streams.processors.hub import Hub, Locate
from crossdock.yaml_model import YamlDocument, validate, yaml_document

__all__ = ["LoadedScenario", "load_scenario"]

_PARTS = ("channels", "nodes", "services", "rate_cards", "policies", "safety_stock", "cut_off")


@dataclass(frozen=True, slots=True)
class LoadedScenario:
    """A scenario whose network and policies can work; ``document`` knows the lines."""

    path: Path
    document: YamlDocument
    scenario: Scenario
    hub: Hub


def load_scenario(path: Path, locate: Locate) -> LoadedScenario:
    """Read a scenario, and compile its network and policies.

    Raises:
        MisconfiguredError: With a line for each mistake: file, line, where, what to write.
    """
    document = yaml_document(path.read_text(encoding="utf-8"), str(path), "a scenario has keys and values")
    scenario = validate(document, Scenario)
    faults = list(_unknown_names(scenario, config := _configuration(scenario, path), document))
    if faults:
        raise MisconfiguredError("\n".join(faults))
    try:
        hub = compile_hub(config, {}, locate)
        refuse_policies(hub, gaps=False)
    except MisconfiguredError as error:
        raise MisconfiguredError(_located(document, scenario, error), detail=error.detail) from error
    return LoadedScenario(path, document, scenario, hub)


def _configuration(scenario: Scenario, path: Path) -> Config:
    base = load_config(path.parent / scenario.config) if scenario.config else Config(hub=HubConfig())
    written = {name: part for name in _PARTS if (part := getattr(scenario, name)) is not None}
    money = {"currency": scenario.currency, "exchange_rates": scenario.exchange_rates}
    hub = base.hub.model_copy(update={name: part for name, part in money.items() if part is not None})
    config = base.model_copy(update={**written, "hub": hub})
    if not config.channels:
        config = config.model_copy(update={"channels": {"web": ChannelConfig()}})
    policies = tuple(_activated(policy, scenario.drafts) for policy in config.policies)
    return with_tariffs(config.model_copy(update={"policies": policies}), path)


def _activated(policy: Mapping[str, object], drafts: Sequence[str]) -> Mapping[str, object]:
    """The policy as it stands when ``drafts`` are active."""
    if _version(policy) in drafts:
        return {**policy, "state": PolicyState.ACTIVE}
    replaced = policy.get("policy") in {draft.rpartition("@")[0] for draft in drafts}
    is_active = policy.get("state", PolicyState.ACTIVE) == PolicyState.ACTIVE
    return {**policy, "state": PolicyState.ARCHIVED} if replaced and is_active else policy


def _version(policy: Mapping[str, object]) -> str:
    return f"{policy.get('policy')}@{policy.get('version')}"


def _located(document: YamlDocument, scenario: Scenario, error: MisconfiguredError) -> str:
    """The mistake with file and line, where this file holds it; else it lies in the configuration."""
    location = tuple(int(step) if step.isdigit() else step for step in error.path.split("."))
    if location[0] not in document.value:
        return f"{scenario.config or document.name}: {error.located}"
    return document.fault(location, error.message.removeprefix(f"{error.path}: "))


def _unknown_names(scenario: Scenario, config: Config, document: YamlDocument) -> list[str]:
    """Nodes and channels that the scenario names and the network does not have."""
    nodes = {node.id for node in config.nodes}
    named: list[tuple[tuple[int | str, ...], str]] = [
        *[(("stock", node), node) for node in scenario.stock],
        *[(("used_capacity", node), node) for node in scenario.used_capacity],
        *[(("stale_nodes", index), node) for index, node in enumerate(scenario.stale_nodes)],
    ]
    versions = [_version(policy) for policy in config.policies]
    faults = [
        document.fault(("drafts", index), f"there is no policy {draft}; there are: {_names(versions)}")
        for index, draft in enumerate(scenario.drafts)
        if draft not in versions
    ]
    for number, order in enumerate(scenario.orders):
        here = ("orders", number)
        named += [((*here, "exclude_nodes", index), node) for index, node in enumerate(order.exclude_nodes)]
        if order.expect is not None:
            at = (*here, "expect")
            shipments = enumerate(order.expect.shipments or ())
            named += [((*at, "shipments", index, "node"), each.node) for index, each in shipments]
            named += [((*at, "out", node), node) for node in order.expect.out or ()]
        if order.channel is None and len(config.channels) != 1:
            faults.append(document.fault(here, f"channel: write one of {_names(config.channels)}"))
        elif order.channel is not None and order.channel not in config.channels:
            unknown = f"there is no channel {order.channel!r}; there are: {_names(config.channels)}"
            faults.append(document.fault((*here, "channel"), unknown))
    return faults + [
        document.fault(location, f"there is no node {node!r}; there are: {_names(nodes)}")
        for location, node in named
        if node not in nodes
    ]


def _names(known: object) -> str:
    return ", ".join(sorted(known)) or "none"  # type: ignore[call-overload]

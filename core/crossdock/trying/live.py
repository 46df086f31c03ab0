"""Tries an order on what the hub has now; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Connection

from crossdock.compiling import compile_policies, policy_findings
from crossdock.errors import MisconfiguredError
from crossdock.routing import CompiledPolicy, PolicySet, SupplyView
from crossdock.routing.policy import PolicyState
from crossdock.routing.policy_checks import FindingKind
from crossdock.store import capacity
from crossdock.store.catalogue import components_of
from crossdock.store.supply import available_to_route
from crossdock.streams.processors.demand import ProductFacts, load_products
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.limits import unfenced
from crossdock.streams.processors.staleness import stale_nodes
from crossdock.trying.deciding import TriedDestination, channel_supply, try_order
from crossdock.trying.order import with_components
from crossdock.yaml_model import yaml_document
from crossdock_schemas.order import Order

__all__ = ["of_components", "only_read", "supply_now", "try_on_hub", "with_draft"]


def try_on_hub(
    hub: Hub,
    connection: Connection,
    channel_connection: str,
    order: Order,
    now: datetime,
    excluded: frozenset[str],
) -> list[TriedDestination]:
    """Decide ``order`` on the stock, capacity and feeds of the database, which only reads are made of.

    Raises:
        MisconfiguredError: A condition of a policy fails for this order.
    """
    only_read(connection)
    order = of_components(connection, order)
    supply, facts = supply_now(hub, connection, channel_connection, order, now)
    return try_order(hub, channel_connection, order, facts, supply, now, excluded_nodes=excluded)


def of_components(database: Connection, order: Order) -> Order:
    """The order with its kits exploded by what their products are made of now."""
    return with_components(order, components_of(database, {line.sku for line in order.lines}))


def only_read(database: Connection) -> None:
    """Let the database refuse to write; on SQLite readers can't anyhow."""
    if database.dialect.name == "postgresql":
        database.exec_driver_sql("SET TRANSACTION READ ONLY")


def supply_now(
    hub: Hub, database: Connection, connection: str, order: Order, now: datetime
) -> tuple[SupplyView, Mapping[str, ProductFacts]]:
    """What the channel of ``connection`` may be promised of the SKUs of ``order``, and the facts of its products."""
    skus = sorted({line.sku for line in order.lines})
    facts = load_products(database, skus)
    channel = hub.channel_of(connection).id
    rows, _, fences, lots = available_to_route(database, skus, now)
    supply = channel_supply(
        hub,
        channel,
        [row[:4] for row in unfenced(rows, fences, channel)],
        facts,
        skus=skus,
        used=capacity.load(database, days) if (days := hub.network.days(now)) else {},
        stale=stale_nodes(hub, database, now),
    )
    supply.lots = lots
    return supply, facts


def with_draft(hub: Hub, text: str) -> Hub:
    """``hub`` as if the policy in ``text`` (YAML) were active: in place of the one of its name, else asked first.

    Raises:
        MisconfiguredError: It can't work, or is no policy; with its line.
    """
    document = yaml_document(text, "policy", "a policy has keys and values")
    try:
        (draft,) = compile_policies([document.value]).policies
    except MisconfiguredError as error:
        message = error.message.removeprefix(f"{error.path}: ")
        raise MisconfiguredError(document.fault(_steps(error.path), message)) from error
    draft = replace(draft, state=PolicyState.ACTIVE)
    policies = _placed(draft, hub.policies.active)
    changed = replace(hub, policies=PolicySet(policies))
    place = f"policies.{policies.index(draft)}"
    for finding in policy_findings(changed):
        if (
            finding.refused
            and finding.kind is not FindingKind.GAP
            and f"{finding.path}.".startswith(f"{place}.")
        ):
            raise MisconfiguredError(document.fault(_steps(finding.path), finding.message))
    return changed


def _steps(path: str) -> tuple[str | int, ...]:
    """The path inside the draft of one inside the list of policies."""
    return tuple(int(step) if step.isdigit() else step for step in path.split(".")[2:])


def _placed(draft: CompiledPolicy, policies: tuple[CompiledPolicy, ...]) -> tuple[CompiledPolicy, ...]:
    if any(policy.id == draft.id for policy in policies):
        return tuple(draft if policy.id == draft.id else policy for policy in policies)
    return (draft, *policies)

"""What a scenario file may hold; docs/reference/scenario.md and its JSON Schema are made from here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from crossdock.config.model import ChannelConfig, SafetyStockConfig
from crossdock.config.network import NodeConfig, RateCardConfig, ServiceConfig
from crossdock.trying.order import OrderToTry

__all__ = ["Expectation", "ExpectedShipment", "Scenario", "ScenarioOrder", "ScenarioProduct", "UsedCapacity"]

Units = Annotated[int, Field(ge=0)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class UsedCapacity(_Strict):
    """What a node has been given today already."""

    orders: Units = 0
    lines: Units = 0
    units: Units = 0


class ScenarioProduct(_Strict):
    """What routing knows of one unit of a SKU."""

    weight_grams: Units = 0
    volume_cm3: Units = 0
    restrictions: tuple[str, ...] = ()
    components: Mapping[str, Annotated[int, Field(ge=1)]] = Field(default_factory=dict)
    """Of a kit: units of each SKU that one of it is made of; orders of it are decided by these."""


class ExpectedShipment(_Strict):
    """One shipment of the plan. Only what is written is compared."""

    node: str
    service: str | None = None
    """Empty for a pick-up."""
    lines: Mapping[str, int] | None = None
    """Units by SKU."""
    to_node: str | None = None
    """The node that sends it on with the rest; empty where it goes to the destination."""
    ship_date: date | None = None
    delivery_date: date | None = None
    costs: Mapping[str, Decimal] | None = None
    """By term of the objective; ``shipping_cost`` and ``handling_cost`` are always there."""


class Expectation(_Strict):
    """What is expected of an order. Only what is written is compared, but units that have no place must be."""

    policy: str | None = None
    """Which policy decides: its name, or ``name@version``."""
    shipments: tuple[ExpectedShipment, ...] | None = None
    """All of them, one for each node, in any order."""
    not_placed: Mapping[str, str] = Field(default_factory=dict)
    """SKU and the code of the reason (docs/routing.md)."""
    out: Mapping[str, str] | None = None
    """Nodes that must be out, and the code of the fence that each fails first."""
    given_up: Units | None = None
    """Number of preferences given up."""
    refused: str | None = None
    """Words of the reason why routing can't even be asked."""


class ScenarioOrder(OrderToTry):
    """An order, and what is expected of it."""

    expect: Expectation | None = None
    """Without it the decision is shown, and nothing compared."""


class Scenario(_Strict):
    """A network, its stock, its policies, and orders that are decided one after the other, each taking what it got.

    What ``crossdock.yaml`` calls by the same name is written the same way. It may come from there: of a scenario with
    ``config`` only what it wants to be different has to be written.
    """

    scenario: Annotated[str, Field(min_length=1)]
    """What it shows, in a few words."""
    about: str = ""
    """What it shows, in a few sentences."""
    now: AwareDatetime
    """When the orders are decided."""
    config: Path | None = None
    """A hub's ``crossdock.yaml``, relative to this file."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] | None = None
    """By default that of ``config``, else USD."""
    exchange_rates: Mapping[str, Decimal] | None = None
    channels: Mapping[str, ChannelConfig] | None = None
    """By default that of ``config``, else one channel ``web``."""
    nodes: tuple[NodeConfig, ...] | None = None
    services: tuple[ServiceConfig, ...] | None = None
    rate_cards: tuple[RateCardConfig, ...] | None = None
    policies: tuple[Mapping[str, object], ...] | None = None
    drafts: tuple[str, ...] = ()
    """Versions, as ``name@version``, that decide as if they were active, in place of those of their names."""
    safety_stock: tuple[SafetyStockConfig, ...] | None = None
    cut_off: time | None = None
    stock: Mapping[str, Mapping[str, Units]] = Field(default_factory=dict)
    """Units on hand and not promised, by node and SKU."""
    products: Mapping[str, ScenarioProduct] = Field(default_factory=dict)
    """By SKU; others weigh nothing and are not restricted."""
    used_capacity: Mapping[str, UsedCapacity] = Field(default_factory=dict)
    """By node."""
    stale_nodes: tuple[str, ...] = ()
    """Nodes whose stock feed is older than its limit."""
    orders: Annotated[tuple[ScenarioOrder, ...], Field(min_length=1)]

"""What processors know of the hub's configuration, compiled once by the composition root."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from crossdock.config.model import ChannelConfig, Config
from crossdock.config.network import NodeConfig
from crossdock.inventory.safety_stock import SafetyStock
from crossdock.orders.runs import next_run
from crossdock.routing import Network, PolicySet, Position
from crossdock.sdk.manifest import Manifest

__all__ = ["Channel", "Hub", "Locate"]

Locate = Callable[[str, str, str, str], Position | None]
"""``(country, region, postal code, city)`` to a position on earth; None where it is not known."""


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel with its name."""

    id: str
    config: ChannelConfig

    @property
    def ship_within(self) -> timedelta | None:
        """The promise for orders that bring none."""
        return self.config.ship_within

    def next_run(self, now: datetime) -> datetime | None:
        """When its orders are routed together; None where each is routed when it comes."""
        return next_run(self.config.runs.schedule, now) if self.config.runs else None


@dataclass(frozen=True, slots=True)
class Hub:
    """The configuration as processors read it.

    Attributes:
        channels: By the connection whose orders belong to them.
        nodes: By id.
        node_groups: By node: its own id and its tags, which rules and policies name.
        feed_limits: By node that has one: how old its last count may be.
        manifests: Of each connection's connector.
    """

    config: Config
    network: Network
    policies: PolicySet
    safety: SafetyStock
    locate: Locate
    channels: Mapping[str, Channel]
    nodes: Mapping[str, NodeConfig]
    node_groups: Mapping[str, frozenset[str]]
    feed_limits: Mapping[str, timedelta]
    manifests: Mapping[str, Manifest]

    def channel_of(self, connection: str) -> Channel:
        """The channel that orders of ``connection`` belong to; one of its name where none is configured."""
        return self.channels.get(connection) or Channel(connection, ChannelConfig(connection=connection))

    def does(self, connection: str | None, command: str) -> bool:
        """Whether a connection can be asked to do ``command``."""
        manifest = self.manifests.get(connection) if connection else None
        return manifest is not None and command in manifest.commands

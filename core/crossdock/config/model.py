"""The hub's configuration as people write it; docs/configuration.md is made from here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from crossdock.config.kafka import KafkaConfig, WorkerConfig
from crossdock.config.network import NodeConfig, RateCardConfig, ServiceConfig
from crossdock.config.retention import Retention
from crossdock.config.returns import ReturnsConfig
from crossdock.config.runs import RunsConfig
from crossdock.inventory.shortfalls import VictimPolicy
from crossdock.orders.worklist import Cause
from crossdock.sdk.manifest import Duration, Manifest

__all__ = [
    "ApiConfig",
    "ChannelConfig",
    "ChannelKind",
    "CommandConfig",
    "Config",
    "ConnectionConfig",
    "HubConfig",
    "LabelsConfig",
    "PostingConfig",
    "SafetyStockConfig",
    "ShortfallConfig",
    "StreamConfig",
    "WebConfig",
    "WorklistConfig",
]

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


class Strict(BaseModel):
    """Unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class HubConfig(Strict):
    """The hub itself."""

    name: str = "crossdock"
    runtime: Literal["embedded", "kafka"] = "embedded"
    """``embedded``: everything in one process. ``kafka``: as many workers as wanted, on PostgreSQL and a Kafka
    cluster (docs/operating.md)."""
    data_dir: Path = Path("var")
    """Where the SQLite file and large raw files lie; relative to the configuration file."""
    database: str = ""
    """SQLAlchemy URL; empty is SQLite in ``data_dir``. PostgreSQL: ``postgresql+psycopg://user:password@host/name``."""
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "USD"
    """All costs are compared in this currency."""
    exchange_rates: Mapping[str, Decimal] = Field(default_factory=dict)
    """One unit of another currency in ``currency``."""
    retention: Retention = Retention()
    stop_seconds: Annotated[float, Field(gt=0)] = 30
    """How long a graceful stop may take."""
    mapping_process: bool = False
    """Decode, map and validate JSON records in a second process, where a second core is free: for busy shops."""


class WebConfig(Strict):
    """The webhook and API server."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8080
    public_url: str = ""
    """What partners call; needed where the hub makes webhook subscriptions itself."""
    max_body_bytes: Annotated[int, Field(gt=0)] = 10 * 1024 * 1024
    """A larger webhook or API body is answered 413."""


class StreamConfig(Strict):
    """What a connection does differently for one stream of its connector."""

    enabled: bool = True
    mapping: str | None = None
    """A mapping of your own instead of the connector's."""
    interval_seconds: Annotated[float, Field(gt=0)] | None = None
    """How often to poll, or to look for files."""
    format: str | None = None
    dialect: Mapping[str, object] = Field(default_factory=dict)
    """The file format's settings: encoding, delimiter, columns, ... (docs/formats.md)."""
    defaults: Mapping[str, object] = Field(default_factory=dict)
    """Values the mapping reads as ``_hub.<name>``: what a file does not say itself, such as the node."""
    read_files: Literal["archive", "delete", "keep"] = "archive"
    """What becomes of a partner's file once its bytes are stored. ``keep`` leaves every file where it is and remembers
    it by name, size and time; otherwise a file that can't be read goes to the error folder."""


class CommandConfig(Strict):
    """What a connection does differently for one command of its connector. The name of a mapping is short for
    ``{mapping: NAME}``, ``off`` for ``{enabled: false}``.
    """

    enabled: bool = True
    """Whether the hub may ask for it at all."""
    mapping: str | None = None
    """A mapping of your own instead of the connector's."""
    defaults: Mapping[str, object] = Field(default_factory=dict)
    """Values the mapping reads as ``_hub.<name>``: what the partner wants and no document says."""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: object) -> object:
        if value is False or value == "off":
            return {"enabled": False}
        return {"mapping": value} if isinstance(value, str) else value


class ConnectionConfig(Strict):
    """One partner's system."""

    connector: str
    """Id of a connector, as listed by ``crossdock connector list``."""
    enabled: bool = True
    config: Mapping[str, object] = Field(default_factory=dict)
    """The connector's own settings (its README). Secrets only as ``${env:NAME}`` or ``${file:PATH}``."""
    streams: Mapping[str, StreamConfig] = Field(default_factory=dict)
    commands: Mapping[str, CommandConfig] = Field(default_factory=dict)
    """What the connection does differently, by command name."""

    def wanted(self, manifest: Manifest) -> Manifest:
        """The manifest without the commands that are switched off."""
        off = {name for name, command in self.commands.items() if not command.enabled}
        kept = {name: spec for name, spec in manifest.commands.items() if name not in off}
        return manifest.model_copy(update={"commands": kept})


class ChannelKind(StrEnum):
    """What kind of channel sells."""

    WEB = "web"
    MARKETPLACE = "marketplace"
    STORE = "store"
    B2B = "b2b"


class ChannelConfig(Strict):
    """Where orders come from and stock is sold."""

    connection: Identifier | None = None
    """Orders of this connection belong to the channel; results go back to it."""
    kind: ChannelKind = ChannelKind.WEB
    priority: int = 0
    """Higher goes first when stock falls short."""
    publish_stock: bool = True
    """Tell the channel what it may sell."""
    publish_kits: bool = False
    """Tell it of kits too: as many as the components make, by node where an active policy keeps kits together. Leave it
    to channels that work that out themselves."""
    location: str | None = None
    """The channel's own location id that stock is published for."""
    locations: Mapping[str, str] = Field(default_factory=dict)
    """The channel's own location ids of nodes, for pick-up orders: ``{"gid or number": node id}``."""
    pick_up_within: Duration | None = None
    """A pick-up that is ready and not collected within this time is called off; by default it waits for ever."""
    ship_within: Duration | None = None
    """Promise for orders that bring none: to be delivered within this time of being placed."""
    runs: RunsConfig | None = None
    """When its orders are routed, together; by default each when it comes."""


class SafetyStockConfig(Strict):
    """Units never promised. The first rule that fits wins."""

    product_tags: tuple[str, ...] = ()
    """Tags the product must all have: its restrictions and ``sku:<SKU>``; empty: all products."""
    nodes: tuple[str, ...] = ()
    """Ids or tags of nodes; empty: all."""
    channels: tuple[str, ...] = ()
    """Empty: all."""
    units: Annotated[int, Field(ge=0)] = 0
    percent: Annotated[Decimal, Field(ge=0, le=100)] = Decimal(0)
    """Of what may be sold there, rounded up; added to ``units``. 100: not sold at all."""
    stale_for: Duration | None = None
    """Only at nodes whose last count has been older than their ``feed.max_age`` for so long; ``0s``: as soon as it is.
    Rules for a longer time stand before those for a shorter one."""


class ShortfallConfig(Strict):
    """What happens when a node has less than is promised from it."""

    victims: VictimPolicy = VictimPolicy.LATEST_PROMISE
    """Who goes without: ``latest_promise`` or ``lowest_priority`` (of its channel). Reservations go before orders, and
    what a node was asked for already stays until the node says that it can't."""


class LabelsConfig(Strict):
    """Who buys the label."""

    connection: Identifier
    """A carrier connection."""
    after: Literal["packed"] = "packed"
    """When the node says it is packed and gives no tracking number of its own."""


class PostingConfig(Strict):
    """What the ERP is told."""

    connection: Identifier
    channels: tuple[Identifier, ...] = ()
    """Empty: all."""
    sales_order: bool = False
    """Post the order when it is routed."""
    invoice: bool = True
    """Post what was shipped, once for each shipment."""
    credit_note: bool = False
    """Post units that were paid back because of a return, at the prices of their order."""
    purchase_order: bool = False
    """Order of a supplier (a node of kind ``supplier``) what it is asked to ship, once for each fulfilment order, and
    take back what it does not ship."""


class WorklistConfig(Strict):
    """What people decide."""

    due: Mapping[Cause, Duration] = Field(default_factory=dict)
    """How soon an item of a cause is due, such as ``{upstream_lag: 30m}``; never later than its ship-by."""


class ApiConfig(Strict):
    """The REST API."""

    enabled: bool = True
    bootstrap_token: SecretStr | None = None
    """A token that may do everything; others are made with ``crossdock token create``."""


class Config(Strict):
    """The whole configuration."""

    hub: HubConfig = HubConfig()
    kafka: KafkaConfig = KafkaConfig()
    worker: WorkerConfig = WorkerConfig()
    web: WebConfig = WebConfig()
    api: ApiConfig = ApiConfig()
    connections: Mapping[Identifier, ConnectionConfig] = Field(default_factory=dict)
    channels: Mapping[Identifier, ChannelConfig] = Field(default_factory=dict)
    nodes: tuple[NodeConfig, ...] = ()
    services: tuple[ServiceConfig, ...] = ()
    rate_cards: tuple[RateCardConfig, ...] = ()
    policies: tuple[Mapping[str, object], ...] = ()
    """In order; the first whose ``when`` holds decides (docs/routing.md)."""
    safety_stock: tuple[SafetyStockConfig, ...] = ()
    shortfall: ShortfallConfig = ShortfallConfig()
    labels: LabelsConfig | None = None
    postings: tuple[PostingConfig, ...] = ()
    mappings: tuple[Path, ...] = ()
    """Folders with mappings of your own; they win over those that ship with Crossdock."""
    returns: ReturnsConfig = ReturnsConfig()
    worklist: WorklistConfig = WorklistConfig()
    silence: Duration = timedelta(hours=24)
    """A node that has not answered a fulfilment order for so long is a work item."""
    cut_off: time | None = None
    """Cut-off of nodes that name none."""

    @model_validator(mode="after")
    def _names_are_known(self) -> Config:
        faults = [*_unknown_connections(self), *_unknown_nodes(self)]
        if faults:
            raise ValueError("; ".join(faults))
        return self


def _unknown_connections(config: Config) -> list[str]:
    named = [(f"channels.{name}.connection", channel.connection) for name, channel in config.channels.items()]
    named += [(f"nodes.{node.id}.connection", node.connection) for node in config.nodes]
    named += [
        (f"postings.{index}.connection", posting.connection) for index, posting in enumerate(config.postings)
    ]
    if config.labels is not None:
        named.append(("labels.connection", config.labels.connection))
    known = ", ".join(sorted(config.connections)) or "none"
    return [
        f"{where}: there is no connection {name!r}; there are: {known}"
        for where, name in named
        if name is not None and name not in config.connections
    ]


def _unknown_nodes(config: Config) -> list[str]:
    ids = [node.id for node in config.nodes]
    twice = sorted({node for node in ids if ids.count(node) > 1})
    return [f"nodes: {node!r} is there twice; node ids must differ" for node in twice]

"""Opens the connections of a configuration: connector, services, streams with formats and mappings, commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any, Protocol, cast

import httpx
from pydantic import BaseModel, ValidationError

from crossdock.config.load import resolve_secrets
from crossdock.config.model import CommandConfig, Config, ConnectionConfig, StreamConfig
from crossdock.mapping.compiled import CompiledMapping
from crossdock.mapping.faults import MappingDefinitionError
from crossdock.mapping.library import MappingLibrary
from crossdock.sdk.assembly import Assembly, assemble
from crossdock.sdk.budgets import BudgetStore
from crossdock.sdk.connector import Answers, Connector, Drops, Executes, Polls, Receives
from crossdock.sdk.errors import MisconfiguredError
from crossdock.sdk.formats import Format, JsonDialect, format_named
from crossdock.sdk.formats.json_text import JsonFormat
from crossdock.sdk.http import HttpSettings, Recorder
from crossdock.sdk.manifest import CommandSpec, Entity, Manifest, Role, StreamSpec
from crossdock.sdk.registry import Registry
from crossdock.sdk.services import Clock, TokenStore
from crossdock.streams.edges.entities import DESTINATIONS
from crossdock_schemas.registry import ENTITIES, UPCASTERS, current

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

__all__ = [
    "BrokenConnection",
    "CommandKind",
    "Connection",
    "Connections",
    "Environment",
    "Stream",
    "open_connections",
]

_DEFAULT_INTERVAL_SECONDS = 60.0
_PLAIN_JSON = JsonDialect()


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a connection, ready to be read.

    Attributes:
        config: What the connection does differently; ``config.defaults`` are what mappings see in ``_hub``.
        format: What its bytes are in.
        mapping: ``None`` where records are canonical already, or are bells, or acknowledgements.
        by_rows: Rows of a file make up one document together; else each record is one.
        cut: A file's frames are independent of each other.
    """

    connection: str
    name: str
    spec: StreamSpec
    config: StreamConfig
    format: Format
    mapping: CompiledMapping | None
    by_rows: bool
    cut: bool

    @property
    def is_json(self) -> bool:
        """Whether each raw record is one JSON document with the usual limits."""
        return isinstance(self.format, JsonFormat) and self.format.dialect == _PLAIN_JSON

    @property
    def interval_seconds(self) -> float:
        """How long between two polls, or two looks for files."""
        if self.config.interval_seconds is not None:
            return self.config.interval_seconds
        return self.spec.interval.total_seconds() if self.spec.interval else _DEFAULT_INTERVAL_SECONDS


@dataclass(frozen=True, slots=True)
class CommandKind:
    """What a connection can be asked to do; ``result`` maps the partner's answer."""

    name: str
    spec: CommandSpec
    config: CommandConfig
    mapping: CompiledMapping | None
    result: CompiledMapping | None


@dataclass(frozen=True, slots=True)
class Connection:
    """An open connection. The manifest, less the commands that are switched off, says which roles its connector has."""

    name: str
    manifest: Manifest
    connector: Connector
    streams: Mapping[str, Stream]
    commands: Mapping[str, CommandKind]
    assembly: Assembly

    @property
    def polls(self) -> Polls:
        """The connector in its role ``poll``."""
        return cast(Polls, self.connector)

    @property
    def receives(self) -> Receives:
        """The connector in its role ``receive``."""
        return cast(Receives, self.connector)

    @property
    def answers(self) -> Answers | None:
        """The connector, where it words its answers itself."""
        worded = any(stream.spec.answers for stream in self.streams.values())
        return cast(Answers, self.connector) if worded else None

    @property
    def drops(self) -> Drops:
        """The connector in its role ``drop``."""
        return cast(Drops, self.connector)

    @property
    def executes(self) -> Executes:
        """The connector as one that carries out commands."""
        return cast(Executes, self.connector)

    def of_role(self, role: Role) -> list[Stream]:
        """The enabled streams of a role."""
        return [each for each in self.streams.values() if each.spec.role is role and each.config.enabled]


@dataclass(frozen=True, slots=True)
class BrokenConnection:
    """A connection that could not be opened; ``path`` is where in the configuration."""

    name: str
    connector: str
    path: str
    error: str


@dataclass(frozen=True, slots=True)
class Connections:
    """All enabled connections: those that are open, and those that are broken."""

    open: Mapping[str, Connection]
    broken: tuple[BrokenConnection, ...] = field(default=())

    @property
    def manifests(self) -> dict[str, Manifest]:
        """The manifest of each open connection."""
        return {name: connection.manifest for name, connection in self.open.items()}

    async def close(self) -> None:
        """Close what the services hold open."""
        for connection in self.open.values():
            await connection.assembly.close()


class TransportOf(Protocol):
    """Replaces the network of a connection, in tests and simulations."""

    def __call__(self, connection: str) -> httpx.AsyncBaseTransport | None:
        """The transport, or ``None`` for the real one."""
        ...


@dataclass(frozen=True, slots=True)
class Environment:
    """What connections are made with; ``owner`` names this worker, ``variables`` are those of ``${env:…}``."""

    registry: Registry
    mappings: MappingLibrary
    clock: Clock
    random: Random
    tokens: TokenStore
    budgets: BudgetStore
    log: FilteringBoundLogger
    owner: str = "hub"
    variables: Mapping[str, str] | None = None
    transport: TransportOf | None = None
    record: Callable[[str], Recorder | None] | None = None
    http: HttpSettings | None = None


def open_connections(config: Config, environment: Environment) -> Connections:
    """Open every enabled connection; one that can't be opened is reported and stops no other."""
    opened: dict[str, Connection] = {}
    broken: list[BrokenConnection] = []
    for name, declared in config.connections.items():
        if not declared.enabled:
            continue
        try:
            opened[name] = _open(name, declared, environment)
        except MisconfiguredError as error:
            path = error.path or f"connections.{name}"
            broken.append(BrokenConnection(name, declared.connector, path, error.message))
        except Exception as error:
            # A connector is foreign code: what its constructor raises concerns it alone.
            environment.log.exception(
                "connector can't be made", connection=name, connector=declared.connector
            )
            said = f"the connector failed when it was made: {type(error).__name__}: {error}"
            broken.append(BrokenConnection(name, declared.connector, f"connections.{name}.config", said))
    for each in broken:
        environment.log.error("connection not opened", connection=each.name, path=each.path, error=each.error)
    return Connections(opened, tuple(broken))


def _open(name: str, declared: ConnectionConfig, environment: Environment) -> Connection:
    where = f"connections.{name}"
    try:
        plugin = environment.registry.get(declared.connector)
    except MisconfiguredError as error:
        raise MisconfiguredError(error.message, path=f"{where}.connector") from error
    config = _config(plugin.config, declared, f"{where}.config", environment)
    manifest = plugin.manifest
    _known(f"{where}.streams", declared.streams, manifest.streams, f"connector {manifest.id}")
    _known(f"{where}.commands", declared.commands, manifest.commands, f"connector {manifest.id}")
    streams = {
        key: _stream(name, key, spec, declared.streams.get(key), environment)
        for key, spec in manifest.streams.items()
    }
    wanted = declared.wanted(manifest)
    commands = {
        key: _command(name, key, spec, declared.commands.get(key), environment)
        for key, spec in wanted.commands.items()
    }
    assembly = assemble(
        manifest,
        config,
        connection=name,
        clock=environment.clock,
        random=environment.random,
        tokens=environment.tokens,
        budgets=environment.budgets,
        log=environment.log,
        owner=environment.owner,
        transport=environment.transport(name) if environment.transport else None,
        settings=environment.http,
        record=environment.record(name) if environment.record else None,
    )
    return Connection(name, wanted, plugin.connector(config, assembly.services), streams, commands, assembly)


def _config(
    model: type[BaseModel], declared: ConnectionConfig, where: str, environment: Environment
) -> BaseModel:
    resolved = resolve_secrets(declared.config, where, environment.variables)
    try:
        return model.model_validate(resolved)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        lines = [f"{'.'.join([where, *map(str, fault['loc'])])}: {_words(fault)}" for fault in faults]
        first = ".".join([where, *map(str, faults[0]["loc"])])
        raise MisconfiguredError("\n".join(lines), path=first) from error


def _words(fault: Any) -> str:
    said = {
        "missing": "is missing; add it",
        "extra_forbidden": "unknown key; remove it or correct its spelling",
    }
    return said.get(fault["type"]) or str(fault["msg"]).removeprefix("Value error, ")


def _known(where: str, named: Mapping[str, object], known: Mapping[str, object], whose: str) -> None:
    for name in named:
        if name not in known:
            kind = where.rpartition(".")[2].removesuffix("s")
            there = ", ".join(sorted(known)) or "none"
            raise MisconfiguredError(
                f"{where}.{name}: {whose} has no {kind} of that name; it has: {there}", path=f"{where}.{name}"
            )


def _stream(
    connection: str, name: str, spec: StreamSpec, declared: StreamConfig | None, environment: Environment
) -> Stream:
    where = f"connections.{connection}.streams.{name}"
    config = declared or StreamConfig()
    if spec.wakes is None and spec.emits not in DESTINATIONS:
        raise MisconfiguredError(f"{where}: a stream can't emit {spec.emits}; it is the answer to a command")
    format_name = config.format or spec.format or ("xml" if spec.answers else "json")
    try:
        # A stream that is switched off is not read, so nobody has to say what its files look like.
        format_ = format_named(format_name, config.dialect) if config.enabled else JsonFormat(JsonDialect())
    except MisconfiguredError as error:
        if declared is not None:
            raise MisconfiguredError(f"{where}: {error.message}", path=f"{where}.{error.path}") from error
        # Nobody has asked for this stream, and it can't be read without being told how: it is off.
        config, format_ = StreamConfig(enabled=False), JsonFormat(JsonDialect())
    mapping = None
    if spec.wakes is None and (mapping_name := config.mapping or spec.mapping):
        mapping = _mapping(mapping_name, f"{where}.mapping", environment, spec.emits)
    rows = format_name in ("csv", "fixed_width")
    many = rows or format_name == "ndjson" or _repeats(format_)
    feed = spec.emits is Entity.STOCK_FEED
    return Stream(
        connection=connection,
        name=name,
        spec=spec,
        config=config,
        format=format_,
        mapping=mapping,
        by_rows=many and (rows or feed) and mapping is not None,
        cut=not rows or feed or spec.emits in (Entity.PRODUCT, Entity.TRACKING_EVENT, Entity.RATE),
    )


def _repeats(format_: Format) -> bool:
    """Whether a file of the format holds many records of one kind: an array of JSON, elements of XML."""
    dialect = getattr(format_, "dialect", None)
    return getattr(dialect, "layout", None) == "array" or bool(getattr(dialect, "record", ""))


def _command(
    connection: str, name: str, spec: CommandSpec, declared: CommandConfig | None, environment: Environment
) -> CommandKind:
    where, config = f"connections.{connection}.commands.{name}", declared or CommandConfig()
    own = config.mapping or spec.mapping
    mapping = _mapping(own, where, environment, None) if own else None
    result = _mapping(spec.result, where, environment, spec.emits) if spec.result else None
    return CommandKind(name, spec, config, mapping, result)


def _mapping(name: str, where: str, environment: Environment, emits: Entity | None) -> CompiledMapping:
    try:
        mapping = environment.mappings.get(name)
    except MappingDefinitionError as error:
        raise MisconfiguredError(f"{where}: mapping {name} can't be used:\n{error}", path=where) from error
    readable = mapping.target in ENTITIES or mapping.target in UPCASTERS
    if emits is not None and (mapping.target.partition("/")[0] != emits or not readable):
        raise MisconfiguredError(
            f"{where}: mapping {name} makes {mapping.target or 'nothing canonical'}, "
            f"the stream or answer must be {current(emits)}",
            path=where,
        )
    return mapping

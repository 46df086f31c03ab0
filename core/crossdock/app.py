"""The composition root: the only place that picks implementations and puts the hub together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random

import structlog
from sqlalchemy import Connection as DatabaseConnection

from crossdock.answering import bootstrap_token, web_server
from crossdock.api.services import ApiServices
from crossdock.compiling import compile_hub, network_document, refuse_policies, with_earlier_policies
from crossdock.config.model import Config
from crossdock.explaining import Explainer
from crossdock.geography import load_places, locate
from crossdock.mapping.files import FolderReader
from crossdock.mapping.library import MappingLibrary
from crossdock.opening import database_url, retention_of
from crossdock.part import EVERYTHING, Part, check_runtime
from crossdock.sdk.budgets import BudgetStore, MemoryBudgetStore
from crossdock.sdk.clock import SystemClock
from crossdock.sdk.http import HttpSettings, Recorder
from crossdock.sdk.registry import Registry, discover
from crossdock.sdk.services import Clock
from crossdock.store.budgets import SqlBudgetStore
from crossdock.store.decision_log import keep_network, load_network
from crossdock.store.engine import Database, open_database
from crossdock.store.journal import Journal
from crossdock.store.leases import SqlTokenStore
from crossdock.store.migrations import migrate
from crossdock.store.raw import BodyStore
from crossdock.streams.edges.arriving import Arrivals, JournaledArrivals
from crossdock.streams.edges.connections import Connections, Environment, open_connections
from crossdock.streams.edges.delivering import DeliverySettings
from crossdock.streams.edges.gathering import Gathering
from crossdock.streams.edges.health import StatusBoard
from crossdock.streams.edges.intake import BackPressure, Bells
from crossdock.streams.edges.normalise import normalise_processor
from crossdock.streams.edges.polling import Surroundings
from crossdock.streams.edges.preparing import Preparation
from crossdock.streams.edges.receive import Receiver
from crossdock.streams.edges.reporting import reporting_service
from crossdock.streams.edges.ringing import hearing_service, ringing_service
from crossdock.streams.edges.running import edge_services
from crossdock.streams.embedded import EmbeddedRuntime, EmbeddedSettings
from crossdock.streams.host import Host, HostSettings, Runtime
from crossdock.streams.kafka.runtime import KafkaRuntime
from crossdock.streams.kafka.settings import kafka_settings
from crossdock.streams.processors.declared import processors, timers
from crossdock.streams.processors.hub import Hub
from crossdock.streams.pruning import pruning_service
from crossdock.streams.services import Service
from crossdock.streams.transaction import Transactions

__all__ = ["Application", "body_store", "connect", "mapping_library"]

_THREADS = {"embedded": 4, "kafka": 8}
"""Transactions at the same time, on PostgreSQL. On Kafka no processor waits for another."""

_BACKLOG_SECONDS = 1.0
"""On Kafka every process counts what waits."""


def body_store(config: Config) -> BodyStore:
    """Where large raw bodies lie."""
    return BodyStore(config.hub.data_dir / "raw")


def mapping_library(config: Config, registry: Registry) -> MappingLibrary:
    """The mappings that ship with Crossdock, those that connectors bring, and the integrator's own, which win."""
    brought = (plugin.mappings for plugin in registry.plugins.values())
    own = (FolderReader(folder) for folder in config.mappings)
    return MappingLibrary.packaged(*filter(None, brought), *own)


def connect(
    config: Config,
    transactions: Transactions,
    *,
    random: Random,
    owner: str = EVERYTHING.name,
    registry: Registry | None = None,
    http: HttpSettings | None = None,
    record: Callable[[str], Recorder | None] | None = None,
) -> Connections:
    """Open the connections of a configuration; one that can't be opened is reported and stops no other.

    ``record`` gives, by the name of a connection, what gets its exchanges.
    """
    found = registry or discover()
    environment = Environment(
        registry=found,
        mappings=mapping_library(config, found),
        clock=transactions.clock,
        random=random,
        tokens=SqlTokenStore(transactions.database, transactions.clock.now),
        budgets=_budgets(config, transactions),
        log=structlog.get_logger("crossdock.connections"),
        owner=owner,
        http=http,
        record=record,
    )
    return open_connections(config, environment)


def _budgets(config: Config, transactions: Transactions) -> BudgetStore:
    if config.hub.runtime == "embedded":
        return MemoryBudgetStore()
    return SqlBudgetStore(transactions.database, transactions.clock.now)


class Application:
    """A hub in one process, or its part in one of many: webhooks and API, or pollers, processors, deliverers."""

    def __init__(
        self,
        config: Config,
        database: Database,
        *,
        clock: Clock | None = None,
        random: Random | None = None,
        registry: Registry | None = None,
        http: HttpSettings | None = None,
        delivery: DeliverySettings | None = None,
        part: Part = EVERYTHING,
    ) -> None:
        """Put the hub, or ``part`` of it, together on an open database whose schema is up to date.

        Raises:
            MisconfiguredError: Nodes, tariffs or policies can't work. A broken connection is reported instead.
        """
        check_runtime(config, database.dialect, part)
        self.config = config
        self.part = part
        self.database = database
        # Jitter of waits only; no decision depends on it.
        chance = random or Random()
        self.transactions = Transactions(database, clock or SystemClock(), due=config.worklist.due)
        self.connections = connect(
            config, self.transactions, random=chance, owner=part.name, registry=registry, http=http
        )
        self.hub = self._hub()
        self.bodies = body_store(config)
        self.board = StatusBoard(self.transactions, chance, config.worklist.due)
        self.bells = Bells()
        pressure = BackPressure()
        around = Surroundings(self.transactions, self.bodies, self.board, self.bells, pressure, part.name)
        self.preparation = self._preparation()
        self.receiver = self._receiver(pressure)
        self._web = web_server(config, part, database, self._services)
        normalise = normalise_processor(self.connections, self.bodies, preparation=self.preparation)
        self.processors = (normalise, *processors(self.hub))
        self.runtime = self._runtime([*self._serving(around), *self._working(around, delivery)])
        pressure.source = self.runtime

    def _hub(self) -> Hub:
        hub = compile_hub(self.config, self.connections.manifests, locate)
        for note in refuse_policies(hub):
            structlog.get_logger("crossdock").info("note on a policy", path=note.path, note=note.message)
        return hub

    def _receiver(self, pressure: BackPressure) -> Receiver:
        return Receiver(
            self.connections,
            self.transactions,
            self.bodies,
            self.board,
            self.bells,
            pressure,
            max_body_bytes=self.config.web.max_body_bytes,
            arrivals=self._arrivals(),
        )

    def _arrivals(self) -> Arrivals:
        """Where webhooks are kept; PostgreSQL has many writers, so that nobody waits for a processor there."""
        self._journal: Journal | None = None
        self.arriving: list[Service] = []
        gathering = Gathering(self.transactions, self.board)
        if self.database.dialect != "sqlite":
            return gathering
        self._journal = Journal(self.config.hub.data_dir / "arrivals.sqlite")
        arrivals = JournaledArrivals(self._journal, gathering)
        self.arriving.append(arrivals.service)
        return arrivals

    def _serving(self, around: Surroundings) -> list[Service]:
        """What partners and people call, or those who look after a worker."""
        services = [Service("web", self._web.serve, essential=True)] if self._web else []
        if not self.part.serves:
            return services
        services += self.arriving
        if not self.part.works:
            services.append(ringing_service(self.transactions, self.bells))
            services.append(reporting_service(self.connections, around, alone=False))
        return services

    def _working(self, around: Surroundings, delivery: DeliverySettings | None) -> list[Service]:
        """What calls partners, and what looks after the database."""
        if not self.part.works:
            return []
        alone = self.config.hub.runtime == "embedded"
        services = edge_services(self.connections, around, delivery, alone=alone)
        services.append(
            pruning_service(self.transactions, self.bodies, retention_of(self.config), self.part.name)
        )
        if not alone:
            services.append(hearing_service(self.transactions, self.bells))
        if self.preparation is not None:
            services.append(self.preparation.service)
        return services

    def _runtime(self, services: Sequence[Service]) -> Runtime:
        owner, stop_seconds = self.part.name, self.config.hub.stop_seconds
        if self.config.hub.runtime == "embedded":
            return EmbeddedRuntime(
                self.transactions,
                self.processors,
                timers=timers(self.hub),
                services=services,
                settings=EmbeddedSettings(stop_seconds=stop_seconds),
                owner=owner,
            )
        settings = HostSettings(stop_seconds=stop_seconds, backlog_seconds=_BACKLOG_SECONDS)
        if not self.part.works:
            return Host(self.transactions, self.processors, services=services, settings=settings, owner=owner)
        return KafkaRuntime(
            self.transactions,
            self.processors,
            kafka=kafka_settings(self.config, self.part.instance),
            owner=owner,
            only=self.part.processors,
            timers=timers(self.hub),
            services=services,
            settings=settings,
        )

    def _preparation(self) -> Preparation | None:
        """The further process for mapping, where the configuration wants one."""
        if not self.config.hub.mapping_process:
            return None
        return Preparation(self.connections, self.transactions, self.bodies, self.config.mappings)

    @classmethod
    def open(cls, config: Config, **changes: object) -> Application:
        """Open the database of ``config``, bring its schema up to date, and put the hub together."""
        database = open_database(database_url(config), threads=_THREADS[config.hub.runtime])
        migrate(database.engine)
        return cls(config, database, **changes)  # type: ignore[arg-type]

    @property
    def url(self) -> str:
        """Where this process answers; empty before ``run`` has begun, and where it does not."""
        return self._web.url if self._web else ""

    async def run(self, stop: asyncio.Event) -> None:
        """Run until ``stop`` is set, then stop gracefully: nothing that was begun is lost."""
        log = structlog.get_logger("crossdock")
        if self._web is not None:
            self._web.listen()
        await self.database.write(self._keep_network)
        await asyncio.to_thread(load_places)
        log.info("running", part=self.part.name, url=self.url or None)
        try:
            await self.runtime.run(stop)
        finally:
            await self.connections.close()

    def close(self) -> None:
        """Close the database."""
        if self._journal is not None:
            self._journal.close()
        self.database.close()

    def _keep_network(self, connection: DatabaseConnection) -> None:
        version, document = self.hub.network.version, network_document(self.config)
        earlier = load_network(connection, version)
        if earlier is not None:
            document = with_earlier_policies(document, earlier)
        keep_network(connection, version, document, self.transactions.clock.now())

    def _services(self) -> ApiServices:
        return ApiServices(
            transactions=self.transactions,
            hub=self.hub,
            receiver=self.receiver,
            bodies=self.bodies,
            explainer=Explainer(locate),
            bootstrap_token=bootstrap_token(self.config),
            max_body_bytes=self.config.web.max_body_bytes,
        )

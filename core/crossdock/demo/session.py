"""One demo from beginning to end: the hub in this thread, the partners in theirs, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from time import monotonic

import uvloop

from crossdock.app import Application
from crossdock.config.load import load_config
from crossdock.config.model import Config
from crossdock.demo.conductor import Conductor
from crossdock.demo.config_files import write_configuration
from crossdock.demo.observer import Observer
from crossdock.demo.on_kafka import OnKafka, make_topics, refuse_used, remove_topics
from crossdock.demo.partners.all import Partners, open_partners
from crossdock.demo.partners.hosting import LOOPBACK, free_port, listening_address
from crossdock.demo.reconciliation import Comparison, reconcile
from crossdock.demo.times import now
from crossdock.demo.world import PRODUCTS, World, make_world
from crossdock.doctor import Finding, Reporting, Situation, examine
from crossdock.errors import CrossdockError
from crossdock.opening import database_url, manifests_of
from crossdock.part import everything
from crossdock.sdk.registry import discover
from crossdock.store.queries.kpi_report import Kpis
from crossdock.store.queries.kpis import load_kpis
from crossdock.store.queries.totals import Totals, load_totals

__all__ = ["Apart", "Report", "Session", "Settings"]

_PORT = 8080
"""On which each process of a hub listens that is a machine of its own."""

Decided = Mapping[str, Sequence[Mapping[str, object]]]
"""By order: each decision with the units by node and SKU, and what was left over."""


@dataclass(frozen=True, slots=True)
class Apart:
    """Hub and partners on machines of their own.

    Attributes:
        hub_url: Where partners find the hub.
        host: What the hub calls the machine of the partners.
    """

    hub_url: str
    host: str


@dataclass(frozen=True, slots=True)
class Settings:
    """What is asked of a demo.

    Attributes:
        folder: Where its files go.
        speed: With 2 the partners take half their time.
        limit_seconds: After so long it ends as it is.
        stay: Keep the hub running afterwards, until somebody stops it.
        products: How many the retailer sells.
        on_kafka: Run on these servers instead of on SQLite alone.
        keep: Leave what is on these servers.
        apart: The hub is other processes, on these servers.
    """

    folder: Path
    orders: int = 100
    seed: int = 1
    speed: float = 1.0
    limit_seconds: float = 600.0
    stay: bool = False
    products: int = PRODUCTS
    on_kafka: OnKafka | None = None
    keep: bool = False
    apart: Apart | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What came of it."""

    settings: Settings
    seconds: float
    finished: bool
    totals: Totals
    kpis: Kpis
    findings: tuple[Finding, ...]
    comparisons: tuple[Comparison, ...]
    decisions: Decided
    troubles: Mapping[str, int]

    @property
    def good(self) -> bool:
        """Whether everything holds."""
        return (
            self.finished
            and all(finding.healthy for finding in self.findings)
            and all(comparison.agrees for comparison in self.comparisons)
        )


@dataclass(slots=True)
class Session:
    """A demo; ``report`` is None until the day is over, ``application`` where the hub is other processes."""

    settings: Settings
    world: World
    partners: Partners
    config_path: Path
    observer: Observer
    conductor: Conductor
    config: Config
    application: Application | None
    started: float = field(default_factory=monotonic)
    started_at: datetime = field(default_factory=now)
    report: Report | None = None

    @classmethod
    def open(cls, settings: Settings) -> Session:
        """Make the world, start the partners, write the configuration, put the hub together."""
        world, apart = make_world(settings.seed, settings.orders, settings.products), settings.apart
        port, host = (free_port(), LOOPBACK) if apart is None else (_PORT, apart.host)
        partners = open_partners(world, settings.folder / "partners", settings.speed, host=host)
        path = write_configuration(
            settings.folder, world, partners.addresses, port, settings.on_kafka, host=listening_address(host)
        )
        hub_url = f"http://{LOOPBACK}:{port}" if apart is None else apart.hub_url
        partners.subscribe(hub_url)
        config = load_config(path)
        observer = Observer(database_url(config))
        if settings.on_kafka is not None:
            observer.read(refuse_used)
        application = _application(config) if apart is None else None
        conductor = Conductor(world, partners, observer, hub_url)
        return cls(settings, world, partners, path, observer, conductor, config, application)

    def close(self) -> None:
        """Stop everybody."""
        self.observer.close()
        if self.application is not None:
            self.application.close()
        self.partners.close()
        if self.settings.on_kafka is not None and not self.settings.keep:
            asyncio.run(remove_topics(self.config))

    @property
    def seconds(self) -> float:
        """Since it began."""
        return monotonic() - self.started

    def run(self) -> Report:
        """Run it; the report stands in ``report`` as soon as the day is over."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(self._run())

    async def _run(self) -> Report:
        stop = asyncio.Event()
        hub = asyncio.create_task(self.application.run(stop) if self.application else _until(stop))
        day = asyncio.run_coroutine_threadsafe(self.conductor.run(), self.partners.hosting.loop)
        try:
            finished = await self._until_over(hub, day)
            self.report = await asyncio.to_thread(self._reported, finished)
            if self.settings.stay:
                await hub
        finally:
            day.cancel()
            stop.set()
            await hub
        return self.report

    async def _until_over(self, hub: asyncio.Task[None], day: Future[None]) -> bool:
        waiting = asyncio.wrap_future(day)
        done, _ = await asyncio.wait(
            (hub, waiting), timeout=self.settings.limit_seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for each in done:
            each.result()
        return waiting in done

    def _reported(self, finished: bool) -> Report:
        manifests = manifests_of(self.config, discover([]))
        situation = Situation(now(), Reporting.of(self.config, manifests))
        return Report(
            settings=self.settings,
            seconds=self.seconds,
            finished=finished,
            totals=self.observer.read(load_totals),
            kpis=self.observer.read(lambda db: load_kpis(db, self.started_at, now(), currency="USD").total),
            findings=tuple(self.observer.read(lambda db: examine(db, situation))),
            comparisons=tuple(reconcile(self.world, self.partners, self.observer)),
            decisions=self._decided(),
            troubles=dict(sorted(self.partners.journal.troubles.items())),
        )

    def _decided(self) -> Decided:
        decided: dict[str, list[Mapping[str, object]]] = {}
        for seen in self.observer.decisions_since(None):
            nodes: dict[str, dict[str, int]] = {}
            for assignment in seen.decision.assignments:
                units = nodes.setdefault(assignment.node, {})
                for line in assignment.lines:
                    units[line.sku] = units.get(line.sku, 0) + line.quantity
            left = {line.sku: line.reason for line in seen.decision.unfilled}
            decided.setdefault(seen.order, []).append({"nodes": nodes, "unfilled": left})
        return dict(sorted(decided.items()))


def _application(config: Config) -> Application:
    """The hub; on Kafka with its topics made, and all of its parts in this process."""
    embedded = config.hub.runtime == "embedded"
    application = Application.open(config) if embedded else Application.open(config, part=everything())
    if application.connections.broken:
        raise CrossdockError("\n".join(each.error for each in application.connections.broken))
    if not embedded:
        asyncio.run(make_topics(config))
    return application


async def _until(stop: asyncio.Event) -> None:
    await stop.wait()

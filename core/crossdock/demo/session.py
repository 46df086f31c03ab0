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
from crossdock.demo.partners.hosting import free_port
from crossdock.demo.reconciliation import Comparison, reconcile
from crossdock.demo.times import now
from crossdock.demo.world import PRODUCTS, World, make_world
from crossdock.doctor import Finding, Reporting, Situation, examine
from crossdock.errors import CrossdockError
from crossdock.opening import database_url
from crossdock.part import everything
from crossdock.store.queries.kpi_report import Kpis
from crossdock.store.queries.kpis import load_kpis
from crossdock.store.queries.totals import Totals, load_totals

__all__ = ["Report", "Session", "Settings"]

Decided = Mapping[str, Sequence[Mapping[str, object]]]
"""By order: each decision with the units by node and SKU, and what was left over."""


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
    """A demo; ``begun`` is None until the hub runs."""

    settings: Settings
    world: World
    partners: Partners
    config_path: Path
    observer: Observer
    conductor: Conductor
    application: Application
    started: float = field(default_factory=monotonic)
    started_at: datetime = field(default_factory=now)
    report: Report | None = None

    @classmethod
    def open(cls, settings: Settings) -> Session:
        """Make the world, start the partners, write the configuration, put the hub together."""
        world = make_world(settings.seed, settings.orders, settings.products)
        partners = open_partners(world, settings.folder / "partners", settings.speed)
        port = free_port()
        path = write_configuration(settings.folder, world, partners.addresses, port, settings.on_kafka)
        hub_url = f"http://127.0.0.1:{port}"
        partners.subscribe(hub_url)
        config = load_config(path)
        application = _application(config)
        if application.connections.broken:
            raise CrossdockError("\n".join(each.error for each in application.connections.broken))
        observer = Observer(database_url(config))
        conductor = Conductor(world, partners, observer, hub_url)
        return cls(settings, world, partners, path, observer, conductor, application)

    def close(self) -> None:
        """Stop everybody."""
        self.observer.close()
        self.application.close()
        self.partners.close()
        if self.settings.on_kafka is not None and not self.settings.keep:
            asyncio.run(remove_topics(self.application.config))

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
        hub = asyncio.create_task(self.application.run(stop))
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
        situation = Situation(
            now(), Reporting.of(self.application.config, self.application.connections.manifests)
        )
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
    if config.hub.runtime == "embedded":
        return Application.open(config)
    application = Application.open(config, part=everything())
    application.database.read_now(refuse_used)
    asyncio.run(make_topics(config))
    return application

"""A demo whose hub is killed: partners in this process, the hub in processes that end by SIGKILL."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any

import httpx
import yaml
from sqlalchemy import Connection, func, select

from crossdock.config.load import load_config
from crossdock.demo.conductor import Conductor
from crossdock.demo.config_files import write_configuration
from crossdock.demo.observer import Observer
from crossdock.demo.on_kafka import OnKafka
from crossdock.demo.partners.all import Partners, open_partners
from crossdock.demo.partners.hosting import free_port
from crossdock.demo.partners.ledger import Journal
from crossdock.demo.world import World, make_world
from crossdock.opening import database_url
from crossdock.store.plumbing import commands
from tests.demo.forked import start_crossdock
from tests.demo.watching import FileWatcher

_WAIT_SECONDS = 240.0
"""A machine that is busy otherwise needs long for what takes a second here."""
_MOST_SECONDS = 2.5
_SPEED = 4.0
_PRODUCTS = 250
_TOGETHER = 20
"""In small rounds orders are placed, refused, packed, shipped and posted at the same time."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was going on when the hub was killed.

    Attributes:
        how: What the killer waited for.
        unsettled: Orders neither shipped nor cancelled nor on the worklist.
        sending: Commands under way to partners, by name.
        waiting: Commands without an outcome.
    """

    how: str
    phase: str
    alive_seconds: float
    placed: int
    unsettled: int
    sending: Mapping[str, int]
    waiting: int


@dataclass(slots=True)
class Trap(Journal):
    """The partners' journal; kills a process when a partner has done something and has not answered yet."""

    pid: int = 0
    acts: int = 0
    sprung: str = ""

    def lay(self, pid: int, acts: int) -> None:
        """Kill ``pid`` at the act of this number from now; 0: none."""
        self.pid, self.acts, self.sprung = pid, acts, ""

    def note(self, partner: str, what: str, text: str, *, trouble: bool = False) -> None:
        """Note it, and kill if it is time."""
        Journal.note(self, partner, what, text, trouble=trouble)
        self.acts -= 1
        if self.pid and self.acts <= 0:
            os.kill(self.pid, signal.SIGKILL)
            self.pid, self.sprung = 0, f"{partner}.{what}"


@dataclass(slots=True)
class KilledDemo:
    """The demo; ``moments`` are those of the kills."""

    world: World
    partners: Partners
    observer: Observer
    conductor: Conductor
    config_path: Path
    hub_url: str
    log: Path
    chance: Random
    trap: Trap
    files: FileWatcher
    moments: list[Moment] = field(default_factory=list)
    process: Any = None
    client: httpx.Client = field(default_factory=httpx.Client)
    was_ready: bool = False

    def crossdock(self, *arguments: str) -> ForkServerProcess:
        """Start the command line in a process."""
        return start_crossdock([*arguments, "--config", str(self.config_path)], self.log)

    def kill_many(self, kills: int, *, until_orders: int) -> None:
        """Start and kill the hub so often; the first ``until_orders`` times before orders are placed."""
        for number in range(kills):
            self.process = self.crossdock("run", "--log-level", "warning")
            started = time.monotonic()
            if number == until_orders:
                self._until(lambda: self.conductor.placed > 0)
            how = self._wait_for_a_moment(number)
            seconds = time.monotonic() - started
            self.process.kill()
            self.process.join()
            assert self.process.exitcode == -signal.SIGKILL, self.said()
            self.files.look()
            self.moments.append(self._moment(how, seconds))

    def finish(self, day: Future[None], limit_seconds: float) -> None:
        """Let a hub live until nothing is left to be done, then stop it as an operator does."""
        self.process = self.crossdock("run", "--log-level", "warning")
        try:
            day.result(limit_seconds)
        except TimeoutError:
            raise AssertionError(f"not over: {self.conductor.phase}\n{self.said()}") from None
        self.process.terminate()
        self.process.join(30)
        assert self.process.exitcode == 0, self.said()

    def said(self) -> str:
        """The end of the hub's log."""
        return self.log.read_text()[-6000:] if self.log.exists() else ""

    def _wait_for_a_moment(self, number: int) -> str:
        if number % 10 == 0:
            time.sleep(self.chance.uniform(0.0, 0.6))
            return "while it starts"
        self._until(self._is_ready)
        self.was_ready = True
        if number % 2:
            time.sleep(self.chance.uniform(0.0, 1.0))
            return "after a while"
        self.trap.lay(self.process.pid, self.chance.randint(1, 15))
        self.process.join(_MOST_SECONDS)
        sprung = self.trap.sprung
        self.trap.lay(0, 0)
        return f"at {sprung}" if sprung else "after a long while"

    def _until(self, is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WAIT_SECONDS
        while not is_so():
            assert self.process.is_alive(), self.said()
            assert time.monotonic() < deadline, f"nothing happens: {self.conductor.phase}\n{self.said()}"
            time.sleep(0.01)

    def _is_ready(self) -> bool:
        try:
            return self.client.get(f"{self.hub_url}/readyz").is_success
        except httpx.TransportError:
            return False

    def _moment(self, how: str, seconds: float) -> Moment:
        placed, unsettled, sending, waiting = self.conductor.placed, 0, Counter[str](), 0
        if self.was_ready:
            unsettled = sum(not each.settled for each in self.observer.placed())
            sending = self.observer.read(_sending)
            waiting = self.observer.waiting_commands()
        return Moment(how, self.conductor.phase, seconds, placed, unsettled, sending, waiting)


def _sending(db: Connection) -> Counter[str]:
    rows = db.execute(
        select(commands.c.name, func.count()).where(commands.c.state == "sending").group_by(commands.c.name)
    )
    return Counter({row[0]: row[1] for row in rows})


def _impatient(config: Path, database: str) -> None:
    """Look for files at once: a hub that lives for a second would never see one stand still for a second."""
    content = yaml.safe_load(config.read_text())
    content["hub"]["database"] = database
    for connection in content["connections"].values():
        files = connection["config"].get("files", {})
        if files.get("settle_seconds"):
            files["settle_seconds"] = 0.3
        if files:
            for stream in connection["streams"].values():
                stream["interval_seconds"] = 0.2
    config.write_text(yaml.safe_dump(content))


@contextmanager
def killed_demo(
    folder: Path, seed: int, orders: int, database: str, on_kafka: OnKafka | None = None
) -> Iterator[tuple[KilledDemo, Future[None]]]:
    """Open partners, configuration and books; the day begins, and waits for a hub."""
    trap = Trap()
    world = make_world(seed, orders, _PRODUCTS)
    partners = open_partners(world, folder / "partners", _SPEED, trap)
    port = free_port()
    path = write_configuration(folder, world, partners.addresses, port, on_kafka)
    _impatient(path, database)
    hub_url = f"http://127.0.0.1:{port}"
    partners.subscribe(hub_url)
    observer = Observer(database_url(load_config(path)))
    conductor = Conductor(world, partners, observer, hub_url, together=_TOGETHER)
    demo = KilledDemo(world, partners, observer, conductor, path, hub_url, folder / "hub.log",
                      Random(seed), trap, FileWatcher(partners.warehouses))  # fmt: skip
    day = asyncio.run_coroutine_threadsafe(conductor.run(), partners.hosting.loop)
    try:
        with demo.files.running():
            yield demo, day
    finally:
        day.cancel()
        if demo.process is not None and demo.process.is_alive():
            demo.process.kill()
            demo.process.join()
        demo.client.close()
        observer.close()
        partners.close()

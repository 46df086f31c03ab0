"""A hub of several processes whose workers, brokers and database fail at random: nothing is lost, nothing done twice.

``pytest tests/demo/test_chaos.py --chaos-seconds 600``, on a machine of its own.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
import yaml
from sqlalchemy import Connection, exc

from crossdock.demo.on_kafka import OnKafka
from crossdock.demo.times import instant_text, now
from crossdock.store.engine import Database
from tests.demo.killing import KilledDemo, killed_demo
from tests.demo.test_kill import books_agree, doctor_is_content, files_are_whole_and_sent_once
from tests.servers.kafka import KAFKA, KafkaCluster
from tests.servers.postgres import PostgresServer

T = TypeVar("T")

_SEED = 23
_SESSION_SECONDS = 6.0
"""The shortest that brokers take."""
_WORKERS = ("one", "two")
"""Their names: a worker that is started again goes on with what it had in hand."""
_KINDS = 5
"""Of failures: each comes at least once."""
_PAUSE_SECONDS = _SESSION_SECONDS + 2.0
_FINISH_SECONDS = 400.0
_OUT_OF_ORDER = """
SELECT processor, key, message_id FROM (
    SELECT inbox.processor, messages.key, messages.message_id, inbox.handled_at,
        lag(inbox.handled_at) OVER (PARTITION BY inbox.processor, messages.key ORDER BY messages.id) AS before
    FROM messages
    JOIN processor_cursors USING (topic)
    JOIN inbox ON inbox.processor = processor_cursors.processor AND inbox.message_id = messages.message_id
) handled WHERE handled_at < before
"""


class Patient:
    """The observer's database, which asks again while it is away."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.to_thread(self.read_now, work)

    def read_now(self, work: Callable[[Connection], T]) -> T:
        while True:
            with suppress(exc.DBAPIError):
                return self._database.read_now(work)
            time.sleep(0.2)

    def close(self) -> None:
        self._database.close()


@dataclass(slots=True)
class Cluster:
    """The processes of the hub, and what is done to them."""

    demo: KilledDemo
    kafka: KafkaCluster
    postgres: PostgresServer
    chance: Random
    workers: dict[str, ForkServerProcess] = field(default_factory=dict)
    server: Any = None
    done: Counter[str] = field(default_factory=Counter)

    def start(self) -> None:
        for once in (["migrate"], ["topics", "apply"]):
            process = self.demo.crossdock(*once)
            process.join()
            assert process.exitcode == 0, self.demo.said()
        self.server = self.demo.crossdock("serve", "--log-level", "warning")
        self.workers = {name: self._worker(name) for name in _WORKERS}

    def fail(self) -> None:
        """Something fails: each kind once, then any."""
        kinds = [self.kill, self.pause, self.cut, self.restart_postgres, self.restart_kafka]
        unseen = [each for each in kinds if not self.done[each.__name__]]
        kind = self.chance.choice(unseen or kinds)
        kind()
        self.done[kind.__name__] += 1

    def kill(self) -> None:
        name = self.chance.choice(_WORKERS)
        self.workers[name].kill()
        self.workers[name].join()
        self.workers[name] = self._worker(name)

    def pause(self) -> None:
        """Longer than the brokers wait: its partitions go to the other one, and it does not know."""
        pid = self.workers[self.chance.choice(_WORKERS)].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        time.sleep(_PAUSE_SECONDS)
        os.kill(pid, signal.SIGCONT)

    def cut(self) -> None:
        """Every line to the database, in the middle of whatever is said."""
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'crossdock'"
        with psycopg.connect(self.postgres.url("postgres"), autocommit=True) as connection:
            connection.execute(cut)

    def restart_postgres(self) -> None:
        self.postgres.stop()
        time.sleep(self.chance.uniform(0.0, 2.0))
        self.postgres.start()

    def restart_kafka(self) -> None:
        (broker,) = self.kafka.brokers
        self.chance.choice([broker.kill, broker.stop])()
        broker.start()
        broker.wait()

    def stop(self) -> None:
        """As an operator does."""
        for each in (*self.workers.values(), self.server):
            each.terminate()
        for each in (*self.workers.values(), self.server):
            each.join(60)
            assert each.exitcode == 0, self.demo.said()

    def close(self) -> None:
        for each in (*self.workers.values(), self.server):
            if each is not None and each.is_alive():
                each.kill()
                each.join()

    def _worker(self, name: str) -> ForkServerProcess:
        return self.demo.crossdock("worker", "--name", name, "--log-level", "warning")


@KAFKA
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_whatever_fails_nothing_is_lost_and_nothing_done_twice(
    tmp_path: Path,
    kafka_broker: KafkaCluster,
    postgres_server: PostgresServer,
    empty_postgres_url: str,
    request: pytest.FixtureRequest,
) -> None:
    seconds = float(str(request.config.getoption("--chaos-seconds")))
    if not seconds:
        pytest.skip("say how long: --chaos-seconds 120; two cores shared with other tests are too few for it")
    on_kafka = OnKafka(empty_postgres_url, kafka_broker.bootstrap, partitions=4)
    with killed_demo(tmp_path, _SEED, max(40, int(seconds)), empty_postgres_url, on_kafka) as (demo, day):
        demo.observer.database = Patient(demo.observer.database)  # type: ignore[assignment]
        token = configure(demo.config_path)
        cluster = Cluster(demo, kafka_broker, postgres_server, Random(_SEED))
        try:
            cluster.start()
            with carts(demo, token, Random(_SEED)) as held:
                trouble(cluster, day, seconds)
                day.result(_FINISH_SECONDS)
            cluster.stop()
        except TimeoutError:
            raise AssertionError(f"not over: {demo.conductor.phase}\n{demo.said()}") from None
        finally:
            cluster.close()
        assert held
        books_agree(demo)
        files_are_whole_and_sent_once(demo)
        doctor_is_content(demo)
        out_of_order = demo.observer.read(lambda db: db.exec_driver_sql(_OUT_OF_ORDER).all())
        assert out_of_order == []


def configure(path: Path) -> str:
    """Short sessions, and a token for the API, which it returns."""
    token = secrets.token_hex(8)
    secret = path.parent / "secrets/api"
    secret.write_text(token)
    content = yaml.safe_load(path.read_text())
    content["kafka"]["session"] = f"{_SESSION_SECONDS:g}s"
    content["api"] = {"bootstrap_token": f"${{file:{secret}}}"}
    del content["worker"]
    path.write_text(yaml.safe_dump(content))
    return token


def trouble(cluster: Cluster, day: Future[None], seconds: float) -> None:
    """Let things fail while orders come, and until each kind of failure has been."""
    while cluster.demo.conductor.placed == 0 and not day.done():
        time.sleep(0.1)
    deadline = time.monotonic() + seconds
    while len(cluster.done) < _KINDS or (time.monotonic() < deadline and not day.done()):
        cluster.fail()
        time.sleep(cluster.chance.uniform(0.5, 4.0))


@contextmanager
def carts(demo: KilledDemo, token: str, chance: Random) -> Iterator[list[str]]:
    """Carts that hold units for some seconds, one after the other, meanwhile; those that the hub has taken."""
    held: list[str] = []
    over = threading.Event()
    stock = [
        (node, sku) for node, units in demo.world.stock.items() for sku, there in units.items() if there > 5
    ]
    client = httpx.Client(base_url=demo.hub_url, headers={"authorization": f"Bearer {token}"}, timeout=30)

    def hold() -> None:
        while not over.wait(0.2):
            node, sku = chance.choice(stock)
            key = f"cart-{len(held)}-{chance.random()}"
            body = {
                "key": key,
                "channel": "web",
                "expires_at": instant_text(now() + timedelta(seconds=chance.uniform(1, 10))),
                "lines": [{"sku": sku, "node": node, "quantity": 1}],
            }
            with suppress(httpx.TransportError):
                if client.post("/v1/reservations", json=body).status_code == 201:
                    held.append(key)
                    if chance.random() < 0.5:
                        client.post(f"/v1/reservations/{key}:release")

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield held
    finally:
        over.set()
        thread.join()
        client.close()

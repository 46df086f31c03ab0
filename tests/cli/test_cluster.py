"""A hub of several processes, by the command line: topics, a server, two workers, and what is seen of them."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from crossdock.sdk.clock import SystemClock
from crossdock.store.engine import open_database
from crossdock.streams.processor import Message
from crossdock.streams.topics import ORDERS, PRODUCTS
from crossdock.streams.transaction import Transactions
from tests.cli.builders import Cli
from tests.servers.kafka import KAFKA, KafkaCluster

pytestmark = [KAFKA, pytest.mark.slow]

_COMMAND = [sys.executable, "-c", "from crossdock.cli import main; main()"]
_WAIT_SECONDS = 200.0


class Shell:
    """Commands for the hub in a folder: short ones in this process, others in processes of their own."""

    def __init__(self, folder: Path, cli: Cli) -> None:
        self.folder = folder
        self._cli = cli
        self._config = ("--config", str(folder / "crossdock.yaml"))

    def __call__(self, *arguments: str, expect: int = 0) -> str:
        ended = self._cli(*arguments, *self._config)
        assert ended.code == expect, ended
        return ended.out + ended.err

    def json(self, *arguments: str, expect: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", expect=expect))

    @contextmanager
    def running(self, *arguments: str) -> Iterator[Path]:
        """A process, which has to end well when it is told to stop; gives its log."""
        log = self.folder / f"{arguments[0]}-{len(list(self.folder.glob('*.log')))}.log"
        with log.open("wb") as output:
            process = subprocess.Popen([*_COMMAND, *arguments, *self._config], stdout=output, stderr=output)
        try:
            yield log
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def shell(
    tmp_path: Path, kafka_broker: KafkaCluster, kafka_prefix: str, empty_postgres_url: str, cli: Cli
) -> Shell:
    write_config(tmp_path, kafka_broker.bootstrap, kafka_prefix, empty_postgres_url, partitions=2)
    return Shell(tmp_path, cli)


def write_config(folder: Path, bootstrap: str, prefix: str, database: str, *, partitions: int) -> None:
    (folder / "crossdock.yaml").write_text(
        f"hub: {{runtime: kafka, database: '{database}'}}\n"
        f"kafka: {{bootstrap: '{bootstrap}', prefix: '{prefix}', partitions: 2, "
        f"topics: {{orders: {{partitions: {partitions}}}}}}}\n"
        "web: {port: 0}\n"
        "worker: {port: 0}\n"
    )


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.5)


def test_topics_are_made_once_and_never_shrink(
    shell: Shell, kafka_broker: KafkaCluster, kafka_prefix: str, empty_postgres_url: str
) -> None:
    assert "`crossdock topics apply` makes it" in shell("worker", expect=2)
    planned = shell.json("topics", "apply", "--dry-run")
    assert len(planned["changes"]) == 10
    assert shell.json("topics", "list")["topics"] == []
    shell("topics", "apply")
    assert shell.json("topics", "apply") == {"changes": [], "done": True}
    (orders,) = (each for each in shell.json("topics", "list")["topics"] if each["name"] == "orders")
    assert (orders["partitions"], orders["compacted"]) == (2, False)
    write_config(shell.folder, kafka_broker.bootstrap, kafka_prefix, empty_postgres_url, partitions=1)
    (refused,) = shell.json("topics", "apply", expect=1)["changes"]
    assert refused["refused"].startswith("Kafka can't take partitions away")


def emit(database_url: str, *messages: Message) -> None:
    database = open_database(database_url)
    Transactions(database, SystemClock()).transact_now(lambda transaction: transaction.emit(*messages))
    database.close()


def test_a_server_and_two_workers_are_one_hub(shell: Shell, empty_postgres_url: str) -> None:
    shell("migrate")
    shell("topics", "apply")
    with (
        shell.running("serve", "--name", "front"),
        shell.running("worker", "--name", "one", "--processors", "normalise,route,products"),
        shell.running("worker", "--name", "two", "--log-json") as log,
    ):
        until(lambda: len(shell.json("status")["cluster"]["processes"]) == 3)
        cluster = shell.json("status")["cluster"]
        assert [each["name"] for each in cluster["processes"]] == ["front", "one", "two"]
        # No document at all: whichever worker gets it gives it up.
        emit(empty_postgres_url, *(Message(topic, topic, "key", b"?") for topic in (ORDERS, PRODUCTS)))
        until(lambda: shell.json("status")["totals"]["dead_letters"] == {"products": 1, "route": 1})
        (url,) = re.findall(r'"url": ?"(http://[^"]+)"', log.read_text())
        assert httpx.get(f"{url}/readyz").text == "ready\n"
        assert "crossdock_backlog_messages{" in httpx.get(f"{url}/metrics").text
        assert "relay" in {each["name"] for each in shell.json("status")["cluster"]["leases"]}
    cluster = shell.json("status")["cluster"]
    assert cluster["processes"] == []
    assert {each["processor"] for each in cluster["lags"]} >= {"normalise", "route", "stock"}


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_the_embedded_runtime_has_no_workers(tmp_path: Path, cli: Cli, command: str) -> None:
    (tmp_path / "crossdock.yaml").write_text("hub: {runtime: embedded}\n")
    assert "hub.runtime: embedded runs everything in one process" in Shell(tmp_path, cli)(command, expect=2)

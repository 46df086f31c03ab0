"""Mapping in a further process: the same messages as without it, whatever becomes of the process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from crossdock.sdk.clock import SystemClock
from crossdock.store.engine import Database, open_database
from crossdock.streams.batch import Backoff, handle_batch
from crossdock.streams.edges.mapping_process import HELLO
from crossdock.streams.edges.normalise import normalise_processor
from crossdock.streams.edges.preparing import Preparation
from crossdock.streams.services import supervise
from crossdock.streams.topics import ORDERS, RAW
from tests.edges.builders import Hub, hub, order
from tests.servers.sqlite import new_sqlite

MAPPINGS = Path(__file__).parent / "mappings"
BODIES = [order(1), order(2), b'{"id": "o3"}', b"not JSON", order(4)]


async def arrive(it: Hub) -> None:
    for number, body in enumerate(BODIES):
        await it.call(body, f"d{number}")


async def normalise(it: Hub, preparation: Preparation) -> int:
    """Normalise all there is; returns how many records were mapped ahead."""
    processor = normalise_processor(it.connections, it.around.bodies, preparation=preparation)
    await handle_batch(it.transactions, processor, it.emitted(RAW))
    return len(preparation.ready)


@asynccontextmanager
async def mapping_ahead(it: Hub) -> AsyncIterator[Preparation]:
    """The preparation of a hub, with its process running and ready."""
    preparation = Preparation(it.connections, it.transactions, it.around.bodies, [MAPPINGS])
    stop = asyncio.Event()
    backoff = Backoff(first_seconds=0.01)
    running = asyncio.create_task(supervise(preparation.service, stop, SystemClock(), backoff))
    try:
        await ready(preparation)
        yield preparation
    finally:
        stop.set()
        await running


async def ready(preparation: Preparation) -> None:
    async with asyncio.timeout(60):
        while not preparation.process.is_ready:  # noqa: ASYNC110 - another process is starting
            await asyncio.sleep(0.01)


def outcome(it: Hub) -> tuple[Any, Any]:
    letters = [(each.code, each.message, each.path, each.body) for each in it.letters()]
    return it.emitted(ORDERS), letters


@pytest.fixture
def alone(tmp_path: Path, sqlite_template: Path) -> Iterator[Hub]:
    """A second hub, on a database of its own, without a further process."""
    own = open_database(new_sqlite(sqlite_template, tmp_path / "alone.sqlite"))
    yield hub(own, tmp_path / "alone")
    own.close()


def test_what_is_mapped_ahead_is_what_the_hub_would_have_made(
    database: Database, tmp_path: Path, alone: Hub
) -> None:
    it = hub(database, tmp_path)

    async def compare() -> None:
        await arrive(it)
        async with mapping_ahead(it) as preparation:
            assert await normalise(it, preparation) == 3, "the good orders, and nothing else"
        await arrive(alone)
        await alone.normalise()

    asyncio.run(compare())
    assert outcome(it) == outcome(alone)
    assert len(outcome(it)[0]) == 3


def test_a_killed_process_is_done_without_and_started_again(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)

    async def kill() -> None:
        await arrive(it)
        async with mapping_ahead(it) as preparation:
            os.kill(child_of(os.getpid()), signal.SIGKILL)
            assert await normalise(it, preparation) == 0
            assert len(it.emitted(ORDERS)) == 3
            await asyncio.sleep(0.1)
            await ready(preparation)
            await it.call(order(9), "d9")
            assert await normalise(it, preparation) == 4, "prepared is whatever the batch holds"

    asyncio.run(kill())
    assert len(it.emitted(ORDERS)) == 4


def test_a_process_ends_with_the_hub() -> None:
    command = [sys.executable, "-m", "crossdock.streams.edges.mapping_process"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == HELLO
        process.stdin.close()
        assert process.wait(10) == 0


def child_of(pid: int) -> int:
    """The mapping process that ``pid`` has started."""
    found = subprocess.run(
        ["pgrep", "-P", str(pid), "-f", "mapping_process"], check=True, capture_output=True, text=True
    )
    return int(found.stdout.split()[0])

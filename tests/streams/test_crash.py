"""``kill -9`` at random moments: nothing lost, nothing done twice, order kept per key."""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from multiprocessing.context import ForkServerProcess

import pytest

from crossdock.sdk.clock import SystemClock
from crossdock.store.engine import Database
from crossdock.streams.transaction import Transactions
from tests.servers.processes import processes
from tests.streams.crashing_worker import MESSAGES, ingest, messages, work
from tests.streams.effects import by_key, create_effects, noted

_KILLS = 12
_FINISH_SECONDS = 120.0


def start(url: str, mode: str, *, inbox: bool) -> ForkServerProcess:
    """A worker that has its first batch in hand, or has found nothing left to do."""
    hears, tells = processes.Pipe(duplex=False)
    worker = processes.Process(target=work, args=(url, mode), kwargs={"inbox": inbox, "told": tells})
    worker.start()
    tells.close()
    with hears, suppress(EOFError):
        hears.recv()
    return worker


def kill_soon(worker: ForkServerProcess, chance: random.Random) -> bool:
    """Kill after a random while; false when the worker had ended before."""
    time.sleep(chance.uniform(0.0, 0.06))
    at_work = worker.is_alive()
    worker.kill()
    worker.join()
    return at_work


def finish(url: str, mode: str, *, inbox: bool) -> None:
    """Let a worker do what is left."""
    worker = start(url, mode, inbox=inbox)
    worker.join(_FINISH_SECONDS)
    assert worker.exitcode == 0


def handled(database: Database, processor: str) -> list[str]:
    return [message_id for ids in noted(database, processor).values() for message_id in ids]


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["embedded", "redelivering"])
def test_killed_workers_lose_and_repeat_nothing(database: Database, database_url: str, mode: str) -> None:
    create_effects(database)
    if mode == "redelivering":
        asyncio.run(ingest(Transactions(database, SystemClock())))
    chance = random.Random(20261123)
    kills_at_work, before = 0, 0
    while kills_at_work < _KILLS:
        assert kill_soon(start(database_url, mode, inbox=True), chance), "all was done before the last kill"
        after = len(handled(database, "route"))
        kills_at_work += before < after < MESSAGES
        before = after
    finish(database_url, mode, inbox=True)
    expected = by_key(messages())
    assert noted(database, "route") == expected
    assert noted(database, "track") == {
        key: [f"{each}-event" for each in ids] for key, ids in expected.items()
    }


@pytest.mark.slow
def test_without_the_inbox_the_same_kills_repeat_effects(database: Database, database_url: str) -> None:
    """Proves that the test above can fail."""
    create_effects(database)
    asyncio.run(ingest(Transactions(database, SystemClock())))
    chance = random.Random(20261123)
    for _ in range(_KILLS):
        kill_soon(start(database_url, "redelivering", inbox=False), chance)
    finish(database_url, "redelivering", inbox=False)
    ids = handled(database, "route")
    assert set(ids) == {message.id for message in messages()}
    assert len(ids) > len(set(ids))

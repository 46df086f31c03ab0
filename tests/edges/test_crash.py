"""``kill -9`` at random moments: nothing is lost, and nothing is done twice at the partner."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import pytest

from crossdock.store.engine import Database
from crossdock.streams.topics import ORDERS, OUTCOMES, STOCK
from tests.edges import crashing_hub
from tests.edges.builders import Hub, hub, order
from tests.edges.partner import Partner
from tests.servers.processes import processes

_KILLS = 8
_FINISH_SECONDS = 120.0


def kill_until_done(arguments: tuple[str, str, str], partner: Partner) -> int:
    """Start and kill workers; returns how many were killed while the partner was being asked."""
    chance = random.Random(20261123)
    killed = 0
    for _ in range(_KILLS):
        before = sum(partner.requests.values())
        worker = processes.Process(target=crashing_hub.work, args=arguments)
        worker.start()
        deadline = time.monotonic() + 20
        while sum(partner.requests.values()) == before and worker.is_alive() and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.15))
        killed += worker.is_alive()
        worker.kill()
        worker.join()
    last = processes.Process(target=crashing_hub.work, args=arguments)
    last.start()
    last.join(_FINISH_SECONDS)
    assert last.exitcode == 0
    return killed


@pytest.mark.slow
def test_killed_hubs_lose_and_repeat_nothing(
    database: Database, database_url: str, tmp_path: Path, partner: Partner
) -> None:
    # Of the commands that are probed the partner would notice no repetition by itself.
    partner.remembers = lambda key: int(key.removeprefix("command-")) % 2 == 0
    partner.records = [json.loads(order(number)) for number in range(crashing_hub.ORDERS_POLLED)]
    it = hub(database, tmp_path, partner.url)
    crashing_hub.fill_outbox(database)
    for number in range(crashing_hub.FILES):
        rows = "".join(f"SKU-{row},{number}\n" for row in range(crashing_hub.ROWS))
        (tmp_path / f"partner/stock/{number}.csv").write_text("sku,quantity\n" + rows)
    assert kill_until_done((database_url, str(tmp_path), partner.url), partner) >= 3
    _all_is_there_once(it, tmp_path, partner)


def _all_is_there_once(it: Hub, folder: Path, partner: Partner) -> None:
    assert len(partner.effects) == crashing_hub.COMMANDS
    assert set(partner.effects.values()) == {1}
    by_key: dict[int, list[int]] = {}
    for key in partner.order:
        number = int(key.removeprefix("command-"))
        by_key.setdefault(number % 40, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    assert len(it.emitted(OUTCOMES)) == crashing_hub.COMMANDS
    assert len({message.key for message in it.emitted(ORDERS)}) == crashing_hub.ORDERS_POLLED
    feeds = [json.loads(message.body) for message in it.emitted(STOCK)]
    counted = sorted(feed["lines"][0]["quantity"] for feed in feeds)
    assert counted == list(range(crashing_hub.FILES))
    assert all(len(feed["lines"]) == crashing_hub.ROWS for feed in feeds)
    archived = sorted((folder / "partner/stock/archive").iterdir())
    assert len(archived) == crashing_hub.FILES
    assert it.letters() == []

"""Arrivals by way of the journal: answered while the store is held, moved in their order, once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import select

from crossdock.sdk.connector import RawRecord
from crossdock.store.engine import Database
from crossdock.store.journal import Journal
from crossdock.store.plumbing import raw_records
from crossdock.streams.edges.arriving import JournaledArrivals
from crossdock.streams.edges.gathering import Gathering
from crossdock.streams.edges.intake import Arrival, arrival
from crossdock.streams.topics import RAW
from tests.edges.builders import NOW, Hub, hub


def _arrival(number: int) -> Arrival:
    record = RawRecord("orders", f"o{number}", f"d{number}", b'{"number": %d}' % number, headers={"a": "b"})
    return arrival("shop", record, record.payload, NOW)


def _journaled(it: Hub, folder: Path) -> tuple[Journal, JournaledArrivals]:
    journal = Journal(folder / "arrivals.sqlite")
    return journal, JournaledArrivals(journal, Gathering(it.transactions, it.around.board))


def _stored(database: Database) -> list[str]:
    """Keys of the raw records that are committed."""
    keys = select(raw_records.c.key).order_by(raw_records.c.key)
    return list(database.read_now(lambda connection: connection.execute(keys).scalars()))


async def _moved(arrivals: JournaledArrivals) -> None:
    """Run the service until nothing waits."""
    stop = asyncio.Event()
    stop.set()
    await arrivals.service.run(stop)


def test_arrivals_come_into_the_store_in_their_order(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    journal, arrivals = _journaled(it, tmp_path)

    async def story() -> None:
        for number in range(250):
            await arrivals.keep([_arrival(number)])
        await _moved(arrivals)

    asyncio.run(story())
    journal.close()
    assert [message.key for message in it.emitted(RAW)] == [f"shop/o{number}" for number in range(250)]
    again = Journal(tmp_path / "arrivals.sqlite")
    assert again.entries() == []
    again.close()


def test_nobody_waits_for_whoever_holds_the_store(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    journal, arrivals = _journaled(it, tmp_path)
    held, go_on = Event(), Event()

    def hold(_: object) -> None:
        held.set()
        go_on.wait(20)

    async def story() -> None:
        stop = asyncio.Event()
        moving = asyncio.ensure_future(arrivals.service.run(stop))
        holding = asyncio.create_task(database.transact(hold))
        await asyncio.to_thread(held.wait, 20)
        await asyncio.wait_for(arrivals.keep([_arrival(1)]), 10)
        if database.dialect == "sqlite":
            assert _stored(database) == []
        go_on.set()
        await holding
        stop.set()
        await moving

    asyncio.run(story())
    journal.close()
    assert _stored(database) == ["o1"]


def test_the_next_process_moves_what_a_crash_has_left(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    journal, arrivals = _journaled(it, tmp_path)
    asyncio.run(arrivals.keep([_arrival(1), _arrival(2)]))
    journal.close()
    journal, arrivals = _journaled(it, tmp_path)
    asyncio.run(_moved(arrivals))
    journal.close()
    assert _stored(database) == ["o1", "o2"]


def test_what_was_moved_before_the_crash_is_moved_once(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    journal, arrivals = _journaled(it, tmp_path)

    async def moved_but_not_forgotten() -> None:
        await arrivals.keep([_arrival(1)])
        await Gathering(it.transactions, it.around.board).keep([_arrival(1)])
        await _moved(arrivals)

    asyncio.run(moved_but_not_forgotten())
    journal.close()
    assert [message.key for message in it.emitted(RAW)] == ["shop/o1"]


class _Broken:
    """A store that can't be written the first time."""

    def __init__(self, store: Gathering) -> None:
        self.store = store
        self.failures = 1

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError("disk full")
        await self.store.keep(arrivals)


def test_what_could_not_be_moved_is_moved_by_the_next_attempt(database: Database, tmp_path: Path) -> None:
    it = hub(database, tmp_path)
    journal = Journal(tmp_path / "arrivals.sqlite")
    arrivals = JournaledArrivals(journal, _Broken(Gathering(it.transactions, it.around.board)))

    async def story() -> None:
        await arrivals.keep([_arrival(1)])
        with pytest.raises(OSError, match="disk full"):
            await _moved(arrivals)
        await arrivals.keep([_arrival(2)])
        await _moved(arrivals)

    asyncio.run(story())
    journal.close()
    assert [message.key for message in it.emitted(RAW)] == ["shop/o1", "shop/o2"]

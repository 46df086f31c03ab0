from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from crossdock.errors import PromiseRefusedError
from crossdock.sdk.clock import ManualClock
from crossdock.store.dead_letters import list_letters
from crossdock.store.engine import Database, open_database
from crossdock.store.migrations import migrate
from crossdock.streams.batch import handle_batch
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.topics import ORDERS
from crossdock.streams.transaction import Transactions


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path / 'hub.sqlite'}")
        migrate(opened.engine)
    else:
        opened = open_database(request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()


class Handler:
    """Refuses what it is told to, for good or once."""

    def __init__(self, bad: str, times: int) -> None:
        self.bad, self.times = bad, times
        self.sizes: list[int] = []
        self.done: list[str] = []

    def __call__(self, tx: Transaction, messages: Sequence[Message]) -> None:
        self.sizes.append(len(messages))
        if self.times and any(each.id == self.bad for each in messages):
            self.times -= 1
            raise PromiseRefusedError("the stock was promised to somebody else meanwhile")
        self.done += [each.id for each in messages]


def run(database: Database, handler: Handler) -> tuple[int, int]:
    """Handle eight messages; returns how often was waited, and the dead letters."""
    clock = ManualClock()
    messages = [Message(str(index), ORDERS, "k", b"{}") for index in range(8)]
    processor = Processor("p", ORDERS, handler)
    asyncio.run(handle_batch(Transactions(database, clock), processor, messages))
    return len(clock.slept), len(database.read_now(list_letters))


def test_a_batch_with_a_promise_that_is_refused_is_bisected_at_once(database: Database) -> None:
    handler = Handler("5", times=3)
    assert run(database, handler) == (0, 0)
    assert handler.sizes == [8, 4, 4, 2, 1, 1, 2]
    assert sorted(handler.done) == [str(index) for index in range(8)]


def test_a_message_refused_for_good_is_given_up_and_the_others_go_on(database: Database) -> None:
    handler = Handler("5", times=1000)
    waits, letters = run(database, handler)
    assert letters == 1
    assert sorted(handler.done) == [str(index) for index in range(8) if index != 5]
    assert waits == (0 if database.dialect == "sqlite" else 7)

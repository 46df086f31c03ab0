"""What every runtime must keep: subclass ``RuntimeConformance`` and give it a ``hub`` fixture."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Protocol

import pytest

from crossdock.sdk.errors import RecordRejectedError, Rejection, UnreachableError
from crossdock.store import dead_letters
from crossdock.store.engine import Database
from crossdock.streams.processor import DeadLetter, Handler, Message, Processor, Timer, Transaction
from crossdock.streams.topics import EVENTS, ORDERS, STOCK
from tests.streams.effects import by_key, note, noted, numbered

_WAIT_SECONDS = 30.0


class Running(Protocol):
    """A runtime that runs."""

    async def room(self, topic: str) -> None: ...

    def is_full(self, topic: str) -> bool: ...


class Hub(Protocol):
    """A database and a way to run processors on it."""

    database: Database

    def running(
        self, *processors: Processor, backlog_messages: int = 10_000, timers: Sequence[Timer] = ()
    ) -> AbstractAsyncContextManager[Running]:
        """Run ``processors`` inside the ``async with``, as a worker of its own; leaving it is a graceful stop."""
        ...

    async def emit(self, messages: Sequence[Message]) -> None:
        """Send ``messages``, duplicates included, as far as the runtime's topics let them through."""
        ...


async def until(condition: Callable[[], bool]) -> None:
    """Wait for ``condition``; fails when it takes too long."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < deadline, "waited too long"
        await asyncio.sleep(0.02)


def noting(name: str, topic: str = ORDERS, *, batch: int = 50, before: Handler | None = None) -> Processor:
    """A processor that writes down what it handles, after ``before``."""

    def handle(transaction: Transaction, messages: Sequence[Message]) -> None:
        if before is not None:
            before(transaction, messages)
        note(transaction, name, messages)

    return Processor(name, topic, handle, batch)


def handled(hub: Hub, processor: str) -> int:
    return sum(map(len, noted(hub.database, processor).values()))


def letters(hub: Hub) -> list[dead_letters.StoredDeadLetter]:
    return hub.database.read_now(lambda connection: dead_letters.list_letters(connection))


class RuntimeConformance:
    """The suite. All of it on a real database."""

    def test_each_message_is_handled_once_and_in_order_of_its_key(self, hub: Hub) -> None:
        messages = numbered(ORDERS, 500)

        async def scenario() -> None:
            async with hub.running(noting("one"), noting("two")):
                for start in range(0, 500, 60):
                    await hub.emit(messages[start : start + 60])
                await until(lambda: handled(hub, "one") >= 500 and handled(hub, "two") >= 500)

        asyncio.run(scenario())
        assert noted(hub.database, "one") == by_key(messages)
        assert noted(hub.database, "two") == by_key(messages)

    def test_what_was_emitted_before_the_start_is_handled(self, hub: Hub) -> None:
        messages = numbered(ORDERS, 30)

        async def scenario() -> None:
            await hub.emit(messages)
            async with hub.running(noting("one")):
                await until(lambda: handled(hub, "one") >= 30)

        asyncio.run(scenario())
        assert noted(hub.database, "one") == by_key(messages)

    def test_emitted_messages_reach_the_next_processor(self, hub: Hub) -> None:
        messages = numbered(ORDERS, 200)

        def pass_on(transaction: Transaction, batch: Sequence[Message]) -> None:
            transaction.emit(*(Message(f"{each.id}-event", EVENTS, each.key, each.body) for each in batch))

        async def scenario() -> None:
            async with hub.running(noting("first", before=pass_on), noting("second", EVENTS)):
                await hub.emit(messages)
                await until(lambda: handled(hub, "second") >= 200)

        asyncio.run(scenario())
        expected = {key: [f"{each}-event" for each in ids] for key, ids in by_key(messages).items()}
        assert noted(hub.database, "second") == expected

    def test_infrastructure_faults_are_repeated_until_they_pass(self, hub: Hub) -> None:
        messages = numbered(ORDERS, 40)
        failures = iter(range(5))

        def fail_at_first(transaction: Transaction, batch: Sequence[Message]) -> None:
            note(transaction, "rolled back", batch)
            if next(failures, None) is not None:
                raise UnreachableError("the database is away")

        async def scenario() -> None:
            async with hub.running(noting("one", before=fail_at_first)):
                await hub.emit(messages)
                await until(lambda: handled(hub, "one") >= 40)

        asyncio.run(scenario())
        assert noted(hub.database, "one") == by_key(messages)
        assert noted(hub.database, "rolled back") == by_key(messages)
        assert letters(hub) == []

    @pytest.mark.parametrize(
        "error", [ValueError("bad data"), KeyError("total"), SystemExit(3), RecursionError()]
    )
    def test_poison_goes_to_the_dead_letters_and_the_rest_goes_on(
        self, hub: Hub, error: BaseException
    ) -> None:
        messages = numbered(ORDERS, 100)
        poison = {"m000007", "m000050", "m000099"}

        def refuse(_: Transaction, batch: Sequence[Message]) -> None:
            if any(message.id in poison for message in batch):
                raise error

        async def scenario() -> None:
            async with hub.running(noting("one", before=refuse)):
                await hub.emit(messages)
                await until(lambda: handled(hub, "one") >= 97 and len(letters(hub)) >= 3)

        asyncio.run(scenario())
        assert noted(hub.database, "one") == by_key([each for each in messages if each.id not in poison])
        assert {letter.original_id for letter in letters(hub)} == poison
        assert {letter.body for letter in letters(hub)} == {
            each.body for each in messages if each.id in poison
        }
        assert type(error).__name__ in letters(hub)[0].message

    def test_a_rejected_record_keeps_its_code_and_path(self, hub: Hub) -> None:
        def refuse(_: Transaction, __: Sequence[Message]) -> None:
            raise RecordRejectedError(Rejection("mapping.missing", "no SKU", "$.line_items[0].sku"))

        async def scenario() -> None:
            async with hub.running(noting("one", before=refuse)):
                await hub.emit(numbered(ORDERS, 1))
                await until(lambda: len(letters(hub)) >= 1)

        asyncio.run(scenario())
        (letter,) = letters(hub)
        assert (letter.stage, letter.code, letter.path) == ("one", "mapping.missing", "$.line_items[0].sku")

    def test_a_replayed_letter_is_handled(self, hub: Hub) -> None:
        broken = threading.Event()
        broken.set()

        def refuse(_: Transaction, __: Sequence[Message]) -> None:
            if broken.is_set():
                raise ValueError("a bug, mended later")

        async def scenario() -> None:
            async with hub.running(noting("one", before=refuse)):
                await hub.emit(numbered(ORDERS, 1))
                await until(lambda: len(letters(hub)) >= 1)
                broken.clear()
                (letter,) = letters(hub)
                clock_now = letter.created_at
                await hub.database.transact(lambda tx: dead_letters.replay(tx, letter.id, clock_now))
                await until(lambda: handled(hub, "one") >= 1)

        asyncio.run(scenario())
        assert noted(hub.database, "one") == {"key-0": ["m000000#replay-1-1"]}
        assert letters(hub) == []

    def test_dead_letters_of_a_handler_commit_with_its_rows(self, hub: Hub) -> None:
        def give_up_odd(transaction: Transaction, batch: Sequence[Message]) -> None:
            odd = [message for message in batch if int(message.id[1:]) % 2]
            transaction.dead_letter(*(DeadLetter("one", "odd", "odd", "", each.body, each) for each in odd))

        async def scenario() -> None:
            async with hub.running(noting("one", before=give_up_odd)):
                await hub.emit(numbered(ORDERS, 20))
                await until(lambda: handled(hub, "one") >= 20)

        asyncio.run(scenario())
        assert len(letters(hub)) == 10

    def test_duplicates_and_reordered_input_are_handled_once(self, hub: Hub) -> None:
        messages = numbered(ORDERS, 60)
        shuffled = [*messages, *messages]
        random.Random(7).shuffle(shuffled)

        async def scenario() -> None:
            async with hub.running(noting("one")):
                for start in range(0, 120, 9):
                    await hub.emit(shuffled[start : start + 9])
                await hub.emit(messages)
                await hub.emit(numbered(ORDERS, 1, start=999))
                await until(lambda: handled(hub, "one") >= 61)

        asyncio.run(scenario())
        ids = [message_id for ids in noted(hub.database, "one").values() for message_id in ids]
        assert sorted(ids) == [*(message.id for message in messages), "m000999"]

    def test_a_slow_handler_does_not_stop_the_others(self, hub: Hub) -> None:
        def dawdle(_: Transaction, __: Sequence[Message]) -> None:
            time.sleep(0.02)

        async def scenario() -> None:
            async with hub.running(noting("slow", batch=1, before=dawdle), noting("quick", STOCK)):
                await hub.emit(numbered(ORDERS, 40))
                for number in range(10):
                    await hub.emit(numbered(STOCK, 1, start=number))
                await until(lambda: handled(hub, "quick") >= 10)
                assert handled(hub, "slow") < 40
                await until(lambda: handled(hub, "slow") >= 40)

        asyncio.run(scenario())

    def test_stop_and_resume_lose_and_repeat_nothing(self, hub: Hub) -> None:
        messages = numbered(ORDERS, 400)

        def take_time(_: Transaction, __: Sequence[Message]) -> None:
            time.sleep(0.005)

        async def scenario() -> None:
            await hub.emit(messages)
            for wanted in (1, 100, 250, 400):
                async with hub.running(noting("one", batch=10, before=take_time)):
                    await until(lambda wanted=wanted: handled(hub, "one") >= wanted)  # type: ignore[misc]

        asyncio.run(scenario())
        assert noted(hub.database, "one") == by_key(messages)

    def test_a_full_topic_holds_its_source_back_and_lets_it_go_on(self, hub: Hub) -> None:
        may_run = threading.Event()

        def wait(_: Transaction, __: Sequence[Message]) -> None:
            may_run.wait(_WAIT_SECONDS)

        async def scenario() -> None:
            async with hub.running(noting("one", before=wait), backlog_messages=50) as runtime:
                await runtime.room(ORDERS)
                await hub.emit(numbered(ORDERS, 200))
                await until(lambda: runtime.is_full(ORDERS))
                assert not runtime.is_full(STOCK)
                source = asyncio.create_task(runtime.room(ORDERS))
                await asyncio.sleep(0.1)
                assert not source.done()
                may_run.set()
                await asyncio.wait_for(source, _WAIT_SECONDS)
                await until(lambda: handled(hub, "one") >= 200)

        asyncio.run(scenario())

    def test_two_runtimes_share_the_work_and_do_it_once(self, hub: Hub) -> None:
        messages = numbered(ORDERS, 300)

        def take_time(_: Transaction, __: Sequence[Message]) -> None:
            time.sleep(0.003)

        def processor() -> Processor:
            return noting("one", batch=10, before=take_time)

        async def scenario() -> None:
            async with hub.running(processor()):
                await hub.emit(messages[:100])
                async with hub.running(processor()):
                    await hub.emit(messages[100:200])
                    await until(lambda: handled(hub, "one") >= 150)
                await hub.emit(messages[200:])
                await until(lambda: handled(hub, "one") >= 300)

        asyncio.run(scenario())
        assert noted(hub.database, "one") == by_key(messages)

    def test_a_timer_runs_in_one_of_two_runtimes_at_a_time(self, hub: Hub) -> None:
        instants: list[datetime] = []
        timer = Timer("tick", 0.2, lambda transaction: instants.append(transaction.now))

        async def scenario() -> None:
            async with hub.running(noting("one"), timers=[timer]), hub.running(noting("one"), timers=[timer]):
                await until(lambda: len(instants) >= 8)

        asyncio.run(scenario())
        turns = sorted(instants)
        assert min(later - earlier for earlier, later in pairwise(turns)) >= timedelta(seconds=0.2)

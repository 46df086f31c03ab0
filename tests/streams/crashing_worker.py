"""A worker that a test kills at any moment.

``embedded`` is the embedded runtime, ``kafka`` the other one. ``redelivering`` acknowledges like a broker's consumer,
after the commit and apart from it, so a kill in between delivers a batch again; without the inbox these duplicates
must show, or the test could not fail.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing.connection import Connection

from sqlalchemy import Connection as DatabaseConnection

from crossdock.sdk.clock import SystemClock
from crossdock.store import log
from crossdock.store.engine import open_database
from crossdock.streams.batch import handle_batch
from crossdock.streams.embedded import EmbeddedRuntime, EmbeddedSettings
from crossdock.streams.kafka.runtime import KafkaRuntime
from crossdock.streams.kafka.settings import KafkaSettings
from crossdock.streams.processor import Message, Processor, Transaction
from crossdock.streams.topics import EVENTS, ORDERS
from crossdock.streams.transaction import Transactions, message_of
from tests.streams.effects import note, numbered

MESSAGES = 2400
_CHUNK = 40


def messages() -> list[Message]:
    return numbered(ORDERS, MESSAGES, keys=13)


at_work: list[Connection] = []
"""Whom to tell, once, that the first batch is in hand."""


def tell() -> None:
    while at_work:
        at_work.pop().send("at work")


def route(transaction: Transaction, batch: Sequence[Message]) -> None:
    tell()
    note(transaction, "route", batch)
    time.sleep(0.002)
    transaction.emit(*(Message(f"{each.id}-event", EVENTS, each.key, each.body) for each in batch))


def track(transaction: Transaction, batch: Sequence[Message]) -> None:
    tell()
    note(transaction, "track", batch)


PROCESSORS = (Processor("route", ORDERS, route, batch=16), Processor("track", EVENTS, track, batch=16))


async def ingest(transactions: Transactions) -> None:
    """Send all messages, small commits while the processors run; what an earlier life has sent is dropped."""
    everything = messages()
    for start in range(0, MESSAGES, _CHUNK):
        chunk = everything[start : start + _CHUNK]
        await transactions.write(lambda transaction, chunk=chunk: transaction.emit(*chunk))  # type: ignore[misc]


async def embedded(transactions: Transactions) -> None:
    runtime = EmbeddedRuntime(transactions, PROCESSORS, settings=EmbeddedSettings(idle_seconds=0.1))
    stop = asyncio.Event()
    task = asyncio.create_task(runtime.run(stop))
    await ingest(transactions)
    while any((await runtime.backlog()).values()):  # noqa: ASYNC110 - two processors, no common event
        await asyncio.sleep(0.05)
    stop.set()
    await task


async def on_kafka(transactions: Transactions, kafka: KafkaSettings) -> None:
    """A worker whose partitions wait for it, so that it need not wait for them."""
    owner = kafka.instance or "worker"
    runtime = KafkaRuntime(transactions, PROCESSORS, kafka=replace(kafka, instance=owner), owner=owner)
    stop = asyncio.Event()
    task = asyncio.create_task(runtime.run(stop))
    await ingest(transactions)
    while any((await runtime.backlog()).values()):  # noqa: ASYNC110 - two processors, no common event
        await asyncio.sleep(0.1)
    stop.set()
    await task


async def redelivering(transactions: Transactions) -> None:
    """Take, handle, acknowledge: three steps, and a kill may fall between any two."""
    for processor in PROCESSORS:
        await consume(transactions, processor)


async def consume(transactions: Transactions, processor: Processor) -> None:
    """Handle all there is, acknowledging each batch after its commit, in another transaction."""
    database, name, topic = transactions.database, processor.name, processor.topic
    now = transactions.clock.now()
    await database.transact(lambda connection: log.create_cursor(connection, name, topic, now))

    def take(connection: DatabaseConnection) -> list[log.Logged]:
        return log.read_after(connection, topic, log.load_cursor(connection, name), 16)

    while rows := await database.read(take):
        last = rows[-1].id
        await handle_batch(transactions, processor, [message_of(row) for row in rows])
        await database.transact(partial(log.move_cursor, processor=name, to=last, now=now))


def work(url: str, mode: str, kafka: KafkaSettings | None, *, inbox: bool, told: Connection) -> None:
    """The life of a worker: it ends when everything has been handled, or by ``kill -9``."""
    if not inbox:
        log.claim = lambda connection, processor, message_ids, now: set(message_ids)
    database = open_database(url)
    transactions = Transactions(database, SystemClock())
    at_work.append(told)
    if kafka is not None:
        asyncio.run(on_kafka(transactions, kafka))
    else:
        asyncio.run({"embedded": embedded, "redelivering": redelivering}[mode](transactions))
    database.close()

"""Poll streams: asked at intervals or when a webhook rings; records and cursor are committed together."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from crossdock.sdk.connector import Cursor, Limits, Page
from crossdock.sdk.errors import BugError
from crossdock.store import leases
from crossdock.store.ingest import load_poll_cursor, save_poll_cursor
from crossdock.store.poll_cursors import poll_lease
from crossdock.store.raw import BodyStore
from crossdock.streams.edges.connections import Connection, Stream
from crossdock.streams.edges.health import Activity, StatusBoard
from crossdock.streams.edges.intake import (
    WOKEN,
    Arrival,
    BackPressure,
    Bells,
    arrival,
    keep_body,
    pause,
    take_in,
)
from crossdock.streams.processor import Transaction
from crossdock.streams.services import Service
from crossdock.streams.topics import RAW
from crossdock.streams.transaction import Transactions

__all__ = ["LEASE_SECONDS", "Surroundings", "TurnLostError", "poll_service"]

LEASE_SECONDS = 120.0
"""How long a worker that says nothing keeps its turn."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the services of the edges work with; ``owner`` names this worker in leases."""

    transactions: Transactions
    bodies: BodyStore
    board: StatusBoard
    bells: Bells
    pressure: BackPressure
    owner: str
    limits: Limits = field(default_factory=Limits)

    def owner_of(self, connection: str) -> str:
        """The name of this worker's deliverer of a connection: another's commands are not its own."""
        return f"{self.owner}/{connection}"


class TurnLostError(Exception):
    """Another worker has taken over: what this one was about to store is left to it."""


def poll_service(connection: Connection, stream: Stream, around: Surroundings) -> Service:
    """Asks for what is new in ``stream``, in one worker at a time."""
    poller = _Poller(connection, stream, around)
    return Service(f"poll {connection.name}/{stream.name}", poller.run)


class _Poller:
    def __init__(self, connection: Connection, stream: Stream, around: Surroundings) -> None:
        self._connection = connection
        self._stream = stream
        self._around = around
        self._activity = Activity(connection.name, "poll", stream.name)
        self._lease = poll_lease(connection.name, stream.name)
        self._bell = around.bells.of(connection.name, stream.name)

    async def run(self, stop: asyncio.Event) -> None:
        transactions = self._around.transactions
        clock = transactions.clock
        try:
            while not stop.is_set():
                if not await transactions.write(self._take_turn):
                    await pause(clock, min(self._stream.interval_seconds, LEASE_SECONDS / 2), stop)
                    continue
                woken = self._bell.is_set()
                self._bell.clear()
                try:
                    await self._drain(woken, stop)
                except TurnLostError:
                    continue
                except Exception as error:  # noqa: BLE001 - the board says when to ask again, and tells people
                    wait_seconds = await self._around.board.failed(self._activity, error)
                    if woken:
                        self._bell.set()
                    await pause(clock, wait_seconds, stop)
                else:
                    await pause(clock, self._stream.interval_seconds, stop, self._bell)
        finally:
            owner, lease = self._around.owner, self._lease
            await transactions.write(lambda tx: leases.release(tx.connection, lease, owner))

    def _take_turn(self, tx: Transaction) -> bool:
        return leases.take(tx.connection, self._lease, self._around.owner, tx.now, LEASE_SECONDS)

    async def _drain(self, woken: bool, stop: asyncio.Event) -> None:
        """Take page after page until there is no more."""
        name, stream = self._connection.name, self._stream.name
        stored = await self._around.transactions.database.read(lambda c: load_poll_cursor(c, name, stream))
        cursor: Cursor | None = stored.cursor if stored else None
        more = True
        while more and not stop.is_set():
            before, more = cursor, False
            async for page in self._connection.polls.poll(stream, cursor, self._around.limits):
                await self._around.pressure.room(RAW)
                new = await self._keep(page, woken)
                cursor, more = page.cursor, page.more
                await self._around.board.succeeded(self._activity, records=new, watermark=page.watermark)
                if stop.is_set():
                    return
            if more and cursor == before:
                raise BugError(f"{name}/{stream}: says that there is more, but its cursor stands still")
        await self._around.board.succeeded(self._activity)

    async def _keep(self, page: Page, woken: bool) -> int:
        """Store a page and its cursor in one transaction."""
        transactions = self._around.transactions
        received_at = transactions.clock.now()
        headers = {WOKEN: "1"} if woken else None
        arrivals: list[Arrival] = []
        for record in page.records:
            body = await keep_body(self._around.bodies, record.payload)
            arrivals.append(arrival(self._connection.name, record, body, received_at, headers=headers))

        def store(tx: Transaction) -> int:
            if not self._take_turn(tx):
                raise TurnLostError(self._lease)
            new = take_in(tx, arrivals)
            save_poll_cursor(
                tx.connection,
                self._connection.name,
                self._stream.name,
                page.cursor,
                page.watermark,
                tx.now,
            )
            return new

        return await transactions.write(store)

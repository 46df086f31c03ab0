"""Deliveries that wait at the same time are stored together: one statement, one commit, many answers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from crossdock.store import raw
from crossdock.store.raw import RawRow
from crossdock.streams.edges import metrics
from crossdock.streams.edges.health import Activity, StatusBoard
from crossdock.streams.edges.intake import Arrival
from crossdock.streams.processor import Transaction
from crossdock.streams.transaction import Transactions

__all__ = ["Gathering"]


class _Delivery(NamedTuple):
    arrivals: Sequence[Arrival]
    stored: asyncio.Future[None]


class Gathering:
    """Stores what webhooks bring.

    A write takes along whatever has arrived by the time it begins, so a burst costs few commits and a lone delivery
    waits for nobody.
    """

    def __init__(self, transactions: Transactions, board: StatusBoard) -> None:
        """Store through ``transactions``; successes are noted on ``board``."""
        self._transactions = transactions
        self._board = board
        self._waiting: deque[_Delivery] = deque()
        self._scheduled = False
        self._writes: set[asyncio.Task[None]] = set()

    async def keep(self, arrivals: Sequence[Arrival]) -> None:
        """Store records and their messages; returns when they are committed.

        Raises:
            Exception: What kept these records, and not their neighbours, from being stored.
        """
        delivery = _Delivery(arrivals, asyncio.get_running_loop().create_future())
        self._waiting.append(delivery)
        if not self._scheduled:
            self._scheduled = True
            task = asyncio.create_task(self._write())
            self._writes.add(task)
            task.add_done_callback(self._writes.discard)
        await delivery.stored

    async def _write(self) -> None:
        taken: list[_Delivery] = []

        def store_all(tx: Transaction) -> dict[tuple[str, str], int]:
            # In the writer's thread: what arrives from now on schedules the next write.
            self._scheduled = False
            while self._waiting:
                taken.append(self._waiting.popleft())
            return _store([arrival for delivery in taken for arrival in delivery.arrivals], tx)

        try:
            await self._note(await self._transactions.write(store_all))
        except Exception as error:  # noqa: BLE001 - whoever awaits the delivery gets it
            if not taken:
                self._scheduled = False
                taken.extend(self._waiting)
                self._waiting.clear()
            await self._apart(taken, error)
            return
        for delivery in taken:
            _answer(delivery, None)

    async def _apart(self, taken: Sequence[_Delivery], error: Exception) -> None:
        """Store each delivery by itself, so that the one that can't be stored fails alone."""
        if len(taken) == 1:
            _answer(taken[0], error)
            return
        for delivery in taken:
            try:
                await self._note(await self._transactions.write(partial(_store, delivery.arrivals)))
            except Exception as own:  # noqa: BLE001 - whoever awaits the delivery gets it
                _answer(delivery, own)
            else:
                _answer(delivery, None)

    async def _note(self, new: dict[tuple[str, str], int]) -> None:
        for (connection, stream), count in new.items():
            await self._board.succeeded(Activity(connection, "receive", stream), records=count)


def _answer(delivery: _Delivery, error: Exception | None) -> None:
    """Let whoever waits for ``delivery`` go on, if it still waits."""
    if delivery.stored.done():
        return
    if error is None:
        delivery.stored.set_result(None)
    else:
        delivery.stored.set_exception(error)


def _store(arrivals: Sequence[Arrival], tx: Transaction) -> dict[tuple[str, str], int]:
    """Store records and their messages; returns how many records of each connection and stream were new."""
    rows: dict[tuple[str, str], list[RawRow]] = {}
    for arrival in arrivals:
        rows.setdefault((arrival.row.connection, arrival.row.stream), []).append(arrival.row)
    new = {}
    for key, of_stream in rows.items():
        new[key] = raw.store(tx.connection, of_stream)
        metrics.RECORDS_IN.labels(*key).inc(new[key])
    tx.emit(*(arrival.message for arrival in arrivals if arrival.message is not None))
    return new

"""The service that deletes what nobody needs any more: rows, and the large bodies that no raw record names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import structlog

from crossdock.store.leases import wait_for_turn
from crossdock.store.raw import BodyStore, named_paths
from crossdock.store.retention import Expiry, Retention, delete_rows, expired_keys, expiries
from crossdock.streams.edges.intake import pause
from crossdock.streams.processor import Transaction
from crossdock.streams.services import Service
from crossdock.streams.transaction import Transactions

__all__ = ["Pruner", "pruning_service"]

T = TypeVar("T")

_INTERVAL_SECONDS = 3600.0
_ROWS_READ = 50_000
_ROWS_DELETED = 500
"""At once: a webhook that has to commit waits for one such deletion at most."""
_PATHS = 500
_BODY_AGE = timedelta(days=1)
"""A younger body may belong to a raw record that is about to be committed."""


def pruning_service(
    transactions: Transactions, bodies: BodyStore, retention: Retention, owner: str
) -> Service:
    """Prune once an hour, in one process of the cluster."""
    pruner = Pruner(transactions, bodies, retention)

    async def run(stop: asyncio.Event) -> None:
        def turn(tx: Transaction) -> float:
            return wait_for_turn(tx.connection, "prune", owner, tx.now, _INTERVAL_SECONDS)

        while not stop.is_set():
            wait_seconds = await transactions.write(turn)
            if not wait_seconds:
                await pruner.prune(stop)
            await pause(transactions.clock, wait_seconds or _INTERVAL_SECONDS, stop)

    return Service("prune", run)


@dataclass(frozen=True, slots=True)
class Pruner:
    """Deletes what ``retention`` lets go."""

    transactions: Transactions
    bodies: BodyStore
    retention: Retention
    body_age: timedelta = _BODY_AGE

    async def prune(self, stop: asyncio.Event | None = None) -> dict[str, int]:
        """Delete everything that may go; returns how many rows, by table, and how many ``bodies``."""
        halted = stop or asyncio.Event()
        now = self.transactions.clock.now()
        deleted = {
            expiry.table.name: await self._rows(expiry, halted) for expiry in expiries(self.retention, now)
        }
        deleted["bodies"] = await self._bodies(halted)
        if any(deleted.values()):
            structlog.get_logger(__name__).info("pruned", **deleted)
        return deleted

    async def _rows(self, expiry: Expiry, stop: asyncio.Event) -> int:
        """Search on a snapshot, which keeps nobody waiting; delete in short transactions."""
        database = self.transactions.database
        count = 0
        while not stop.is_set():
            keys = await database.read(lambda c: expired_keys(c, expiry, _ROWS_READ))
            for some in _cut(keys, _ROWS_DELETED):
                if stop.is_set():
                    break
                count += await database.transact(lambda c, some=some: delete_rows(c, expiry, some))  # type: ignore[misc]
            if len(keys) < _ROWS_READ:
                break
        return count

    async def _bodies(self, stop: asyncio.Event) -> int:
        """Bodies whose raw records have been pruned, and those that a crash has left without one."""
        count = 0
        old = await asyncio.to_thread(self.bodies.older_than, self.body_age)
        for some in _cut(old, _PATHS):
            if stop.is_set():
                break
            named = await self.transactions.database.read(lambda c, some=some: named_paths(c, some))  # type: ignore[misc]
            orphans = [path for path in some if path not in named]
            count += await asyncio.to_thread(self.bodies.delete_old, orphans, self.body_age)
        return count


def _cut(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]

"""The relay: publishes the message log in its order, in one worker at a time, right after the commits.

Any worker may relay; a lease says which one does. Its cursor moves once brokers have what is before it. A relay that
has lost its turn without knowing (paused, cut off) does no harm: whoever relays begins where everything before is
published and goes on in order, so the first time that a message comes to a partition it comes in order, and every
further time its id is known.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from crossdock.store import leases, log, relaying
from crossdock.store.log import Logged
from crossdock.store.relaying import RELAY
from crossdock.streams import metrics
from crossdock.streams.batch import Backoff
from crossdock.streams.edges.intake import pause
from crossdock.streams.kafka.publishing import Publisher
from crossdock.streams.kafka.settings import KafkaSettings
from crossdock.streams.processor import Transaction
from crossdock.streams.services import Service
from crossdock.streams.transaction import Transactions

__all__ = ["LEASE", "LEASE_SECONDS", "relay_service"]

LEASE = "relay"
LEASE_SECONDS = 5.0
"""How long a relay that says nothing keeps its turn."""
_LIMIT = 2000
_LOOK_SECONDS = 0.02
"""How often the log is looked at for what other processes have committed; own commits are heard of at once."""


def relay_service(
    transactions: Transactions, settings: KafkaSettings, owner: str, backoff: Backoff
) -> Service:
    """Publishes the log while it is this process's turn."""
    return Service("relay", _Relay(transactions, settings, owner, backoff).run)


class _TurnLostError(Exception):
    """Another worker relays now."""


class _Relay:
    def __init__(
        self, transactions: Transactions, settings: KafkaSettings, owner: str, backoff: Backoff
    ) -> None:
        self._transactions = transactions
        self._clock = transactions.clock
        self._settings = settings
        self._owner = owner
        self._backoff = backoff
        self._log = structlog.get_logger(__name__)
        self._news = asyncio.Event()
        transactions.listen(lambda _: self._news.set())

    async def run(self, stop: asyncio.Event) -> None:
        """Relay whenever it is this process's turn."""
        failures = 0
        while not stop.is_set():
            wait_seconds = LEASE_SECONDS / 4
            try:
                position = await self._transactions.write(self._begin)
                if position is not None:
                    failures = 0
                    await self._relay(position, stop)
            except _TurnLostError:
                self._log.warning("another worker relays now")
            except Exception as error:  # noqa: BLE001 - logged and repeated for ever: the brokers come back
                failures += 1
                wait_seconds = self._backoff.seconds(failures)
                metrics.RELAY_FAILURES.inc()
                self._log.warning("relay can't go on", wait_seconds=wait_seconds, error=repr(error))
            await pause(self._clock, wait_seconds, stop)

    def _begin(self, tx: Transaction) -> int | None:
        """Take the turn; returns how far the log is published, or ``None`` while another worker relays."""
        if not leases.take(tx.connection, LEASE, self._owner, tx.now, LEASE_SECONDS):
            return None
        relaying.create_relay_cursor(tx.connection, tx.now)
        return log.load_cursor(tx.connection, RELAY)

    async def _relay(self, position: int, stop: asyncio.Event) -> None:
        """Publish what comes after ``position`` until ``stop``; then give the turn to another worker."""
        async with Publisher(self._settings) as publisher:
            self._log.info("relaying", after=position)
            kept_at = self._clock.now()
            while not stop.is_set():
                self._news.clear()
                rows = await self._read(position)
                if rows:
                    await publisher.publish(rows)
                    position = rows[-1].id
                    metrics.RELAYED.inc(len(rows))
                if rows or self._clock.now() - kept_at > timedelta(seconds=LEASE_SECONDS / 4):
                    await self._keep(position)
                    kept_at = self._clock.now()
                if len(rows) < _LIMIT:
                    await pause(self._clock, _LOOK_SECONDS, stop, self._news)
        await self._transactions.write(lambda tx: leases.release(tx.connection, LEASE, self._owner))

    async def _read(self, position: int) -> list[Logged]:
        return await self._transactions.database.read(
            lambda connection: relaying.read_log(connection, position, _LIMIT)
        )

    async def _keep(self, position: int) -> None:
        """Remember how far the log is published, and keep the turn."""

        def keep(tx: Transaction) -> None:
            if not leases.take(tx.connection, LEASE, self._owner, tx.now, LEASE_SECONDS):
                raise _TurnLostError
            log.move_cursor(tx.connection, RELAY, position, tx.now)

        await self._transactions.write(keep)

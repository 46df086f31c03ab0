"""Topics at rest, so that they can be given partitions: keys move, and nothing of them may be under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

from sqlalchemy import Connection

from crossdock.errors import UnreachableError
from crossdock.sdk.clock import SystemClock
from crossdock.store import leases, log, relaying
from crossdock.store.engine import Database
from crossdock.streams.kafka.relay import LEASE, LEASE_SECONDS

__all__ = ["quiet_topics"]

_OWNER = "crossdock topics apply"
_LOOK_SECONDS = 0.25


@asynccontextmanager
async def quiet_topics(
    database: Database, topics: Collection[str], wait_seconds: float
) -> AsyncIterator[None]:
    """Stop the relay, and wait until what it has published on ``topics`` is handled; it goes on afterwards.

    Raises:
        UnreachableError: It is not handled within ``wait_seconds``.
    """
    clock = SystemClock()

    def hold(connection: Connection) -> None:
        leases.seize(connection, LEASE, _OWNER, clock.now(), wait_seconds + LEASE_SECONDS)

    def let_go(connection: Connection) -> None:
        leases.release(connection, LEASE, _OWNER)

    await database.write(hold)
    try:
        # By then the relay has found that it has lost its turn.
        await asyncio.sleep(LEASE_SECONDS)
        deadline = time.monotonic() + wait_seconds
        while waiting := await database.read(lambda connection: _behind(connection, topics)):
            if time.monotonic() > deadline:
                raise UnreachableError(
                    f"{', '.join(waiting)}: not all messages were handled within {wait_seconds:g} s, so no partitions "
                    "were added: do workers run? `crossdock status` shows what waits"
                )
            await asyncio.sleep(_LOOK_SECONDS)
        yield
    finally:
        await database.write(let_go)


def _behind(connection: Connection, topics: Collection[str]) -> list[str]:
    """The processors of ``topics`` that have not handled everything that is published."""
    return log.behind(connection, topics, log.load_cursor(connection, relaying.RELAY))

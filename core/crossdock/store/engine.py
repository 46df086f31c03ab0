"""The database behind one small interface: transactions off the event loop, on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import select
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.engine import URL

from crossdock.errors import MisconfiguredError
from crossdock.store.arrays import register_arrays
from crossdock.store.writer import Writer

__all__ = ["Database", "checked_url", "create_store_engine", "open_database"]

T = TypeVar("T")
Work = Callable[[Connection], T]

_WRITER_KIBIBYTES = 65_536
_READER_KIBIBYTES = 8_192
"""Of its own page cache; readers go along the log, and the system's cache holds what they read anew."""
_BUSY_SECONDS = 30.0
"""How long a writer of another process (the command line) may hold the SQLite file."""
_OPTIONS = (
    "-c timezone=UTC -c client_encoding=UTF8 -c application_name=crossdock "
    # A process that stands still in the middle of a batch does not hold up the others for longer.
    "-c idle_in_transaction_session_timeout=30s"
)


class Database:
    """Runs work in transactions on threads; the event loop only awaits.

    * ``write``: small work of the edges (a webhook's record, an outcome, a cursor). What queues up shares one commit.
    * ``transact``: a transaction of its own (a processor's batch).
    * ``read``: a consistent snapshot that never waits for writers, on another connection.

    SQLite has one writing thread for all of it; PostgreSQL runs ``transact`` on a pool.
    Each is done, committed, when it returns; the work's exception comes out as it was raised, with everything undone.
    """

    def __init__(self, engine: Engine, readers: Engine, *, threads: int) -> None:
        """Use ``open_database``."""
        self.engine = engine
        self._readers = readers
        self._writer = Writer(engine)
        self._read_threads = ThreadPoolExecutor(threads, "crossdock-reader")
        self._transaction_threads = (
            None if engine.dialect.name == "sqlite" else ThreadPoolExecutor(threads, "crossdock-transaction")
        )

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return self.engine.dialect.name

    async def write(self, work: Work[T]) -> T:
        """Run small ``work``, sharing the commit with other small work that waits at the same time."""
        return await asyncio.wrap_future(self._writer.submit(work, shared=True))

    async def transact(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction of its own."""
        return await asyncio.wrap_future(self._submit_exclusive(work))

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` that only reads, on one snapshot."""
        return await asyncio.wrap_future(self._read_threads.submit(_in_transaction, self._readers, work))

    def transact_now(self, work: Work[T]) -> T:
        """``transact`` for callers without an event loop: the command line, tests."""
        return self._submit_exclusive(work).result()

    def read_now(self, work: Work[T]) -> T:
        """``read`` for callers without an event loop."""
        return _in_transaction(self._readers, work)

    def close(self) -> None:
        """Finish what is queued and close every connection."""
        self._writer.close()
        if self._transaction_threads is not None:
            self._transaction_threads.shutdown()
        self._read_threads.shutdown()
        self._readers.dispose()
        self.engine.dispose()

    def _submit_exclusive(self, work: Work[T]) -> Future[T]:
        if self._transaction_threads is None:
            return self._writer.submit(work, shared=False)
        return self._transaction_threads.submit(_in_transaction, self.engine, work)


def open_database(url: str, *, threads: int = 4) -> Database:
    """Open the database at ``url``; its schema is made by ``crossdock.store.migrations.migrate``.

    Args:
        url: ``sqlite:///path/to/file`` or ``postgresql://user@host/name``.
        threads: On PostgreSQL, readers and transactions at the same time. SQLite has one reader: its driver lets go of
            the interpreter at every row, and threads that hand it to and fro get less done than one of them alone
            (with two, promises took 1.7 times the processor time).

    Raises:
        MisconfiguredError: The URL is none of the two.
    """
    engine = create_store_engine(url, connections=threads + 1)
    if engine.dialect.name == "postgresql":
        return Database(engine, engine, threads=threads)
    return Database(
        engine, _create_sqlite_engine(engine.url, connections=threads, reads_only=True), threads=1
    )


def checked_url(url: str) -> URL:
    """The parts of ``url``, without asking the database.

    Raises:
        MisconfiguredError: It is none of SQLite with a file, or PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        # Without the URL itself: it may hold a password.
        raise MisconfiguredError(
            "hub.database is no database URL: write sqlite:///path/to/file or postgresql://user@host/name",
            path="hub.database",
        ) from error
    name = parsed.get_backend_name()
    if name not in ("sqlite", "postgresql"):
        raise MisconfiguredError(
            f"the store runs on sqlite:///… or postgresql://…, not on {name}", path="hub.database"
        )
    if name == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise MisconfiguredError(
            f"{url}: the store needs a file, such as sqlite:///var/crossdock.sqlite", path="hub.database"
        )
    return parsed


def create_store_engine(url: str, *, connections: int = 5) -> Engine:
    """An engine set up as the store needs it: durable commits, UTC, ``BEGIN IMMEDIATE`` on SQLite."""
    parsed = checked_url(url)
    if parsed.get_backend_name() == "sqlite":
        Path(str(parsed.database)).parent.mkdir(parents=True, exist_ok=True)
        return _create_sqlite_engine(parsed, connections=connections, reads_only=False)
    engine = create_engine(
        parsed.set(drivername="postgresql+psycopg"),
        pool_size=connections * 2,
        max_overflow=0,
        connect_args={"options": _OPTIONS},
    )
    event.listen(engine, "connect", lambda connection, _: register_arrays(connection))
    _drop_dead_connections(engine)
    return engine


def _drop_dead_connections(engine: Engine) -> None:
    """See before each use whether the server has hung up: a look at the socket, where a ping would be a round trip."""

    @event.listens_for(engine, "checkout")
    def _look(connection: Any, _record: object, _proxy: object) -> None:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLIN)
        # Between two transactions a server says nothing but that it ends, and then it ends them all.
        if poll.poll(0):
            raise exc.InvalidatePoolError


def _create_sqlite_engine(url: URL, *, connections: int, reads_only: bool) -> Engine:
    engine = create_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        connect_args={"timeout": _BUSY_SECONDS, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def _set_up(connection: sqlite3.Connection, _: Any) -> None:
        # Python's own transaction control begins too late and too weakly; "begin" below does it instead.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"cache_size = -{_READER_KIBIBYTES if reads_only else _WRITER_KIBIBYTES}",
            "temp_store = MEMORY",
            "wal_autocheckpoint = 16000",  # 64 MB: a page that changes often is copied back once
            f"query_only = {'ON' if reads_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _in_transaction(engine: Engine, work: Work[T]) -> T:
    with engine.begin() as connection:
        return work(connection)

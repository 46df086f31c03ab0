"""One thread that writes: no two writers ever wait for each other, and small writes share a commit."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from crossdock.errors import UnreachableError

__all__ = ["Writer"]

T = TypeVar("T")

_GROUP_SECONDS = 0.010
"""How long a group may take before it is committed."""


class _TransactionLostError(UnreachableError):
    """The database has rolled the whole transaction back (disk full, cut off): nothing of the group is stored."""


@dataclass(slots=True)
class _Job:
    work: Callable[[Connection], Any]
    future: Future[Any] = field(default_factory=Future)


class Writer:
    """Runs work in transactions, one after the other, in a thread of its own.

    Shared work queued while the thread was busy goes into one transaction, each piece in a savepoint: one that
    raises fails
    alone. Exclusive work gets a transaction of its own. The two take turns, so neither starves the other. A future is
    resolved after the commit, never before.
    """

    def __init__(self, engine: Engine) -> None:
        """Start the thread; ``engine`` gives its only connection."""
        self._engine = engine
        self._shared: deque[_Job] = deque()
        self._exclusive: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="crossdock-writer", daemon=True)
        self._thread.start()

    def submit(self, work: Callable[[Connection], T], *, shared: bool) -> Future[T]:
        """Queue ``work``.

        Raises:
            UnreachableError: The writer is closed.
        """
        job = _Job(work)
        with self._changed:
            if self._closing:
                raise UnreachableError("the database is closed: nothing can be written any more")
            (self._shared if shared else self._exclusive).append(job)
            self._changed.notify()
        return job.future

    def close(self) -> None:
        """Finish what is queued, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._wait():
            if self._shared:
                self._run_group()
            if self._exclusive:
                self._run_alone(self._exclusive.popleft())

    def _wait(self) -> bool:
        with self._changed:
            while not (self._shared or self._exclusive):
                if self._closing:
                    return False
                self._changed.wait()
            return True

    def _run_alone(self, job: _Job) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            with self._engine.begin() as connection:
                result = job.work(connection)
        except BaseException as error:  # noqa: BLE001 - whoever awaits the future gets it
            job.future.set_exception(error)
        else:
            job.future.set_result(result)

    def _run_group(self) -> None:
        """Run shared work until the queue is empty or the time is up, then commit once."""
        started = perf_counter()
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], BaseException]] = []
        try:
            with self._engine.begin() as connection:
                while self._shared and perf_counter() - started < _GROUP_SECONDS:
                    job = self._shared.popleft()
                    if not job.future.set_running_or_notify_cancel():
                        continue
                    done.append((job.future, None))
                    try:
                        done[-1] = (job.future, _in_savepoint(connection, job.work))
                    except _TransactionLostError:
                        raise
                    except Exception as error:  # noqa: BLE001 - whoever awaits the future gets it
                        failed.append((done.pop()[0], error))
        except BaseException as error:  # noqa: BLE001 - whoever awaits the futures gets it
            for future, _ in done:
                future.set_exception(error)
        else:
            for future, result in done:
                future.set_result(result)
        for future, own_error in failed:
            future.set_exception(own_error)


def _in_savepoint(connection: Connection, work: Callable[[Connection], T]) -> T:
    """Run ``work`` so that its failure undoes only its own rows.

    Plain statements: SQLAlchemy's ``begin_nested`` costs several times as much, and this is the path of every
    webhook.
    """
    connection.exec_driver_sql("SAVEPOINT shared_write")
    try:
        result = work(connection)
    except BaseException:
        try:
            connection.exec_driver_sql("ROLLBACK TO SAVEPOINT shared_write")
        except DBAPIError as lost:
            raise _TransactionLostError(
                "the commit shared with other writes was lost: nothing was stored"
            ) from lost
        raise
    connection.exec_driver_sql("RELEASE SAVEPOINT shared_write")
    return result

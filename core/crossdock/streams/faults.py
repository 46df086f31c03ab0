"""Which faults are the world's and pass, and which are the message's and stay."""

from __future__ import annotations

import errno
import sqlite3

import psycopg
from sqlalchemy import exc

from crossdock.errors import RetryableError

__all__ = ["passes"]

_SQLITE_PASSING = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""A broken disk is not the message's fault either: better to stand still, loudly, than to give up every message."""

_SQLSTATE_CLASSES_PASSING = frozenset({"08", "40", "53", "57", "58"})
"""Connection, rollback (serialisation, deadlock), resources, operator intervention, system."""

_SQLSTATES_PASSING = frozenset({"55P03", "25006"})
"""Lock not available; read-only transaction (a standby, during a failover)."""

_ERRNOS_PASSING = frozenset(
    {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
)


def passes(error: BaseException) -> bool:
    """Whether ``error`` is a fault of the infrastructure: repeating the same work later can succeed."""
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or (error.orig is not None and _driver_error_passes(error.orig))
    if isinstance(error, (sqlite3.Error, psycopg.Error)):
        return _driver_error_passes(error)
    if isinstance(error, OSError):
        return isinstance(error, (ConnectionError, TimeoutError)) or error.errno in _ERRNOS_PASSING
    return isinstance(error, (exc.TimeoutError, RetryableError))


def _driver_error_passes(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        # Extended codes carry the primary code in their low byte.
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in _SQLITE_PASSING
    if isinstance(error, psycopg.Error):
        if error.sqlstate is None:
            return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))
        return error.sqlstate[:2] in _SQLSTATE_CLASSES_PASSING or error.sqlstate in _SQLSTATES_PASSING
    return False

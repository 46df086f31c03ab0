"""Reads the ledger in the order of its ids, and misses no row that another transaction commits late.

In PostgreSQL an id is given when a row is written, and seen when its transaction commits: a row with a smaller id may
appear after one with a larger. So a reader goes only as far as no transaction can be under way that has an id from
before. Whoever writes the ledger holds the table's ROW EXCLUSIVE lock from before its first id until its end, and
``pg_locks`` names the holders; nobody waits for anybody. (The snapshot's oldest transaction will not do: ids of rows
and of transactions are given at different times, and other databases of the server count there too.)
SQLite has one writer: what is seen is all there is.
"""

from __future__ import annotations

from sqlalchemy import Connection, func, select, text

from crossdock.store.stock_tables import ledger

__all__ = ["LedgerReader"]

_WRITERS = text(
    "SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND relation = 'ledger'::regclass"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND mode = 'RowExclusiveLock' AND pid IS DISTINCT FROM pg_backend_pid()"
)


class LedgerReader:
    """One reader of the ledger, in a transaction of level READ COMMITTED each time."""

    def __init__(self) -> None:
        """Begin without anybody to wait for."""
        self._pending: tuple[int, frozenset[str]] | None = None

    def skus_after(self, connection: Connection, position: int, limit: int) -> tuple[list[str], int]:
        """SKUs of up to ``limit`` rows after row ``position``, and the last row's id; rows that are not yet safe to
        read come with a later call.
        """
        horizon = self._horizon(connection)
        conditions = [ledger.c.id > position]
        if horizon is not None:
            conditions.append(ledger.c.id <= horizon)
        rows = (
            select(ledger.c.id, ledger.c.sku).where(*conditions).order_by(ledger.c.id).limit(limit).subquery()
        )
        found = connection.execute(select(rows.c.sku, func.max(rows.c.id)).group_by(rows.c.sku)).all()
        return sorted(row[0] for row in found), max((row[1] for row in found), default=position)

    def _horizon(self, connection: Connection) -> int | None:
        """The id up to which no row can appear any more; ``None`` where that is every id."""
        if connection.dialect.name == "sqlite":
            return None
        # In this order: who has an id up to ``newest`` has either ended or is among the writers.
        newest: int = connection.execute(select(func.coalesce(func.max(ledger.c.id), 0))).scalar_one()
        writers = frozenset(connection.execute(_WRITERS).scalars())
        if not writers:
            self._pending = None
            return newest
        settled = 0
        if self._pending is not None and self._pending[1].isdisjoint(writers):
            settled, self._pending = self._pending[0], None
        if self._pending is None:
            self._pending = newest, writers
        return settled

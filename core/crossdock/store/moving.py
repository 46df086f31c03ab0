"""Moves a hub's whole database to another server, in one transaction."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Column, Connection, Table, func, insert, select, text

from crossdock.errors import CrossdockError
from crossdock.store.plumbing import leases
from crossdock.store.schema import metadata

__all__ = ["copy_store", "rows_of"]

_TOGETHER = 1000
_LEFT_BEHIND = (leases,)
"""Who had which turn is over."""


def rows_of(connection: Connection) -> Mapping[str, int]:
    """How many rows each table has that is moved."""
    return {table.name: _count(connection, table) for table in _tables()}


def copy_store(source: Connection, target: Connection) -> Mapping[str, int]:
    """Copy every row of a SQLite database, whose schema is the same, to an empty one on PostgreSQL.

    Numbers that rows get go on where they stood. Returns how many rows each table had.

    Raises:
        CrossdockError: A table of the target has rows already, or not all have arrived.
    """
    used = [name for name, count in rows_of(target).items() if count]
    if used:
        raise CrossdockError(
            f"the database to import into is not empty: {', '.join(used)}; name an empty one"
        )
    for table in _tables():
        _copy(source, target, table)
    wanted, found = rows_of(source), rows_of(target)
    if wanted != found:
        differ = ", ".join(name for name in wanted if wanted[name] != found[name])
        raise CrossdockError(f"not every row has arrived, so nothing was imported: {differ}. Report this")
    return found


def _tables() -> list[Table]:
    return [table for table in metadata.sorted_tables if table not in _LEFT_BEHIND]


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _copy(source: Connection, target: Connection, table: Table) -> None:
    rows = source.execute(select(table)).mappings()
    while chunk := rows.fetchmany(_TOGETHER):
        target.execute(insert(table), [dict(row) for row in chunk])
    if table.autoincrement_column is not None:
        _go_on(source, target, table, table.autoincrement_column)


def _go_on(source: Connection, target: Connection, table: Table, column: Column[int]) -> None:
    """Let the numbers of new rows begin after every one that there ever was: pruned ones are not given again."""
    known = source.execute(text("SELECT seq FROM sqlite_sequence WHERE name = :table"), {"table": table.name})
    highest = source.execute(select(func.max(column))).scalar_one()
    last = max(known.scalar_one_or_none() or 0, highest or 0)
    if last:
        target.execute(select(func.setval(func.pg_get_serial_sequence(table.name, column.name), last)))

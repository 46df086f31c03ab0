"""Set-based statements, compiled once a dialect: many rows cost one call.

SQLite gets the driver's ``executemany`` with plain tuples, PostgreSQL one statement over ``unnest`` of one
array a column.
Neither pays SQLAlchemy's price for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    FromClause,
    Table,
    Text,
    and_,
    bindparam,
    column,
    func,
    select,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Update
from sqlalchemy.types import TypeEngine

from crossdock.store.metadata import encode_json

__all__ = ["InsertMany", "Row", "UpdateMany", "values_table"]

Row = tuple[Any, ...]
Types = Mapping[str, TypeEngine[Any]]
_Processor = Callable[[Any], Any]


Assignments = Callable[[Any], Mapping[str, ColumnElement[Any]]]


class InsertMany:
    """``INSERT`` of rows given as tuples in the order of ``columns``.

    Args:
        table: Where to.
        columns: The columns each row gives, in this order.
        ignore: Drop rows that break a unique constraint, also among the rows themselves.
        conflict: The columns of the unique constraint for ``update``.
        update: What to set in the row already there; gets the incoming row:
            ``lambda new: {"on_hand": balances.c.on_hand + new.on_hand}``. Literals must be
            ``sqlalchemy.literal_column``.
    """

    def __init__(
        self,
        table: Table,
        columns: Sequence[str],
        *,
        ignore: bool = False,
        conflict: Sequence[str] = (),
        update: Assignments | None = None,
    ) -> None:
        """Keep what to compile on first use."""
        self._table = table
        self._columns = tuple(columns)
        self._ignore = ignore
        self._conflict = tuple(conflict)
        self._update = update
        self._sqlite: _ExecuteMany | None = None
        self._postgresql: Any = None

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Insert ``rows``; returns how many were inserted or updated."""
        if not rows:
            return 0
        if connection.dialect.name == "sqlite":
            if self._sqlite is None:
                self._sqlite = self._for_sqlite(connection.dialect)
            return self._sqlite(connection, rows)
        if self._postgresql is None:
            self._postgresql = self._for_postgresql()
        arrays = dict(zip(self._columns, map(list, zip(*rows, strict=True)), strict=True))
        inserted = connection.execute(self._postgresql, arrays, execution_options={"preserve_rowcount": True})
        return int(inserted.rowcount)

    def _for_sqlite(self, dialect: Dialect) -> _ExecuteMany:
        insert = sqlite.insert(self._table)
        if self._ignore:
            insert = insert.on_conflict_do_nothing()
        if self._update is not None:
            insert = insert.on_conflict_do_update(
                index_elements=list(self._conflict), set_=dict(self._update(insert.excluded))
            )
        compiled = insert.compile(dialect=dialect, column_keys=list(self._columns))
        types = {name: self._table.c[name].type for name in self._columns}
        return _ExecuteMany(compiled, types, dialect)

    def _for_postgresql(self) -> Any:
        types = {name: self._table.c[name].type for name in self._columns}
        insert = postgresql.insert(self._table).from_select(
            list(self._columns), select(_unnest(types)), include_defaults=False
        )
        if self._ignore:
            insert = insert.on_conflict_do_nothing()
        if self._update is not None:
            insert = insert.on_conflict_do_update(
                index_elements=list(self._conflict), set_=dict(self._update(insert.excluded))
            )
        return insert


class UpdateMany:
    """``UPDATE`` of many rows by key, each with its own values.

    Args:
        table: Where.
        key: The columns that name the row; the first values of each tuple.
        values: The further values of each tuple, by name and type.
        assign: What to set; gets the incoming row: ``lambda new: {"on_hand": balances.c.on_hand + new.delta}``.
        where: A further condition on the row, such as the state it must be in.
    """

    def __init__(
        self,
        table: Table,
        key: Sequence[str],
        values: Types,
        assign: Assignments,
        *,
        where: Callable[[Any], ColumnElement[bool]] | None = None,
    ) -> None:
        """Keep what to compile on first use."""
        self._table = table
        self._key = tuple(key)
        self._types: dict[str, TypeEngine[Any]] = {f"key_{name}": table.c[name].type for name in key}
        self._types.update({f"new_{name}": kind for name, kind in values.items()})
        self._assign = assign
        self._where = where
        self._sqlite: _ExecuteMany | None = None
        self._postgresql: Update | None = None

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Update by ``rows`` of key and values; returns how many rows were updated."""
        if not rows:
            return 0
        if connection.dialect.name == "sqlite":
            if self._sqlite is None:
                binds = {name: bindparam(name, type_=kind) for name, kind in self._types.items()}
                compiled = self._statement(binds).compile(dialect=connection.dialect)
                self._sqlite = _ExecuteMany(compiled, self._types, connection.dialect)
            return self._sqlite(connection, rows)
        if self._postgresql is None:
            self._postgresql = self._statement(dict(_unnest(self._types).c))
        arrays = dict(zip(self._types, map(list, zip(*rows, strict=True)), strict=True))
        return int(connection.execute(self._postgresql, arrays).rowcount)

    def _statement(self, incoming: Mapping[str, ColumnElement[Any]]) -> Update:
        new = _Incoming(incoming)
        matches = [self._table.c[name] == incoming[f"key_{name}"] for name in self._key]
        if self._where is not None:
            matches.append(self._where(new))
        return update(self._table).where(and_(*matches)).values(dict(self._assign(new)))


def values_table(connection: Connection, types: Types, rows: Sequence[Row]) -> FromClause:
    """``rows`` as a table to join with: the way to load a whole batch in one query.

    ``keys = values_table(connection, {"sku": Text(), "node": Text()}, [("A", "DC-1"), …])``, then
    ``select(balances).join(keys, and_(balances.c.sku == keys.c.sku, balances.c.node == keys.c.node))``.
    """
    if connection.dialect.name != "sqlite":
        arrays = list(zip(*rows, strict=True)) or [()] * len(types)
        return _unnest(types, dict(zip(types, map(list, arrays), strict=True)))
    processed = _processed(rows, types, connection.dialect)
    each = func.json_each(bindparam(None, encode_json(processed), type_=Text())).table_valued("value")
    columns = [
        type_coerce(func.json_extract(each.c.value, f"$[{index}]"), kind).label(name)
        for index, (name, kind) in enumerate(types.items())
    ]
    return select(*columns).select_from(each).subquery()


class _Incoming:
    """The incoming row of ``UpdateMany`` as attributes."""

    def __init__(self, columns: Mapping[str, ColumnElement[Any]]) -> None:
        self._columns = columns

    def __getattr__(self, name: str) -> ColumnElement[Any]:
        return self._columns[f"new_{name}"]


class _ExecuteMany:
    """A compiled statement with positional parameters, run by the driver's ``executemany``."""

    def __init__(self, compiled: Any, types: Types, dialect: Dialect) -> None:
        self._sql = str(compiled)
        self._types = types
        self._dialect = dialect
        names = list(types)
        strange = set(compiled.positiontup) - set(names)
        if strange:
            raise ValueError(
                f"literals in a set-based statement must be literal_column: {sorted(strange)}\n{compiled}"
            )
        order = [names.index(name) for name in compiled.positiontup]
        self._arrange = None if order == list(range(len(names))) else itemgetter(*order)

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        ready = _processed(rows, self._types, self._dialect)
        if self._arrange is not None:
            ready = [self._arrange(row) for row in ready]
        return int(connection.exec_driver_sql(self._sql, ready).rowcount)


def _unnest(types: Types, values: Mapping[str, Sequence[Any]] | None = None) -> FromClause:
    arrays = [
        bindparam(
            name if values is None else None,
            None if values is None else values[name],
            type_=postgresql.ARRAY(kind, dimensions=1),
        )
        for name, kind in types.items()
    ]
    return (
        func.unnest(*arrays)
        .table_valued(*(column(name, kind) for name, kind in types.items()))
        .render_derived()
    )


def _processed(rows: Sequence[Row], types: Types, dialect: Dialect) -> list[Row]:
    """The rows with each column's bind processor applied, a column at a time: most columns need none."""
    processors: list[_Processor | None] = [
        kind.dialect_impl(dialect).bind_processor(dialect) for kind in types.values()
    ]
    if not any(processors):
        return list(rows)
    columns: list[Any] = list(zip(*rows, strict=True))
    for index, processor in enumerate(processors):
        if processor is not None:
            columns[index] = _mapped(processor, columns[index])
    return list(zip(*columns, strict=True))


def _mapped(processor: _Processor, values: Sequence[Any]) -> Iterable[Any]:
    """The processed values; one object in all rows, such as the transaction's instant, is processed once."""
    first = values[0]
    if all(value is first for value in values):
        return repeat(processor(first), len(values))
    return map(processor, values)

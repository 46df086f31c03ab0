"""Set-based statements, built once a dialect: many rows cost one call.

SQLite gets the driver's ``executemany`` with plain tuples, PostgreSQL one statement over ``unnest`` of one
array a column. Neither pays SQLAlchemy's price for each row, nor that of building a statement for each call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import itemgetter
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    CursorResult,
    Dialect,
    Executable,
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

__all__ = ["InsertMany", "Row", "SelectMany", "UpdateMany"]

Row = tuple[Any, ...]
Types = Mapping[str, TypeEngine[Any]]
Assignments = Callable[[Any], Mapping[str, ColumnElement[Any]]]
_Processor = Callable[[Any], Any]


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
        self._types = {name: table.c[name].type for name in columns}
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
        inserted = connection.execute(
            self._postgresql, _arrays(self._types, rows), execution_options={"preserve_rowcount": True}
        )
        return int(inserted.rowcount)

    def _for_sqlite(self, dialect: Dialect) -> _ExecuteMany:
        insert = self._resolved(sqlite.insert(self._table))
        compiled = insert.compile(dialect=dialect, column_keys=list(self._types))
        return _ExecuteMany(compiled, self._types, dialect)

    def _for_postgresql(self) -> Any:
        return self._resolved(
            postgresql.insert(self._table).from_select(
                list(self._types), select(_unnest(self._types)), include_defaults=False
            )
        )

    def _resolved(self, insert: Any) -> Any:
        """``insert`` with what to do about rows that are there already."""
        if self._ignore:
            return insert.on_conflict_do_nothing()
        if self._update is not None:
            changes = dict(self._update(insert.excluded))
            return insert.on_conflict_do_update(index_elements=list(self._conflict), set_=changes)
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
        return int(connection.execute(self._postgresql, _arrays(self._types, rows)).rowcount)

    def _statement(self, incoming: Mapping[str, ColumnElement[Any]]) -> Update:
        new = _Incoming(incoming)
        matches = [self._table.c[name] == incoming[f"key_{name}"] for name in self._key]
        if self._where is not None:
            matches.append(self._where(new))
        return update(self._table).where(and_(*matches)).values(dict(self._assign(new)))


class SelectMany:
    """A query over rows given as tuples, as a table to join with: the way to load a whole batch at once.

    ``SelectMany({"sku": Text()}, lambda wanted: select(balances).join(wanted, balances.c.sku == wanted.c.sku))``

    Args:
        types: Name and type of the columns of the incoming rows.
        build: Makes the statement from the incoming table. Further parameters are ``bindparam`` in it, and keywords
            of the call; ``connection.dialect`` is not known here: write what both databases understand.
    """

    def __init__(self, types: Types, build: Callable[[FromClause], Executable]) -> None:
        """Keep what to build on first use."""
        self._types = types
        self._build = build
        self._processors: list[_Processor | None] = []
        self._sqlite: Executable | None = None
        self._postgresql: Executable | None = None

    def __call__(self, connection: Connection, rows: Sequence[Row], **parameters: object) -> Sequence[Any]:
        """What is found for ``rows``; nothing for none."""
        return self.run(connection, rows, **parameters).all() if rows else ()

    def run(self, connection: Connection, rows: Sequence[Row], **parameters: object) -> CursorResult[Any]:
        """Run the statement; ``rows`` must not be empty."""
        if connection.dialect.name == "sqlite":
            if self._sqlite is None:
                self._processors = _processors(self._types, connection.dialect)
                self._sqlite = self._build(_json_table(self._types))
            incoming = encode_json(_processed(rows, self._processors))
            return connection.execute(self._sqlite, {"incoming": incoming, **parameters})
        if self._postgresql is None:
            self._postgresql = self._build(_unnest(self._types))
        return connection.execute(self._postgresql, {**_arrays(self._types, rows), **parameters})


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
        self._processors = _processors(types, dialect)
        names = list(types)
        strange = set(compiled.positiontup) - set(names)
        if strange:
            raise ValueError(
                f"literals in a set-based statement must be literal_column: {sorted(strange)}\n{compiled}"
            )
        order = [names.index(name) for name in compiled.positiontup]
        self._arrange = None if order == list(range(len(names))) else itemgetter(*order)

    def __call__(self, connection: Connection, rows: Sequence[Row]) -> int:
        ready = _processed(rows, self._processors)
        if self._arrange is not None:
            ready = [self._arrange(row) for row in ready]
        return int(connection.exec_driver_sql(self._sql, ready).rowcount)


def _json_table(types: Types) -> FromClause:
    """The rows of the parameter ``incoming``, a JSON array of arrays, as a table."""
    each = func.json_each(bindparam("incoming", type_=Text())).table_valued("value")
    columns = [
        type_coerce(func.json_extract(each.c.value, f"$[{index}]"), kind).label(name)
        for index, (name, kind) in enumerate(types.items())
    ]
    return select(*columns).select_from(each).subquery()


def _unnest(types: Types) -> FromClause:
    """The rows of one array parameter a column as a table."""
    arrays = [bindparam(name, type_=postgresql.ARRAY(kind, dimensions=1)) for name, kind in types.items()]
    return (
        func.unnest(*arrays)
        .table_valued(*(column(name, kind) for name, kind in types.items()))
        .render_derived()
    )


def _arrays(types: Types, rows: Sequence[Row]) -> dict[str, list[Any]]:
    return dict(zip(types, map(list, zip(*rows, strict=True)), strict=True))


def _processors(types: Types, dialect: Dialect) -> list[_Processor | None]:
    found: list[_Processor | None] = [
        kind.dialect_impl(dialect).bind_processor(dialect) for kind in types.values()
    ]
    return found if any(found) else []


def _processed(rows: Sequence[Row], processors: Sequence[_Processor | None]) -> list[Row]:
    """The rows with each column's bind processor applied, a column at a time: most columns need none."""
    if not processors:
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

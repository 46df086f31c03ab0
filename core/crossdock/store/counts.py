"""A feed's counts: the new balances of many SKUs of one node, and what they differ by, in two statements.

All but the SKU and its numbers is the same in every row and bound once. SQLite takes the rest as one JSON array, in one
step that leaves the interpreter to other threads; ``executemany`` would come back to it for every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    FromClause,
    Text,
    bindparam,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

from crossdock.inventory.feeds import FeedContext
from crossdock.inventory.position import Movement, MovementKind, Position
from crossdock.store.bulk import SelectMany
from crossdock.store.metadata import Instant, RowId
from crossdock.store.stock import missing_units
from crossdock.store.stock_tables import ledger, positions

__all__ = ["book_counts"]

_COUNTED: dict[str, TypeEngine[Any]] = {"sku": Text(), "on_hand": RowId, "quarantined": RowId}
_NONE: ColumnElement[int] = literal_column("0")


def _counting(insert: Any) -> SelectMany:
    """New balances, by the ``insert`` of a dialect."""

    def build(incoming: FromClause) -> Executable:
        shared = {
            "node": bindparam("of_node", type_=Text()),
            "reserved": _NONE,
            "allocated": _NONE,
            "as_of": bindparam("at", type_=Instant()),
            "sequence": bindparam("number", type_=RowId),
            "feed_id": bindparam("feed", type_=Text()),
            "meaning": bindparam("meant", type_=Text()),
        }
        rows = select(incoming.c.sku, incoming.c.on_hand, incoming.c.quarantined, *shared.values())
        # SQLite takes ON CONFLICT for a join's ON where the SELECT has no WHERE.
        rows = rows.where(incoming.c.sku.is_not(None))
        counted = insert(positions).from_select([*_COUNTED, *shared], rows, include_defaults=False)
        new = counted.excluded
        promised = positions.c.reserved + positions.c.allocated
        statement: Executable = counted.on_conflict_do_update(
            index_elements=["sku", "node"],
            set_={
                **{
                    name: new[name]
                    for name in ("on_hand", "quarantined", "as_of", "sequence", "feed_id", "meaning")
                },
                "shortfall": missing_units(new.on_hand, new.quarantined, promised),
            },
        )
        return statement

    return SelectMany(_COUNTED, build)


def _differing(incoming: FromClause) -> Executable:
    shared = {
        "node": bindparam("of_node", type_=Text()),
        "kind": literal_column(f"'{MovementKind.COUNTED.value}'"),
        "reserved": _NONE,
        "allocated": _NONE,
        "as_of": bindparam("at", type_=Instant()),
        "source": bindparam("of_source", type_=Text()),
        "external_id": bindparam("feed", type_=Text()),
        "sequence": bindparam("number", type_=RowId),
        "recorded_at": bindparam("now", type_=Instant()),
    }
    rows = select(incoming.c.sku, incoming.c.on_hand, incoming.c.quarantined, *shared.values())
    return ledger.insert().from_select([*_COUNTED, *shared], rows, include_defaults=False)


_count = {"sqlite": _counting(sqlite.insert), "postgresql": _counting(postgresql.insert)}
_differ = SelectMany(_COUNTED, _differing)


def book_counts(
    connection: Connection,
    feed: FeedContext,
    counted: Sequence[Position],
    movements: Sequence[Movement],
    now: datetime,
) -> None:
    """Book what ``feed`` counted: new balances of ``counted``, and the differences as ``movements``.

    A count says nothing of promises: they stay as they are in the table, and a position that is new has none.
    """
    shared = {"of_node": feed.node, "at": feed.as_of, "number": feed.sequence, "feed": feed.feed_id}
    if counted:
        rows = [(each.sku, each.on_hand, each.quarantined) for each in counted]
        _count[connection.dialect.name].run(connection, rows, meant=feed.meaning.value, **shared)
    if movements:
        rows = [(each.sku, each.on_hand, each.quarantined) for each in movements]
        _differ.run(connection, rows, of_source=feed.source, now=now, **shared)

"""Positions and their ledger: loaded for a whole batch in one query, written with set-based statements.

Three ways to write a position, and only the last two may say that reality fell below what is promised:

* ``book_promises``  reserve, allocate, release: the table's CHECK refuses a promise of what is not there
* ``book_facts``     shipped, received, adjusted, returned: sums added to the balances
* ``counts.book_counts``  a feed: new values, with the count they rest on
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exc,
    func,
    literal_column,
    select,
)

from crossdock.errors import PromiseRefusedError
from crossdock.inventory.feeds import InFlight
from crossdock.inventory.position import Movement, Position
from crossdock.store.bulk import InsertMany, SelectMany, UpdateMany
from crossdock.store.metadata import RowId
from crossdock.store.stock_tables import ledger, positions
from crossdock_schemas.stock import FeedMeaning

__all__ = [
    "book_facts",
    "book_promises",
    "change_cover",
    "covers",
    "has_news",
    "in_flight",
    "load_node_positions",
    "load_positions",
    "missing_units",
    "omitted_positions",
    "open_positions",
]


_POSITION = tuple(positions.c[name] for name in Position._fields)
_NONE: ColumnElement[int] = literal_column("0")


def missing_units(on_hand: ColumnElement[int], quarantined: ColumnElement[int], promised: Any) -> Any:
    """By how much the promises exceed what is there: ``inventory.availability.oversold_units`` in SQL."""
    there = on_hand - quarantined + positions.c.cover
    short = promised - case((there > _NONE, there), else_=_NONE)
    return case((short > _NONE, short), else_=_NONE)


_LEDGER_COLUMNS = (*Movement._fields, "recorded_at")
_insert_ledger = InsertMany(ledger, _LEDGER_COLUMNS)

_promise = UpdateMany(
    positions,
    ("sku", "node"),
    {"reserved": RowId, "allocated": RowId},
    lambda new: {
        "reserved": positions.c.reserved + new.reserved,
        "allocated": positions.c.allocated + new.allocated,
        # Giving promises back mends a shortfall; making one never raises it.
        "shortfall": _least(
            positions.c.shortfall,
            missing_units(
                positions.c.on_hand,
                positions.c.quarantined,
                positions.c.reserved + new.reserved + positions.c.allocated + new.allocated,
            ),
        ),
    },
)

_fact = UpdateMany(
    positions,
    ("sku", "node"),
    {"on_hand": RowId, "reserved": RowId, "allocated": RowId, "quarantined": RowId},
    lambda new: {
        "on_hand": positions.c.on_hand + new.on_hand,
        "reserved": positions.c.reserved + new.reserved,
        "allocated": positions.c.allocated + new.allocated,
        "quarantined": positions.c.quarantined + new.quarantined,
        "shortfall": missing_units(
            positions.c.on_hand + new.on_hand,
            positions.c.quarantined + new.quarantined,
            positions.c.reserved + new.reserved + positions.c.allocated + new.allocated,
        ),
    },
)

_cover = UpdateMany(
    positions,
    ("sku", "node"),
    {"cover": RowId},
    lambda new: {
        "cover": positions.c.cover + new.cover,
        "shortfall": missing_units(
            positions.c.on_hand,
            positions.c.quarantined - new.cover,
            positions.c.reserved + positions.c.allocated,
        ),
    },
)

_covers = SelectMany(
    {"sku": Text(), "node": Text()},
    lambda wanted: (
        select(positions.c.sku, positions.c.node, positions.c.cover)
        .select_from(wanted)
        .join(positions, and_(positions.c.sku == wanted.c.sku, positions.c.node == wanted.c.node))
    ),
)

_open = InsertMany(positions, Position._fields, ignore=True)


def _least(left: ColumnElement[int], right: Any) -> Any:
    return case((left < right, left), else_=right)


def _positions_at(wanted: FromClause) -> Select[Any]:
    of_key = and_(positions.c.sku == wanted.c.sku, positions.c.node == wanted.c.node)
    return select(*_POSITION).select_from(wanted).join(positions, of_key)


_KEY = {"sku": Text(), "node": Text()}
_positions = SelectMany(_KEY, _positions_at)
_locked_positions = SelectMany(
    _KEY,
    lambda wanted: (
        _positions_at(wanted).order_by(positions.c.sku, positions.c.node).with_for_update(of=positions)
    ),
)
_news = SelectMany(
    {"external_id": Text()},
    lambda wanted: (
        select(ledger.c.external_id, ledger.c.kind, ledger.c.sku)
        .select_from(wanted)
        .join(ledger, ledger.c.external_id == wanted.c.external_id)
        .where(ledger.c.source == bindparam("of_source"), ledger.c.kind != literal_column("'counted'"))
    ),
)


def load_positions(
    connection: Connection, keys: Sequence[tuple[str, str]], *, lock: bool = False
) -> dict[tuple[str, str], Position]:
    """Positions by ``(sku, node)``; a missing one is empty. ``lock`` holds them, sorted, until the commit."""
    query = _locked_positions if lock else _positions
    return {(row.sku, row.node): _position(row) for row in query(connection, sorted(set(keys)))}


def load_node_positions(
    connection: Connection, node: str, skus: Sequence[str], *, lock: bool = True
) -> dict[str, Position]:
    """Positions of one node by SKU; a missing one is empty. ``lock`` as for ``load_positions``."""
    query = _locked_positions if lock else _positions
    return {row[0]: _position(row) for row in query(connection, [(sku, node) for sku in skus])}


def book_promises(connection: Connection, movements: Sequence[Movement], now: datetime) -> None:
    """Book reservations, allocations and their release.

    Rows are locked in the order of their keys, which an UPDATE alone does not see to: others wait, none dead-locks.

    Raises:
        PromiseRefusedError: A promise of what is not there; the transaction is lost.
    """
    sums: dict[tuple[str, str], list[int]] = {}
    for movement in movements:
        total = sums.setdefault((movement.sku, movement.node), [0, 0])
        total[0] += movement.reserved
        total[1] += movement.allocated
    if connection.dialect.name == "postgresql" and len(sums) > 1:
        _locked_positions(connection, sorted(sums))
    try:
        _promise(connection, [(sku, node, *sums[sku, node]) for sku, node in sorted(sums)])
    except exc.IntegrityError as error:
        raise PromiseRefusedError(
            "the stock was promised to somebody else meanwhile: decide again", detail=str(error.orig)
        ) from error
    _record(connection, movements, now)


def covers(connection: Connection, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """What is promised beyond stock, by ``(sku, node)``; a position that does not exist is missing."""
    return {(row.sku, row.node): row.cover for row in _covers(connection, sorted(set(keys)))}


def change_cover(connection: Connection, changes: Mapping[tuple[str, str], int]) -> None:
    """Add to what may be promised beyond stock, by ``(sku, node)``; less than is promised is a shortfall."""
    _cover(connection, [(*key, changes[key]) for key in sorted(changes) if changes[key]])


def book_facts(connection: Connection, movements: Sequence[Movement], now: datetime) -> None:
    """Book what happened at nodes. A position that did not exist is opened."""
    sums: dict[tuple[str, str], list[int]] = {}
    for movement in movements:
        total = sums.setdefault((movement.sku, movement.node), [0, 0, 0, 0])
        for index, units in enumerate(movement[3:7]):
            total[index] += units
    keys = sorted(sums)
    open_positions(connection, keys)
    _fact(connection, [(sku, node, *sums[sku, node]) for sku, node in keys])
    _record(connection, movements, now)


def open_positions(connection: Connection, keys: Sequence[tuple[str, str]]) -> None:
    """Have positions that do not exist yet, empty."""
    _open(
        connection,
        [(sku, node, 0, 0, 0, 0, None, None, "", FeedMeaning.PHYSICAL.value) for sku, node in keys],
    )


def _record(connection: Connection, movements: Sequence[Movement], now: datetime) -> None:
    _insert_ledger(connection, [(*movement, now) for movement in movements])


def in_flight(
    connection: Connection,
    node: str,
    since: datetime,
    netted: Mapping[str, int],
    covers: Mapping[str, int] | None = None,
) -> dict[str, InFlight]:
    """What moved at ``node`` after ``since``, by SKU, for ``inventory.feeds.apply_feed``."""
    rows = connection.execute(
        select(ledger.c.sku, func.sum(ledger.c.on_hand), func.sum(ledger.c.quarantined))
        .where(ledger.c.node == node, ledger.c.as_of > since, ledger.c.kind != literal_column("'counted'"))
        .group_by(ledger.c.sku)
    )
    covers = covers or {}
    found = {
        sku: InFlight(int(on_hand), int(quarantined), netted.get(sku, 0), covers.get(sku, 0))
        for sku, on_hand, quarantined in rows
    }
    for sku in {*netted, *covers} - set(found):
        found[sku] = InFlight(0, 0, netted.get(sku, 0), covers.get(sku, 0))
    return found


def has_news(connection: Connection, source: str, external_ids: Sequence[str]) -> set[tuple[str, str, str]]:
    """``(external id, kind, sku)`` that the ledger already has from ``source``, counts left out."""
    rows = _news(connection, [(each,) for each in sorted(set(external_ids))], of_source=source)
    return {(row[0], row[1], row[2]) for row in rows}


def omitted_positions(connection: Connection, node: str, feed_id: str, as_of: datetime) -> list[Position]:
    """Positions with stock that a full feed did not name and that no newer count has settled."""
    rows = connection.execute(
        select(*_POSITION)
        .where(
            positions.c.node == node,
            positions.c.feed_id != feed_id,
            positions.c.on_hand != _NONE,
            (positions.c.as_of.is_(None)) | (positions.c.as_of < as_of),
        )
        .order_by(positions.c.sku)
    )
    return [_position(row) for row in rows]


_MEANINGS = {each.value: each for each in FeedMeaning}


def _position(row: Any) -> Position:
    sku, node, on_hand, reserved, allocated, quarantined, as_of, sequence, feed_id, meaning = row
    return Position(
        sku,
        node,
        on_hand,
        reserved,
        allocated,
        quarantined,
        as_of,
        sequence,
        feed_id,
        _MEANINGS[meaning],
    )

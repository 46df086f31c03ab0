"""Lots: what feeds and movements say of them, and what leaves with the lines that were told to pick them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from crossdock.inventory.feeds import FeedContext, FeedResult
from crossdock.inventory.lots import (
    CountedLot,
    Lot,
    LotMovement,
    SinceCount,
    count_lots,
    lot_movement,
    lot_name,
)
from crossdock.inventory.position import Movement, MovementKind
from crossdock.store import feeds, lots, stock
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.stock_documents import FeedDocument, MovementDocument
from crossdock_schemas.stock import FeedMeaning, FeedMode

__all__ = ["book_counted", "book_moved", "note_expired", "told_lots"]

_AT_ONCE = 500
_NAMES = (b'"lot"', b'"expires_on"')


def told_lots(document: FeedDocument, body: bytes) -> dict[str, list[CountedLot]]:
    """What a feed says of lots, by SKU; a SKU of which it names none is missing. ``body`` is what it was read from."""
    found: dict[str, list[CountedLot]] = {}
    if not any(name in body for name in _NAMES):
        return found
    for line in document.lines:
        expires_on = date.fromisoformat(line["expires_on"]) if line.get("expires_on") else None
        name = lot_name(line.get("lot"), expires_on)
        if name is not None:
            told = CountedLot(name, expires_on, line["quantity"], line.get("quarantined"))
            found.setdefault(line["sku"], []).append(told)
    return found


def book_counted(
    tx: Transaction, feed: FeedContext, result: FeedResult, told: Mapping[str, Sequence[CountedLot]]
) -> None:
    """Book the lots of the positions that a feed has changed; of a SKU without any in ``told`` none are left."""
    if feed.mode is FeedMode.DELTA:
        _book_deltas(tx, feed, result, told)
        return
    taken = [position.sku for position in result.positions if position.sku in told]
    known = lots.load(tx.connection, [(sku, feed.node) for sku in taken]).lots
    since = lots.moved_since(tx.connection, feed.node, taken, feed.as_of)
    if feed.meaning is FeedMeaning.AVAILABLE:
        _add_netted(tx, feed, since)
    movements: list[LotMovement] = []
    expiries: dict[tuple[str, str, str], date | None] = {}
    for sku in taken:
        key = (sku, feed.node)
        before = {lot.lot: lot for lot in known.get(key, ())}
        physical = feed.meaning is FeedMeaning.PHYSICAL
        for lot in count_lots(key, before, told[sku], since.get(sku, {}), physical=physical):
            old = before.get(lot.lot) or Lot(*key, lot.lot)
            if lot == old and lot.lot in before:
                continue
            expiries[sku, feed.node, lot.lot] = lot.expires_on
            movements.append(
                LotMovement(
                    *key,
                    lot.lot,
                    MovementKind.COUNTED,
                    lot.on_hand - old.on_hand,
                    lot.quarantined - old.quarantined,
                    feed.as_of,
                    feed.source,
                    feed.feed_id,
                )
            )
    lots.book(tx.connection, movements, expiries, tx.now)


def _book_deltas(
    tx: Transaction, feed: FeedContext, result: FeedResult, told: Mapping[str, Sequence[CountedLot]]
) -> None:
    movements: list[LotMovement] = []
    expiries: dict[tuple[str, str, str], date | None] = {}
    for movement in result.movements:
        for row in told.get(movement.sku, ()):
            expiries[movement.sku, movement.node, row.lot] = row.expires_on
            movements.append(lot_movement(movement._replace(on_hand=row.quantity), row.lot))
    lots.book(tx.connection, movements, expiries, tx.now)


def _add_netted(tx: Transaction, feed: FeedContext, since: dict[str, dict[str, SinceCount]]) -> None:
    """Add what an available number had left out: units that lines of fulfilment orders were to pick from a lot."""
    allocations = [
        (allocation, until)
        for allocation, until in feeds.allocations_known(tx.connection, feed.node, feed.as_of)
        if allocation.netted(feed.as_of, until)
    ]
    names = lots.named_by_lines(tx.connection, [allocation.key for allocation, _ in allocations])
    for allocation, _ in allocations:
        name = names.get(allocation.key)
        if name is not None:
            of_sku = since.setdefault(allocation.sku, {})
            so_far = of_sku.get(name, SinceCount())
            of_sku[name] = so_far._replace(netted=so_far.netted + allocation.quantity)


def book_moved(
    tx: Transaction, document: MovementDocument, movements: Sequence[Movement], news: Iterable[Movement]
) -> None:
    """Book what the lines of a movement say of lots; ``movements`` are those of its lines, ``news`` the new ones."""
    fresh = set(news)
    expiries: dict[tuple[str, str, str], date | None] = {}
    found: list[LotMovement] = []
    for line, movement in zip(document.lines, movements, strict=True):
        name = lot_name(line.lot, line.expires_on)
        if name is not None and movement in fresh:
            expiries[line.sku, document.node, name] = line.expires_on
            found.append(lot_movement(movement, name))
    lots.book(tx.connection, found, expiries, tx.now)


def note_expired(tx: Transaction) -> None:
    """Write down which lots can't be used any more, so that channels are told what they may sell without them."""
    over = lots.mark_expired(tx.connection, tx.now.date(), _AT_ONCE)
    ends = [
        Movement(sku, node, MovementKind.EXPIRED, 0, 0, 0, 0, tx.now, "hub", f"lot:{lot}")
        for sku, node, lot in over
    ]
    stock.book_facts(tx.connection, ends, tx.now)

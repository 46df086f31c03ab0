"""Whether others were faster: what the CHECK of a position can't know is looked at again under its lock.

An order is decided on a look at the stock. Where there are many writers, a ring-fence may be set between that look and
the lock, or another order told to pick the same lot. The transaction is then decided anew. SQLite has one writer: what
was looked at is what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from crossdock.errors import PromiseRefusedError
from crossdock.inventory.position import Movement
from crossdock.inventory.ring_fences import RingFence, fenced_for_others
from crossdock.store import lots, ring_fences
from crossdock.store.supply import lock_special
from crossdock.streams.processors.limits import consumed

__all__ = ["refuse_overtaken"]

Key = tuple[str, str]


def refuse_overtaken(
    connection: Connection,
    promises: Sequence[Movement],
    of_line: Callable[[str], tuple[str, str | None]],
    given_back: Mapping[tuple[str, str, str], int],
    now: datetime,
) -> None:
    """Lock the positions that are promised from, and look whether the promises can still be made.

    Args:
        promises: Allocations, and reservations given up for them; what a reservation held needs no second look.
        of_line: Channel and lot of a line of a fulfilment order, by the id of a movement.
        given_back: Units that lines of the same transaction leave in their lots, by SKU, node and lot.

    Raises:
        PromiseRefusedError: Others have fenced the units, or are to pick the lot.
    """
    special = lock_special(connection, sorted({(each.sku, each.node) for each in promises}))
    if not special:
        return
    fences = ring_fences.load(connection, special)
    by_lot = lots.load(connection, special)
    expired = by_lot.expired(now.date())
    for key, free in special.items():
        mine = [each for each in promises if (each.sku, each.node) == key]
        _fences_hold(free - expired.get(key, 0), mine, fences.get(key, []), of_line)
        left = {lot.lot: lot.free + given_back.get((*key, lot.lot), 0) for lot in by_lot.lots.get(key, ())}
        _lots_hold(left, mine, of_line)


def _fences_hold(
    free: int,
    promises: Sequence[Movement],
    fences: list[RingFence],
    of_line: Callable[[str], tuple[str, str | None]],
) -> None:
    held = -sum(each.reserved for each in promises)
    for each in promises:
        units = each.allocated - min(held, each.allocated)
        held -= each.allocated - units
        if each.allocated <= 0:
            continue
        channel, _ = of_line(each.external_id)
        if units > max(0, free - fenced_for_others(fences, channel)):
            raise PromiseRefusedError(
                f"{each.sku} at {each.node}: what is left was fenced for another channel, or has expired, meanwhile: "
                "decide again"
            )
        free -= units
        fences = consumed(fences, channel, units)


def _lots_hold(
    free: dict[str, int], promises: Sequence[Movement], of_line: Callable[[str], tuple[str, str | None]]
) -> None:
    for each in promises:
        _, lot = of_line(each.external_id)
        if lot is not None and each.allocated > 0:
            free[lot] = free.get(lot, 0) - each.allocated
            if free[lot] < 0:
                raise PromiseRefusedError(
                    f"{each.sku} at {each.node}: lot {lot} was given to another order meanwhile: decide again"
                )

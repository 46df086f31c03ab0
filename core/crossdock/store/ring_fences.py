"""Ring-fences: stock of a position that is kept for one channel.

Whoever changes a fence holds the row lock of its position first. What a promise took out of a fence is kept beside it,
and goes back into the fence when the promise is called off; units that left have left it for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, Text, select

from crossdock.inventory.ring_fences import RingFence
from crossdock.store.bulk import InsertMany, SelectMany, UpdateMany
from crossdock.store.metadata import Instant, RowId
from crossdock.store.stock_tables import positions, ring_fence_uses, ring_fences

__all__ = ["FenceUse", "add", "give_back", "load", "of_sku", "use"]

Key = tuple[str, str]


class FenceUse(NamedTuple):
    """Units of a promise (a reservation, or a line of a fulfilment order) that came out of a fence."""

    promise: str
    sku: str
    node: str
    channel: str
    quantity: int


_add = InsertMany(
    ring_fences,
    ("sku", "node", "channel", "quantity", "updated_at"),
    conflict=("sku", "node", "channel"),
    update=lambda new: {"quantity": ring_fences.c.quantity + new.quantity, "updated_at": new.updated_at},
)
_take = UpdateMany(
    ring_fences,
    ("sku", "node", "channel"),
    {"quantity": RowId, "updated_at": Instant()},
    lambda new: {"quantity": ring_fences.c.quantity + new.quantity, "updated_at": new.updated_at},
)
_fenced = UpdateMany(
    positions,
    ("sku", "node"),
    {"units": RowId},
    lambda new: {"fenced": positions.c.fenced + new.units},
)
_of_positions = SelectMany(
    {"sku": Text(), "node": Text()},
    lambda wanted: (
        select(ring_fences.c.channel, ring_fences.c.sku, ring_fences.c.node, ring_fences.c.quantity)
        .select_from(wanted)
        .join(ring_fences, (ring_fences.c.sku == wanted.c.sku) & (ring_fences.c.node == wanted.c.node))
        .order_by(ring_fences.c.sku, ring_fences.c.node, ring_fences.c.channel)
    ),
)
_use = InsertMany(
    ring_fence_uses,
    FenceUse._fields,
    conflict=("promise", "sku", "node"),
    update=lambda new: {
        "channel": new.channel,
        "quantity": ring_fence_uses.c.quantity + new.quantity,
    },
)
_uses = SelectMany(
    {"promise": Text(), "sku": Text(), "node": Text()},
    lambda wanted: (
        select(*(ring_fence_uses.c[name] for name in FenceUse._fields))
        .select_from(wanted)
        .join(
            ring_fence_uses,
            (ring_fence_uses.c.promise == wanted.c.promise)
            & (ring_fence_uses.c.sku == wanted.c.sku)
            & (ring_fence_uses.c.node == wanted.c.node),
        )
    ),
)
_less = UpdateMany(
    ring_fence_uses,
    ("promise", "sku", "node"),
    {"units": RowId},
    lambda new: {"quantity": ring_fence_uses.c.quantity - new.units},
)


def load(connection: Connection, keys: Iterable[Key]) -> dict[Key, list[RingFence]]:
    """The fences of positions, those with nothing left included; a position without any is missing."""
    found: dict[Key, list[RingFence]] = {}
    for row in _of_positions(connection, sorted(set(keys))):
        found.setdefault((row.sku, row.node), []).append(RingFence(*row))
    return found


def of_sku(connection: Connection, sku: str) -> list[RingFence]:
    """The fences of a SKU that have something left."""
    rows = connection.execute(
        select(ring_fences.c.channel, ring_fences.c.sku, ring_fences.c.node, ring_fences.c.quantity)
        .where(ring_fences.c.sku == sku, ring_fences.c.quantity > 0)
        .order_by(ring_fences.c.node, ring_fences.c.channel)
    )
    return [RingFence(*row) for row in rows]


def add(connection: Connection, changes: Sequence[RingFence], now: datetime) -> None:
    """Add the ``quantity`` of each to what is left of its fence; a negative one takes away."""
    if not changes:
        return
    sums: dict[Key, int] = {}
    for each in changes:
        sums[each.sku, each.node] = sums.get((each.sku, each.node), 0) + each.quantity
    _fenced(connection, [(*key, sums[key]) for key in sorted(sums)])
    # An insert's CHECK looks at the row as it comes, before it is found to be there.
    _take(
        connection,
        [(each.sku, each.node, each.channel, each.quantity, now) for each in changes if each.quantity < 0],
    )
    _add(
        connection,
        [(each.sku, each.node, each.channel, each.quantity, now) for each in changes if each.quantity > 0],
    )


def use(connection: Connection, uses: Sequence[FenceUse], now: datetime) -> None:
    """Take units out of fences, for promises."""
    _use(connection, uses)
    add(connection, [RingFence(each.channel, each.sku, each.node, -each.quantity) for each in uses], now)


def give_back(connection: Connection, called_off: Sequence[tuple[str, str, str, int]], now: datetime) -> bool:
    """Fence again what promises took out of fences, at most the units called off: ``(promise, SKU, node, units)``.

    Returns whether there was anything.
    """
    units: dict[tuple[str, str, str], int] = {}
    for promise, sku, node, quantity in called_off:
        units[promise, sku, node] = units.get((promise, sku, node), 0) + quantity
    back = [
        FenceUse(*row)._replace(quantity=min(row.quantity, units[row.promise, row.sku, row.node]))
        for row in _uses(connection, sorted(units))
    ]
    _less(connection, [(each.promise, each.sku, each.node, each.quantity) for each in back])
    add(connection, [RingFence(each.channel, each.sku, each.node, each.quantity) for each in back], now)
    return bool(back)

"""Lots: units of a position that came together and expire together. The first to expire goes out first.

A lot is a part of its position, not one more bucket: ``on_hand`` and ``quarantined`` of the position hold its units
already. So a position without lots is not touched by any of this. Nothing is booked when a lot expires: what is asked
is always "which units last until this day", and the answer changes with the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import NamedTuple

from crossdock.inventory.position import Movement, MovementKind

__all__ = [
    "CountedLot",
    "Lot",
    "LotMovement",
    "LotStock",
    "Pick",
    "SinceCount",
    "count_lots",
    "expired_units",
    "lot_movement",
    "lot_name",
    "pick",
]

Key = tuple[str, str]
Pick = tuple[str | None, int]
"""The lot to take units from, None for units of no known lot, and how many."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Units of one lot at one node.

    Attributes:
        sku: Stock keeping unit.
        node: Node id.
        lot: The maker's number of the lot, or its expiry date where it has none.
        expires_on: The last day on which it may be used; None where it keeps.
        on_hand: Units that lie there.
        quarantined: Of these, units that may not be sold.
        allocated: Units that fulfilment orders are to take from it.
    """

    sku: str
    node: str
    lot: str
    expires_on: date | None = None
    on_hand: int = 0
    quarantined: int = 0
    allocated: int = 0

    @property
    def free(self) -> int:
        """Units that nobody was told to pick, and that are not held back."""
        return max(0, self.on_hand - self.quarantined - self.allocated)

    def lasts(self, until: date) -> bool:
        """Whether it may still be used on the day ``until``."""
        return self.expires_on is None or self.expires_on >= until


class LotMovement(NamedTuple):
    """One row of the lots' own ledger: what a movement of the position added to one of its lots."""

    sku: str
    node: str
    lot: str
    kind: MovementKind
    on_hand: int
    quarantined: int
    as_of: datetime
    source: str
    external_id: str


class CountedLot(NamedTuple):
    """What a feed says of one lot; ``quarantined`` is None where it does not say it."""

    lot: str
    expires_on: date | None
    quantity: int
    quarantined: int | None


class SinceCount(NamedTuple):
    """What moved in one lot after the instant of a count, and what an available number left out of it."""

    on_hand: int = 0
    quarantined: int = 0
    netted: int = 0


_NOTHING_SINCE = SinceCount()


def lot_name(lot: str | None, expires_on: date | None) -> str | None:
    """How a lot is called: goods of which only the expiry date is known are a lot of that name."""
    return lot or (expires_on.isoformat() if expires_on else None)


def lot_movement(movement: Movement, lot: str) -> LotMovement:
    """What a movement of a position is for its ``lot``: units come and go there by the same rules."""
    return LotMovement(
        movement.sku,
        movement.node,
        lot,
        movement.kind,
        movement.on_hand,
        movement.quarantined,
        movement.as_of,
        movement.source,
        movement.external_id,
    )


def expired_units(lots: Iterable[Lot], until: date) -> int:
    """Free units that may not be used any more on the day ``until``."""
    return sum(lot.free for lot in lots if not lot.lasts(until))


def pick(lots: Iterable[Lot], units: int, until: date) -> list[Pick]:
    """Which lots to take ``units`` from, of those that last until the day ``until``: the first to expire first.

    What they do not have comes from no known lot.
    """
    picks: list[Pick] = []
    left = units
    for lot in sorted(lots, key=lambda each: (each.expires_on or date.max, each.lot)):
        taken = min(left, lot.free) if lot.lasts(until) else 0
        if taken:
            picks.append((lot.lot, taken))
            left -= taken
    return [*picks, (None, left)] if left else picks


def count_lots(
    position: Key,
    known: Mapping[str, Lot],
    told: Sequence[CountedLot],
    since: Mapping[str, SinceCount],
    *,
    physical: bool,
) -> list[Lot]:
    """The lots of a position after a feed that names all of them: those it leaves out are gone.

    The rule is that of the position itself, ``inventory.feeds``: the count, and what moved after it.

    Args:
        position: SKU and node.
        known: Lots as they are, by name.
        told: What the feed says; a lot in several rows (bins) is summed.
        since: By lot; a missing one has not moved.
        physical: Whether the numbers are what lies on the shelf.
    """
    lots: list[Lot] = []
    sums = _summed(told)
    for name in sorted({*known, *sums}):
        old = known.get(name) or Lot(*position, name)
        _, expires_on, quantity, quarantined = sums.get(name, CountedLot(name, None, 0, 0))
        moved = since.get(name, _NOTHING_SINCE)
        held = old.quarantined if quarantined is None else quarantined + moved.quarantined
        on_hand = quantity + moved.on_hand + (0 if physical else moved.netted + held - moved.quarantined)
        held = max(0, min(held, on_hand))
        lots.append(replace(old, expires_on=expires_on or old.expires_on, on_hand=on_hand, quarantined=held))
    return lots


def _summed(told: Iterable[CountedLot]) -> dict[str, CountedLot]:
    sums: dict[str, CountedLot] = {}
    for row in told:
        before = sums.get(row.lot)
        if before is not None:
            none = row.quarantined is None and before.quarantined is None
            held = None if none else (row.quarantined or 0) + (before.quarantined or 0)
            row = CountedLot(
                row.lot, row.expires_on or before.expires_on, row.quantity + before.quantity, held
            )
        sums[row.lot] = row
    return sums


@dataclass(slots=True)
class LotStock:
    """The lots of the positions of one batch of orders; what its plans take is taken off.

    Attributes:
        lots: By SKU and node; a position without lots is missing.
    """

    lots: dict[Key, list[Lot]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether any position has lots."""
        return bool(self.lots)

    def expired(self, until: date) -> dict[Key, int]:
        """By position, the free units that do not last until the day ``until``; others are missing."""
        found = ((key, expired_units(lots, until)) for key, lots in self.lots.items())
        return {key: units for key, units in found if units}

    def take(self, sku: str, node: str, units: int, until: date) -> list[Pick]:
        """Take ``units`` that last until the day ``until``, the first to expire first."""
        lots = self.lots.get((sku, node))
        if lots is None:
            return [(None, units)]
        picks = pick(lots, units, until)
        self.hold(sku, node, picks)
        return picks

    def hold(self, sku: str, node: str, picks: Iterable[Pick], sign: int = 1) -> None:
        """Take exactly ``picks``; with the ``sign`` -1, give them back."""
        taken = dict(picks)
        self.lots[sku, node] = [
            replace(lot, allocated=lot.allocated + sign * taken[lot.lot]) if lot.lot in taken else lot
            for lot in self.lots.get((sku, node), ())
        ]

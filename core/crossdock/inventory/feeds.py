"""What nodes counted: full and delta feeds of physical or available stock.

The rule behind all of it: after a count of ``value`` at instant T,

    on_hand = value + netted(T) + quarantine(T) + what moved after T

where the middle terms are zero for a count of physical stock. ``netted`` are the units of our own orders that
the node had left out of an available number, ``quarantine`` what it held back. The difference to the old
balance is booked as one ``counted`` movement, so the ledger stays a plain sum, and that difference is the
drift that inventory accuracy measures.

Older news never overwrites newer, the same news twice changes nothing, and the order of arrival does not
matter: of two different counts of the same instant the lower one stands.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from crossdock.inventory.availability import oversold_units
from crossdock.inventory.facts import Allocation, News, adjust
from crossdock.inventory.position import Movement, MovementKind, Position
from crossdock_schemas.stock import FeedMeaning, FeedMode

__all__ = [
    "NOTHING_IN_FLIGHT",
    "FeedContext",
    "FeedLine",
    "FeedResult",
    "InFlight",
    "LineOutcome",
    "LineReason",
    "OmissionRefused",
    "Short",
    "apply_feed",
    "close_feed",
    "is_stale",
    "netted_units",
]

FeedLine = tuple[str, int, int | None]
"""``(sku, quantity, quarantined)``; ``quarantined`` is None where the feed does not say it."""


@dataclass(frozen=True, slots=True)
class FeedContext:
    """What holds for every line of a feed.

    Attributes:
        node: Node that counted.
        feed_id: The source's id of the feed (file name and hash, message id).
        source: Connection it came by.
        as_of: When the node counted (aware UTC), not when the feed arrived.
        mode: Full, or a delta: what changed and is reported by no other message.
        meaning: What the numbers are.
        sequence: The feed's number, where the connection orders its feeds by number; None orders them by
            ``as_of``.

    Raises:
        ValueError: A delta of available stock, which can't be told apart from our own orders.
    """

    node: str
    feed_id: str
    source: str
    as_of: datetime
    mode: FeedMode = FeedMode.FULL
    meaning: FeedMeaning = FeedMeaning.PHYSICAL
    sequence: int | None = None

    def __post_init__(self) -> None:
        """Refuse what has no meaning."""
        if self.mode is FeedMode.DELTA and self.meaning is FeedMeaning.AVAILABLE:
            raise ValueError(
                f"feed {self.feed_id} of node {self.node}: a delta of available stock also holds our own "
                "orders; ask for full available numbers or for deltas of physical stock"
            )


class InFlight(NamedTuple):
    """What the hub knows of one SKU that the node's count could not know, or left out.

    Attributes:
        on_hand_since: Sum of the ``on_hand`` deltas of all movements but ``counted`` with ``as_of`` after the
            feed's.
        quarantined_since: The same for ``quarantined``.
        netted: Units of allocations that an available number left out: see ``netted_units``; unused for
            physical.
        cover: Units that may be promised beyond stock: promised inbound and the back-order cap.
    """

    on_hand_since: int = 0
    quarantined_since: int = 0
    netted: int = 0
    cover: int = 0


NOTHING_IN_FLIGHT = InFlight()


class LineReason(StrEnum):
    """Why a line changed nothing."""

    OLDER = "older"
    DUPLICATE = "duplicate"
    CONFLICTING = "conflicting"
    NEGATIVE_QUANTITY = "negative_quantity"
    UNKNOWN_SKU = "unknown_sku"


class LineOutcome(NamedTuple):
    """A line that changed nothing: its index in the batch, its SKU, why, and a text for the operator."""

    line: int
    sku: str
    reason: LineReason
    message: str = ""


class Short(NamedTuple):
    """A position that holds ``units`` less than is promised from it."""

    sku: str
    node: str
    units: int


@dataclass(slots=True)
class FeedResult:
    """What a batch of lines comes to.

    Attributes:
        positions: New values, one for each line that was taken, also where only its ``as_of`` moved.
        movements: New rows of the ledger; none for a count that found what was expected.
        ignored: Old, repeated and conflicting lines; no fault of the sender but the last.
        rejected: Lines that can't be right; they go to the dead letters.
        shortfalls: Positions whose balance changed and does not cover its promises any more.
    """

    positions: list[Position] = field(default_factory=list)
    movements: list[Movement] = field(default_factory=list)
    ignored: list[LineOutcome] = field(default_factory=list)
    rejected: list[LineOutcome] = field(default_factory=list)
    shortfalls: list[Short] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OmissionRefused:
    """A full feed left out so many SKUs that it looks cut off; nothing was zeroed."""

    omitted: int
    mentioned: int
    message: str


def netted_units(
    allocations: Iterable[tuple[Allocation, datetime | None]], as_of: datetime
) -> dict[str, int]:
    """Sum by SKU the units that an available number at ``as_of`` had left out.

    Args:
        allocations: Of one node, each with the instant its units left or were given back (None while open).
            Those settled before the feed may be left out.
        as_of: The feed's instant.
    """
    units: dict[str, int] = {}
    for allocation, until in allocations:
        if allocation.netted(as_of, until):
            units[allocation.sku] = units.get(allocation.sku, 0) + allocation.quantity
    return units


def apply_feed(
    positions: Mapping[str, Position],
    lines: Sequence[FeedLine],
    feed: FeedContext,
    in_flight: Mapping[str, InFlight],
    *,
    known_skus: Container[str] | None = None,
    already_applied: Collection[str] = (),
) -> FeedResult:
    """Book a batch of lines of one feed.

    Args:
        positions: The node's positions by SKU, at least those the lines name; a missing one is empty.
        lines: Rows of the feed; a SKU named twice keeps its lower number (the mapping sums bins and lots).
        feed: What holds for all lines.
        in_flight: By SKU; a missing one has nothing in flight.
        known_skus: The product catalogue; None accepts every SKU.
        already_applied: For deltas, the SKUs that the ledger already has movements for under this feed's id.

    Returns:
        New positions and movements; rejected and ignored lines with their reason. The other lines always go
        on.
    """
    if feed.mode is FeedMode.DELTA:
        return _apply_deltas(positions, lines, feed, in_flight, known_skus, already_applied)
    result = FeedResult()
    current: dict[str, Position] = {}
    physical = feed.meaning is FeedMeaning.PHYSICAL
    as_of, sequence, feed_id = feed.as_of, feed.sequence, feed.feed_id
    for index, (sku, quantity, quarantined) in enumerate(lines):
        old = current.get(sku) or positions.get(sku)
        if quantity < 0 or (quarantined or 0) < 0 or old is None:
            fault = _fault(
                index, lines[index], known=old is not None, physical=physical, known_skus=known_skus
            )
            if fault is not None:
                result.rejected.append(fault)
                continue
            old = old or Position(sku, feed.node)
        order = _order(feed, old)
        if order < 0:
            result.ignored.append(LineOutcome(index, sku, LineReason.OLDER))
            continue
        since, quarantined_since, netted, cover = in_flight.get(sku, NOTHING_IN_FLIGHT)
        held = old.quarantined if quarantined is None else quarantined + quarantined_since
        on_hand = quantity + since + (0 if physical else netted + held - quarantined_since)
        if order == 0 and on_hand - held >= old.on_hand - old.quarantined:
            result.ignored.append(_same_instant(index, old, on_hand, held))
            continue
        new = Position(
            sku, old.node, on_hand, old.reserved, old.allocated, held, as_of, sequence, feed_id, feed.meaning
        )
        current[sku] = new
        if on_hand != old.on_hand or held != old.quarantined:
            _book(result, old, new, feed, cover)
    result.positions = list(current.values())
    return result


def close_feed(
    omitted: Iterable[Position],
    feed: FeedContext,
    in_flight: Mapping[str, InFlight],
    *,
    mentioned: int,
    most_omitted_percent: int = 50,
) -> FeedResult | OmissionRefused:
    """Zero what a full feed left out. Call it only where the connection says that leaving out means none.

    Args:
        omitted: Positions of the node that no line of the feed named.
        feed: The feed.
        in_flight: By SKU, as for ``apply_feed``.
        mentioned: How many SKUs the feed named.
        most_omitted_percent: A feed that leaves out a larger share of the positions with stock is taken to be
            cut
            off: nothing is zeroed, a person looks.

    Raises:
        ValueError: The feed is a delta, which leaves out what did not change.
    """
    if feed.mode is not FeedMode.FULL:
        raise ValueError(
            f"feed {feed.feed_id} is a delta: it leaves out what did not change, nothing may be zeroed"
        )
    zeroed = {position.sku: position for position in omitted if position.on_hand != 0}
    if len(zeroed) * 100 > most_omitted_percent * (len(zeroed) + mentioned):
        return OmissionRefused(
            len(zeroed),
            mentioned,
            f"feed {feed.feed_id} of node {feed.node} names {mentioned} SKUs and leaves out {len(zeroed)} "
            f"that had stock, more than {most_omitted_percent} %: it looks cut off, so nothing was zeroed. "
            "Have it sent again, or raise the limit if it is right",
        )
    return apply_feed(zeroed, [(sku, 0, None) for sku in sorted(zeroed)], feed, in_flight)


def is_stale(last_feed_at: datetime | None, now: datetime, limit_seconds: float) -> bool:
    """Whether a node's last count is older than its limit, or there is none."""
    return last_feed_at is None or (now - last_feed_at).total_seconds() > limit_seconds


def _apply_deltas(
    positions: Mapping[str, Position],
    lines: Sequence[FeedLine],
    feed: FeedContext,
    in_flight: Mapping[str, InFlight],
    known_skus: Container[str] | None,
    already_applied: Collection[str],
) -> FeedResult:
    result = FeedResult()
    news = News(feed.source, feed.feed_id, feed.as_of)
    seen = set(already_applied)
    for index, (sku, delta, _) in enumerate(lines):
        old = positions.get(sku)
        fault = _fault(index, lines[index], known=old is not None, physical=False, known_skus=known_skus)
        if fault is not None:
            result.rejected.append(fault)
            continue
        old = old or Position(sku, feed.node)
        if sku in seen:
            result.ignored.append(LineOutcome(index, sku, LineReason.DUPLICATE))
            continue
        if old.as_of is not None and feed.as_of <= old.as_of:
            result.ignored.append(LineOutcome(index, sku, LineReason.OLDER))
            continue
        seen.add(sku)
        new, movement = adjust(old, delta, news)
        result.positions.append(new)
        result.movements.append(movement._replace(sequence=feed.sequence))
        _note_shortfall(result, new, in_flight.get(sku, NOTHING_IN_FLIGHT).cover)
    return result


def _order(feed: FeedContext, position: Position) -> int:
    """-1 when the feed is older than the position's last count, 0 for the same instant, 1 when newer."""
    if position.as_of is None:
        return 1
    if feed.sequence is not None and position.sequence is not None:
        return (feed.sequence > position.sequence) - (feed.sequence < position.sequence)
    return (feed.as_of > position.as_of) - (feed.as_of < position.as_of)


def _same_instant(index: int, old: Position, on_hand: int, held: int) -> LineOutcome:
    if on_hand == old.on_hand and held == old.quarantined:
        return LineOutcome(index, old.sku, LineReason.DUPLICATE)
    return LineOutcome(
        index,
        old.sku,
        LineReason.CONFLICTING,
        f"SKU {old.sku} was counted twice for the same instant, by feed {old.feed_id} with a lower number, "
        "which stands; if the rows are bins or lots of one SKU, sum them in the mapping",
    )


def _book(result: FeedResult, old: Position, new: Position, feed: FeedContext, cover: int) -> None:
    result.movements.append(
        Movement(
            new.sku,
            new.node,
            MovementKind.COUNTED,
            new.on_hand - old.on_hand,
            0,
            0,
            new.quarantined - old.quarantined,
            feed.as_of,
            feed.source,
            feed.feed_id,
            feed.sequence,
        )
    )
    _note_shortfall(result, new, cover)


def _note_shortfall(result: FeedResult, position: Position, cover: int) -> None:
    if (position.reserved or position.allocated) and (missing := oversold_units(position, cover)):
        result.shortfalls.append(Short(position.sku, position.node, missing))


def _fault(
    index: int, line: FeedLine, *, known: bool, physical: bool, known_skus: Container[str] | None
) -> LineOutcome | None:
    sku, quantity, quarantined = line
    if not known and known_skus is not None and sku not in known_skus:
        message = f"SKU {sku} is not in the catalogue: import the product, then replay the line"
        return LineOutcome(index, sku, LineReason.UNKNOWN_SKU, message)
    if quarantined is not None and quarantined < 0:
        message = f"{quarantined} units of SKU {sku} in quarantine: that can't be negative"
        return LineOutcome(index, sku, LineReason.NEGATIVE_QUANTITY, message)
    if physical and quantity < 0:
        message = f"{quantity} units of SKU {sku}: what lies on a shelf can't be negative"
        return LineOutcome(index, sku, LineReason.NEGATIVE_QUANTITY, message)
    return None

"""Reserve, extend, confirm, release, move, expire and allocate.

Every function decides on the values it is given and returns either the new values with the movements to book,
or a ``Refusal``. Each is idempotent by the reservation's (allocation's) key: what was done before is answered
with the same values and no movement. A reservation that has lapsed is refused from that instant on, whether
or not the job that books expiries has run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from crossdock.inventory.availability import NO_LIMITS, Limits, available_to_promise
from crossdock.inventory.facts import Allocation, News
from crossdock.inventory.position import Movement, MovementKind, Position, post

__all__ = [
    "Allocated",
    "Claim",
    "Refusal",
    "RefusalReason",
    "Reservation",
    "ReservationState",
    "Reserved",
    "allocate",
    "confirm",
    "expire",
    "extend",
    "lapsed_units",
    "move",
    "release",
    "reserve",
]

Key = tuple[str, str]
"""``(sku, node)``."""


class ReservationState(StrEnum):
    """How a reservation ended, if it did."""

    ACTIVE = "active"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Reservation:
    """Units held for a while.

    Attributes:
        key: Idempotency key; the same key is the same reservation.
        sku: Stock keeping unit.
        node: Node id.
        quantity: Units.
        expires_at: From this instant on it holds nothing (aware UTC).
        state: How it stands in the books; ``lapsed`` says whether it still holds.
        channel: Who sells it, and so what is kept back; empty where nobody said.
    """

    key: str
    sku: str
    node: str
    quantity: int
    expires_at: datetime
    state: ReservationState = ReservationState.ACTIVE
    channel: str = ""

    def lapsed(self, now: datetime) -> bool:
        """Whether it holds nothing any more and is not booked as expired yet."""
        return self.state is ReservationState.ACTIVE and self.expires_at <= now


class RefusalReason(StrEnum):
    """Why a promise was not made or changed."""

    INSUFFICIENT = "insufficient"
    EXPIRED = "expired"
    RELEASED = "released"
    CONFIRMED = "confirmed"
    KEY_REUSED = "key_reused"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was changed; ``available`` is what could have been promised, where that was the reason."""

    reason: RefusalReason
    key: str
    message: str
    available: int = 0


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation as it stands now, the positions that changed, and the movements to book."""

    reservation: Reservation
    positions: tuple[Position, ...] = ()
    movements: tuple[Movement, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """Units wanted from one position for one fulfilment order line; ``key`` is that line's id."""

    key: str
    sku: str
    node: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Allocated:
    """Promises made: new allocations, the positions that changed, and the movements to book."""

    allocations: tuple[Allocation, ...]
    positions: Mapping[Key, Position]
    movements: tuple[Movement, ...]


def reserve(
    position: Position,
    wanted: Reservation,
    now: datetime,
    source: str,
    *,
    limits: Limits = NO_LIMITS,
    existing: Reservation | None = None,
) -> Reserved | Refusal:
    """Hold units, or say how many could be held.

    ``position.reserved`` must hold no lapsed units: expire them first, in the same transaction (``expire``).

    Args:
        position: Where.
        wanted: The reservation to make.
        now: Instant of the decision (aware UTC).
        source: Who asks.
        limits: What is kept back from the asker.
        existing: What the books hold under ``wanted.key``.
    """
    if existing is not None:
        return _same_or_refused(existing, wanted, now)
    if wanted.quantity <= 0:
        raise ValueError(f"reservation {wanted.key} wants {wanted.quantity} units; it must want at least one")
    if wanted.lapsed(now):
        return Refusal(
            RefusalReason.EXPIRED, wanted.key, f"reservation {wanted.key} would expire before it begins"
        )
    available = available_to_promise(position, limits)
    if available < wanted.quantity:
        return _insufficient(wanted.key, wanted.sku, wanted.node, wanted.quantity, available)
    return _moved(
        position, wanted, MovementKind.RESERVED, News(source, wanted.key, now), reserved=wanted.quantity
    )


def extend(
    position: Position, reservation: Reservation, expires_at: datetime, now: datetime, source: str
) -> Reserved | Refusal:
    """Hold the units until ``expires_at``; an earlier instant than the present one changes nothing."""
    refusal = _not_holding(reservation, now)
    if refusal is not None:
        return refusal
    if expires_at <= reservation.expires_at:
        return Reserved(reservation)
    extended = replace(reservation, expires_at=expires_at)
    news = News(source, f"{reservation.key}@{expires_at.isoformat()}", now)
    return _moved(position, extended, MovementKind.EXTENDED, news)


def confirm(position: Position, reservation: Reservation, now: datetime, source: str) -> Reserved | Refusal:
    """Turn a reservation into an allocation of the same key and quantity; the units change their bucket."""
    if reservation.state is ReservationState.CONFIRMED:
        return Reserved(reservation)
    refusal = _not_holding(reservation, now)
    if refusal is not None:
        return refusal
    confirmed = replace(reservation, state=ReservationState.CONFIRMED)
    quantity = reservation.quantity
    news = News(source, reservation.key, now)
    return _moved(position, confirmed, MovementKind.ALLOCATED, news, reserved=-quantity, allocated=quantity)


def release(position: Position, reservation: Reservation, now: datetime, source: str) -> Reserved | Refusal:
    """Give the units back. A reservation that expired has given them back already."""
    if reservation.state in (ReservationState.RELEASED, ReservationState.EXPIRED):
        return Reserved(reservation)
    if reservation.state is ReservationState.CONFIRMED:
        return _not_holding(reservation, now) or Reserved(reservation)
    released = replace(reservation, state=ReservationState.RELEASED)
    news = News(source, reservation.key, now)
    return _moved(position, released, MovementKind.RELEASED, news, reserved=-reservation.quantity)


def move(
    origin: Position,
    destination: Position,
    reservation: Reservation,
    now: datetime,
    source: str,
    *,
    limits: Limits = NO_LIMITS,
) -> Reserved | Refusal:
    """Hold the units at another node instead: either both positions change or none.

    Args:
        origin: Where they are held.
        destination: Where they are to be held; the same SKU.
        reservation: The reservation.
        now: Instant of the decision.
        source: Who asks.
        limits: What is kept back at the destination.
    """
    if reservation.node == destination.node:
        return Reserved(reservation)
    refusal = _not_holding(reservation, now)
    if refusal is not None:
        return refusal
    if origin.key != (reservation.sku, reservation.node) or destination.sku != reservation.sku:
        raise ValueError(f"reservation {reservation.key} holds {reservation.sku} at {reservation.node}")
    available = available_to_promise(destination, limits)
    if available < reservation.quantity:
        return _insufficient(
            reservation.key, reservation.sku, destination.node, reservation.quantity, available
        )
    news = News(source, f"{reservation.key}>{destination.node}@{now.isoformat()}", now)
    moved = replace(reservation, node=destination.node)
    given = _moved(origin, moved, MovementKind.RELEASED, news, reserved=-reservation.quantity)
    taken = _moved(destination, moved, MovementKind.RESERVED, news, reserved=reservation.quantity)
    return Reserved(moved, given.positions + taken.positions, given.movements + taken.movements)


def expire(position: Position, reservation: Reservation, now: datetime, source: str) -> Reserved:
    """Book a lapsed reservation as expired; one that still holds, or has ended, stays as it is."""
    if not reservation.lapsed(now):
        return Reserved(reservation)
    expired = replace(reservation, state=ReservationState.EXPIRED)
    news = News(source, reservation.key, reservation.expires_at)
    return _moved(position, expired, MovementKind.EXPIRED, news, reserved=-reservation.quantity)


def lapsed_units(reservations: Iterable[Reservation], now: datetime) -> dict[Key, int]:
    """Sum by ``(sku, node)`` the units that are in ``reserved`` and hold nothing any more."""
    units: dict[Key, int] = {}
    for reservation in reservations:
        if reservation.lapsed(now):
            key = (reservation.sku, reservation.node)
            units[key] = units.get(key, 0) + reservation.quantity
    return units


def allocate(
    positions: Mapping[Key, Position],
    claims: Sequence[Claim],
    now: datetime,
    source: str,
    *,
    limits: Mapping[Key, Limits] | None = None,
    existing: Mapping[str, Allocation] | None = None,
) -> Allocated | Refusal:
    """Reserve and allocate in one step: all claims, or none.

    Args:
        positions: At least those the claims name; a missing one is empty.
        claims: What an order (a plan) wants. Several may draw on one position.
        now: Instant of the decision (aware UTC).
        source: Who asks.
        limits: What each position keeps back from the asker; a missing one keeps back nothing.
        existing: Allocations that the books hold, by key; those claims are answered with them.
    """
    changed: dict[Key, Position] = {}
    allocations: list[Allocation] = []
    movements: list[Movement] = []
    for claim in claims:
        known = existing.get(claim.key) if existing else None
        if known is not None:
            allocations.append(known)
            continue
        if claim.quantity <= 0:
            raise ValueError(f"claim {claim.key} wants {claim.quantity} units; it must want at least one")
        key = (claim.sku, claim.node)
        position = changed.get(key) or positions.get(key) or Position(claim.sku, claim.node)
        available = available_to_promise(position, limits.get(key, NO_LIMITS) if limits else NO_LIMITS)
        if available < claim.quantity:
            return _insufficient(claim.key, claim.sku, claim.node, claim.quantity, available)
        movement = Movement(
            claim.sku, claim.node, MovementKind.ALLOCATED, 0, 0, claim.quantity, 0, now, source, claim.key
        )
        changed[key] = post(position, movement)
        allocations.append(Allocation(claim.key, claim.sku, claim.node, claim.quantity))
        movements.append(movement)
    return Allocated(tuple(allocations), changed, tuple(movements))


def _moved(
    position: Position,
    reservation: Reservation,
    kind: MovementKind,
    news: News,
    *,
    reserved: int = 0,
    allocated: int = 0,
) -> Reserved:
    who, external_id = news.source, news.external_id
    movement = Movement(*position.key, kind, 0, reserved, allocated, 0, news.as_of, who, external_id)
    return Reserved(reservation, (post(position, movement),), (movement,))


def _same_or_refused(existing: Reservation, wanted: Reservation, now: datetime) -> Reserved | Refusal:
    if (existing.sku, existing.quantity) != (wanted.sku, wanted.quantity):
        return Refusal(
            RefusalReason.KEY_REUSED,
            wanted.key,
            f"key {wanted.key} already holds {existing.quantity} units of SKU {existing.sku}; "
            f"use a new key for {wanted.quantity} units of SKU {wanted.sku}",
        )
    if existing.state is ReservationState.CONFIRMED:
        return Reserved(existing)
    return _not_holding(existing, now) or Reserved(existing)


def _not_holding(reservation: Reservation, now: datetime) -> Refusal | None:
    if reservation.state is ReservationState.EXPIRED or reservation.lapsed(now):
        message = (
            f"reservation {reservation.key} expired at {reservation.expires_at.isoformat()}; "
            "reserve again under a new key"
        )
        return Refusal(RefusalReason.EXPIRED, reservation.key, message)
    if reservation.state is ReservationState.RELEASED:
        message = f"reservation {reservation.key} was released; reserve again under a new key"
        return Refusal(RefusalReason.RELEASED, reservation.key, message)
    if reservation.state is ReservationState.CONFIRMED:
        message = (
            f"reservation {reservation.key} is an allocation now; cancel its fulfilment order line instead"
        )
        return Refusal(RefusalReason.CONFIRMED, reservation.key, message)
    return None


def _insufficient(key: str, sku: str, node: str, wanted: int, available: int) -> Refusal:
    message = f"{key}: {wanted} units of SKU {sku} wanted from node {node}, {available} can be promised"
    return Refusal(RefusalReason.INSUFFICIENT, key, message, available)

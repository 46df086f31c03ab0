"""Soft reservations: reserve, extend, release and move, each all or nothing, each idempotent by its key.

Every step locks the positions, books what has lapsed there, and only then looks: what it finds can't change before the
commit. ``confirming`` turns a reservation into a fulfilment order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from crossdock.errors import RecordRejectedError, Rejection
from crossdock.inventory import promises
from crossdock.inventory.availability import NO_LIMITS
from crossdock.inventory.position import Movement, Position
from crossdock.inventory.promises import Refusal, RefusalReason, Reservation, Reserved
from crossdock.inventory.ring_fences import consume
from crossdock.store import reservations, ring_fences, stock
from crossdock.store.ring_fences import FenceUse
from crossdock.streams.processor import Transaction
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.limits import Fences, limits_of

__all__ = ["Wanted", "extend", "load", "locked", "move", "release", "reserve", "take_back"]

Key = tuple[str, str]
_SOURCE = "hub"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Units to hold of one SKU at one node."""

    sku: str
    node: str
    quantity: int


def reserve(
    hub: Hub, tx: Transaction, key: str, channel: str, lines: Sequence[Wanted], expires_at: datetime
) -> tuple[Reservation, ...]:
    """Hold all ``lines`` for ``channel`` under ``key`` until ``expires_at``, or none.

    The same key with the same lines is answered with what it holds, also where it was moved or extended since.

    Raises:
        RecordRejectedError: ``reservation.insufficient``, ``.expired``, ``.released``, ``.key_reused``; a node that is
            not configured.
    """
    _check(hub, lines)
    reservations.lock_key(tx.connection, key)
    positions = reservations.lock_positions(tx.connection, [(each.sku, each.node) for each in lines], tx.now)
    existing = reservations.load(tx.connection, [key]).get(key, ())
    if existing:
        _same_lines(key, existing, lines)
        nowhere = Position("", "")
        return tuple(
            _done(promises.reserve(nowhere, each, tx.now, _SOURCE, existing=each)).reservation
            for each in existing
        )
    at = {(each.sku, each.node): positions.get((each.sku, each.node)) for each in lines}
    empty = {where: position or Position(*where) for where, position in at.items()}
    limits, fences = limits_of(hub, tx.connection, empty, channel, tx.now)
    held: list[Reservation] = []
    movements: list[Movement] = []
    for line in lines:
        where = (line.sku, line.node)
        wanted = Reservation(key, line.sku, line.node, line.quantity, expires_at, channel=channel)
        done = _done(promises.reserve(empty[where], wanted, tx.now, _SOURCE, limits=limits[where]))
        held.append(done.reservation)
        movements.extend(done.movements)
    stock.book_promises(tx.connection, movements, tx.now)
    _fence(tx, held, fences)
    reservations.add(tx.connection, held, tx.now)
    return tuple(sorted(held, key=_place))


def load(connection: Connection, key: str) -> tuple[Reservation, ...]:
    """The reservations of ``key``.

    Raises:
        RecordRejectedError: ``reservation.missing``.
    """
    found = reservations.load(connection, [key]).get(key)
    if not found:
        raise RecordRejectedError(
            Rejection("reservation.missing", f"there is no reservation {key!r}: reserve first", value=key)
        )
    return tuple(found)


def locked(
    tx: Transaction, key: str, also_at: Iterable[str] = ()
) -> tuple[tuple[Reservation, ...], Mapping[Key, Position]]:
    """The reservations of ``key``, which nobody else can change before the commit, and the positions they stand on.

    ``also_at`` names further nodes whose positions of the same SKUs are wanted.
    """
    seen: frozenset[Key] = frozenset()
    positions: Mapping[Key, Position] = {}
    while True:
        found = load(tx.connection, key)
        where = frozenset((each.sku, node) for each in found for node in (each.node, *also_at))
        if where <= seen:
            return found, positions
        positions = reservations.lock_positions(tx.connection, sorted(where), tx.now)
        seen = where


def extend(tx: Transaction, key: str, expires_at: datetime) -> tuple[Reservation, ...]:
    """Hold all of ``key`` until ``expires_at``; an earlier instant than the present one changes nothing.

    Raises:
        RecordRejectedError: It is missing, has expired, was released or confirmed.
    """
    found, positions = locked(tx, key)
    done = [
        _done(promises.extend(positions[each.sku, each.node], each, expires_at, tx.now, _SOURCE))
        for each in found
    ]
    return _book(tx, done)


def release(tx: Transaction, key: str) -> tuple[Reservation, ...]:
    """Give all of ``key`` back; twice changes nothing.

    Raises:
        RecordRejectedError: It is missing, or was confirmed.
    """
    found, positions = locked(tx, key)
    done = [_done(promises.release(positions[each.sku, each.node], each, tx.now, _SOURCE)) for each in found]
    return _give_back(tx, done)


def take_back(tx: Transaction, held: Sequence[Reservation]) -> None:
    """Release active reservations whose positions are locked: what they hold is not there any more."""
    nowhere = [Position(each.sku, each.node) for each in held]
    done = [
        _done(promises.release(position, each, tx.now, _SOURCE))
        for position, each in zip(nowhere, held, strict=True)
    ]
    _give_back(tx, done)


def _place(each: Reservation) -> Key:
    return each.sku, each.node


def _give_back(tx: Transaction, done: Sequence[Reserved]) -> tuple[Reservation, ...]:
    given = [each.reservation for each in done if each.movements]
    held = _book(tx, done)
    ring_fences.give_back(
        tx.connection, [(each.key, each.sku, each.node, each.quantity) for each in given], tx.now
    )
    return held


def move(hub: Hub, tx: Transaction, key: str, node: str, skus: Iterable[str] = ()) -> tuple[Reservation, ...]:
    """Hold the units at ``node`` instead, all of them or none; ``skus`` empty moves every line.

    Raises:
        RecordRejectedError: ``node`` can't promise them; the reservation is missing, has expired or was released.
    """
    _known(hub, node)
    found, positions = locked(tx, key, also_at=(node,))
    only = frozenset(skus)
    moving = [each for each in found if each.node != node and (not only or each.sku in only)]
    if not moving:
        return found
    there = {(each.sku, node): positions.get((each.sku, node)) or Position(each.sku, node) for each in moving}
    limits, fences = limits_of(hub, tx.connection, there, moving[0].channel, tx.now)
    done: list[Reserved] = []
    for each in moving:
        to = (each.sku, node)
        origin, limit = positions[each.sku, each.node], limits.get(to, NO_LIMITS)
        moved = _done(promises.move(origin, there[to], each, tx.now, _SOURCE, limits=limit))
        there[to] = moved.positions[-1]
        done.append(moved)
    stock.book_promises(tx.connection, [movement for each in done for movement in each.movements], tx.now)
    reservations.move(tx.connection, moving, node, tx.now)
    back = [(each.key, each.sku, each.node, each.quantity) for each in moving]
    ring_fences.give_back(tx.connection, back, tx.now)
    _fence(tx, [each.reservation for each in done], fences)
    return load(tx.connection, key)


def _book(tx: Transaction, done: Sequence[Reserved]) -> tuple[Reservation, ...]:
    movements = [movement for each in done for movement in each.movements]
    if movements:
        stock.book_promises(tx.connection, movements, tx.now)
        reservations.save(tx.connection, [each.reservation for each in done if each.movements], tx.now)
    return tuple(each.reservation for each in done)


def _fence(tx: Transaction, held: Iterable[Reservation], fences: Fences) -> None:
    """What a channel holds comes out of its own fence first."""
    uses: list[FenceUse] = []
    for each in held:
        for fence in fences.get((each.sku, each.node), ()):
            if fence.channel == each.channel:
                _, units = consume(fence, each.quantity)
                if units:
                    uses.append(FenceUse(each.key, each.sku, each.node, each.channel, units))
    if uses:
        ring_fences.use(tx.connection, uses, tx.now)


def _check(hub: Hub, lines: Sequence[Wanted]) -> None:
    for each in lines:
        _known(hub, each.node)
    counted = Counter((each.sku, each.node) for each in lines)
    twice = sorted(where for where, count in counted.items() if count > 1)
    if twice:
        sku, node = twice[0]
        raise RecordRejectedError(
            Rejection(
                "reservation.twice",
                f"SKU {sku!r} at node {node!r} is there twice: add the units, one line holds a SKU at a node",
                path="$.lines",
                value=sku,
            )
        )


def _known(hub: Hub, node: str) -> None:
    if node not in hub.nodes:
        known = ", ".join(sorted(hub.nodes)[:10]) or "none"
        raise RecordRejectedError(
            Rejection(
                "reservation.unknown_node", f"node {node!r} is not configured (known: {known})", value=node
            )
        )


def _same_lines(key: str, existing: Iterable[Reservation], lines: Iterable[Wanted]) -> None:
    """One key is one reservation: other units under it are a mistake of the caller. They may have been moved since."""
    held, asked = _units(existing), _units(lines)
    if held != asked:
        holds = ", ".join(f"{units} of {sku}" for sku, units in held.items())
        _done(
            Refusal(
                RefusalReason.KEY_REUSED,
                key,
                f"key {key} already stands for {holds}; use a new key for other lines",
            )
        )


def _units(lines: Iterable[Reservation | Wanted]) -> dict[str, int]:
    units: dict[str, int] = {}
    for each in lines:
        units[each.sku] = units.get(each.sku, 0) + each.quantity
    return units


def _done(outcome: Reserved | Refusal) -> Reserved:
    if isinstance(outcome, Refusal):
        raise RecordRejectedError(
            Rejection(f"reservation.{outcome.reason}", outcome.message, value=outcome.key)
        )
    return outcome

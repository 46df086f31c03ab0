"""Soft reservations: a cart holds units for a while, and its order gets them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from crossdock.api.contended import transact
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import ApiServices, Scope, Services, allowed
from crossdock.inventory.promises import Reservation as Held
from crossdock.inventory.promises import ReservationState
from crossdock.store import reservations
from crossdock.streams.processor import Message
from crossdock.streams.processors import reserving
from crossdock.streams.processors.books import Books
from crossdock.streams.processors.confirming import confirm
from crossdock.streams.processors.documents import encode
from crossdock.streams.processors.outgoing import RerouteDocument
from crossdock.streams.processors.reserving import Wanted
from crossdock.streams.topics import ORDERS
from crossdock.streams.transaction import SqlTransaction

__all__ = ["KEY_PATTERN", "router"]

router = APIRouter(prefix="/v1/reservations", tags=["reservations"], responses=responses(401, 403, 422))

_read = [Depends(allowed(Scope.READ))]
_write = [Depends(allowed(Scope.WRITE))]
_changes = responses(400, 404, 409, 413, 503)

KEY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$"
_TEXT = r"^[^\x00]+$"
_LONGEST = timedelta(days=90)
Key = Annotated[str, Path(pattern=KEY_PATTERN, description="Yours, such as the cart's id.")]
Node = Annotated[str, Field(min_length=1, max_length=64, pattern=_TEXT)]
Sku = Annotated[str, Field(min_length=1, max_length=128, pattern=_TEXT)]
Expiry = Annotated[
    AwareDatetime,
    Field(description="From then on it holds nothing; at most 90 days from now. Needs its offset."),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LineWanted(_Body):
    """Units of one SKU at one node."""

    sku: Sku
    node: Node
    quantity: Annotated[int, Field(ge=1, le=1_000_000_000)]


class NewReservation(_Body):
    """What to hold: all of it, or nothing."""

    key: Annotated[str, Field(pattern=KEY_PATTERN, description="The same key is the same reservation.")]
    channel: Annotated[str, Field(max_length=64, pattern=r"^[^\x00]*$")] = ""
    """Who sells it: its safety stock and ring-fences apply. Empty: what is kept for anybody is kept from you."""
    expires_at: Expiry
    lines: Annotated[list[LineWanted], Field(min_length=1, max_length=200)]


class Extension(_Body):
    """Until when."""

    expires_at: Expiry


class Move(_Body):
    """Where to."""

    node: Node
    skus: Annotated[list[Sku], Field(max_length=200)] = []
    """Empty: every line."""


class Confirmation(_Body):
    """Which order gets the units."""

    order_id: Annotated[str, Field(min_length=1, max_length=512, pattern=_TEXT)]


@dataclass(frozen=True, slots=True)
class ReservedLine:
    """Units of one SKU at one node; ``state`` is active, confirmed, released or expired."""

    sku: str
    node: str
    quantity: int
    state: ReservationState


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is held.

    Attributes:
        state: Of its lines, which share it. ``expired`` from ``expires_at`` on.
        order_id: The order it was confirmed for.
    """

    key: str
    channel: str
    state: ReservationState
    expires_at: datetime
    lines: tuple[ReservedLine, ...]
    order_id: str | None


@router.post("", dependencies=_write, status_code=201, responses=_changes)
async def reserve(hub: Services, wanted: NewReservation) -> Reservation:
    """Hold units for a while. The same key with the same lines is answered with what it holds, and holds no more."""
    expires_at = _expiry(hub, wanted.expires_at)
    lines = [Wanted(each.sku, each.node, each.quantity) for each in wanted.lines]
    return await transact(
        hub,
        lambda tx: _answer(tx, reserving.reserve(hub.hub, tx, wanted.key, wanted.channel, lines, expires_at)),
    )


@router.get("/{key}", dependencies=_read, responses=responses(404))
async def show(hub: Services, key: Key) -> Reservation:
    """Show what a key holds."""
    now = hub.transactions.clock.now()
    found, order_id = await hub.transactions.database.read(
        lambda database: (reserving.load(database, key), reservations.order_of(database, key))
    )
    return _reservation(found, now, order_id)


@router.post("/{key}:extend", dependencies=_write, responses=_changes)
async def extend(hub: Services, key: Key, until: Extension) -> Reservation:
    """Hold it longer. An earlier instant than the present one changes nothing."""
    expires_at = _expiry(hub, until.expires_at)
    return await transact(hub, lambda tx: _answer(tx, reserving.extend(tx, key, expires_at)))


@router.post("/{key}:release", dependencies=_write, responses=_changes)
async def release(hub: Services, key: Key) -> Reservation:
    """Give the units back. Twice changes nothing."""
    return await transact(hub, lambda tx: _answer(tx, reserving.release(tx, key)))


@router.post("/{key}:move", dependencies=_write, responses=_changes)
async def move(hub: Services, key: Key, to: Move) -> Reservation:
    """Hold the units at another node instead, if that can promise them all."""
    return await transact(hub, lambda tx: _answer(tx, reserving.move(hub.hub, tx, key, to.node, to.skus)))


@router.post("/{key}:confirm", dependencies=_write, responses=_changes)
async def confirm_reservation(hub: Services, key: Key, given: Confirmation) -> Reservation:
    """Give the units to an order that waits for them; what it does not want of them is free again.

    An order that names the reservation itself, as a reference of kind `reservation`, needs no call.
    """

    def work(tx: SqlTransaction) -> Reservation:
        books = Books(hub.hub, tx)
        books.load([given.order_id])
        if given.order_id not in books.orders:
            raise ProblemError(
                404,
                "order.missing",
                f"there is no order {given.order_id!r} yet: send it first, the units are held meanwhile",
            )
        held = confirm(books, key, given.order_id)
        order = books.orders[given.order_id]
        if any(line.quantities.unallocated for line in order.lines):
            tx.emit(_rest(given.order_id, order.connection, order.correlation_id, key))
        books.close()
        return _answer(tx, held)

    return await transact(hub, work)


def _rest(order_id: str, connection: str, correlation_id: str, key: str) -> Message:
    """Have what the reservation did not cover routed."""
    headers = {"schema": "reroute/1", "connection": connection, "correlation_id": correlation_id}
    body = encode(RerouteDocument(order_id, (), f"rest of reservation {key}"))
    return Message(f"reroute:{order_id}:reservation:{key}", ORDERS, order_id, body, headers)


def _answer(tx: SqlTransaction, held: tuple[Held, ...]) -> Reservation:
    return _reservation(held, tx.now, reservations.order_of(tx.connection, held[0].key))


def _reservation(held: tuple[Held, ...], now: datetime, order_id: str | None) -> Reservation:
    first = held[0]
    lines = tuple(ReservedLine(each.sku, each.node, each.quantity, _state(each, now)) for each in held)
    return Reservation(first.key, first.channel, _state(first, now), first.expires_at, lines, order_id)


def _state(each: Held, now: datetime) -> ReservationState:
    return ReservationState.EXPIRED if each.lapsed(now) else each.state


def _expiry(hub: ApiServices, expires_at: datetime) -> datetime:
    try:
        instant = expires_at.astimezone(UTC)
    except OverflowError as error:
        raise ProblemError(422, "invalid", "expires_at lies beyond the calendar") from error
    now = hub.transactions.clock.now()
    if instant - now > _LONGEST:
        raise ProblemError(
            422,
            "reservation.too_long",
            f"a reservation ends within {_LONGEST.days} days; extend it, or send the order",
        )
    return instant

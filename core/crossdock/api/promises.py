"""Promises: when an order could arrive, from where, at what cost; and holding its units until the buyer has paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection

from crossdock.api.contended import transact
from crossdock.api.problems import ProblemError, responses
from crossdock.api.reservations import KEY_PATTERN
from crossdock.api.services import ApiServices, Caller, Scope, Services, allowed
from crossdock.api.tried_orders import connection_for, order_for, wrong
from crossdock.errors import MisconfiguredError, RecordRejectedError, Rejection
from crossdock.explaining import ShownAssignment, ShownLine, shown_assignment, shown_unfilled
from crossdock.routing.promising import Offer
from crossdock.store import reservations
from crossdock.streams.processors import reserving
from crossdock.streams.processors.hub import Hub
from crossdock.streams.processors.reserving import Wanted
from crossdock.streams.transaction import SqlTransaction
from crossdock.trying.live import only_read
from crossdock.trying.order import OrderToTry
from crossdock.trying.promised import PickUp, PromisedDestination, Promiser
from crossdock_schemas.order import Order

__all__ = ["PromiseAnswer", "PromiseRequest", "promised", "router"]

router = APIRouter(prefix="/v1", responses=responses(400, 401, 403, 409, 413, 422, 503))

_VALID = timedelta(minutes=15)
"""Others buy meanwhile: no answer holds longer, unless its units are reserved."""


class Mode(StrEnum):
    """What is asked."""

    EARLIEST = "earliest"
    BY = "by"
    WINDOWS = "windows"


class Reserve(BaseModel):
    """Hold the units of the first offer, as `POST /v1/reservations` does."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    key: Annotated[str, Field(pattern=KEY_PATTERN)]
    """Yours, such as the cart's id: the same key is the same reservation."""
    minutes: Annotated[int, Field(ge=1, le=1440)] = 15


class PromiseRequest(BaseModel):
    """What is to be promised: a cart, or one line of a product page."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    order: OrderToTry
    mode: Mode = Mode.EARLIEST
    """`earliest`: the first day. `by`: the best plan that arrives by the day `by`. `windows`: every day on which a
    better plan arrives than on the days before."""
    by: date | None = None
    pick_up_options: Annotated[int, Field(ge=0, le=50)] = 0
    """Up to so many stores that have everything, the nearest first."""
    reserve: Reserve | None = None

    @model_validator(mode="after")
    def _by_needs_a_day(self) -> PromiseRequest:
        if (self.mode is Mode.BY) != (self.by is not None):
            raise ValueError('by goes with mode "by": give both, or neither')
        return self


@dataclass(frozen=True, slots=True)
class ShownOffer:
    """One way to fill the lines of a destination whole.

    Attributes:
        cost: Freight and handling, in `currency`.
        confidence: How sure it is that everything is really there, 0 to 1, by how exact the counts of its nodes were in
            the last 30 days; null where one was never counted twice.
        valid_until: After a cut-off the days are others; and others buy meanwhile.
        supply_due: When the last of the supply is due that it counts on; null where everything is there. Such an offer
            can't be reserved: the order is promised the supply when it comes in.
    """

    shipments: tuple[ShownAssignment, ...]
    ship_date: date
    delivery_date: date
    cost: Decimal
    currency: str
    confidence: Decimal | None
    valid_until: datetime
    supply_due: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShownPickUp:
    """A store where everything can be collected from `ready_date` on."""

    node: str
    name: str
    distance_km: float
    ready_date: date
    confidence: Decimal | None
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class Promised:
    """What can be promised for the lines of one destination.

    Attributes:
        offers: The earliest first. Empty if the lines can't be filled whole.
        kept: Whether the first offer arrives by the day asked for; if not, it is the earliest one.
        exact: False for an order of very many lines, of which only the best plan is known.
        unfilled: Lines that can't be filled, with the reason.
        refused: Why nothing could even be asked, such as an address that nobody can find.
    """

    destination: str
    offers: tuple[ShownOffer, ...]
    kept: bool | None
    exact: bool
    pick_up: tuple[ShownPickUp, ...]
    unfilled: tuple[ShownLine, ...]
    refused: str | None


@dataclass(frozen=True, slots=True)
class PromiseAnswer:
    """What can be promised, for each destination; `reserved_until` if the units of the first offers are held."""

    destinations: tuple[Promised, ...]
    reserved_until: datetime | None


@router.post("/promises", tags=["orders"])
async def promise(
    hub: Services,
    request: Request,
    wanted: PromiseRequest,
    who: Annotated[Caller, Depends(allowed(Scope.READ))],
) -> PromiseAnswer:
    """Tell when an order could arrive, from where and at what cost, as the hub would decide it now.

    Nothing is written, unless units are to be reserved: that needs a token that may write.
    """
    if wanted.reserve is not None and Scope.WRITE not in who.scopes:
        raise ProblemError(403, "forbidden", f"to reserve needs a token with scope {Scope.WRITE}")
    return await promised(hub, cast(Promiser, request.state.promiser), wanted)


async def promised(hub: ApiServices, promiser: Promiser, wanted: PromiseRequest) -> PromiseAnswer:
    """The answer to ``wanted``.

    Raises:
        ProblemError: The order is wrong, or stock too contended to reserve.
        RecordRejectedError: There is nothing to reserve.
    """
    now = hub.transactions.clock.now()
    connection, order = connection_for(hub.hub, wanted.order), order_for(wanted.order, hub.hub, now)
    showing = _Showing(promiser, wanted, connection, order, now)
    try:
        if wanted.reserve is None:
            return PromiseAnswer(await hub.transactions.database.read(showing.only_look), None)
        reserve = wanted.reserve
        return await transact(hub, lambda tx: showing.hold(hub.hub, tx, reserve))
    except MisconfiguredError as error:
        raise wrong("policy.fails", error.located, "#/order") from error
    except OverflowError as error:
        raise wrong("invalid", "an instant lies beyond the calendar", "#/order") from error


@dataclass(frozen=True, slots=True)
class _Showing:
    """One request, answered in the reading or the writing transaction that it needs."""

    promiser: Promiser
    wanted: PromiseRequest
    connection: str
    order: Order
    now: datetime

    def only_look(self, database: Connection) -> tuple[Promised, ...]:
        """Answer, and let the database refuse to write."""
        only_read(database)
        return self.look(database)

    def look(self, database: Connection) -> tuple[Promised, ...]:
        """What can be promised, for each destination."""
        found = self.promiser.promise(
            database,
            self.connection,
            self.order,
            self.now,
            earliest=self.wanted.mode is Mode.EARLIEST,
            pick_ups=self.wanted.pick_up_options,
        )
        return tuple(self._promised(database, each) for each in found)

    def hold(self, hub: Hub, tx: SqlTransaction, reserve: Reserve) -> PromiseAnswer:
        """Answer, and reserve the units of the first offers; a key that holds some already holds no more."""
        promised = self.look(tx.connection)
        held = reservations.load(tx.connection, [reserve.key]).get(reserve.key)
        if held:
            return PromiseAnswer(promised, held[0].expires_at)
        lines = _first_units(promised)
        until = self.now + timedelta(minutes=reserve.minutes)
        reserving.reserve(hub, tx, reserve.key, hub.channel_of(self.connection).id, lines, until)
        return PromiseAnswer(promised, until)

    def _promised(self, database: Connection, found: PromisedDestination) -> Promised:
        if found.offers is None:
            return Promised(found.destination, (), None, True, (), (), found.refused)
        offers, kept = self._asked_for(found.offers.offers)
        refused = found.offers.refused
        return Promised(
            destination=found.destination,
            offers=tuple(self._offer(database, each) for each in offers),
            kept=kept,
            exact=found.offers.exact,
            pick_up=tuple(self._pick_up(database, each) for each in found.pick_ups),
            unfilled=tuple(map(shown_unfilled, refused.unfilled)) if refused else (),
            refused=None,
        )

    def _asked_for(self, offers: Sequence[Offer]) -> tuple[Sequence[Offer], bool | None]:
        """The offers that the request asks for, and whether its day can be kept."""
        if self.wanted.mode is Mode.WINDOWS:
            return offers, None
        if self.wanted.by is None:
            return offers[:1], None
        in_time = [each for each in offers if each.delivery_date <= self.wanted.by]
        return in_time[-1:] or offers[:1], bool(in_time)

    def _offer(self, database: Connection, offer: Offer) -> ShownOffer:
        return ShownOffer(
            shipments=tuple(map(shown_assignment, offer.decision.assignments)),
            ship_date=offer.ship_date,
            delivery_date=offer.delivery_date,
            cost=offer.cost,
            currency=self.promiser.currency,
            confidence=self.promiser.confidence(database, offer, self.now),
            valid_until=min(offer.valid_until, self.now + _VALID),
            supply_due=offer.supply_due,
        )

    def _pick_up(self, database: Connection, found: PickUp) -> ShownPickUp:
        return ShownPickUp(
            node=found.node,
            name=found.name,
            distance_km=found.distance_km,
            ready_date=found.offer.delivery_date,
            confidence=self.promiser.confidence(database, found.offer, self.now),
            valid_until=min(found.offer.valid_until, self.now + _VALID),
        )


def _first_units(promised: Sequence[Promised]) -> list[Wanted]:
    """The units of the first offer for each destination.

    Raises:
        RecordRejectedError: There is none for one of them.
    """
    units: dict[tuple[str, str], int] = {}
    for each in promised:
        if not each.offers:
            reason = each.refused or "; ".join(f"{line.sku}: {line.reason}" for line in each.unfilled)
            raise RecordRejectedError(
                Rejection("promise.none", f"nothing is reserved: destination {each.destination}: {reason}")
            )
        due = each.offers[0].supply_due
        if due is not None:
            raise RecordRejectedError(
                Rejection(
                    "promise.supply",
                    f"nothing is reserved: destination {each.destination} counts on supply due {due.isoformat()}; "
                    "send the order, which is promised it",
                )
            )
        for shipment in each.offers[0].shipments:
            for line in shipment.lines:
                units[line.sku, shipment.node] = units.get((line.sku, shipment.node), 0) + line.quantity
    return [Wanted(sku, node, quantity) for (sku, node), quantity in units.items()]

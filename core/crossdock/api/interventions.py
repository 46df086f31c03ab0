"""What people do to an order: hold it, lift a hold, cancel lines. The answer is what happened."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Header
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from crossdock.api.contended import transact
from crossdock.api.parameters import Identifier
from crossdock.api.problems import ProblemError, responses
from crossdock.api.services import ApiServices, Caller, Scope, Services, allowed
from crossdock.errors import BugError
from crossdock.orders.effects import LineUnits
from crossdock.orders.holds import Blocks, Hold
from crossdock.store.api_requests import ApiRequest, remember
from crossdock.store.queries.detail import OrderDetail, describe
from crossdock.streams.processors.interventions import CancelledLines, cancel_order, hold_order, lift_hold
from crossdock.streams.transaction import SqlTransaction

__all__ = ["Key", "Units", "Words", "described", "router", "same_wish", "shown"]

router = APIRouter(prefix="/v1", tags=["orders"], responses=responses(400, 401, 403, 404, 409, 413, 422, 503))

Writer = Annotated[Caller, Depends(allowed(Scope.WRITE))]
Word = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00]+$")]
Words = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Key = Annotated[
    str,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A new one for each wish; the same one for each attempt to send it.",
    ),
]
T = TypeVar("T")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class HoldWish(_Body):
    """A hold to put on an order; one of the same name that is on it is replaced."""

    name: Word
    """What holds it, such as `fraud_review`."""
    owner: Word
    """Who decides: a person, a team."""
    reason: Words = ""
    blocks: Blocks = Blocks.RELEASE
    """`release`: it keeps its stock, and no node is asked. `routing`: nothing is decided either."""
    expires_at: AwareDatetime | None = None
    """When it ends by itself; by default when it is lifted."""


class LiftWish(_Body):
    """The hold to lift."""

    name: Word


class CancelLine(_Body):
    """Units of one line."""

    line: Annotated[str, Field(min_length=1, max_length=512)]
    quantity: Annotated[int, Field(ge=1, le=2_000_000_000)]


class CancelWish(_Body):
    """What to cancel, beyond what is cancelled or being cancelled."""

    lines: tuple[CancelLine, ...] = ()
    """Empty: all that has not left."""
    reason: Words = ""
    """For the channel."""


@dataclass(frozen=True, slots=True)
class Units:
    """Units of an order line."""

    line: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What came of a wish to cancel.

    Attributes:
        cancelled: Will not be shipped; the channel is told.
        asked: At nodes, which were asked to cancel and may refuse; the channel is told when they agree.
        too_late: Has left, or is cancelled or being cancelled already.
        order: As it stands now.
        repeated: The idempotency key was used before: nothing was done now, and only ``order`` is told.
    """

    cancelled: tuple[Units, ...]
    asked: tuple[Units, ...]
    too_late: tuple[Units, ...]
    order: OrderDetail
    repeated: bool = False


@router.post("/orders/{order_id:path}:hold")
async def hold(hub: Services, who: Writer, order_id: Identifier, wish: HoldWish) -> OrderDetail:
    """Put an order under a hold. What nodes have been asked for already goes on: cancel that."""

    def work(tx: SqlTransaction) -> None:
        placed = Hold(wish.name, wish.owner, tx.now, wish.reason, wish.blocks, wish.expires_at)
        hold_order(hub.hub, tx, order_id, placed)

    return await _and_order(hub, order_id, work)


@router.post("/orders/{order_id:path}:release")
async def release(hub: Services, who: Writer, order_id: Identifier, wish: LiftWish) -> OrderDetail:
    """Lift a hold. With the last one the order goes on; a hold that has ended already stays as it is."""
    return await _and_order(hub, order_id, lambda tx: lift_hold(hub.hub, tx, order_id, wish.name, who.name))


@router.post("/orders/{order_id:path}:cancel")
async def cancel(
    hub: Services, who: Writer, order_id: Identifier, wish: CancelWish, idempotency_key: Key
) -> Cancelled:
    """Cancel an order or units of its lines. Nodes that were asked to ship are asked to cancel, and may refuse."""
    units: dict[str, int] = {}
    for line in wish.lines:
        units[line.line] = units.get(line.line, 0) + line.quantity
    digest = hashlib.sha256(f"cancel\n{order_id}\n{wish.model_dump_json()}".encode()).hexdigest()

    def work(tx: SqlTransaction) -> tuple[CancelledLines | None, OrderDetail]:
        asked = ApiRequest(idempotency_key, who.name, digest, order_id, tx.now)
        earlier = remember(tx.connection, asked)
        if earlier is not None:
            same_wish(earlier, digest)
            return None, described(tx, order_id)
        cause = f"api:{who.name}:{idempotency_key}"
        done = cancel_order(hub.hub, tx, order_id, units, wish.reason, cause)
        return done, described(tx, order_id)

    done, order = await transact(hub, work)
    if done is None:
        return Cancelled((), (), (), order, repeated=True)
    return Cancelled(shown(done.cancelled), shown(done.asked), shown(done.too_late), order)


async def _and_order(hub: ApiServices, order_id: str, work: Callable[[SqlTransaction], None]) -> OrderDetail:
    """Do ``work``, and show the order as it stands then."""

    def both(tx: SqlTransaction) -> OrderDetail:
        work(tx)
        return described(tx, order_id)

    return await transact(hub, both)


def described(tx: SqlTransaction, order_id: str) -> OrderDetail:
    """The order as it stands in this transaction."""
    order = describe(tx.connection, order_id)
    if order is None:
        raise BugError(f"order {order_id} was changed and is not there")
    return order


def same_wish(earlier: ApiRequest, digest: str) -> None:
    """Refuse another wish under a key that was used.

    Raises:
        ProblemError: 422, it is another one.
    """
    if earlier.sha256 != digest:
        raise ProblemError(
            422,
            "idempotency_key.reused",
            f"Idempotency-Key {earlier.idempotency_key} was used for another request, about {earlier.subject}: "
            "take a new key for a new wish",
        )


def shown(units: tuple[LineUnits, ...]) -> tuple[Units, ...]:
    """Units as they are answered."""
    return tuple(Units(each.order_line, each.quantity) for each in units)

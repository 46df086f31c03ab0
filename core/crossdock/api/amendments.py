"""Amending an order: first as a preview, then for good."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from crossdock.api.contended import transact
from crossdock.api.interventions import Key, Units, Words, described, same_wish, shown
from crossdock.api.parameters import Identifier
from crossdock.api.problems import responses
from crossdock.api.services import Caller, Scope, Services, allowed
from crossdock.store.api_requests import ApiRequest, remember
from crossdock.store.queries.detail import OrderDetail
from crossdock.streams.processors.amending import AmendedOrder, Amendment, NotDoneError, amend_order
from crossdock.streams.transaction import SqlTransaction
from crossdock_schemas.base import Address
from crossdock_schemas.order import OrderLine

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["orders"], responses=responses(400, 401, 403, 404, 409, 413, 422, 503))


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class AmendedQuantity(_Body):
    """How many units of a line are wanted in all."""

    line: Annotated[str, Field(min_length=1, max_length=256)]
    quantity: Annotated[int, Field(ge=0, le=2_000_000_000)]
    """0 takes the line out."""


class AmendedAddress(_Body):
    """A new address of one of the order's destinations."""

    destination: Annotated[str, Field(min_length=1, max_length=256)]
    address: Address


class AmendmentWish(_Body):
    """What is wanted of an order."""

    preview: bool = False
    """Only say what would happen."""
    quantities: tuple[AmendedQuantity, ...] = ()
    lines: Annotated[tuple[OrderLine, ...], Field(max_length=1000)] = ()
    """To be added."""
    addresses: tuple[AmendedAddress, ...] = ()
    reason: Words = ""
    """Of what is cancelled, for the channel."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A node that is to ship because of the amendment."""

    node: str
    lines: tuple[Units, ...]


@dataclass(frozen=True, slots=True)
class Amended:
    """What comes of an amendment; of a preview, what would come of it now.

    Attributes:
        done: Whether it has been done.
        cancelled: Will not be shipped any more; the channel is told.
        asked: At nodes, which are asked to cancel and may refuse.
        placed: What is decided anew.
        unplaced: What waits for stock, or for people.
        impossible: What can't be done, in words; then nothing of it is done.
        by_hand: What the channel can't be told by message, in words; when it is done a work item says so.
        order: As it stands now.
        repeated: The idempotency key was used before: nothing was done now, and only ``order`` is told.
    """

    done: bool
    cancelled: tuple[Units, ...]
    asked: tuple[Units, ...]
    placed: tuple[Placed, ...]
    unplaced: tuple[Units, ...]
    impossible: tuple[str, ...]
    order: OrderDetail
    by_hand: tuple[str, ...] = ()
    repeated: bool = False


@router.post("/orders/{order_id:path}:amend")
async def amend(
    hub: Services,
    who: Annotated[Caller, Depends(allowed(Scope.WRITE))],
    order_id: Identifier,
    wish: AmendmentWish,
    idempotency_key: Key,
) -> Amended:
    """Change quantities, add and take out lines, change addresses. With `preview` nothing is done: the answer says
    what would happen now, by the same work, undone.
    """
    digest = hashlib.sha256(f"amend\n{order_id}\n{wish.model_dump_json()}".encode()).hexdigest()

    def work(tx: SqlTransaction) -> tuple[AmendedOrder | None, OrderDetail]:
        if not wish.preview:
            earlier = remember(tx.connection, ApiRequest(idempotency_key, who.name, digest, order_id, tx.now))
            if earlier is not None:
                same_wish(earlier, digest)
                return None, described(tx, order_id)
        cause = f"api:{who.name}:{idempotency_key}"
        found = amend_order(hub.hub, tx, order_id, _amendment(wish), cause, preview=wish.preview)
        return found, described(tx, order_id)

    try:
        found, order = await transact(hub, work)
    except NotDoneError as undone:
        order = await hub.transactions.transact(lambda tx: described(tx, order_id))
        return _answer(undone.found, order, done=False)
    if found is None:
        return Amended(True, (), (), (), (), (), order, repeated=True)
    return _answer(found, order, done=True)


def _amendment(wish: AmendmentWish) -> Amendment:
    return Amendment(
        quantities={each.line: each.quantity for each in wish.quantities},
        lines=[line.model_dump(mode="json", exclude_defaults=True) for line in wish.lines],
        addresses={
            each.destination: each.address.model_dump(mode="json", exclude_defaults=True)
            for each in wish.addresses
        },
        reason=wish.reason,
    )


def _answer(found: AmendedOrder, order: OrderDetail, *, done: bool) -> Amended:
    return Amended(
        done=done,
        cancelled=shown(found.cancelled),
        asked=shown(found.asked),
        placed=tuple(Placed(each.node, shown(each.lines)) for each in found.placed),
        unplaced=shown(found.unplaced),
        impossible=found.impossible,
        order=order,
        by_hand=found.by_hand,
    )
